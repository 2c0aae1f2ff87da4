/**
 * Runs seeds from the command line:
 *
 *   node build/test/runtime/sim/run.js [--seeds N] [--from S] [--seed S] [--minutes M]
 *        [--stormy] [--engine node|quickjs|both] [--mistake NAME] [--verbose] [--progress]
 *
 * `both` runs each seed in both engines and compares the traces. `--stormy` puts hours of calm
 * between storms of faults. `--progress` says `day` for each virtual day. Exit status 1 if anything
 * failed.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Engine } from "./engine.js";
import { nodeEngine } from "./engine-node.js";
import { quickjsEngine } from "./engine-quickjs.js";
import { mistakes } from "./mistakes.js";
import { nodeRealms } from "./realm-node.js";
import { quickjsRealms } from "./realm-quickjs.js";
import type { Report } from "./report.js";
import { run } from "./world.js";

/** Node gets the readable copy for its stack traces, QuickJS the one that ships. */
export const BUNDLES = { node: "build/adit.debug.mjs", quickjs: "build/adit.mjs" } as const;
export const PRELUDE = "build/policy.mjs";
const MINUTE_MS = 60_000;
const TRACE_KEEP = 400;

export async function loadEngine(name: keyof typeof BUNDLES): Promise<Engine> {
  const bundle = readFileSync(BUNDLES[name], "utf8");
  const prelude = readFileSync(PRELUDE, "utf8");
  if (name === "node") return nodeEngine(bundle, nodeRealms(prelude));
  return await quickjsEngine(bundle, await quickjsRealms(prelude));
}

/** What to type to see a run again. */
export function replayCommand(
  seed: number,
  faultMs: number,
  engine: string,
  mistake = "",
  stormy = false,
): string {
  const words = [`--seed ${seed}`, `--minutes ${faultMs / MINUTE_MS}`, `--engine ${engine}`];
  if (stormy) words.push("--stormy");
  if (mistake !== "") words.push(`--mistake ${mistake}`);
  return `node build/test/runtime/sim/run.js ${words.join(" ")} --verbose`;
}

export function describe(report: Report): string {
  const { seed, messages, virtualMs, faults, violation, digest } = report;
  const minutes = Math.round(virtualMs / MINUTE_MS);
  const head = `seed ${seed}: ${minutes} min, ${faults} faults, ${messages} messages`;
  const end = violation === undefined ? digest.slice(0, 16) : `FAILED ${violation.message}`;
  return `${head}, ${end}`;
}

interface Options {
  readonly engines: readonly Engine[];
  readonly faultMs: number;
  readonly stormy: boolean;
  readonly mistake: string;
  readonly verbose: boolean;
  readonly onDay: () => void;
}

function runSeed(seed: number, options: Options): boolean {
  const { engines, faultMs, stormy, verbose, onDay } = options;
  const mistake = mistakes.find(({ name }) => name === options.mistake);
  const planted = mistake && {
    plant: mistake.plant,
    ...(mistake.scripted && { scripted: mistake.scripted }),
    ...(mistake.second && { second: mistake.second }),
  };
  const traceKeep = verbose ? TRACE_KEEP : 0;
  const reports = engines.map((engine) =>
    run({ seed, engine, faultMs, stormy, traceKeep, onDay, ...planted }),
  );
  let good = true;
  for (const [at, report] of reports.entries()) {
    const same = report.digest === reports[0]?.digest;
    good &&= report.violation === undefined && same;
    console.log(`${engines[at]?.name.padEnd(7)} ${describe(report)}${same ? "" : " DIFFERS"}`);
    if (report.violation === undefined) continue;
    const name = engines[at]?.name ?? "";
    console.log(`replay: ${replayCommand(seed, faultMs, name, options.mistake, stormy)}`);
    if (!verbose) continue;
    console.log(report.lines.join("\n"));
    console.log(report.violation.stack);
  }
  return good;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "20" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      minutes: { type: "string", default: "60" },
      engine: { type: "string", default: "node" },
      mistake: { type: "string", default: "" },
      stormy: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      progress: { type: "boolean", default: false },
    },
  });
  const names = values.engine === "both" ? (["node", "quickjs"] as const) : [values.engine];
  const engines = await Promise.all(names.map((name) => loadEngine(name as keyof typeof BUNDLES)));
  const { mistake, stormy, verbose, progress } = values;
  const onDay = progress ? (): void => console.log("day") : (): void => {};
  const faultMs = Number(values.minutes) * MINUTE_MS;
  const options = { engines, faultMs, stormy, mistake, verbose, onDay };
  const first = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    if (!runSeed(seed, options)) failed++;
  }
  console.log(`${count - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith("runtime/sim/run.js") === true) await main();
