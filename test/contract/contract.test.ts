/**
 * One suite on both movers: the simulated one of runtime/sim and build/aditd in a network
 * namespace. The real one is skipped, with the reason, where it cannot run.
 */
import { suite } from "uvu";
import { busChecks } from "./bus-checks.js";
import { checks as kernelChecks } from "./checks.js";
import { policyChecks } from "./policy-checks.js";
import { RealTarget, whyNotReal } from "./real-target.js";
import { SimTarget } from "./sim-target.js";
import type { Target } from "./target.js";

const checks = [...kernelChecks, ...busChecks, ...policyChecks];

function runOn(name: string, start: () => Promise<Target>): void {
  const test = suite(`contract: ${name}`);
  let target: Target | undefined;
  test.before(async () => {
    target = await start();
  });
  test.after(async () => await target?.close());
  for (const check of checks) {
    test(check.name, async () => await check.run(target as Target));
  }
  test.run();
}

runOn("simulated mover", async () => await Promise.resolve(new SimTarget()));

const why = whyNotReal();
if (why === "") runOn("aditd", async () => await RealTarget.start());
else console.log(`0 passed, 0 failed, ${checks.length} skipped (aditd: ${why})`);
