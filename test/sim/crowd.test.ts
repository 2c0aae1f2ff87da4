/**
 * 200 devices that sleep, wake and change addresses for a day: no flow is cut that is where it
 * belongs, and in the end none is elsewhere. With every flow of a known device forgotten, the same
 * test sees flows cut.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Clock } from "../../runtime/sim/clock.js";
import { mistakes } from "../../runtime/sim/mistakes.js";
import { isRight } from "../../runtime/sim/flows.js";
import { pinOf, ScriptedGateway } from "../../runtime/sim/gateways.js";
import type { Flow } from "../../runtime/sim/kernel-objects.js";
import { Machine } from "../../runtime/sim/machine.js";
import { Network } from "../../runtime/sim/network.js";
import { configText } from "../../runtime/sim/policy.js";
import { Random } from "../../runtime/sim/random.js";
import type { Packet } from "../../runtime/sim/resolve.js";
import { resolve } from "../../runtime/sim/resolve.js";
import { loadEngine } from "../../runtime/sim/run.js";
import type { Device } from "../../runtime/sim/topology.js";
import { announce, destinations4, furnish, locations } from "../../runtime/sim/topology.js";
import { Trace } from "../../runtime/sim/trace.js";
import { MINUTE_MS } from "./support.js";

const DEVICES = 200;
const DAY_MINUTES = 1_440;
const CONTROL_MINUTES = 10;
const BOOT_MS = 10_000;
const EVENTS_PER_MINUTE = 4;
/** A neighbour entry comes when the first answer is on its way. */
const ANSWER_MS = 100;
/** More than the devices, so that addresses are left and taken by others. */
const ADDRESSES = 230;

const engine = await loadEngine("node");

function makeCrowd(): Device[] {
  const hex = (i: number): string => i.toString(16).padStart(2, "0");
  return Array.from({ length: DEVICES }, (_, i) => ({
    name: `device ${i}`, iface: "br-lan", mac: `02:00:00:00:02:${hex(i)}`,
    addr4: `192.168.1.${i + 2}`, addr6: `fd00:1::${(i + 2).toString(16)}`,
  }));
}

class Crowd {
  readonly clock = new Clock();
  readonly random = new Random(7);
  readonly devices = makeCrowd();
  readonly machine: Machine;
  readonly cut: string[] = [];

  constructor(plant: (machine: Machine) => void) {
    const { clock, devices, random } = this;
    const network = new Network(clock, random.fork());
    const around = { clock, network, trace: new Trace(clock, 0), engine, random: random.fork() };
    for (const plan of locations) new ScriptedGateway(plan, network, clock).start();
    const pins = new Map(locations.map(({ name }) => [name, pinOf(name)]));
    const rules = devices.flatMap(({ mac: subject }, i) => {
      const vl = [...locations.map(({ name }) => name), ""][i % (locations.length + 1)] ?? "";
      return vl === "" ? [] : [{ kind: "mac", subject, vl, whenDown: "block" } as const];
    });
    const plain = { lazy: false, defaultGateway: false, samePool: false, named: false };
    this.machine = new Machine({ name: "router", config: configText(rules, pins, plain) }, around);
    furnish(this.machine.kernel);
    plant(this.machine);
    this.machine.boot();
    clock.run(BOOT_MS);
    this.machine.kernel.onCut = (flow) => this.#onCut(flow);
  }

  live(minutes: number): void {
    const { clock, devices, random } = this;
    for (let minute = 0; minute < minutes; minute++) {
      for (let i = 0; i < EVENTS_PER_MINUTE; i++) {
        this.#change(random.pick(devices));
        clock.run(clock.nowMs + MINUTE_MS / EVENTS_PER_MINUTE);
      }
    }
  }

  /** Flows of devices that are elsewhere than new ones would be. */
  strays(): Flow[] {
    return this.machine.kernel.flows.filter((flow) => this.#isRight(flow) === false);
  }

  /** It sleeps, or speaks before anybody knows that it is there, perhaps at another address. */
  #change(device: Device): void {
    const { clock, machine, random } = this;
    const index = machine.kernel.linkNamed(device.iface)?.index ?? 0;
    if (random.chance(30)) {
      for (const addr of [device.addr4, device.addr6]) machine.kernel.removeNeighbour(index, addr);
      return;
    }
    if (random.chance(40)) this.#move(device);
    for (const dst of destinations4) {
      resolve(machine.kernel, packetTo(device, dst), { track: true });
    }
    clock.after(ANSWER_MS, () => announce(machine.kernel, device, random));
  }

  /** To an address that nobody has any more. */
  #move(device: Device): void {
    const { devices, machine, random } = this;
    const addr4 = `192.168.1.${random.between(2, ADDRESSES + 1)}`;
    if (devices.some((other) => other.addr4 === addr4)) return;
    const index = machine.kernel.linkNamed(device.iface)?.index ?? 0;
    machine.kernel.removeNeighbour(index, device.addr4);
    device.addr4 = addr4;
  }

  #onCut(flow: Flow): void {
    if (this.#isRight(flow) === true) this.cut.push(JSON.stringify(flow));
  }

  #isRight(flow: Flow): boolean | undefined {
    const device = this.devices.find(({ addr4 }) => addr4 === flow.src);
    if (device === undefined) return undefined;
    return isRight(this.machine.kernel, flow, packetTo(device, flow.dst));
  }
}

function packetTo({ iface: iif, mac, addr4: src }: Device, dst: string): Packet {
  return { iif, mac, src, dst, dport: 443 };
}

const test = suite("sim: a crowd of devices");

test("no flow is cut that is where it belongs, and none stays elsewhere", () => {
  const crowd = new Crowd(() => {});
  crowd.live(DAY_MINUTES);
  assert.equal(crowd.cut.slice(0, 3), []);
  assert.equal(crowd.strays().slice(0, 3), []);
  assert.ok(crowd.machine.kernel.flows.length > DEVICES, "flows were made");
});

test("whoever forgets the flows of a device that shows up is seen", () => {
  const mistake = mistakes.find(({ name }) => name === "cut-arrivals");
  assert.ok(mistake !== undefined);
  const crowd = new Crowd((machine) => mistake?.plant(machine));
  crowd.live(CONTROL_MINUTES);
  assert.ok(crowd.cut.length > 0);
});

test.run();
