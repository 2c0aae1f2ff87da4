// What `adit-policy check` says of policies: one check for each, in one process.
//
//   node test/policies/check.mjs FILE.policy.ts...

import { checkPolicy } from "../../runtime/policy-sdk/tools/commands/check.mjs";
import { showFinding } from "../../runtime/policy-sdk/tools/findings.mjs";

let failed = 0;
for (const file of process.argv.slice(2)) {
  const { findings, bytes } = await checkPolicy(file);
  for (const finding of findings) console.log(showFinding(finding, process.cwd()));
  console.log(`${file}: ${findings.length} findings, ${bytes} bytes`);
  failed += findings.length > 0 ? 1 : 0;
}
console.log(`${process.argv.length - 2 - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
