// What a packet costs a router on MIPS between its TUN device and the tunnel's socket, in
// instructions and system calls counted by the emulator (path.c says how the packets come).
//
//   node test/cross/path.mjs [mips|mipsel]...      build/TARGET/path is expected
//
// Prints a table for each target and writes build/path-TARGET.json, which also says how many
// instructions each function took.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SECONDS_MAX = 300;
const MARKS_PER_LINE = 3;

/** The parts of the program, by what the linker took a function from; the first that fits. */
const PARTS = [
  { part: "test", from: /\/path\.o$/ },
  { part: "cipher", from: /\((chacha20|poly1305|chachapoly|tls_chacha)\.o\)$/ },
  { part: "own", from: /libadit\.a\(|\(tls_\w+\.o\)$/ },
  { part: "library", from: /libtls-mbedtls\.a\(/ },
  { part: "libc", from: /lib(c|gcc)\.a\(/ },
];
const COLUMNS = ["cipher", "library", "libc", "own"];

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args,
    { encoding: "utf8", timeout: SECONDS_MAX * 1000 });
  if (status !== 0) throw new Error(`${command}: ${error ?? stderr}`);
  return stdout;
}

/** The linker's map as rows of {start, end, name, from}, ordered. */
function readMap(file) {
  const text = readFileSync(file, "utf8").replace(/^ (\.text\S*)\n +/gm, " $1 ");
  const rows = [];
  for (const match of text.matchAll(/^ \.text(\S*) +(0x\w+) +(0x\w+) (\S+)$/gm)) {
    const [, section, start, size, from] = match;
    const name = section.replace(/^\./, "") || from.replace(/^.*[/(]|\.l?o\)?$/g, "");
    rows.push({ start: Number(start), end: Number(start) + Number(size), name, from });
  }
  return rows.filter(({ start, end }) => end > start && start > 0)
    .sort((a, b) => a.start - b.start);
}

function find(map, address) {
  let low = 0;
  let high = map.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (map[middle].end <= address) low = middle + 1;
    else high = middle;
  }
  const row = map[low];
  if (row !== undefined && row.start <= address) return row;
  return { name: "other", from: "" };
}

function partOf(from) {
  return PARTS.find((entry) => entry.from.test(from))?.part ?? "other";
}

/** What one file of the counter holds, added `sign` times to `sums`. */
function add(sums, file, map, sign) {
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
    const [kind, what, count] = line.split(" ");
    if (kind === "call") {
      sums.calls += sign * Number(count);
      continue;
    }
    const { name, from } = find(map, parseInt(what, 16));
    const part = partOf(from);
    sums.parts[part] = (sums.parts[part] ?? 0) + sign * Number(count);
    sums.functions[name] = (sums.functions[name] ?? 0) + sign * Number(count);
  }
}

/** Sums of a kind of traffic for one packet, without the idle turns that came before. */
function measure(traffic, index, map, prefix) {
  const sums = { calls: 0, parts: {}, functions: {} };
  add(sums, `${prefix}.${index * MARKS_PER_LINE + 2}`, map, 1);
  add(sums, `${prefix}.${index * MARKS_PER_LINE + 1}`, map, -1);
  const each = (value) => Math.round(value / traffic.packets);
  const { pid, ...rest } = traffic;
  const row = { ...rest, instructions: 0, calls: sums.calls / traffic.packets };
  for (const [part, count] of Object.entries(sums.parts)) {
    if (part === "test") continue;
    row[part] = each(count);
    row.instructions += row[part];
  }
  const functions = Object.entries(sums.functions).map(([name, count]) => [name, each(count)])
    .filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  return { ...row, functions: Object.fromEntries(functions) };
}

function runTarget(target) {
  const program = `build/${target}/path`;
  const folder = mkdtempSync(join(tmpdir(), "adit-path-"));
  const prefix = join(folder, "marks");
  const mark = /^(\w+) T count_mark$/m.exec(run(`${target}-linux-gnu-nm`, [program]))[1];
  try {
    const out = run(`qemu-${target}`, ["-cpu", "24Kc", "-plugin",
      `build/cross/count.so,mark=0x${mark},out=${prefix}`, program]);
    const map = readMap(`${program}.map`);
    return out.trimEnd().split("\n").map((line) => JSON.parse(line))
      .map((traffic, index) => measure(traffic, index, map, prefix));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print(target, rows) {
  const cells = (values) => values.map((value) => String(value).padStart(9)).join("");
  console.log(`\n  ${target}: from the TUN to the socket (out) and back (in), for a packet`);
  console.log(`  way kind        bytes ${cells(["all", ...COLUMNS, "calls"])}`);
  for (const row of rows) {
    console.log(`  ${row.way.padEnd(4)}${row.kind.padEnd(12)}${String(row.bytes).padStart(5)} ` +
      cells([row.instructions, ...COLUMNS.map((part) => row[part] ?? 0), row.calls.toFixed(2)]));
  }
}

for (const target of process.argv.slice(2)) {
  const rows = runTarget(target);
  print(target, rows);
  writeFileSync(`build/path-${target}.json`, `${JSON.stringify(rows, null, 2)}\n`);
}
