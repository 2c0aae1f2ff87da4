// The leak matrix: every attack with every kind of rule in both families.
//
// One run of an attack has two halves. First the positive control: the daemon is stopped, the
// probes run, and each must be SEEN where leaks are counted, so that a later zero means something.
// Then the daemon starts, the probes run at full rate, the attack happens under them, and whatever
// arrives outside the router's uplink in clear is a leak: a probe, or the answer to one, since
// every probe is answered. Afterwards the router must have repaired itself: an empty plan, and
// every probe delivered through its tunnel again.

import { adit, isAlive, killAll, pidsOf, stopDaemon } from "./daemon.mjs";
import { ATTACKS } from "./attacks.mjs";
import { makeLab, startGateway, startRouter, waitReady } from "./lab.mjs";
import { PROBES, startCounter, startEchoes, startProbes } from "./probe.mjs";
import { sleep, waitFor } from "./sh.mjs";
import { GATEWAYS } from "./topology.mjs";

const RATE = 1000;
const PROBE_S_MAX = 60;
const CONTROL_MS = 300;
const CONTROL_PACKETS_MIN = 50;
const REPAIR_MS_MAX = 15_000;
const CELL_WIDTH = 14;
const NAME_WIDTH = 23;

/** Runs the attacks whose names pass `only`; `observeMs` is the time after each attack. */
export async function runMatrix(checks, { observeMs, only = () => true }) {
  const lab = await makeLab();
  const outside = await startCounter("uplink", "w0");
  const inside = await startCounter("internet", "br0");
  await startEchoes();
  for (const name of Object.keys(GATEWAYS)) startGateway(lab, name);
  printHead();
  const attacks = ATTACKS.filter((attack) => only(attack.name));
  for (const attack of attacks) {
    try {
      const cells = await runAttack({ lab, outside, inside, observeMs }, attack);
      judge(checks, attack, cells);
    } catch (error) {
      checks.ok(false, attack.name, `${error.message}\n${routerLog(lab)}`);
      await recover(lab);
    }
  }
}

async function runAttack(env, attack) {
  const control = await runControl(env, attack);
  startRouter(env.lab);
  await waitReady(env.lab);
  const attacked = await runUnderProbes(env, attack);
  await stopDaemon(env.lab.daemons.router);
  return PROBES.map((probe) => ({ probe, control: control[probe.flow],
    leaked: attacked.leaked[probe.flow], sent: attacked.sent[probe.flow],
    delivered: attacked.delivered[probe.flow] }));
}

async function runControl({ lab, outside }, attack) {
  if (attack.isEnvironment) await attack.act(lab);
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: PROBE_S_MAX, kind: attack.kind });
  await sleep(CONTROL_MS);
  await probes.stop();
  const seen = await outside.read();
  if (attack.isEnvironment) await attack.undo(lab);
  return seen;
}

async function runUnderProbes({ lab, outside, inside, observeMs }, attack) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: PROBE_S_MAX, kind: attack.kind });
  let leaked = {};
  let delivered = {};
  let sent = {};
  try {
    await sleep(CONTROL_MS);
    await attack.act(lab);
    await sleep(observeMs);
    await attack.undo(lab);
    await waitReady(lab);
    delivered = attack.kind === "server" ? {} : await waitDelivered(inside);
  } finally {
    sent = await probes.stop();
    leaked = await outside.read();
  }
  return { leaked, delivered, sent };
}

// Repaired means that every device's packets come out of its tunnel again.
async function waitDelivered(inside) {
  let counts = {};
  await inside.reset();
  await waitFor("every probe delivered through its tunnel", REPAIR_MS_MAX, async () => {
    counts = await inside.read();
    return PROBES.every(({ flow }) => counts[flow].packets > 0);
  });
  return counts;
}

function judge(checks, attack, cells) {
  const row = [];
  for (const { probe, control, leaked, sent } of cells) {
    const where = `${attack.name}, ${probe.rule} rule, ${probe.family}`;
    const tolerated = attack.repairMs ?? 0;
    const isTight = leaked.packets <= tolerated * RATE / 1000 && leaked.ms <= tolerated;
    row.push(`${leaked.packets}/${control.packets}`);
    checks.ok(control.packets >= CONTROL_PACKETS_MIN && isTight && sent > 0, where,
      `leaked ${leaked.packets} of ${sent} in ${leaked.ms.toFixed(0)} ms, `
      + `control ${control.packets}, first packet ${leaked.sample ?? "none"}`);
  }
  printRow(attack.name, row, attack.repairMs ? `at most ${attack.repairMs} ms` : "");
}

function printHead() {
  console.log("Cells: packets leaked at 1,000 packets/s under the attack / "
    + "seen with the protection off.");
  printRow("attack", PROBES.map(({ rule, family }) => `${rule} ${family}`), "");
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
