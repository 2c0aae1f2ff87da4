// What a decision costs in a real cage: time and instructions for 1,000 devices and a policy of ten
// lines. Prints a table; BENCH_WRITE=1 writes bench/policy.json.
//
//   node bench/policy.mjs        needs build/aditd and build/policy.mjs

import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { openCage } from "../test/policies/cage.mjs";

const DEVICES = 1000;
const ROUNDS = 40;
const TARGET_MS = 5;
const LIMITS = { memoryKib: 8192, callMs: 1000 };
const PERF_FILE = "build/policy.perf";
const PERF_START_MS = 700;

const IMPORTS = `import { balance, block, byName, definePolicy, direct, during, fastest, inPrefix,
  schedule, via } from "adit:policy";\n`;

const TEN_LINES = `${IMPORTS}
const bedtime = schedule({ "sun-thu 21:00-06:30": block() }, via("de"));
export default definePolicy({
  route(device, world) {
    if (device.iface === "br-guest") return via("de", { whenDown: "block" });
    if (byName(device, "tv-*", "appletv*")) return via(fastest("us", "ca"));
    if (byName(device, "kid-*")) return bedtime;
    if (during(world.now, "weekdays 08:00-18:00") && byName(device, "work-*")) return via("nl");
    if (inPrefix(device, "192.168.3.0/24")) return direct();
    return via(balance(device, "de", "nl", "fr"));
  },
});`;

const NOTHING = `${IMPORTS} export default definePolicy({});`;

const hex = (value) => value.toString(16).padStart(2, "0");

function device(index) {
  const kind = ["tv", "kid", "work", "laptop", "phone"][index % 5];
  const tail = `${hex(index >> 8)}${hex(index & 255)}`;
  return {
    mac: `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
    addresses: [`192.168.${index >> 8}.${index & 255}`, `fd00::${tail}`, `fe80::ff:${tail}`],
    iface: index % 10 === 0 ? "br-guest" : "br-lan",
    name: `${kind}-${index}`,
    since_s: 1_772_400_000,
    via: "de",
  };
}

const shared = {
  now: {
    unix_s: 1_772_472_600, year: 2026, month: 3, day: 2, weekday: 1, hour: 18, minute: 30,
    utc_offset_min: 60,
  },
  locations: ["us", "ca", "de", "nl", "fr"].map((name, i) => ({
    name, type: "tls", state: "up", since_s: 1_772_400_000, rtt_ms: 10 + i, tx_bps: 0, rx_bps: 0,
    peers: [`${name}.example:443`],
  })),
  uplinks: [{ ifname: "eth1", up: true, addresses: ["198.51.100.2"] }],
  vars: {},
};

const call = (world) => JSON.stringify({ call: "decide", world: { ...shared, ...world } });
const devices = Array.from({ length: DEVICES }, (_, index) => device(index));
const WHOLE = call({ devices });
const EMPTY = call({ devices: [] });
const SAME = call({ changed: [], gone: [] });

/** The best of many rounds in ms: what is above it is the machine's other work. */
function best(cage, json, before) {
  let us = Infinity;
  for (let i = 0; i < ROUNDS; i += 1) {
    if (before !== undefined) cage.call(before);
    us = Math.min(us, cage.call(json).cpu_us);
  }
  return us / 1000;
}

function open(script) {
  const cage = openCage({ limits: LIMITS });
  cage.load(script);
  cage.call(WHOLE);
  return cage;
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Instructions of one call for one device, or why they cannot be counted. */
function countInstructions(cage) {
  const probe = spawnSync("perf", ["stat", "-x,", "-e", "instructions:u", "true"],
    { encoding: "utf8" });
  if (probe.error !== undefined) return "perf is not installed";
  if (!/^\d/m.test(probe.stderr)) return `perf: ${probe.stderr.split("\n")[0]}`;
  const args = ["stat", "-x,", "-e", "instructions:u", "-o", PERF_FILE, "-p", String(cage.pid)];
  const perf = spawn("perf", args, { stdio: "ignore" });
  sleep(PERF_START_MS);
  for (let i = 0; i < ROUNDS; i += 1) cage.call(SAME);
  spawnSync("kill", ["-INT", String(perf.pid)]);
  sleep(PERF_START_MS);
  const counted = /^(\d+),/m.exec(readFileSync(PERF_FILE, "utf8"));
  rmSync(PERF_FILE, { force: true });
  return counted === null ? "perf could not look into the cage"
    : Math.round(Number(counted[1]) / ROUNDS / DEVICES);
}

function measure() {
  const idle = open(NOTHING);
  const read = { new: best(idle, WHOLE, EMPTY), known: best(idle, WHOLE), same: best(idle, SAME) };
  const idleInstructions = countInstructions(idle);
  idle.close();
  const cage = open(TEN_LINES);
  const whole = { new: best(cage, WHOLE, EMPTY), known: best(cage, WHOLE), same: best(cage, SAME) };
  const instructions = countInstructions(cage);
  const memoryKib = Math.ceil(cage.call(WHOLE).memory / 1024);
  cage.close();
  const isCounted = typeof instructions === "number";
  return {
    devices: DEVICES,
    decide_ms: round(whole.same - read.same),
    read_ms: {
      all_new: round(read.new), all_known: round(read.known), difference: round(read.same),
    },
    call_ms: {
      all_new: round(whole.new), all_known: round(whole.known), difference: round(whole.same),
    },
    instructions_per_device: isCounted ? instructions - idleInstructions : null,
    memory_kib: memoryKib,
    whyNotCounted: isCounted ? "" : instructions,
  };
}

const round = (ms) => Math.round(ms * 1000) / 1000;

function print(result) {
  const { read_ms: read, call_ms: whole } = result;
  const line = (what, ...values) =>
    console.log(`  ${what.padEnd(42)}${values.map((value) => value.padStart(12)).join("")}`);
  const ms = (value) => `${value.toFixed(2)} ms`;
  console.log(`${DEVICES} devices, a policy of ten lines, best of ${ROUNDS} calls in a cage`);
  line("", "reading", "whole call");
  line("a whole world, every device new", ms(read.all_new), ms(whole.all_new));
  line("a whole world, every device known", ms(read.all_known), ms(whole.all_known));
  line("a difference, nothing changed", ms(read.difference), ms(whole.difference));
  const verdict = result.decide_ms < TARGET_MS ? "met" : "MISSED";
  line(`deciding alone (target ${TARGET_MS} ms: ${verdict})`, ms(result.decide_ms));
  const { instructions_per_device: count } = result;
  line("instructions for one device",
    count === null ? "not counted" : count.toLocaleString("en-US"));
  if (count === null) console.log(`    ${result.whyNotCounted}`);
  line("memory at the peak of a call", `${result.memory_kib} KiB`);
}

const result = measure();
print(result);
const { whyNotCounted: _reason, ...kept } = result;
if (process.env.BENCH_WRITE === "1") {
  writeFileSync("bench/policy.json", `${JSON.stringify(kept, null, 2)}\n`);
}
