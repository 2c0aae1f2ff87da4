// Runs every hostile script in a fresh cage and holds its end against what is right.
//
//   node test/hostile/run.mjs PROGRAM... [--only TEXT]
//
// PROGRAM is test/hostile/cage.c, built one way or another. The outcomes:
//
//   answer                        the script was asked twice and answered both times
//   throw rubbish                 it is named as the cause, its cage lives
//   syntax import load            it is refused
//   limit                         it ran for too long or too deep and was interrupted
//   memory stuck loop             its cage ended with that status and last words
//
// Whatever the script does, each request is over within twice the processor time for a call, no
// sanitizer says anything, and the next cage serves.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCases } from "./cases.mjs";
import { openCage } from "./cage.mjs";

const PRELUDE = "build/policy.mjs";
const PATCHES = "c/lib/patches";
const CALL_MS = 200;
/** Milliseconds of processor time that telling takes beside what the cage may take. */
const SPARE_MS = 100;
const OPTIONS = { prelude: PRELUDE, memoryBytes: 1 << 20, stackBytes: 128 << 10, callMs: CALL_MS };
const LIVING = ["throw", "rubbish", "limit", "syntax", "import", "load", "answer"];

const location = (name) => ({
  name, type: "adit", state: "up", since_s: 1, tx_bps: 1, rx_bps: 1, peers: ["192.0.2.1:443"],
});
const device = (mac) => ({
  mac, addresses: ["192.168.1.2"], iface: "br-lan", name: "tv", since_s: 1_700_000_000,
});
const CALL = JSON.stringify({
  call: "decide",
  world: {
    now: { unix_s: 1_700_000_000, year: 2023, month: 11, day: 14, weekday: 2, hour: 22, minute: 13,
      utc_offset_min: 60 },
    devices: [device("02:00:00:00:00:01"), device("02:00:00:00:00:02")],
    locations: [location("de"), location("us")],
    uplinks: [{ ifname: "eth0", up: true, addresses: ["192.0.2.9"] }],
    vars: { list: [1, 2, 3], text: "x" },
  },
});
const HARMLESS = Buffer.from(
  'import { via } from "adit:policy";\nexport default { route: () => via("de") };\n');

/** What one answer of a living cage means. */
function meaningOf({ kind, body, ended }) {
  if (kind === "") return ended.word;
  if (kind === "E") return body.error.kind;
  return body.result.failed?.[0]?.kind ?? "answer";
}

/** { outcome, ms, errors, text }: how it ended, and the processor time of the longest request. */
async function runOnce(program, bytes) {
  const cage = openCage(program, OPTIONS);
  const answers = [await cage.load(bytes)];
  if (answers[0].kind === "R") answers.push(await cage.call(CALL));
  if (answers[1]?.kind === "R") answers.push(await cage.call(CALL));
  const ended = await cage.close();
  const last = answers.at(-1);
  const outcome = LIVING.includes(ended.word) || ended.word === "closed"
    ? meaningOf(last) : ended.word;
  return {
    outcome,
    ms: Math.max(...answers.map(({ body }) => (body?.cpu_us ?? 0) / 1000)),
    errors: ended.errors,
    text: JSON.stringify(last.body ?? last.ended),
  };
}

/** What is wrong with how a case ended, "" if nothing. */
function judge({ ends }, { outcome, ms, errors, text }) {
  if (/Sanitizer|runtime error/.test(errors)) return `a sanitizer's report:\n${errors}`;
  if (!ends.includes(outcome)) return `ended as ${outcome}, not ${ends.join(" or ")}: ${text}`;
  if (ms > 2 * CALL_MS + SPARE_MS) return `took ${ms.toFixed(0)} ms`;
  const isDeath = ["memory", "stuck", "loop"].includes(outcome);
  if (isDeath && !/^policy: .+\n$/m.test(errors)) return "ended without last words";
  return "";
}

async function runCase(program, one) {
  const told = await runOnce(program, one.bytes);
  let wrong = judge(one, told);
  if (wrong === "") {
    const next = await runOnce(program, HARMLESS);
    if (next.outcome !== "answer") wrong = `the next cage ended as ${next.outcome}: ${next.text}`;
  }
  return { ...told, wrong };
}

async function runAll(program, cases) {
  const counts = {};
  let failed = 0;
  let worst = { ms: 0, name: "" };
  for (const one of cases) {
    const { outcome, ms, wrong } = await runCase(program, one);
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (ms > worst.ms) worst = { ms, name: one.name };
    if (wrong === "") continue;
    failed++;
    console.log(`FAIL ${one.name}: ${wrong}`);
  }
  const kinds = Object.entries(counts).sort().map(([word, count]) => `${count} ${word}`).join(", ");
  console.log(`${program}: ${cases.length} scripts: ${kinds}`);
  console.log(`worst time ${worst.ms.toFixed(0)} ms of ${2 * CALL_MS + SPARE_MS} (${worst.name})`);
  return failed;
}

/** Each patch of the engine names the case that shows what it is for. */
function patchesWithoutCase(cases) {
  return readdirSync(PATCHES).filter((file) => {
    const name = /case\s"([^"]+)"/.exec(readFileSync(join(PATCHES, file), "utf8"))?.[1];
    return !cases.some((one) => one.name === `engine: ${name}`);
  });
}

async function main(words) {
  const only = words.includes("--only") ? words[words.indexOf("--only") + 1] : "";
  const programs = words.filter((word) => word !== "--only" && word !== only);
  const all = readCases(join("test", "hostile", "corpus"));
  const cases = all.filter(({ name }) => name.includes(only));
  const bare = patchesWithoutCase(all);
  if (bare.length > 0) throw new Error(`no case in the corpus: ${bare.join(", ")}`);
  const missing = [PRELUDE, ...programs].find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`${missing} is not built: make hostile`);
  let failed = 0;
  for (const program of programs) failed += await runAll(program, cases);
  console.log(`${programs.length * cases.length - failed} passed, ${failed} failed`);
  return failed === 0 && cases.length > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
