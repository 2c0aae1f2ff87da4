/** Runs a seed and, if it fails, says how to see it again. */
import { replayCommand } from "../../runtime/sim/run.js";
import type { Report, RunOptions } from "../../runtime/sim/report.js";
import { run } from "../../runtime/sim/world.js";

export const MINUTE_MS = 60_000;
const LINES_SHOWN = 25;

export function checkSeed(options: RunOptions): Report {
  const report = run(options);
  if (report.violation === undefined) return report;
  const { seed, faultMs, engine } = options;
  const replay = replayCommand(seed, faultMs, engine.name);
  const lines = report.lines.slice(-LINES_SHOWN).join("\n");
  throw new Error(`seed ${seed}: ${report.violation.stack}\n${lines}\nreplay: ${replay}`);
}

/** A number from the environment, for longer runs. */
export function numberFrom(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? "");
  return Number.isInteger(value) && value > 0 ? value : fallback;
}
