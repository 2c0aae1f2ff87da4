/** Control modules on trial, with the real bundle on a simulated machine. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeMessage } from "../../ts/host/contract.gen.js";
import { Clock } from "../../runtime/sim/clock.js";
import type { Engine } from "../../runtime/sim/engine.js";
import { pinOf } from "../../runtime/sim/gateways.js";
import { Machine, STATE_DIR } from "../../runtime/sim/machine.js";
import { Network } from "../../runtime/sim/network.js";
import { configText } from "../../runtime/sim/policy.js";
import { Random } from "../../runtime/sim/random.js";
import { BUNDLES, loadEngine } from "../../runtime/sim/run.js";
import { furnish, locations, TUN } from "../../runtime/sim/topology.js";
import { Trace } from "../../runtime/sim/trace.js";
import { variationOf } from "../../runtime/sim/variation.js";

const TRIAL_MS = 20_000;
function bootWith(engine: Engine, prepare: (machine: Machine) => void = () => {}): Machine {
  const clock = new Clock();
  const random = new Random(7);
  const network = new Network(clock, random.fork());
  const pins = new Map(locations.map(({ name }) => [name, pinOf(name)]));
  const config = configText([], pins, variationOf(random.fork()));
  const around = { clock, network, random, engine, trace: new Trace(clock, 50) };
  const machine = new Machine({ name: "router", config }, around);
  furnish(machine.kernel);
  prepare(machine);
  machine.boot();
  run(machine, 5_000);
  return machine;
}

function run(machine: Machine, ms: number): void {
  const { clock } = machine.around;
  clock.run(clock.nowMs + ms);
}

function put(machine: Machine, name: string, text: string): void {
  machine.files.put(`${STATE_DIR}/${name}`, Buffer.from(text));
}

/** The bundle keeps what works by itself; here it goes unheard. */
function setDeaf(machine: Machine, isDeaf: boolean): void {
  if (machine.mover === undefined) return;
  machine.mover.ignore = ({ type }) => isDeaf && type === "control_keep";
}

/** As the decider would ask. */
function ask(machine: Machine, message: Parameters<typeof encodeMessage>[0]): void {
  machine.mover?.handle(encodeMessage(message, 99));
  run(machine, 2_000);
}

/** Slot, trial, and how many deciders were started. */
function stateOf(machine: Machine): string {
  const { control } = machine.mover ?? {};
  const trial = control?.trial === true ? " on trial" : "";
  return `${control?.running.slot}${trial}, ${machine.deciderStarts}`;
}

function testEngine(engine: Engine, bundle: string): void {
  const test = suite(`control modules: ${engine.name}`);
  const tryA = { type: "control_try", slot: "a", trialMs: TRIAL_MS } as const;
  const lastDeath = (machine: Machine): string => machine.mover?.lastDeath ?? "";

  test("a good one takes over with the TUN as it is, and stays when it is kept", () => {
    const machine = bootWith(engine);
    const tun = machine.kernel.linkNamed(TUN)?.index;
    assert.ok(tun !== undefined && tun > 0);
    put(machine, "control-a.mjs", bundle);
    setDeaf(machine, true);
    ask(machine, tryA);
    assert.is(stateOf(machine), "a on trial, 2");
    assert.is(machine.kernel.linkNamed(TUN)?.index, tun);
    setDeaf(machine, false);
    ask(machine, { type: "control_keep" });
    run(machine, 2 * TRIAL_MS);
    machine.killDecider("killed: signal 9");
    run(machine, 1_000);
    assert.is(stateOf(machine), "a, 3");
  });

  test("one that is not kept gives way to the former", () => {
    const machine = bootWith(engine);
    put(machine, "control-a.mjs", bundle);
    setDeaf(machine, true);
    ask(machine, tryA);
    run(machine, TRIAL_MS);
    assert.is(stateOf(machine), "rom, 3");
    assert.match(lastDeath(machine), /^control module a on trial: its control module was not kept/);
  });

  test("one that cannot be evaluated, or throws at its start, gives way at once", () => {
    const throwing = bundle.replace(/export\s*\{/, "throw new Error('broken');\nexport {");
    for (const text of ["export {", throwing]) {
      const machine = bootWith(engine);
      put(machine, "control-a.mjs", text);
      ask(machine, tryA);
      assert.is(stateOf(machine), "rom, 3");
      assert.match(lastDeath(machine), /^control module a on trial: exit status 70: /);
      assert.ok(machine.decider !== undefined);
    }
  });

  test.run();
}

function testStarts(engine: Engine, bundle: string): void {
  const test = suite(`starts of the mover: ${engine.name}`);

  test("after a power cut starts what was confirmed, if it is that still", () => {
    const digest = createHash("sha256").update(bundle).digest("hex");
    const machine = bootWith(engine, (fresh) => {
      put(fresh, "control-a.mjs", bundle);
      put(fresh, "control", `confirmed a ${digest}\n`);
    });
    assert.is(stateOf(machine), "a, 1");
    machine.powerCut(false);
    machine.boot();
    run(machine, 1_000);
    assert.is(stateOf(machine), "a, 2");
    machine.powerCut(false);
    put(machine, "control-a.mjs", `${bundle}\n`);
    machine.boot();
    run(machine, 1_000);
    assert.is(stateOf(machine), "rom, 3");
    assert.is(machine.mover?.control.doubt, "is another one by now");
  });

  test("a life has a number of its own", () => {
    const machine = bootWith(engine);
    const first = machine.mover?.life;
    machine.killDecider("killed: signal 9");
    run(machine, 1_000);
    assert.is(machine.mover?.life, first);
    machine.killAll();
    machine.boot();
    assert.is.not(machine.mover?.life, first);
  });
  test.run();
}

const engines = [await loadEngine("node"), await loadEngine("quickjs")] as const;
for (const [at, path] of [BUNDLES.node, BUNDLES.quickjs].entries()) {
  const bundle = readFileSync(path, "utf8");
  testEngine(engines[at] as Engine, bundle);
  testStarts(engines[at] as Engine, bundle);
}
