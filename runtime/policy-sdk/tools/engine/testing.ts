/**
 * `adit-policy/testing`: what tests of a policy are written with. A decision goes the way it goes
 * on the router: the world becomes JSON, the dispatcher of the cage calls the policy, its answer
 * becomes JSON again.
 *
 * @example
 * ```ts
 * import { decide, household } from "adit-policy/testing";
 * import policy from "./policy.ts";
 *
 * const home = household({ devices: { "tv-lounge": {} }, locations: { us: "up", de: "down" } });
 * decide(policy, home).goes("tv-lounge");   // "us"
 * ```
 */
import { adopt, handle } from "../../src/cage.js";
import type { Policy } from "../../src/types.js";
import type {
  AdoptAnswer, DecideAnswer, EventAnswer, WireEffect, WireEvent, WireFailure, WireLogLine,
  WireRoute,
} from "../../src/wire.js";
import { withinLimit } from "./host.js";
import type { Household } from "./household.js";

export { household, Household } from "./household.js";
export type {
  DeviceSpec, Duration, HouseholdSpec, LocationSpec, UplinkSpec,
} from "./household.js";

/** Where a device ends up: a location's name, `direct`, `block`, or `none` without an answer. */
export type Outcome = string;

/** How a policy is asked. */
export interface DecideOptions {
  /** Collect failures of the policy in `failed` instead of throwing the first; by default no. */
  readonly keepFailures?: boolean;
}

/** A function of the policy threw, or its answer is nothing that can be used. */
export class PolicyFailure extends Error {
  override readonly name = "PolicyFailure";

  constructor(readonly failure: WireFailure) {
    super(`${failure.in}${about(failure)}: ${failure.message}`);
    if (failure.stack !== "") this.stack = failure.stack;
  }
}

const about = ({ mac, location }: WireFailure): string =>
  mac === undefined ? (location === undefined ? "" : ` of ${location}`) : ` of ${mac}`;

/**
 * Asks the policy about every device, as the router does, and remembers the answers: the next
 * decision sees them as `device.via`.
 *
 * @param policy - the default export of the script
 * @throws PolicyFailure if a function of the policy throws, unless failures are kept
 */
export function decide(
  policy: Policy<never> | Policy, home: Household, options: DecideOptions = {},
): Decision {
  const answer = ask<DecideAnswer>(policy, { call: "decide", world: home.toWire() });
  refuseFailures(answer.failed, options);
  const decision = new Decision(home, answer);
  for (const name of home.deviceNames) home.settle(name, decision.location(name));
  return decision;
}

/** The answers of one decision, by the names that the devices have in the household. */
export class Decision {
  readonly #home: Household;
  readonly #routes: ReadonlyMap<string, WireRoute>;
  /** Destinations that go past all tunnels; undefined if the policy has no `bypass`. */
  readonly bypass: readonly string[] | undefined;
  /** The peers of each location in the order to try. */
  readonly peers: Readonly<Record<string, readonly string[]>>;
  /** What threw or made no sense; only with `keepFailures`. */
  readonly failed: readonly WireFailure[];
  /** What the policy logged. */
  readonly log: readonly WireLogLine[];

  constructor(home: Household, answer: DecideAnswer) {
    this.#home = home;
    this.#routes = new Map((answer.routes ?? []).map((route) => [route.mac, route]));
    this.bypass = answer.bypass;
    this.peers = answer.peers ?? {};
    this.failed = answer.failed ?? [];
    this.log = answer.log;
  }

  /** The answer for a device as the router gets it; undefined if there is none. */
  route(device: string): WireRoute | undefined {
    return this.#routes.get(this.#home.mac(device));
  }

  /** The location that was answered, whatever its state; undefined for other answers. */
  location(device: string): string | undefined {
    return this.route(device)?.location;
  }

  /** What was answered: a location's name, `direct`, `block`, or `none`. */
  where(device: string): Outcome {
    const route = this.route(device);
    return route === undefined ? "none" : route.location ?? route.action;
  }

  /** Where packets go now, with the states of the locations taken into account. */
  goes(device: string): Outcome {
    const route = this.route(device);
    if (route?.location === undefined || !this.#isDown(route.location)) return this.where(device);
    const instead = route.when_down ?? "block";
    const isPlace = instead !== "block" && instead !== "direct";
    return isPlace && this.#isDown(instead) ? "block" : instead;
  }

  /** The reason that the policy gave; empty if it gave none. */
  why(device: string): string {
    return this.route(device)?.why ?? "";
  }

  /** An idle or connecting location is on its way up: its devices wait for it. */
  #isDown(location: string): boolean {
    return this.#home.state(location) === "down";
  }
}

/** Tells the policy what happened in the household since the last time: the effects it asks for. */
export function hear(
  policy: Policy<never> | Policy, home: Household, options: DecideOptions = {},
): Heard {
  const effects: WireEffect[] = [];
  const log: WireLogLine[] = [];
  const failed: WireFailure[] = [];
  for (const event of home.takeEvents()) {
    const answer = ask<EventAnswer>(policy, { call: "event", event, world: home.toWire() });
    refuseFailures(answer.failed, options);
    effects.push(...answer.effects);
    log.push(...answer.log);
    failed.push(...answer.failed ?? []);
  }
  return { effects, log, failed };
}

/** What a policy said to what happened. */
export interface Heard {
  /** Notices, reconnects and redecisions, in the order in which they were asked for. */
  readonly effects: readonly WireEffect[];
  /** What the policy logged. */
  readonly log: readonly WireLogLine[];
  /** What threw or made no sense; only with `keepFailures`. */
  readonly failed: readonly WireFailure[];
}

/** Takes a policy over as the cage does: which version and functions it has. */
export function inspect(policy: unknown): AdoptAnswer {
  adopted = undefined;
  return JSON.parse(withinLimit(() => adopt(policy))) as AdoptAnswer;
}

type Call =
  | { readonly call: "decide"; readonly world: object }
  | { readonly call: "event"; readonly event: WireEvent; readonly world: object };

/** The policy that the dispatcher holds: it holds one at a time. */
let adopted: unknown;

function ask<T>(policy: unknown, call: Call): T {
  const text = JSON.stringify(call);
  return withinLimit(() => {
    if (adopted !== policy) adopt(policy);
    adopted = policy;
    return JSON.parse(handle(text)) as T;
  });
}

function refuseFailures(failed: readonly WireFailure[] | undefined, options: DecideOptions): void {
  const first = failed?.[0];
  if (first !== undefined && options.keepFailures !== true) throw new PolicyFailure(first);
}
