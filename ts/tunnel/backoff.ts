/** Capped, jittered back-off: half of the nominal delay is fixed, half is chance. */
import type { Random } from "../model/random.js";

/** Doublings beyond this change nothing any more. */
const doublingsMax = 16;

/** `failures` in a row, from 0; at least half of `delayMsMin`, at most `delayMsMax`. */
export function backoffMs(
  failures: number,
  delayMsMin: number,
  delayMsMax: number,
  random: Random,
): number {
  const doublings = Math.min(failures, doublingsMax);
  const nominal = Math.min(delayMsMax, delayMsMin * 2 ** doublings);
  return nominal / 2 + (nominal / 2) * random();
}
