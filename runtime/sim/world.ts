/**
 * One run: a world from a seed, hours of faults, then quiet, and the checks. All that happens
 * follows from the seed, the bundle and the engine's semantics.
 */
import type { ApiAnswer } from "./api-client.js";
import { askProtect, callApi } from "./api-client.js";
import { busFaults, checkBus } from "./bus-faults.js";
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Event } from "./clock.js";
import { Clock } from "./clock.js";
import { createDnsServer } from "./dns-server.js";
import type { Fault } from "./faults.js";
import { DAY_MS, drainRoutes, faults, forgetUnused, removeImpostor } from "./faults.js";
import { sysctlText, wipeKernel } from "./power.js";
import {
  checkFailover, checkStopped, expectEmptyPlan, expectQuiet, untilQuietMs,
} from "./quiet.js";
import { scriptFaults } from "./script-faults.js";
import { planScript, ScriptLife } from "./script-life.js";
import type { Gateway } from "./gateways.js";
import { BundleGateway, pinOf, ScriptedGateway } from "./gateways.js";
import type { Checked } from "./invariants.js";
import {
  checkCut, checkOrder, checkPlaces, checkSafety, checkSettled, Damage, foreignText,
} from "./invariants.js";
import { Violation } from "./violation.js";
import { Machine } from "./machine.js";
import { Network } from "./network.js";
import type { ReferenceRule } from "./policy.js";
import { configText, ReferencePolicy, startingRules } from "./policy.js";
import { Random } from "./random.js";
import type { Report, RunOptions } from "./report.js";
import { sendPackets } from "./traffic.js";
import type { Device } from "./topology.js";
import {
  announce, furnish, locations, makeDevices, nameOf, plugUplink, UPLINKS,
} from "./topology.js";
import { Trace } from "./trace.js";
import { furnishSecond, mendUplinks, shutOne, uplinkFaults } from "./uplinks.js";
import { poolsOf, variationOf } from "./variation.js";

const SIGTERM = 15;
const STOP_MS = 10_000;
const BOOT_MS = 30_000;
const SETTLE_MS = 60_000;
/** Until a dead uplink is left, and the other has answered. */
const FAILOVER_MS = 16_000;
const TRAFFIC_MS = 1_000;
/** In a calm nothing changes, so that a packet now and then shows as much as many. */
const TRAFFIC_CALM_MS = 60_000;
const FAULT_GAP_MS_MAX = 20_000;
const STORM_MS_MAX = 4 * 60_000;
const CALM_MS_MAX = 8 * 3_600_000;
/** Some faults follow one another closely: what one alone cannot break, two together may. */
const BURST_PERCENT = 30;
const BURST_MS_MAX = 300;
/** After refused commands the decider waits up to replanDelayMsMax, and then needs its time. */
const BACK_OFF_MS = 12_500;
/** Commands that leave the kernel as it is. */
const READING = new Set([
  "hello", "log", "ready", "pong", "file_read", "sysctl_get", "nft_list", "stats_get", "watch",
]);

export function run(options: RunOptions): Report {
  const world = new World(options);
  let violation: Violation | Error | undefined;
  try {
    world.live(options.faultMs, options.onDay);
  } catch (error) {
    violation = error as Error;
  }
  const { trace, clock } = world;
  return {
    seed: options.seed, digest: trace.digest(), messages: trace.messages,
    virtualMs: clock.nowMs, faults: world.faultCount, violation,
    lines: violation === undefined ? [] : [...trace.lines(), ...world.router.logLines()],
  };
}

export class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly network: Network;
  readonly trace: Trace;
  readonly router: Machine;
  readonly gateways: Gateway[];
  readonly devices: Device[];
  readonly policy: ReferencePolicy;
  /** Undefined in a life without a policy script. */
  readonly script: ScriptLife | undefined;
  readonly damage = new Damage();
  faultCount = 0;
  readonly #checked: Checked;
  #protected = false;
  /** A change was asked for and not confirmed. */
  changing = false;
  faulty = true;
  /** The uplink to which the best default routes lead. */
  leader: (typeof UPLINKS)[number] = UPLINKS[0];
  #lastCommand: DeciderMessage | undefined;
  readonly #sysctlsBefore: string;
  readonly #configured: ReferencePolicy;
  readonly #stormy: boolean;
  #stormEndsMs = Infinity;
  #nextPackets: Event | undefined;

  constructor(options: RunOptions) {
    this.random = new Random(options.seed);
    this.#stormy = options.stormy ?? false;
    this.network = new Network(this.clock, this.random.fork());
    this.trace = new Trace(this.clock, options.traceKeep ?? 200);
    const { clock, network, trace } = this;
    const around = { clock, network, trace, engine: options.engine, random: this.random.fork() };
    this.devices = makeDevices();
    const { scripted, seed, second, gatewayEngine = options.engine } = options;
    const variation = variationOf(this.random, scripted, seed, second);
    this.policy = new ReferencePolicy(variation);
    const rules = startingRules(this.devices, this.random, variation);
    if (variation.second !== undefined) shutOne(rules, seed);
    for (const rule of rules) this.policy.protect(rule);
    const real = this.random.chance(50);
    this.gateways = poolsOf(variation).map((plan) =>
      real
        ? new BundleGateway(plan, { ...around, engine: gatewayEngine })
        : new ScriptedGateway(plan, network, clock),
    );
    const pins = new Map(locations.map(({ name }) => [name, pinOf(name)]));
    const plan = variation.scripted === true ? planScript(this.random) : undefined;
    this.policy.answers = plan?.answers;
    const config = configText(this.policy.rules, pins, variation, plan?.section);
    this.router = new Machine({ name: "router", config }, around);
    const hosts = new Map(locations.map((plan) => [nameOf(plan.name), plan]));
    this.router.descriptors.dns = createDnsServer(hosts, this.random.fork());
    this.script = plan && new ScriptLife(this.router, this.devices, this.random.fork(), plan);
    furnish(this.router.kernel);
    if (variation.second !== undefined) furnishSecond(this.router.kernel, variation.second);
    this.#configured = this.policy.copy();
    this.#sysctlsBefore = sysctlText(this.router);
    options.plant?.(this.router);
    this.#checked = this.#checkedOf();
    this.#wire();
  }

  /** The whole run; throws Violation. */
  live(faultMs: number, onDay?: () => void): void {
    for (const gateway of this.gateways) gateway.start();
    for (const device of this.devices) announce(this.router.kernel, device, this.random);
    this.router.boot();
    this.clock.run(BOOT_MS);
    if (!this.#protected) throw new Violation("ready after boot", `not within ${BOOT_MS} ms`);
    this.#traffic();
    if (this.#stormy) this.#calmDown();
    else this.#scheduleFaults(this.#swarm());
    for (const endMs = BOOT_MS + faultMs; this.clock.nowMs < endMs; onDay?.()) {
      this.clock.run(Math.min(this.clock.nowMs + DAY_MS, endMs));
    }
    this.#stopFaults();
    this.clock.run(this.clock.nowMs + SETTLE_MS);
    this.#settle();
    this.#loseOne();
    this.#loseUplink();
    this.#stop();
  }

  /** Others changed what is theirs: that is the new normal. */
  foreignChanged(): void {
    this.#checked.foreignBefore = this.#checked.foreign();
    this.#check();
  }

  /** A change was asked for; until it is confirmed, before and after are both right. */
  expectChange(rule: ReferenceRule): void {
    this.#checked.previous = this.policy.copy();
    this.changing = true;
    this.#checked.changedAtMs = Infinity;
    this.policy.protect(rule);
  }

  /** The power fails: the kernel forgets what is ours, and files what was not on the flash. */
  cutPower(): void {
    const { router, clock, random, policy } = this;
    if (this.changing || router.mover === undefined) return;
    this.#protected = false;
    router.powerCut(random.chance(50));
    router.files.writeError = 0;
    wipeKernel(router, this.#sysctlsBefore);
    this.script?.onMoverEnd();
    policy.answers?.forget();
    policy.rules.splice(0, policy.rules.length, ...this.#configured.rules);
    this.#checked.previous = policy.copy();
    clock.after(random.between(100, 5_000), () => router.boot());
  }

  changeAnswered(rule: ReferenceRule, answer: ApiAnswer): void {
    if (answer.status === 200) {
      this.changing = false;
      this.#checked.changedAtMs = this.clock.nowMs;
      return;
    }
    if (answer.status >= 400 && answer.status < 500) {
      throw new Violation("the API takes a good rule", `${answer.status} ${answer.body}`);
    }
    // The decider died, refused half-way or had no room: ask again until it is certain.
    this.clock.after(3_000, () => this.#ask(rule));
  }

  /** True once the first apply since power came is done. */
  get isReady(): boolean {
    return this.#protected;
  }

  #checkedOf(): Checked {
    const { router: machine, devices, policy, damage } = this;
    const foreign = (): string => foreignText(machine);
    return {
      machine, devices, policy, damage, foreign, previous: policy, changedAtMs: -Infinity,
      ableSinceMs: Infinity, foreignBefore: foreign(),
    };
  }

  #wire(): void {
    const { router } = this;
    router.kernel.onCut = (flow) => this.#protected && checkCut(this.#checked, flow);
    router.onReady = () => {
      this.#protected = true;
      this.#ableSince(this.clock.nowMs);
    };
    router.onDown = () => this.#ableSince(Infinity);
    router.onRefused = ({ type }) => {
      // What the kernel would not take is missing until the next attempt.
      if (type === "route_set" || type === "rule_set") this.damage.hit("routing", this.clock.nowMs);
      if (type === "nft_apply") this.damage.hit("firewall", this.clock.nowMs);
      const retryMs = this.clock.nowMs + BACK_OFF_MS;
      this.#ableSince(Math.max(this.#checked.ableSinceMs, retryMs));
    };
    router.onCommand = (message) => {
      if (READING.has(message.type) || message.type.startsWith("bus_")) return;
      this.#lastCommand = message;
      this.#check();
    };
  }

  #ableSince(atMs: number): void {
    this.#checked.ableSinceMs = atMs;
    if (this.script !== undefined) this.script.ableSinceMs = atMs;
  }

  #check(): void {
    checkOrder(this.#checked);
    if (this.#protected) checkSafety(this.#checked);
  }

  #swarm(): Fault[] {
    const share = this.random.between(20, 80);
    const { bus, scripted, second } = this.policy.variation;
    const some = [...(scripted ? scriptFaults : []), ...(bus ? busFaults : [])];
    const all = [...faults, ...some, ...(second === undefined ? [] : uplinkFaults)];
    const chosen = all.filter(() => this.random.chance(share));
    return chosen.length === 0 ? [this.random.pick(all)] : chosen;
  }

  /** The swarm changes with each storm, so that a long life meets every combination. */
  #calmDown(): void {
    const calmMs = this.random.between(1, CALM_MS_MAX);
    const stormMs = this.random.between(1, STORM_MS_MAX);
    this.#stormEndsMs = 0;
    this.clock.after(calmMs, () => {
      if (!this.faulty) return;
      this.#stormEndsMs = this.clock.nowMs + stormMs;
      this.#scheduleFaults(this.#swarm());
      this.#traffic();
    });
  }

  #scheduleFaults(chosen: readonly Fault[]): void {
    if (this.clock.nowMs >= this.#stormEndsMs) return this.#calmDown();
    const burst = this.random.chance(BURST_PERCENT);
    const gapMs = this.random.between(1, burst ? BURST_MS_MAX : FAULT_GAP_MS_MAX);
    this.clock.after(gapMs, () => {
      if (!this.faulty) return;
      const fault = this.random.pick(chosen);
      this.faultCount++;
      this.trace.note("fault", fault.name);
      fault.run(this);
      this.#check();
      this.#scheduleFaults(chosen);
    });
  }

  /** Each device sends now and then; flows are tracked, and lazy tunnels hear of them. */
  #traffic(): void {
    const { router, clock } = this;
    if (this.#nextPackets !== undefined) this.#nextPackets.cancelled = true;
    const calm = this.faulty && clock.nowMs >= this.#stormEndsMs;
    this.#nextPackets = clock.after(calm ? TRAFFIC_CALM_MS : TRAFFIC_MS, () => {
      sendPackets(router, this.devices, this.random);
      this.#traffic();
    });
  }

  #stopFaults(): void {
    this.faulty = false;
    this.#traffic();
    const { router } = this;
    this.network.fates.clear();
    router.files.writeError = 0;
    router.effectsLeft = Infinity;
    if (router.mover !== undefined) {
      router.mover.intercept = () => 0;
      router.mover.cages.fault = () => "none";
    }
    if (router.mover?.overflowing === true) router.mover.recover();
    this.clock.wallOffsetMs += untilQuietMs(this.clock);
    this.script?.onClockSet();
    plugUplink(router.kernel);
    mendUplinks(this);
    removeImpostor(this);
    drainRoutes(this);
    for (const gateway of this.gateways) gateway.start();
    router.boot();
    this.script?.finish();
    forgetUnused(this);
    for (const device of this.devices) {
      this.damage.neighbourChanged(device.mac, this.clock.nowMs);
      announce(router.kernel, device, this.random);
    }
    this.trace.note("world", "faults stopped");
  }

  #ask(rule: ReferenceRule): void {
    askProtect(this, rule, (answer) => this.changeAnswered(rule, answer));
  }

  #settle(): void {
    if (this.changing) throw new Violation("a change is taken in the end", "no 200 for a minute");
    this.#check();
    checkSettled(this.#checked);
    checkBus(this);
    expectEmptyPlan(this.router);
    this.#expectQuiet("a second apply does nothing", () => {
      callApi(this.router, "POST", "/v1/reload", undefined, (answer) => {
        if (answer.status !== 200) throw new Violation("reload answers", JSON.stringify(answer));
      });
    });
    this.#expectQuiet("a restarted decider changes nothing", () =>
      this.router.killDecider("killed: signal 9"),
    );
    checkSettled(this.#checked);
  }

  #expectQuiet(invariant: string, act: () => void): void {
    expectQuiet(this.router, invariant, act, () => this.#lastCommand);
  }

  /** A location that stays away: its rules say what happens, and it comes back. */
  #loseOne(): void {
    const gateway = this.random.pick(this.gateways);
    gateway.kill();
    this.clock.run(this.clock.nowMs + SETTLE_MS);
    this.#check();
    checkPlaces(this.#checked, (name) => name !== gateway.name);
    gateway.start();
    this.clock.run(this.clock.nowMs + SETTLE_MS);
    checkSettled(this.#checked);
  }

  /** An uplink that stays up and carries nothing costs its tunnels a while, and no more. */
  #loseUplink(): void {
    if (this.policy.variation.second === undefined) return;
    this.network.dead.add(this.leader);
    this.clock.run(this.clock.nowMs + FAILOVER_MS);
    checkFailover(this.router, this.leader);
    this.#check();
    this.network.dead.clear();
    this.clock.run(this.clock.nowMs + SETTLE_MS);
    checkSettled(this.#checked);
  }

  /** A stop by SIGTERM leaves the host as it was found. */
  #stop(): void {
    this.#protected = false;
    this.router.signal(SIGTERM);
    this.clock.run(this.clock.nowMs + STOP_MS);
    checkStopped(this.router, this.#sysctlsBefore);
  }
}
