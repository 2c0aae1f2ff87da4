/** A small simulated household that runs policy scripts: what decides in it, and power cuts. */
import { createHash } from "node:crypto";
import type { ApiAnswer } from "../../runtime/sim/api-client.js";
import { callApi } from "../../runtime/sim/api-client.js";
import { Clock } from "../../runtime/sim/clock.js";
import type { Engine } from "../../runtime/sim/engine.js";
import { pinOf, ScriptedGateway } from "../../runtime/sim/gateways.js";
import { Machine } from "../../runtime/sim/machine.js";
import { Network } from "../../runtime/sim/network.js";
import { configText } from "../../runtime/sim/policy.js";
import { Random } from "../../runtime/sim/random.js";
import { announce, furnish, locations, makeDevices } from "../../runtime/sim/topology.js";
import { Trace } from "../../runtime/sim/trace.js";

/** What GET /v1/policy tells, as far as tests look at it. */
export interface PolicyView {
  readonly script: { readonly sha256: string; readonly origin: string } | null;
  readonly state: string;
  readonly module: string;
  readonly trial: boolean;
  readonly policy: SlotsView;
  readonly control: SlotsView;
}

interface SlotsView {
  readonly confirmed: string;
  readonly pending: { readonly sha256: string } | null;
  readonly last: { readonly action: string; readonly sha256: string; readonly why: string } | null;
}

export type Flash = ReadonlyMap<string, Uint8Array>;

/** The power fails in the middle of a write. */
class PowerCut extends Error {}

const bootMs = 3_000;
const answerMs = 2_000;
const noVariation = { lazy: false, defaultGateway: false, samePool: false, named: false };

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A script that sends everybody to one place. */
export function scriptTo(location: string): string {
  return `import { definePolicy, via } from "adit:policy";
export default definePolicy({ route: () => via("${location}") });
`;
}

export class Household {
  readonly clock = new Clock();
  readonly machine: Machine;
  readonly devices = makeDevices();
  readonly gateways = new Map<string, ScriptedGateway>();
  /** Host calls of the decider and steps of writes since `count` was called. */
  steps = 0;
  /** The step before which something happens; Infinity for never. */
  #cutAt = Infinity;
  #lucky = false;
  #cutsProcess = false;
  wasCut = false;
  readonly #random: Random;

  constructor(engine: Engine, flash: Flash = new Map(), policy: object = {}, seed = 1) {
    const random = new Random(seed);
    const { clock } = this;
    this.#random = random;
    const network = new Network(clock, random.fork());
    const around = { clock, network, trace: new Trace(clock, 0), engine, random: random.fork() };
    for (const plan of locations) {
      const gateway = new ScriptedGateway(plan, network, clock);
      this.gateways.set(plan.name, gateway);
      gateway.start();
    }
    const pins = new Map(locations.map(({ name }) => [name, pinOf(name)]));
    const config = { ...JSON.parse(configText([], pins, noVariation)), policy } as object;
    this.machine = new Machine({ name: "router", config: JSON.stringify(config) }, around);
    for (const [path, data] of flash) this.machine.files.put(path, data);
    furnish(this.machine.kernel);
    for (const device of this.devices) announce(this.machine.kernel, device, random);
  }

  boot(): void {
    this.machine.boot();
    this.run(bootMs);
  }

  run(delayMs: number): void {
    const untilMs = this.clock.nowMs + delayMs;
    try {
      this.clock.run(untilMs);
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      this.machine.powerCut(this.#lucky);
      this.clock.run(untilMs);
    }
  }

  /** Asks the API and lets time pass until it answered; status 0 if nobody did. */
  ask(method: "GET" | "POST", path: string, body?: object): ApiAnswer {
    let found: ApiAnswer | undefined;
    callApi(this.machine, method, path, body, (answer) => (found = answer));
    for (let waited = 0; waited < answerMs && found === undefined; waited += 10) this.run(10);
    return found ?? { status: 0, body: "no answer" };
  }

  view(): PolicyView {
    return JSON.parse(this.ask("GET", "/v1/policy").body) as PolicyView;
  }

  /** Where each device goes, by its MAC. */
  ways(): ReadonlyMap<string, string> {
    const { devices } = JSON.parse(this.ask("GET", "/v1/devices").body) as {
      devices: { mac: string; location: string; outcome: string }[];
    };
    return new Map(devices.map(({ mac, location, outcome }) => [mac, location || outcome]));
  }

  /** The state directory, to begin another household with. */
  flash(): Flash {
    const { files } = this.machine;
    const kept = files.paths().filter((path) => path.startsWith(files.stateDir));
    return new Map(kept.map((path) => [path, files.get(path)?.data ?? new Uint8Array(0)]));
  }

  /** Begins to count; at step `cutAt` the power fails, or only the decider is killed. */
  count(cutAt = Infinity, cuts: "power" | "lucky power" | "decider" = "power"): void {
    const { machine } = this;
    this.steps = 0;
    this.#cutAt = cutAt;
    this.#lucky = cuts === "lucky power";
    this.#cutsProcess = cuts === "decider";
    machine.onEffect = () => {
      if (!this.#isCut()) return;
      if (this.#cutsProcess) machine.killDecider("killed: signal 9");
      else machine.powerCut(this.#lucky);
    };
    machine.files.onStep = () => {
      if (!this.#isCut()) return;
      if (!this.#cutsProcess) throw new PowerCut("the power fails");
      machine.killDecider("killed: signal 9");
    };
  }

  #isCut(): boolean {
    if (this.wasCut || ++this.steps < this.#cutAt) return false;
    this.wasCut = true;
    return true;
  }

  /** What was in the way is over. */
  settle(): void {
    this.machine.onEffect = () => undefined;
    this.machine.files.onStep = () => undefined;
    if (this.machine.mover === undefined) this.machine.boot();
    for (const device of this.devices) announce(this.machine.kernel, device, this.#random);
    this.run(bootMs);
  }
}
