// One tunnel measured: throughput by iperf3, CPU time and memory from /proc, round trips by ping.

import { readFileSync, readdirSync } from "node:fs";
import { nsAsync, nsStart, nsTry, stop, waitFor } from "../test/netns/lab/sh.mjs";

const CLOCK_TICKS_PER_S = 100;
const BYTES_PER_GB = 1e9;
const BITS_PER_MBIT = 1e6;
const IPERF_READY_MS_MAX = 5000;
const PING_IDLE_COUNT = 100;
const PING_INTERVAL_S = 0.02;
// The first part of a stream is TCP's slow start, which says nothing about the tunnel.
const OMIT_S = 1;

/** All figures of one running tunnel; `tunnel` is {target, children: {a, b}}. */
export async function measure(tunnel, seconds) {
  const server = nsStart("b", ["iperf3", "-s"]);
  try {
    await waitFor("iperf3 listening", IPERF_READY_MS_MAX, () => /listening/i.test(server.text)
      || nsTry("b", ["sh", "-c", "ss -ltn | grep -q :5201"]).status === 0);
    const idle = await ping(tunnel.target, PING_IDLE_COUNT);
    const up = await stream(tunnel, seconds, []);
    const down = await stream(tunnel, seconds, ["-R"]);
    const both = await stream(tunnel, seconds, ["--bidir"]);
    return {
      up_mbit: up.mbit, down_mbit: down.mbit, both_mbit: both.mbit,
      cpu_s_per_gb: round((up.cpuSeconds + down.cpuSeconds) / (up.gigabytes + down.gigabytes), 2),
      rtt_idle_ms: idle, rtt_load_ms: up.rttMs, rss_kb: peakMemory(tunnel.children),
    };
  } finally {
    await stop(server, "SIGKILL");
  }
}

async function stream(tunnel, seconds, flags) {
  const before = cpuSeconds(tunnel.children);
  const pings = Math.floor((seconds - 0.5) / PING_INTERVAL_S);
  const command = ["iperf3", "-c", tunnel.target, "-t", String(seconds), "-O", String(OMIT_S),
    "-J", ...flags];
  const transfer = nsAsync("a", command);
  const rttMs = pingDuring(tunnel.target, pings);
  const result = JSON.parse((await transfer).stdout);
  if (result.error) throw new Error(`iperf3: ${result.error}`);
  const cpu = cpuSeconds(tunnel.children) - before;
  const ends = [result.end.sum_received, result.end.sum_received_bidir_reverse];
  const bitsPerSecond = ends.reduce((sum, end) => sum + (end?.bits_per_second ?? 0), 0);
  // The processor time covers the omitted second too, so the volume must as well.
  const gigabytes = bitsPerSecond / 8 * (seconds + OMIT_S) / BYTES_PER_GB;
  return { mbit: Math.round(bitsPerSecond / BITS_PER_MBIT), cpuSeconds: cpu, gigabytes,
    rttMs: await rttMs };
}

async function pingDuring(target, count) {
  await new Promise((resolve) => setTimeout(resolve, OMIT_S * 1000));
  return ping(target, count);
}

/** Mean round trip in ms; a lost answer counts as the longest wait: loss must not look fast. */
async function ping(target, count) {
  const seconds = Math.ceil(count * PING_INTERVAL_S) + 1;
  const { stdout } = await nsAsync("a", ["ping", "-n", "-i", String(PING_INTERVAL_S), "-c",
    String(count), "-w", String(seconds), target]);
  const times = [...stdout.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1]));
  if (times.length === 0) return 0;
  const sent = Number(/(\d+) packets transmitted/.exec(stdout)?.[1] ?? times.length);
  const lost = Math.max(0, sent - times.length);
  const sum = times.reduce((total, time) => total + time, 0) + lost * Math.max(...times);
  return round(sum / (times.length + lost), 3);
}

/** User and system time of all processes of both ends, children included. */
function cpuSeconds(children) {
  return allPids(children).reduce((sum, pid) => sum + processSeconds(pid), 0);
}

function processSeconds(pid) {
  const text = readProc(pid, "stat");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_S;
}

/** Peak resident memory of the larger end, in KiB: the sum over its processes. */
function peakMemory(children) {
  const peak = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readProc(pid, "status"))?.[1] ?? 0);
  const ofSide = (side) => withDescendants(children[side].map((child) => child.pid))
    .reduce((sum, pid) => sum + peak(pid), 0);
  return Math.max(ofSide("a"), ofSide("b"));
}

const allPids = (children) =>
  withDescendants([...children.a, ...children.b].map((child) => child.pid));

function withDescendants(pids) {
  const found = new Set(pids);
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
    .map((pid) => ({ pid, parent: Number(/PPid:\s+(\d+)/.exec(readProc(pid, "status"))?.[1]) }));
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

const round = (value, digits) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : 0);
