// Without a firewall of ours (`no_iptables`): rules on sources and the mover's table alone hold,
// also when the LAN goes down and up, which empties the neighbour table, and the decider dies then.
// And a second aditd, which would undo all that, does not start.

import { mkdirSync } from "node:fs";

import { finish, makeChecks } from "./lab/check.mjs";
import { killAll, pidsOf, planOf, startDaemon } from "./lab/daemon.mjs";
import { startRouter, waitReady } from "./lab/lab.mjs";
import { PROBES, makeProbedLab, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsTry, sleep, waitFor } from "./lab/sh.mjs";
import { NET, addressOf } from "./lab/topology.mjs";

const RATE = 500;
const SECONDS = 120;
const WATCH_MS = 700;
const READY_MS_MAX = 15_000;
const PACKETS_MIN = 50;

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
  await startSecond(checks, lab);
  return finish(checks);
});

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
