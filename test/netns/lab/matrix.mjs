// The leak matrix: every attack with every kind of rule in both families, in every setup.
//
// One run of an attack has two halves. First the positive control: the protection is off, the
// probes run, and each must be SEEN where leaks are counted, so that a later zero means something.
// Then the daemon runs, the probes run at full rate, the attack happens under them, and whatever
// arrives in clear outside the router's uplink is a leak: a probe, an answer to one, or an ICMP
// error that quotes one. A packet that bears an address from inside a tunnel is a leak whatever it
// holds, and one that comes out of another tunnel than its own went astray. Afterwards the router
// must have repaired itself: an empty plan, and every probe delivered through its tunnel again.
// With two uplinks leaks are counted on both, and the controls must be seen on both.

import { adit, isAlive, killAll, pidsOf, stopDaemon } from "./daemon.mjs";
import { ATTACKS } from "./attacks.mjs";
import { makeLab, startGateway, startGateways, startRouter, waitReady } from "./lab.mjs";
import { freezeDecider, stripGuard, thawDecider } from "./naive.mjs";
import { INNER_FLOW, TRAFFIC, startCounter, startEchoes, startProbes } from "./probe.mjs";
import { SECOND, buildSecondUplink, leadOver, leaveSecond, ruleBalanced, useSecond,
} from "./second.mjs";
import { SETUPS } from "./setups.mjs";
import { sleep, waitFor } from "./sh.mjs";
import { GATEWAYS, INNER_PREFIXES } from "./topology.mjs";

const RATE = 1000;
const PROBE_S_MAX = 60;
const CONTROL_MS = 300;
const CONTROL_MS_MAX = 5000;
const CONTROL_PACKETS_MIN = 50;
const REPAIR_MS_MAX = 15_000;
/** What was in the queues when an attack moved somebody still comes out of the former tunnel. */
const UNDER_WAY_MS = 50;
const CELL_WIDTH = 14;
const NAME_WIDTH = 27;

/**
 * Runs the attacks for which `only` holds, given attack and setup, in setups whose names pass
 * `setups`; `observeMs` is the time after each attack. Gives the number of cells by uplinks.
 */
export async function runMatrix(checks, { observeMs, only = () => true, setups = () => true }) {
  const lab = await makeLab();
  const env = { lab, observeMs, ...await startCounters() };
  await startEchoes();
  startGateways(lab);
  const cells = { 1: 0, 2: 0 };
  for (const setup of SETUPS.filter(({ name }) => setups(name))) {
    const attacks = ATTACKS.filter((attack) =>
      (setup.second !== undefined || !attack.isOfTwo) && only(attack, setup));
    if (attacks.length === 0) continue;
    printHead(setup);
    await prepare(env, setup);
    for (const attack of attacks) {
      cells[env.outside.length] += await runRow(checks, env, setup, attack);
    }
    if (setup.second !== undefined) abandon(setup);
  }
  console.log(`${cells[1] + cells[2]} cells, each with its control; ${cells[2]} of them with two `
    + "uplinks");
  return cells;
}

/** The second uplink is built for the first setup that has one, and stays. */
async function prepare(env, { second }) {
  if (second === undefined) return;
  if (env.outside.length === 1) {
    buildSecondUplink();
    env.outside.push(await startCounter(SECOND.ns, "w0", INNER_PREFIXES));
  }
  useSecond(second);
  if (second === "balanced") ruleBalanced("add");
}

function abandon({ second }) {
  if (second === "balanced") ruleBalanced("del");
  leaveSecond(second);
}

/** Puts back what the attack changed, and what that took from the second uplink. */
async function undo({ env: { lab }, setup, attack }) {
  await attack.undo(lab);
  if (setup.second !== undefined) useSecond(setup.second);
}

async function startCounters() {
  const outside = [await startCounter("uplink", "w0", INNER_PREFIXES)];
  const inside = {};
  for (const name of Object.keys(GATEWAYS)) {
    inside[name] = await startCounter("internet", `to-${name}`);
  }
  return { outside, inside };
}

/** Gives the number of cells. */
async function runRow(checks, env, setup, attack) {
  const row = { env, setup, attack, probes: setup.probes.filter(attack.probes ?? (() => true)) };
  try {
    judge(checks, row, await runAttack(row));
  } catch (error) {
    const log = routerLog(env.lab);
    checks.ok(false, `${attack.name}, ${setup.name}`, `${error.message}\n${log}`);
    await recover(env.lab);
  }
  return row.probes.length;
}

async function runAttack(row) {
  const { env: { lab }, setup, attack } = row;
  const { change = (config) => config } = attack;
  const start = async () => {
    startRouter(lab, { change: (config) => change(setup.change(config)) });
    await waitReady(lab);
  };
  const isNaive = attack.control === "naive";
  if (isNaive) await start();
  const control = await (isNaive ? runNaive(row) : runControl(row));
  if (!isNaive) await start();
  const attacked = await runUnderProbes(row);
  await stopDaemon(lab.daemons.router);
  return { control, ...attacked };
}

/** The daemon is stopped; an attack on the surroundings happens all the same. */
async function runControl(row) {
  const { env: { lab, outside }, attack } = row;
  if (attack.isEnvironment) await attack.act(lab);
  await resetAll(outside);
  const probes = start(row);
  const seen = await readEnough(row);
  await probes.stop();
  if (attack.isEnvironment) await undo(row);
  return seen;
}

/** Each uplink leads for a while, unless the attack says which one does. */
async function sleepOverEach({ env: { outside }, attack }) {
  const ranks = outside.length > 1 && !attack.isLeading ? [1, 0] : [];
  if (ranks.length === 0) await sleep(CONTROL_MS);
  for (const rank of ranks) {
    leadOver(rank);
    await sleep(CONTROL_MS);
  }
}

/** What was seen in all, and the least that a place saw where it has to show. */
async function readEach({ env: { outside }, attack }) {
  const each = [];
  for (const counter of outside) each.push(await counter.read());
  const sum = addCounts(each);
  if (attack.isLeading) return { sum, least: sum };
  const least = Object.fromEntries(Object.keys(sum).map((flow) =>
    [flow, { packets: Math.min(...each.map((counts) => counts[flow].packets)) }]));
  return { sum, least };
}

/** The tunnels carry, but nothing of ours guards: what the documented scheme alone lets out. */
async function runNaive(row) {
  const { env: { lab, outside, inside }, attack } = row;
  const probes = start(row);
  await freezeDecider(lab);
  try {
    stripGuard();
    await resetAll([...outside, ...Object.values(inside)]);
    await attack.act(lab);
    return await readEnough(row);
  } finally {
    await probes.stop();
    await undo(row);
    thawDecider(lab);
    await waitReady(lab);
  }
}

/** What is judged is the count, so it does not matter when it is not reached. */
async function readEnough(row) {
  const { attack, probes } = row;
  const end = performance.now() + CONTROL_MS_MAX;
  for (;;) {
    await sleepOverEach(row);
    const { sum, least } = await readEach(row);
    const strays = attack.isAstray ? addCounts([sum, await readStrays(row)]) : undefined;
    const seen = { sum: strays ?? sum, least: strays ?? least };
    const isEnough = probes.every(({ flow }) => seen.least[flow].packets >= controlMin(attack));
    if (isEnough || performance.now() > end) return seen;
  }
}

const controlMin = (attack) => attack.controlMin ?? CONTROL_PACKETS_MIN;

async function runUnderProbes(row) {
  const { env: { lab, outside, inside, observeMs }, attack } = row;
  const gateways = Object.values(inside);
  await attack.prepare?.(lab);
  await resetAll(outside);
  const probes = start(row);
  let leaked = {};
  let sent = {};
  const strays = [];
  try {
    await sleep(CONTROL_MS);
    await attack.act(lab);
    await sleep(UNDER_WAY_MS);
    await resetAll(gateways);
    await sleep(observeMs);
    strays.push(await readStrays(row));
    await undo(row);
    await waitReady(lab);
    if (attack.isDelivered !== false) await waitDelivered(row);
  } finally {
    sent = await probes.stop();
    leaked = await readAll(outside);
  }
  return { leaked, sent, strays: addCounts(strays) };
}

function start({ attack, probes }) {
  const traffic = attack.traffic ?? TRAFFIC.web;
  return startProbes({ rate: RATE, seconds: PROBE_S_MAX, traffic, probes });
}

async function resetAll(counters) {
  for (const counter of counters) await counter.reset();
}

async function readAll(counters) {
  const counts = [];
  for (const counter of counters) counts.push(await counter.read());
  return addCounts(counts);
}

function addCounts(all) {
  const sum = {};
  for (const counts of all) {
    for (const [flow, { packets, ms, sample }] of Object.entries(counts)) {
      const before = sum[flow] ?? { packets: 0, ms: 0 };
      sum[flow] = { packets: before.packets + packets, ms: Math.max(before.ms, ms),
        sample: before.sample ?? sample };
    }
  }
  return sum;
}

/** Packets that came out of another tunnel than their own. */
async function readStrays({ env: { inside }, attack, probes }) {
  const counts = [];
  for (const [name, counter] of Object.entries(inside)) {
    const here = await counter.read();
    const foreign = attack.locations === null ? []
      : probes.filter((probe) => locationOf(attack, probe) !== name);
    counts.push(Object.fromEntries(foreign.map(({ flow }) => [flow, here[flow]])));
  }
  return addCounts(counts);
}

/** Where a probe belongs once the attack has happened. */
function locationOf({ locations = {} }, { device, location }) {
  return locations[device] ?? location;
}

// Repaired means that every device's packets come out of its tunnel again.
async function waitDelivered({ env: { inside }, probes }) {
  await resetAll(Object.values(inside));
  let missing = probes;
  await waitFor("every probe delivered through its tunnel", REPAIR_MS_MAX, async () => {
    const counts = await readAll(Object.values(inside));
    missing = probes.filter(({ flow }) => counts[flow].packets === 0);
    return missing.length === 0;
  }).catch((error) => {
    const names = missing.map(({ rule, family }) => `${rule} ${family}`).join(", ");
    throw new Error(`${error.message}; missing: ${names}`);
  });
}

function judge(checks, { setup, attack, probes }, { control, leaked, sent, strays }) {
  const cells = [];
  const tolerated = attack.repairMs ?? 0;
  for (const { flow, rule, family } of probes) {
    const [out, seen] = [leaked[flow], control.sum[flow]];
    const stray = strays[flow]?.packets ?? 0;
    const isControlled = control.least[flow].packets >= controlMin(attack);
    const isTight = out.packets <= tolerated * RATE / 1000 && out.ms <= tolerated;
    const column = setup.probes.findIndex((probe) => probe.flow === flow);
    cells[column] = `${out.packets}/${seen.packets}`;
    checks.ok(isControlled && isTight && stray <= tolerated && sent[flow] > 0,
    `${attack.name}, ${setup.name}, ${rule} rule, ${family}`,
    `leaked ${out.packets} of ${sent[flow]} in ${out.ms.toFixed(0)} ms, ${stray} astray, `
      + `control ${seen.packets}, at least ${control.least[flow].packets} on each uplink, `
      + `first packet ${out.sample ?? "none"}`);
  }
  const inner = leaked[INNER_FLOW];
  checks.ok(inner.packets === 0, `${attack.name}, ${setup.name}, addresses from inside a tunnel`,
    `${inner.packets} packets, the first ${inner.sample ?? "none"}`);
  const row = Array.from(setup.probes, (_, at) => cells[at] ?? "");
  printRow(attack.name, row, attack.repairMs ? `at most ${attack.repairMs} ms` : "");
}

function printHead({ name, probes }) {
  console.log(`${name}: packets leaked at 1,000 packets/s under the attack / `
    + "seen with the protection off.");
  printRow("attack", probes.map(({ rule, family }) => `${rule} ${family}`), "");
}

function printRow(name, cells, note) {
  const columns = cells.map((cell) => cell.padStart(CELL_WIDTH)).join("");
  console.log(`${name.padEnd(NAME_WIDTH)}${columns}  ${note}`.trimEnd());
}

function routerLog(lab) {
  const { router } = lab.daemons;
  if (router === undefined) return "";
  return `${adit(router, "status").stdout.slice(0, 1000)}\n${router.child.text.slice(-2000)}`;
}

// After a failed attack the next one still gets a fair start.
async function recover(lab) {
  const { router } = lab.daemons;
  if (router !== undefined && isAlive(router.child.pid)) {
    await stopDaemon(router).catch(() => killAll(pidsOf(router).all));
  }
  for (const name of Object.keys(GATEWAYS)) {
    if (pidsOf(lab.daemons[name]).all.every((pid) => !isAlive(pid))) startGateway(lab, name);
  }
}
