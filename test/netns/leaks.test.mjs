// The leak matrix with every attack but short times; `make leaks` watches for longer.

import { finish, makeChecks } from "./lab/check.mjs";
import { runMatrix } from "./lab/matrix.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

const OBSERVE_MS = 400;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  await runMatrix(checks, { observeMs: OBSERVE_MS });
  return finish(checks);
});
