// The leak matrix with every attack but short times; `make leaks` watches for longer. Of the setups
// with two uplinks a sample is enough here.

import { finish, makeChecks } from "./lab/check.mjs";
import { runMatrix } from "./lab/matrix.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

const OBSERVE_MS = 400;
const SAMPLED_SETUPS = ["default gateway, second uplink spare",
  "selective, second uplink balanced"];
const SAMPLED_ATTACKS = ["none", "rules deleted", "our table deleted", "uplink replaced",
  "default moves over", "option 121 by the second", "default and prefix move"];
const SAMPLED_CELLS_MIN = 80;

const isRun = (attack, setup) => setup.second === undefined
  || (SAMPLED_SETUPS.includes(setup.name) && SAMPLED_ATTACKS.includes(attack.name));

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  const cells = await runMatrix(checks, { observeMs: OBSERVE_MS, only: isRun });
  checks.ok(cells[2] >= SAMPLED_CELLS_MIN, "a sample of the cells with two uplinks", cells[2]);
  return finish(checks);
});
