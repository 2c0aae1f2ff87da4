/**
 * Choices among locations, as data: made when the answer is evaluated, against the world of that
 * moment. All prefer locations that are up. If none is, those that are idle are next, then those
 * that are connecting, then the rest; so a choice always names a location, and what happens while
 * that one is down is the answer's `whenDown`. Names that the world does not have are passed over.
 */
import { expect } from "./check.js";
import { hashText, mixHashes } from "./hash.js";
import type { Device, Location, LocationState, Pick, Where } from "./types.js";

/** What a choice is made from. */
export interface Scene {
  readonly location: (name: string) => Location | undefined;
  readonly device?: Device | undefined;
}

/**
 * The first of the names that is up: failover in a fixed order.
 *
 * @example
 * ```ts
 * via(firstUp("office", "de", "nl"))
 * ```
 */
export function firstUp(...of: Where[]): Pick {
  return makePick("firstUp", of);
}

/**
 * The one with the shortest round trip. Equal ones, and those whose round trip is unknown, go by
 * the order of the names. It follows every change of the measured values; `sticky` stops that.
 *
 * @example
 * ```ts
 * via(sticky(fastest("us", "ca")))
 * ```
 */
export function fastest(...of: Where[]): Pick {
  return makePick("fastest", of);
}

/**
 * The one whose gateway says it has the least to do. Those that say nothing come after those that
 * do, and among equals the one with the least traffic of ours, then the order of the names.
 *
 * @example
 * ```ts
 * via(sticky(leastLoaded("de", "nl", "fr")))
 * ```
 */
export function leastLoaded(...of: Where[]): Pick {
  return makePick("leastLoaded", of);
}

/**
 * Spreads devices over locations: the same device always gets the same one. When a location goes
 * away, its devices spread over the others and nobody else moves; when it comes back, they return
 * (rendezvous hashing). A name given twice gets twice the share.
 *
 * @param by - a device, or any text that shall stay together, such as an interface
 *
 * @example
 * ```ts
 * via(balance(device, "de", "nl", "fr"))
 * via(balance(device.iface, "de", "nl"))
 * ```
 */
export function balance(by: Device | string, ...of: Where[]): Pick {
  const key = typeof by === "string" ? by : by?.mac;
  expect(typeof key === "string", "balance", by, "a device or a text first, then names");
  return makePick("balance", of, key);
}

/**
 * Leaves a device where it is as long as that is one of the names and up; else chooses anew.
 * Connections of a device end when it moves, so measured values are best followed with this.
 *
 * @example
 * ```ts
 * via(sticky(fastest("us", "ca")))
 * ```
 */
export function sticky(where: Where): Pick {
  return makePick("sticky", [where]);
}

function makePick(pick: Pick["pick"], of: readonly Where[], key?: string): Pick {
  expect(of.length > 0, pick, "", "at least one location");
  for (const where of of) expect(isWhere(where), pick, where, "the name of a location, or a choice");
  return Object.freeze({ pick, of: Object.freeze(of), ...(key !== undefined && { key }) });
}

/** Whether a value can stand where a location is named. */
export function isWhere(value: unknown): value is Where {
  if (typeof value === "string") return value !== "";
  const pick = value as Pick | undefined | null;
  return typeof pick === "object" && pick !== null && Array.isArray(pick.of) && pick.of.length > 0;
}

/** The name that a choice stands for. */
export function resolve(where: Where, scene: Scene): string {
  if (typeof where === "string") return where;
  const first = where.of[0] as Where;
  if (where.pick === "sticky") return resolveSticky(first, scene);
  const names = where.of.map((one) => resolve(one, scene));
  const ready = mostReady(names, scene);
  if (ready.length === 0) return names[0] as string;
  return chooseOne(where, ready);
}

function resolveSticky(where: Where, scene: Scene): string {
  const current = scene.device?.via;
  const isKept = current !== undefined && namesIn(where).includes(current) &&
    scene.location(current)?.state === "up";
  return isKept ? current : resolve(where, scene);
}

/** All locations that a choice may come to. */
export function namesIn(where: Where): string[] {
  return typeof where === "string" ? [where] : where.of.flatMap(namesIn);
}

/** Whether a choice depends on the device and not on the world alone. */
export function isPersonal(where: Where | undefined): boolean {
  if (where === undefined || typeof where === "string") return false;
  return where.pick === "sticky" || where.of.some(isPersonal);
}

const READINESS: Readonly<Record<LocationState, number>> = {
  up: 0, idle: 1, connecting: 2, down: 3,
};

/** Those of the named locations that are in the best state that any of them is in. */
function mostReady(names: readonly string[], scene: Scene): Location[] {
  let best: Location[] = [];
  let bestState = Infinity;
  for (const name of names) {
    const location = scene.location(name);
    if (location === undefined) continue;
    const state = READINESS[location.state];
    if (state > bestState) continue;
    if (state < bestState) best = [];
    bestState = state;
    best.push(location);
  }
  return best;
}

/** Of several ways to rate, the first that tells two apart decides; lower is better. */
type Rating = (location: Location, index: number) => number;

function chooseOne(pick: Pick, ready: readonly Location[]): string {
  switch (pick.pick) {
    case "fastest":
      return lowest(ready, (location) => location.rttMs ?? Infinity);
    case "leastLoaded":
      return lowest(
        ready,
        (location) => location.load ?? Infinity,
        (location) => location.txBps + location.rxBps,
      );
    case "balance":
      return lowest(ready, rendezvous(pick.key ?? "", ready));
    default:
      return (ready[0] as Location).name;
  }
}

function lowest(locations: readonly Location[], ...ratings: Rating[]): string {
  let best = 0;
  for (let i = 1; i < locations.length; i += 1) {
    for (const rate of ratings) {
      const difference = rate(locations[i] as Location, i) - rate(locations[best] as Location, best);
      if (difference < 0) best = i;
      // Two unknown values give NaN, which tells them apart as little as zero does.
      if (difference < 0 || difference > 0) break;
    }
  }
  return (locations[best] as Location).name;
}

/** A name that stands twice is hashed twice, with its place among its equals. */
function rendezvous(key: string, ready: readonly Location[]): Rating {
  const keyHash = hashText(key);
  return (location, index) => {
    let place = 0;
    for (let i = 0; i < index; i += 1) if (ready[i] === location) place += 1;
    return mixHashes(keyHash, hashText(location.name) + place);
  };
}
