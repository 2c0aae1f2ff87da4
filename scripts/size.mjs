// What the modules cost a router, against their budgets: flash, heap, and the time to load.
//
//   node scripts/size.mjs [--record] [--json]
//
// Flash is counted as squashfs stores a file: packed by xz with a dictionary of 256 KiB, the block
// size of OpenWrt's images. The heap is what the decider holds once the module was evaluated, on
// this machine (64-bit; a 32-bit router needs less). --record adds the figures to bench/size.json,
// one row for each version of the sources. Ends with 1 if something is over its budget.
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";

const HISTORY = "bench/size.json";
const LARGEST = 12;

/** Packed bytes that a module may have, and the heap that it may fill. */
const BUDGETS = [
  { name: "adit", packedMax: 76_000, heapMax: 1_340_000 },
  { name: "adit-cli", packedMax: 21_000 },
  { name: "router/adit", packedMax: 71_000, heapMax: 1_260_000 },
  { name: "router/adit-cli", packedMax: 20_000 },
  { name: "policy", packedMax: 7_500 },
];

const XZ = ["--stdout", "--keep", "--check=crc32", "--lzma2=dict=256KiB"];

function measure({ name, packedMax, heapMax }) {
  const file = `build/${name}.mjs`;
  const packed = execFileSync("xz", [...XZ, file], { maxBuffer: 1 << 26 }).length;
  const row = { name, bytes: statSync(file).size, packed, packedMax };
  return heapMax === undefined ? row : { ...row, ...load(file), heapMax };
}

function load(file) {
  const text = execFileSync("build/obj/bench/module", [file], { encoding: "utf8" });
  const [heap, loadUs] = text.trim().split(" ").map(Number);
  return { heap, loadUs };
}

/** `{ what, value, max }` of a row that is over a budget. */
function excesses({ name, packed, packedMax, heap = 0, heapMax = Infinity }) {
  return [
    { what: `build/${name}.mjs, packed`, value: packed, max: packedMax },
    { what: `the heap after build/${name}.mjs`, value: heap, max: heapMax },
  ].filter(({ value, max }) => value > max);
}

function printRow({ name, bytes, packed, packedMax, heap, heapMax, loadUs }) {
  const file = `build/${name}.mjs`.padEnd(20);
  console.log(`  ${file} ${bytes} bytes, packed ${packed} of ${packedMax}`);
  if (heap === undefined) return;
  console.log(`  ${"".padEnd(20)} ${heap} bytes of heap of ${heapMax}, ` +
    `loaded in ${(loadUs / 1000).toFixed(1)} ms of processor time`);
}

function printLargest() {
  console.log("  its largest modules, bytes in about");
  const modules = JSON.parse(readFileSync("build/adit.sizes.json", "utf8"));
  for (const { name, bytes } of modules.slice(0, LARGEST)) {
    console.log(`  ${String(bytes).padStart(9)}  ${name}`);
  }
}

/** The program on this machine, which says how much text a router will hold as well. */
function printProgram() {
  const text = execFileSync("size", ["--format=berkeley", "build/aditd"], { encoding: "utf8" });
  const [code, data, zero] = text.split("\n")[1].trim().split(/\s+/);
  console.log(`  build/aditd          ${code} bytes of text, ${data} data, ${zero} bss`);
}

/** The time to load is left out: it is this machine's, at this hour. */
function record(rows) {
  const git = (...args) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const [commit, date] = git("log", "-1", "--format=%h %cs").split(" ");
  const history = JSON.parse(readFileSync(HISTORY, "utf8"));
  const figures = Object.fromEntries(rows.flatMap(({ name, packed, heap }) =>
    [[`${name}_packed`, packed], ...heap === undefined ? [] : [[`${name}_heap`, heap]]]));
  const others = history.filter((row) => row.commit !== commit);
  const lines = [...others, { commit, date, ...figures }].map((row) => JSON.stringify(row));
  writeFileSync(HISTORY, `[\n${lines.join(",\n")}\n]\n`);
}

function main(args) {
  const unknown = args.find((arg) => !["--record", "--json"].includes(arg));
  if (unknown !== undefined) {
    console.error(`size: unknown argument '${unknown}', expected --record or --json`);
    return 2;
  }
  const rows = BUDGETS.map(measure);
  if (args.includes("--json")) console.log(JSON.stringify(rows));
  else {
    for (const row of rows) printRow(row);
    printProgram();
    printLargest();
  }
  if (args.includes("--record")) record(rows);
  const over = rows.flatMap(excesses);
  for (const { what, value, max } of over) {
    console.error(`size: ${what}: ${value} bytes, expected at most ${max}`);
  }
  return over.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
