/**
 * Plays a scenario: things happen at their times, the policy is asked whenever something changed
 * and at every full minute, as on the router, and what became of every device is written down.
 */
import type { LocationState, Policy } from "../../src/types.js";
import type { WireEffect, WireFailure, WireLogLine } from "../../src/wire.js";
import { parseLocalTime } from "./calendar.js";
import type { DeviceSpec, LocationSpec } from "./household.js";
import { Household } from "./household.js";
import { decide, hear, type Decision } from "./testing.js";

/** A scenario that fits scenario.schema.json. */
export interface Scenario {
  readonly start: string;
  readonly end: string;
  readonly utc_offset_min?: number;
  readonly vars?: Record<string, never>;
  readonly locations: Readonly<Record<string, LocationJson>>;
  readonly uplinks?: Readonly<Record<string, { up?: boolean; addresses?: string[] }>>;
  readonly devices: Readonly<Record<string, DeviceJson>>;
  readonly events?: readonly EventJson[];
}

interface LocationJson {
  readonly state?: LocationState;
  readonly type?: string;
  readonly rtt_ms?: number | null;
  readonly loss?: number | null;
  readonly load?: number | null;
  readonly tx_bps?: number;
  readonly rx_bps?: number;
  readonly peers?: readonly string[];
}

interface DeviceJson {
  readonly name?: string | null;
  readonly mac?: string;
  readonly addresses?: readonly string[];
  readonly iface?: string;
  readonly age_s?: number;
}

interface EventJson {
  readonly at: string;
  readonly join?: Readonly<Record<string, DeviceJson>>;
  readonly leave?: string;
  readonly rename?: Readonly<Record<string, string | null>>;
  readonly move?: Readonly<Record<string, { addresses?: string[]; iface?: string }>>;
  readonly location?: Readonly<Record<string, LocationJson>>;
  readonly up?: string;
  readonly down?: string;
  readonly uplink?: Readonly<Record<string, boolean>>;
  readonly vars?: Record<string, never>;
}

/** What a device did from a time on. `goes` is undefined while it is not there. */
export interface Step {
  readonly atS: number;
  readonly device: string;
  readonly goes: string | undefined;
  /** What was answered, which differs from `goes` while a location is down. */
  readonly answered: string | undefined;
  readonly why: string;
}

/** Something that happened or was said, for the table and for the picture. */
export interface Note {
  readonly atS: number;
  readonly kind: "event" | "effect" | "log" | "failure" | "bypass" | "peers";
  readonly text: string;
  readonly stack?: string;
}

export interface StateStep {
  readonly atS: number;
  readonly location: string;
  readonly state: string;
}

export interface Timeline {
  readonly startS: number;
  readonly endS: number;
  readonly utcOffsetMin: number;
  readonly decisions: number;
  readonly steps: readonly Step[];
  readonly states: readonly StateStep[];
  readonly notes: readonly Note[];
}

/** Days that a scenario may last: each of its minutes is a decision. */
export const daysMax = 14;

const notesMax = 2000;

/** Plays a scenario from its start to its end. */
export function play(policy: Policy, scenario: Scenario): Timeline {
  const player = new Player(policy, scenario);
  player.run();
  return player.timeline();
}

class Player {
  readonly #policy: Policy;
  readonly #scenario: Scenario;
  readonly #home: Household;
  readonly #offsetMin: number;
  readonly #startS: number;
  readonly #endS: number;
  readonly #steps: Step[] = [];
  readonly #states: StateStep[] = [];
  readonly #notes: Note[] = [];
  readonly #last = new Map<string, Step>();
  readonly #lastStates = new Map<string, string>();
  /** Lines that are said again and again are noted when they change. */
  readonly #lastSaid = new Map<string, string>();
  readonly #wakeUps = new Set<number>();
  #decisions = 0;

  constructor(policy: Policy, scenario: Scenario) {
    this.#policy = policy;
    this.#scenario = scenario;
    this.#offsetMin = scenario.utc_offset_min ?? 60;
    this.#startS = parseLocalTime(scenario.start, this.#offsetMin);
    this.#endS = parseLocalTime(scenario.end, this.#offsetMin);
    this.#home = atPath("the start", () => new Household({
      time: scenario.start,
      utcOffsetMin: this.#offsetMin,
      devices: mapValues(scenario.devices, deviceSpec),
      locations: mapValues(scenario.locations, locationSpec),
      ...(scenario.uplinks === undefined ? {} : { uplinks: scenario.uplinks }),
      ...(scenario.vars === undefined ? {} : { vars: scenario.vars }),
    }));
  }

  run(): void {
    const events = (this.#scenario.events ?? [])
      .map((event, index) => ({ event, index, atS: this.#timeOf(event.at) }))
      .sort((a, b) => a.atS - b.atS);
    let next = 0;
    for (let nowS = this.#startS; nowS < this.#endS;) {
      this.#home.advance({ seconds: nowS - this.#home.unixS });
      for (; (events[next]?.atS ?? Infinity) <= nowS; next++) {
        const { event, index = 0 } = events[next] ?? {};
        if (event !== undefined) atPath(`events[${index}]`, () => this.#happen(event));
      }
      this.#decide();
      nowS = Math.min(this.#nextMinute(nowS), events[next]?.atS ?? Infinity, this.#wakeUp(nowS));
    }
  }

  timeline(): Timeline {
    return {
      startS: this.#startS,
      endS: this.#endS,
      utcOffsetMin: this.#offsetMin,
      decisions: this.#decisions,
      steps: this.#steps,
      states: this.#states,
      notes: this.#notes.slice(0, notesMax),
    };
  }

  /** A time without a day is on the first day. */
  #timeOf(at: string): number {
    const full = at.includes("-") ? at : `${this.#scenario.start.slice(0, 10)} ${at}`;
    return parseLocalTime(full, this.#offsetMin);
  }

  #nextMinute(nowS: number): number {
    return (Math.floor(nowS / 60) + 1) * 60;
  }

  #wakeUp(nowS: number): number {
    const later = [...this.#wakeUps].filter((atS) => atS > nowS);
    return later.length === 0 ? Infinity : Math.min(...later);
  }

  #note(kind: Note["kind"], text: string, stack?: string): void {
    const note = { atS: this.#home.unixS, kind, text };
    this.#notes.push(stack === undefined || stack === "" ? note : { ...note, stack });
  }

  #noteOnce(kind: Note["kind"], key: string, text: string, stack?: string): void {
    if (this.#lastSaid.get(key) === text) return;
    this.#lastSaid.set(key, text);
    if (text !== "") this.#note(kind, text, stack);
  }

  #happen(event: EventJson): void {
    const home = this.#home;
    each(event.join, (name, spec) => {
      home.join(name, deviceSpec(spec));
      this.#note("event", `${name} joins`);
    });
    if (event.leave !== undefined) {
      home.leave(event.leave);
      this.#note("event", `${event.leave} leaves`);
    }
    each(event.rename, (name, to) => {
      home.rename(name, to);
      this.#note("event", `${name} calls itself ${to ?? "nothing"}`);
    });
    each(event.move, (name, to) => {
      home.move(name, to);
      this.#note("event", `${name} moves to ${[to.iface, ...to.addresses ?? []].join(" ").trim()}`);
    });
    this.#happenOutside(event);
  }

  #happenOutside(event: EventJson): void {
    const home = this.#home;
    for (const state of ["up", "down"] as const) {
      const name = event[state];
      if (name === undefined) continue;
      home.location(name, { state });
      this.#note("event", `${name} is ${state}`);
    }
    each(event.location, (name, spec) => {
      home.location(name, locationSpec(spec));
      this.#note("event", `${name}: ${shown(spec)}`);
    });
    each(event.uplink, (name, up) => {
      home.uplink(name, up);
      this.#note("event", `uplink ${name} is ${up ? "up" : "down"}`);
    });
    if (event.vars !== undefined) {
      home.setVars(event.vars);
      this.#note("event", `vars: ${shown(event.vars)}`);
    }
  }

  #decide(): void {
    const heard = hear(this.#policy, this.#home, { keepFailures: true });
    for (const effect of heard.effects) this.#act(effect);
    const decision = decide(this.#policy, this.#home, { keepFailures: true });
    this.#decisions += 1;
    this.#say("event", heard.log, heard.failed);
    this.#say("decide", decision.log, decision.failed);
    this.#noteOnce("bypass", "bypass", decision.bypass?.join(" ") ?? "");
    each(decision.peers, (location, peers) =>
      this.#noteOnce("peers", `peers ${location}`, `${location}: ${peers.join(", ")}`));
    this.#recordStates();
    this.#recordSteps(decision);
  }

  #act(effect: WireEffect): void {
    if (effect.effect === "notify") return this.#note("effect", `notify: ${effect.text}`);
    if (effect.effect === "reconnect") return this.#note("effect", `reconnect ${effect.location}`);
    this.#wakeUps.add(this.#home.unixS + effect.after_s);
  }

  #say(from: string, log: readonly WireLogLine[], failed: readonly WireFailure[]): void {
    this.#noteOnce("log", `log ${from}`, log.map((line) => line.text).join(" | "));
    const [first, ...more] = failed;
    const rest = more.length === 0 ? "" : ` (and ${more.length} more)`;
    const text = first === undefined ? "" :
      `${first.in}${this.#about(first)}: ${first.message}${rest}`;
    this.#noteOnce("failure", `failure ${from}`, text, first?.stack);
  }

  #about({ mac, location }: WireFailure): string {
    const device = this.#home.deviceNames.find((name) => this.#home.mac(name) === mac);
    const subject = device ?? location;
    return subject === undefined ? "" : ` of ${subject}`;
  }

  #recordStates(): void {
    for (const { name, state } of this.#home.toWire().locations) {
      if (this.#lastStates.get(name) === state) continue;
      this.#lastStates.set(name, state);
      this.#states.push({ atS: this.#home.unixS, location: name, state });
    }
  }

  #recordSteps(decision: Decision): void {
    const present = new Set(this.#home.deviceNames);
    const failed = new Set(decision.failed.map((failure) => failure.mac));
    for (const device of present) {
      // A device whose route fails keeps its last answer, as on the router.
      if (failed.has(this.#home.mac(device)) && this.#last.has(device)) continue;
      const goes = decision.goes(device);
      const answered = decision.where(device);
      this.#record({ atS: this.#home.unixS, device, goes, answered, why: decision.why(device) });
    }
    for (const device of this.#last.keys()) {
      const gone = { atS: this.#home.unixS, device, goes: undefined, answered: undefined, why: "" };
      if (!present.has(device)) this.#record(gone);
    }
  }

  #record(step: Step): void {
    const last = this.#last.get(step.device);
    if (last?.goes === step.goes && last?.answered === step.answered && last !== undefined) return;
    this.#last.set(step.device, step);
    this.#steps.push(step);
  }
}

/** A scenario that contradicts itself: who leaves must have been there. */
class ScenarioError extends Error {
  override readonly name = "ScenarioError";
}

function atPath<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new ScenarioError(`${path}: ${(error as Error).message}`);
  }
}

function deviceSpec(json: DeviceJson): DeviceSpec {
  const { age_s: ageS, ...rest } = json;
  return ageS === undefined ? rest : { ...rest, ageS };
}

function locationSpec(json: LocationJson): LocationSpec {
  const { rtt_ms: rttMs, tx_bps: txBps, rx_bps: rxBps, ...rest } = json;
  return {
    ...rest,
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(txBps === undefined ? {} : { txBps }),
    ...(rxBps === undefined ? {} : { rxBps }),
  };
}

function mapValues<A, B>(
  object: Readonly<Record<string, A>>, change: (value: A) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function each<T>(
  object: Readonly<Record<string, T>> | undefined, visit: (key: string, value: T) => void,
): void {
  for (const [key, value] of Object.entries(object ?? {})) visit(key, value);
}

/** `state down, rtt_ms 80`. */
const shown = (object: object): string =>
  Object.entries(object).map(([key, value]) =>
    `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
