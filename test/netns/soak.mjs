// make soak: 200 devices wake, roam and change addresses for ten minutes, and no flow is cut.

import { runCrowd } from "./lab/roam.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

const seconds = Number(process.env["SOAK_SECONDS"] ?? 600);

await runSandboxed(import.meta.url, () => runCrowd({ count: 200, seconds }));
