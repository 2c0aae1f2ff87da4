/** What a script says besides its answer: kept in order, bounded, handed over with the answer. */
import { logCharsMax, logLinesMax } from "./limits.js";
import type { WireLogLine } from "./wire.js";

let lines: WireLogLine[] = [];
let omitted = 0;

/**
 * Puts a line into the log of the policy (`adit policy log`). The 33rd line of a call and those
 * after it are counted instead of kept.
 *
 * @example
 * ```ts
 * log(`television on at ${world.now.hour}:${world.now.minute}`);
 * ```
 */
export function log(text: string): void {
  addLine("info", text);
}

/**
 * The same as `log`, as a warning.
 *
 * @example
 * ```ts
 * if (world.location("us") === undefined) warn("this policy needs a location called us");
 * ```
 */
export function warn(text: string): void {
  addLine("warn", text);
}

function addLine(level: WireLogLine["level"], value: string): void {
  const text = String(value).slice(0, logCharsMax);
  if (lines.length < logLinesMax) lines.push({ level, text });
  else omitted += 1;
}

/** All lines since the last time; they are forgotten here. */
export function takeLog(): WireLogLine[] {
  const taken = lines;
  if (omitted > 0) {
    taken[logLinesMax - 1] = { level: "warn", text: `${omitted + 1} lines of log left out` };
  }
  lines = [];
  omitted = 0;
  return taken;
}
