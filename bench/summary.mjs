// What several rounds of a run say together, and where they were made.

import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { tryRun } from "../test/netns/lab/sh.mjs";

const DECIMALS = 3;

/** One row of all rounds: the median of each figure, and in `range` its least and largest. */
export function summarize(name, rounds) {
  const keys = Object.keys(rounds[0]);
  const sorted = (key) => rounds.map((round) => round[key]).sort((one, two) => one - two);
  const entries = keys.map((key) => [key, median(sorted(key))]);
  const ranges = keys.map((key) => [key, [sorted(key)[0], sorted(key).at(-1)]]);
  return { name, ...Object.fromEntries(entries), range: Object.fromEntries(ranges) };
}

function median(sorted) {
  const middle = sorted.length >> 1;
  const low = sorted[sorted.length % 2 === 1 ? middle : middle - 1];
  return Number(((low + sorted[middle]) / 2).toFixed(DECIMALS));
}

/** Machine, date and versions: without them a figure means nothing to others. */
export function whereAndWhen(peers, date) {
  return {
    date: date.toISOString().slice(0, 10),
    machine: `${cpus().length} cores of ${cpus()[0].model.trim()}`,
    system: `${systemName()}, kernel ${release()}`,
    congestion: readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim(),
    versions: Object.fromEntries([["openssl", firstLine(["openssl", "version"])],
      ...peers.filter(({ name }) => name !== "bare")
        .map(({ name, version }) => [name, firstLine(version)])]),
  };
}

function systemName() {
  const text = readFileSync("/etc/os-release", "utf8");
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? "Linux";
}

/** The number in the first line that a program prints about itself; the line if it has none. */
function firstLine(command) {
  const { stdout, stderr } = tryRun(command);
  const line = `${stdout}\n${stderr}`.split("\n").find((each) => each.trim() !== "") ?? "";
  return /\d+(\.\d+)+[\w.-]*/.exec(line)?.[0] ?? line.trim();
}
