/** Composition only: the decider, and what the C host calls of it. */
import { createDecider } from "./engine.js";
import { native, nativeRandom } from "./host/native.js";

export const { start, onMessage, onDescriptor, onTimer, nextDeadlineMs } = createDecider(
  native,
  nativeRandom(native),
);
