// Running a tier: header, builds, programs some at a time, one line for each, and the summary.

import { runChild } from "./child.mjs";
import { addCounts, closingLine, judge, noCounts, plainText } from "./counts.mjs";

const FAILURE_LINES_MAX = 200;

/** `jobs`: programs at a time in tiers that do not say otherwise. */
export function makeBench({ jobs }) {
  const rows = [];
  return {
    runTier: async (tier) => {
      const started = process.hrtime.bigint();
      console.log(`\n=== ${tier.name}: ${tier.title}`);
      const whyNot = tier.whyNot?.() ?? "";
      const counts = whyNot === "" ? await runTier(tier, tier.jobs ?? jobs) : skip(whyNot);
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      rows.push({ name: tier.name, counts, seconds, whyNot });
      console.log(`--- ${tier.name}: ${closingLine(counts)} in ${seconds.toFixed(1)} s`);
      return counts;
    },
    printSummary: () => {
      console.log("\n=== summary");
      for (const row of rows) console.log(summaryLine(row));
      console.log("");
    },
  };
}

function summaryLine({ name, counts, seconds, whyNot }) {
  const verdict = whyNot !== "" ? `skipped: ${whyNot}` : closingLine(counts);
  return `  ${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s  ${verdict}`;
}

function skip(reason) {
  console.log(`  skipped: ${reason}`);
  return { ...noCounts(), skipped: 1 };
}

async function runTier(tier, jobs) {
  let counts = noCounts();
  for (const step of tier.prepare ?? []) counts = addCounts(counts, await runProgram(step));
  const programs = tier.programs();
  if (programs.length === 0) {
    console.log("  FAILED no test found");
    return addCounts(counts, { ...noCounts(), failed: 1 });
  }
  const waiting = programs.values();
  const worker = async () => {
    const mine = [];
    for (const program of waiting) mine.push(await runProgram(program));
    return mine.reduce(addCounts, noCounts());
  };
  const all = await Promise.all(Array.from({ length: jobs }, worker));
  return all.reduce(addCounts, counts);
}

async function runProgram(program) {
  if ((program.whyNot ?? "") !== "") {
    console.log(`  ${program.name}`);
    return skip(program.whyNot);
  }
  const live = program.live === true;
  if (live) console.log(`  start  ${program.name}`);
  const onText = live ? (text) => process.stdout.write(text) : undefined;
  const ended = await runChild(program.command, program.secondsMax, onText);
  const counts = judge(program, ended);
  report(program, ended, counts, live);
  return counts;
}

function report(program, ended, counts, live) {
  const verdict = counts.failed === 0 ? "ok    " : "FAILED";
  const many = program.countsAs === undefined ? `, ${closingLine(counts)}` : "";
  console.log(`  ${verdict} ${program.name} (${ended.seconds.toFixed(1)} s${many})`);
  if (counts.failed === 0 || live) return;
  const lines = plainText(ended.text).trimEnd().split("\n");
  if (lines.length > FAILURE_LINES_MAX) console.log(`    ... ${lines.length} lines, the last:`);
  for (const line of lines.slice(-FAILURE_LINES_MAX)) console.log(`    ${line}`);
}
