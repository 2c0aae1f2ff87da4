// A router with the tables of others: 60,000 routes in main, 8,000 neighbours. Policy holds, a new
// decider finds its way within its heap, and both layers come back after they were wiped together.

import { readFileSync } from "node:fs";

import { finish, makeChecks } from "./lab/check.mjs";
import { aditJson, killAll, pidsOf, planOf } from "./lab/daemon.mjs";
import { startRouter, waitReady } from "./lab/lab.mjs";
import { PROBES, makeProbedLab, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsRun, nsTry, sleep, waitFor } from "./lab/sh.mjs";
import { NET, WAN_DEV, addressOf, applySystemFirewall, macOf } from "./lab/topology.mjs";

const ROUTES = 60_000;
const NEIGHBOURS = 8_000;
const CROWD_NET = "10.50";
/** Of the decider's processor time; what else runs on this machine is not its fault. */
const REPAIR_CPU_MS = 500;
const REPAIR_MS_MAX = 5_000;
const TICK_MS = 10;
const READY_MS_MAX = 30_000;
const CONTROL_MS = 500;
/** The decider's heap, as c/vm sets it; its process has a few MiB besides. */
const HEAP_KIB = 16 * 1024;
const RATE = 500;
const SECONDS = 120;
const OUR_PROTOCOL = 173;
const OUR_TABLE = 47;

const quad = (at) => `${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
const hex = (byte) => byte.toString(16).padStart(2, "0");
const ruleFlush = [4, 6].map((family) => `ip -${family} rule flush protocol ${OUR_PROTOCOL}`)
  .join("; ");

const modes = {
  selective: (config) => config,
  "default gateway": (config) => ({ ...config, default_gateway: 1, vl_default: "us" }),
};

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  const { lab, outside } = await makeProbedLab();
  for (const [mode, change] of Object.entries(modes)) {
    await runMode({ checks, lab, outside }, mode, change);
  }
  return finish(checks);
});

async function runMode({ checks, lab, outside }, mode, change) {
  crowd();
  checks.ok((await countLeaks(outside)) > 0, `${mode}: the control sees every probe`);
  startRouter(lab, { change });
  await waitReady(lab);
  const { router } = lab.daemons;
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: SECONDS });
  const first = pidsOf(router).decider;
  await killAll([first]);
  await waitFor("a new decider that is done", READY_MS_MAX, () => {
    const { decider } = pidsOf(router);
    return decider !== undefined && decider !== first && planOf(router)?.length === 0;
  });
  checks.ok((await sum(outside)) === 0, `${mode}: nothing leaks, with the decider killed too`);
  const { decider } = pidsOf(router);
  const before = cpuMs(decider);
  wipe();
  // The kernel alone is asked meanwhile: each question to the decider costs it a plan.
  await waitFor("both layers", REPAIR_MS_MAX, areThere);
  const cpu = cpuMs(decider) - before;
  await waitFor("an empty plan", REPAIR_MS_MAX, () => planOf(router)?.length === 0);
  const leaked = await outside.read();
  const ms = Math.max(...PROBES.map(({ flow }) => leaked[flow].ms));
  checks.ok(cpu <= REPAIR_CPU_MS && ms <= REPAIR_MS_MAX, `${mode}: both layers are back`,
    `${ms.toFixed(0)} ms, ${cpu} ms of processor time`);
  await probes.stop();
  const status = aditJson(router, "status") ?? {};
  const rss = residentKib(pidsOf(router).decider);
  console.log(`${mode}: repaired in ${ms.toFixed(0)} ms by ${cpu} ms of processor time, `
    + `decider at most ${rss} KiB resident`);
  checks.ok(status.decider_restarts === 1, `${mode}: no decider died but the one that we killed`,
    `${status.decider_restarts}: ${status.last_death}`);
  checks.ok(rss < 2 * HEAP_KIB, `${mode}: it stays near its heap`, `${rss} KiB`);
  applySystemFirewall();
  await waitReady(lab);
  await killAll(pidsOf(router).all);
  nsRun("router", ["nft", "delete", "table", "inet", "adit"]);
  nsRun("router", ["sh", "-c", ruleFlush]);
  uncrowd();
}

async function countLeaks(outside) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: SECONDS });
  await sleep(CONTROL_MS);
  await probes.stop();
  const counts = await outside.read();
  return Math.min(...PROBES.map(({ flow }) => counts[flow].packets));
}

async function sum(outside) {
  const counts = await outside.read();
  return PROBES.reduce((total, { flow }) => total + counts[flow].packets, 0);
}

function wipe() {
  nsRun("router", ["sh", "-c", `${ruleFlush}; nft flush ruleset`]);
}

function crowd() {
  const via = addressOf(NET.wan, 1).v4;
  nsIp("router", [`addr add ${CROWD_NET}.0.1/16 dev ${NET.lan.dev}`,
    ...Array.from({ length: ROUTES }, (_, at) =>
      `route add 11.${quad(at)}/32 via ${via} dev ${WAN_DEV}`),
    ...Array.from({ length: NEIGHBOURS }, (_, at) => neighbour("replace", at)).filter(
      (line) => !line.includes(macOf("phone")))]);
}

function uncrowd() {
  nsRun("router", ["ip", "route", "flush", "root", "11.0.0.0/8"]);
  nsIp("router", [`addr del ${CROWD_NET}.0.1/16 dev ${NET.lan.dev}`,
    `neigh flush dev ${NET.lan.dev} nud permanent`]);
}

function neighbour(verb, at) {
  const [, high, low] = quad(at + 256).split(".");
  const mac = `06:00:00:00:${hex(at >> 8)}:${hex(at & 255)}`;
  return `neigh ${verb} ${CROWD_NET}.${high}.${low} lladdr ${mac} dev ${NET.lan.dev} nud permanent`;
}

function areThere() {
  const rules = nsRun("router", ["ip", "rule", "show"]);
  const isGuarded = nsTry("router", "nft list chain inet adit guard").status === 0;
  return isGuarded && new RegExp(`lookup ${OUR_TABLE}.*proto`).test(rules);
}

function cpuMs(pid) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ").slice(13, 15);
  return (Number(user) + Number(system)) * TICK_MS;
}

function residentKib(pid) {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
