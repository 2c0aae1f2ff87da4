/**
 * Many seeds on all processors, each a child process with a share of them:
 *
 *   node build/test/runtime/sim/campaign.js [--seeds N] [--quickjs-seeds N] [--from S] [--days D]
 *
 * Every seed lives `D` virtual days of storms and calms in Node; the first `--quickjs-seeds` of
 * them live the same days in QuickJS too, and both traces must agree byte for byte. Exit status 1
 * if anything failed; each failure comes with the command that shows it again.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const RUN = join(dirname(fileURLToPath(import.meta.url)), "run.js");
const DAY_MINUTES = 1_440;
/** Days. A child that lives long compiles its code once; small shares at the end keep all busy. */
const SHARE_MAX = 200;
const SHARE_MIN = 5;
const PROGRESS_MS = 5_000;
/** Of lives that are longer than a day. */
const PROGRESS_LONG_MS = 30_000;
/** Most objects die young; a nursery that holds one message's worth of them saves a quarter. */
const NODE_FLAGS = ["--max-semi-space-size=32"];

interface Share {
  readonly from: number;
  readonly count: number;
  readonly engine: "node" | "both";
}

interface Tally {
  /** Seeds that have an answer, failed ones included. */
  lived: number;
  /** Virtual days that are over, of seeds without an answer too. */
  daysOver: number;
  passed: number;
  failed: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "2000" },
      "quickjs-seeds": { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      days: { type: "string", default: "1" },
    },
  });
  const [seeds, from, days] = [Number(values.seeds), Number(values.from), Number(values.days)];
  const both = Math.min(seeds, Number(values["quickjs-seeds"]));
  const workers = availableParallelism();
  const shares = [
    ...sharesOf(from, both, days, "both", workers),
    ...sharesOf(from + both, seeds - both, days, "node", workers),
  ];
  const tally: Tally = { lived: 0, daysOver: 0, passed: 0, failed: 0 };
  const daysAll = (seeds + both) * days;
  const started = Date.now();
  const seconds = (): string => `${Math.round((Date.now() - started) / 1_000)} s`;
  const progress = setInterval(() => {
    const { lived, daysOver, failed } = tally;
    const over = days === 1 ? "" : `${daysOver} of ${daysAll} days, `;
    process.stderr.write(`${over}${lived} of ${seeds} seeds, ${failed} failed, ${seconds()}\n`);
  }, days === 1 ? PROGRESS_MS : PROGRESS_LONG_MS);
  const work = Array.from({ length: workers }, () => workThrough(shares, days, tally));
  await Promise.all(work);
  clearInterval(progress);
  console.log(`${seeds} lives of ${days} virtual days in Node, ${both} also in QuickJS`);
  console.log(`${seconds()} on ${workers} processors`);
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  process.exitCode = tally.failed === 0 && tally.passed === seeds ? 0 : 1;
}

/** Each share is what a worker would get of half of the rest. */
function sharesOf(
  from: number, total: number, days: number, engine: Share["engine"], workers: number,
): Share[] {
  const shares: Share[] = [];
  for (let done = 0; done < total; ) {
    const left = total - done;
    const fair = Math.ceil(left / (2 * workers));
    const [least, most] = [SHARE_MIN, SHARE_MAX].map((share) => Math.ceil(share / days));
    const count = Math.min(left, most as number, Math.max(least as number, fair));
    shares.push({ from: from + done, count, engine });
    done += count;
  }
  return shares;
}

async function workThrough(shares: Share[], days: number, tally: Tally): Promise<void> {
  for (let share = shares.shift(); share !== undefined; share = shares.shift()) {
    await runShare(share, days, tally);
  }
}

/** A child that dies counts its whole share as failed, whatever it had said before. */
async function runShare({ from, count, engine }: Share, days: number, tally: Tally): Promise<void> {
  const words = [
    "--from", from, "--seeds", count, "--minutes", days * DAY_MINUTES, "--engine", engine,
  ];
  const flags = [...NODE_FLAGS, RUN, "--stormy", ...(days > 1 ? ["--progress"] : [])];
  const child = spawn(process.execPath, [...flags, ...words.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let result: RegExpExecArray | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    result = /^(\d+) passed, (\d+) failed$/.exec(line) ?? result;
    if (line === "day") tally.daysOver++;
    // In both engines the second line is the one that compares.
    if (line.startsWith(engine === "node" ? "node " : "quickjs ")) tally.lived++;
    if (/FAILED|DIFFERS|^replay/.test(line)) console.log(line);
  });
  await new Promise((resolve) => child.on("close", resolve));
  const passed = Number(result?.[1] ?? 0);
  tally.passed += passed;
  tally.failed += count - passed;
}

await main();
