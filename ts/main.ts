/** Composition only: which of the two programs this is, and what the C host calls. */
import { createCli } from "./api/cli.js";
import type { Bundle } from "./engine.js";
import { createDecider } from "./engine.js";
import { native, nativeRandom } from "./host/native.js";

const bundle: Bundle =
  native.mode === "cli" ? createCli(native) : createDecider(native, nativeRandom(native));

export const { start, onMessage, onDescriptor, onTimer, nextDeadlineMs } = bundle;
