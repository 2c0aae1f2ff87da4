// The crowd of test/netns/soak.mjs, smaller and for a shorter time.

import { runCrowd } from "./lab/roam.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

await runSandboxed(import.meta.url, () => runCrowd({ count: 24, seconds: 20 }));
