// make bench: every tunnel in turn over the same pair of namespaces, in one run.
//
//        a ┌──────────┐            veth             ┌──────────┐ b
//   iperf3 │ 10.99.0.1├──────────────────────────────┤10.99.0.2 │ iperf3 -s
//     ping │   tun0   ├╌╌╌╌╌╌╌╌ the tunnel ╌╌╌╌╌╌╌╌╌╌┤   tun0   │
//          └──────────┘                              └──────────┘
//
// Each tunnel is measured in several rounds, one after the other in every round, so that what the
// machine does beside them meets all alike; the table shows medians.
//
// Environment: BENCH_SECONDS (4) per stream, BENCH_ROUNDS (3), BENCH_ONLY=name,name, BENCH_WRITE=1
// writes bench/results.json and bench/results.svg. Ends with 0 if everything ran: a target that was
// missed is told, and is no failure of the run.

import { mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runSandboxed } from "../test/netns/lab/sandbox.mjs";
import { nsIp, run, stop, tryRun } from "../test/netns/lab/sh.mjs";
import { measure } from "./measure.mjs";
import { PEERS, isPresent, waitReachable } from "./peers.mjs";
import { plot } from "./plot.mjs";
import { contextLines, printTable, verdicts } from "./report.mjs";
import { summarize, whereAndWhen } from "./summary.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const LOG_CHARS_SHOWN = 2000;
const ONLY = (process.env.BENCH_ONLY ?? "").split(",").filter((name) => name !== "");

await runSandboxed(import.meta.url, main);

async function main() {
  const chosen = PEERS.filter((peer) => ONLY.length === 0 || ONLY.includes(peer.name));
  const missing = chosen.filter((peer) => !isPresent(peer));
  for (const peer of missing) console.log(`${peer.name}: left out, ${peer.needs} is not there`);
  const present = chosen.filter((peer) => !missing.includes(peer));
  const results = await measureAll(present);
  printTable(results);
  console.log(verdicts(results).join("\n"));
  const context = { ...whereAndWhen(present, new Date()), rounds: ROUNDS, seconds: SECONDS };
  console.log(contextLines(context).join("\n"));
  if (process.env.BENCH_WRITE === "1") writeFiles(context, results);
  return missing.length === 0 && results.length > 0 ? 0 : 1;
}

async function measureAll(peers) {
  const rounds = new Map(peers.map(({ name }) => [name, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    console.log(`round ${round} of ${ROUNDS}`);
    for (const peer of peers) rounds.get(peer.name).push(await measurePeer(peer));
  }
  return [...rounds].map(([name, figures]) => summarize(name, figures));
}

async function measurePeer(peer) {
  process.stdout.write(`${peer.name.padEnd(13)} ${peer.settings} ... `);
  makePair();
  const tunnel = await peer.start(mkdtempSync("/run/bench-"));
  const children = [...tunnel.children.a, ...tunnel.children.b];
  try {
    await waitReachable(tunnel.target);
    const figures = await measure(tunnel, SECONDS);
    console.log(`${figures.up_mbit} Mbit/s`);
    return figures;
  } catch (error) {
    const logs = children.map((child) => child.text.slice(-LOG_CHARS_SHOWN));
    throw new Error(`${peer.name}: ${error.message}\n${logs.join("\n---\n")}`);
  } finally {
    for (const child of children) await stop(child, "SIGKILL");
  }
}

// Each tunnel gets fresh namespaces, so that nothing of the one before it can help or hurt.
function makePair() {
  for (const name of ["a", "b"]) tryRun(["ip", "netns", "del", name]);
  for (const name of ["a", "b"]) run(["ip", "netns", "add", name]);
  run("ip link add eth0 netns a type veth peer name eth0 netns b");
  nsIp("a", ["link set lo up", "addr add 10.99.0.1/24 dev eth0", "link set eth0 up"]);
  nsIp("b", ["link set lo up", "addr add 10.99.0.2/24 dev eth0", "link set eth0 up"]);
}

function writeFiles(context, results) {
  const rows = results.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
  const head = JSON.stringify(context, null, 2).slice(2, -2);
  writeFileSync(join(HERE, "results.json"), `{\n${head},\n  "results": [\n${rows}\n  ]\n}\n`);
  writeFileSync(join(HERE, "results.svg"), plot(context, results));
  console.log("written: bench/results.json, bench/results.svg");
}
