// make leaks: the whole leak matrix. LEAK_MS (1500) is the time after each attack; LEAK_ONLY=text
// runs only the attacks whose name contains the text, LEAK_SETUP=text only such setups.

import { finish, makeChecks } from "./lab/check.mjs";
import { runMatrix } from "./lab/matrix.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

const OBSERVE_MS = Number(process.env.LEAK_MS ?? 1500);
const ONLY = process.env.LEAK_ONLY ?? "";
const SETUP = process.env.LEAK_SETUP ?? "";

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  await runMatrix(checks, { observeMs: OBSERVE_MS, only: ({ name }) => name.includes(ONLY),
    setups: (name) => name.includes(SETUP) });
  return finish(checks);
});
