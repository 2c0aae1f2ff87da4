// Without a firewall of ours (`no_iptables`): rules on sources and the mover's table alone hold,
// also when the LAN goes down and up, which empties the neighbour table, and the decider dies then.
// And a second aditd, which would undo all that, does not start.

import { mkdirSync } from "node:fs";

import { finish, makeChecks } from "./lab/check.mjs";
import { killAll, pidsOf, planOf, startDaemon } from "./lab/daemon.mjs";
import { startRouter, waitReady } from "./lab/lab.mjs";
import { PROBES, TRAFFIC, makeProbedLab, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsTry, sleep, waitFor } from "./lab/sh.mjs";
import { NET, addressOf } from "./lab/topology.mjs";

const RATE = 500;
const SECONDS = 120;
const WATCH_MS = 700;
const READY_MS_MAX = 15_000;
const PACKETS_MIN = 50;
const NEW_HOST = 99;
const KNOWN_MS = 100;
const MAC_PROBES = PROBES.filter(({ rule }) => rule === "mac");

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  const { lab, outside } = await makeProbedLab();
  await lookAt("with the protection off", outside, async () => {}, (packets, what) =>
    checks.ok(packets >= PACKETS_MIN, `${what} are seen`, `${packets}`));
  startRouter(lab, { change: (config) => ({ ...config, no_iptables: 1 }) });
  await waitReady(lab);
  // A neighbour entry is made by what the router sends to a device.
  for (const { device } of PROBES) nsTry(device, "ping -c 1 -w 1 192.168.1.1");
  await waitFor("an empty plan", READY_MS_MAX,
    () => planOf(lab.daemons.router)?.length === 0);
  const none = (packets, what) => checks.ok(packets === 0, `no ${what} leave`, `${packets}`);
  await lookAt("nothing happens", outside, async () => {}, none);
  await lookAt("the LAN goes down and up", outside, bounce, none);
  await lookAt("it does, and the decider dies", outside, async () => {
    bounce();
    const { decider } = pidsOf(lab.daemons.router);
    await killAll([decider]);
    await waitFor("the next decider", READY_MS_MAX, () => {
      const next = pidsOf(lab.daemons.router).decider;
      return next !== undefined && next !== decider && planOf(lab.daemons.router)?.length === 0;
    });
  }, none);
  await newAddress(checks, outside);
  await startSecond(checks, lab);
  return finish(checks);
});

/** Of an address that nobody has seen the first packets pass, until its answer makes it known. */
async function newAddress(checks, outside) {
  const address = addressOf(NET.lan, NEW_HOST);
  const leaving = () => sumOf(outside, MAC_PROBES);
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: SECONDS, probes: MAC_PROBES,
    traffic: { ...TRAFFIC.web, words: ({ family }) => ["udp", "0", address[family]] } });
  await waitFor("packets of an address that is nobody's", READY_MS_MAX, leaving);
  nsIp("phone", [`addr add ${address.v4}/24 dev eth0`,
    `addr add ${address.v6}/64 dev eth0 nodad preferred_lft 0`]);
  await waitFor("an address that is known", READY_MS_MAX, async () => {
    await outside.reset();
    await sleep(KNOWN_MS);
    return await leaving() === 0;
  });
  await outside.reset();
  await sleep(WATCH_MS);
  checks.ok(await leaving() === 0, "a new address is held once it is known", await leaving());
  await probes.stop();
}

async function sumOf(outside, probes) {
  const counts = await outside.read();
  return probes.reduce((total, { flow }) => total + counts[flow].packets, 0);
}

async function startSecond(checks, lab) {
  const { config } = lab.daemons.router;
  const dir = "/run/adit-second";
  mkdirSync(dir);
  const second = startDaemon("router", { ...config, api: { socket: `${dir}/adit.sock` } });
  await waitFor("the end of a second aditd", READY_MS_MAX, () => second.child.exitCode !== null);
  checks.ok(second.child.exitCode === 1 && /another aditd, process \d+/.test(second.child.text),
    "a second aditd with directories of its own does not start", second.child.text);
}

async function lookAt(when, outside, act, judge) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: SECONDS });
  await act();
  await sleep(WATCH_MS);
  await probes.stop();
  const counts = await outside.read();
  for (const { flow, rule, family } of PROBES) {
    judge(counts[flow].packets, `packets of the ${rule} rule, ${family}, ${when}`);
  }
}

function bounce() {
  const { dev } = NET.lan;
  const { v6 } = addressOf(NET.lan, 1);
  nsIp("router", [`link set ${dev} down`, `link set ${dev} up`,
    `addr add ${v6}/64 dev ${dev} nodad`]);
}
