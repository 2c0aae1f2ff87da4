/**
 * Choices among locations, as data: made when the answer is evaluated, against the world of that
 * moment. All prefer locations that are up. If none is, those that are idle are next, then those
 * that are connecting, then the rest; so a choice always names a location, and what happens while
 * that one is down is the answer's `whenDown`. Names that the world does not have are passed over.
 */
import { expect, freeze, isText, keeper } from "./check.js";
import { hashText, mixHashes } from "./hash.js";
import type { Device, Location, LocationState, Pick, Where } from "./types.js";

/** What choices are made from: one for each world, so that it can remember. */
export interface Scene {
  readonly location: (name: string) => Location | undefined;
  /** For a list of names, those that are in the best state of any. */
  readonly ready: Map<readonly Where[], Ready>;
}

interface Ready {
  readonly locations: readonly Location[];
  /** Of their names, for `balance`. */
  readonly hashes: readonly number[];
}

export function createScene(location: Scene["location"]): Scene {
  return { location, ready: new Map() };
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
 * The one with the smallest share of its `capacity_mbit` in use. Those without a capacity come
 * after those with one, and among equals the one with the least traffic, then the order of the
 * names.
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
  const key = isText(by) ? by : by?.mac;
  expect(isText(key), "balance", by, "a device or a text first, then names");
  return freeze({ pick: "balance", of: makePick("balance", of).of, key });
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

const kept = {
  firstUp: keeper<Pick>(), fastest: keeper<Pick>(), leastLoaded: keeper<Pick>(),
  balance: keeper<Pick>(), sticky: keeper<Pick>(),
};

function makePick(pick: Pick["pick"], of: readonly Where[]): Pick {
  return kept[pick](of).value ??= newPick(pick, of);
}

function newPick(pick: Pick["pick"], of: readonly Where[]): Pick {
  expect(of.length > 0, pick, "", "at least one location");
  for (const where of of) expect(isWhere(where), pick, where, expectedWhere);
  return freeze({ pick, of: freeze(of) });
}

export const expectedWhere = "the name of a location, or a choice";

/** Whether a value can stand where a location is named. */
export function isWhere(value: unknown): value is Where {
  if (isText(value)) return value !== "";
  const pick = value as Pick | undefined | null;
  return typeof pick === "object" && pick !== null && Array.isArray(pick.of) && pick.of.length > 0;
}

/** The name that a choice stands for. */
export function resolve(where: Where, scene: Scene, device?: Device): string {
  if (isText(where)) return where;
  const { pick, of } = where;
  const first = of[0] as Where;
  if (pick === "sticky") return resolveSticky(first, scene, device);
  const ready = scene.ready.get(of) ?? findReady(of, scene, device);
  const { locations } = ready;
  if (locations.length === 0) return resolve(first, scene, device);
  const place = pick === "balance" ? placeOf(where.key ?? "", ready.hashes)
    : pick === "firstUp" ? 0 : lowest(locations, RATINGS[pick]);
  return (locations[place] as Location).name;
}

function resolveSticky(where: Where, scene: Scene, device?: Device): string {
  const current = device?.via;
  const isKept = current !== undefined && namesIn(where).includes(current) &&
    scene.location(current)?.state === "up";
  return isKept ? current : resolve(where, scene, device);
}

/** All locations that a choice may come to. */
export function namesIn(where: Where): string[] {
  return isText(where) ? [where] : where.of.flatMap(namesIn);
}

/** Whether a choice depends on more than the world. */
export function isPersonal(where: Where | undefined): boolean {
  if (where === undefined || isText(where)) return false;
  return where.pick === "sticky" || where.pick === "balance" || where.of.some(isPersonal);
}

const READINESS: Readonly<Record<LocationState, number>> = {
  up: 0, idle: 1, connecting: 2, down: 3,
};

const readyMax = 64;

function findReady(of: readonly Where[], scene: Scene, device?: Device): Ready {
  const named = of.map((one) => scene.location(resolve(one, scene, device)))
    .filter((location) => location !== undefined);
  const best = Math.min(...named.map(({ state }) => READINESS[state]));
  const locations = named.filter(({ state }) => READINESS[state] === best);
  // A name that stands twice is hashed with its place among its equals, and so wins twice as often.
  const hashes = locations.map((location, i) =>
    hashText(location.name) + locations.slice(0, i).filter((other) => other === location).length);
  const ready = { locations, hashes };
  if (scene.ready.size < readyMax && !of.some(isPersonal)) scene.ready.set(of, ready);
  return ready;
}

/** The first rating that tells two locations apart decides; lower is better. */
type Rating = (location: Location) => number;

const RATINGS: Readonly<Record<"fastest" | "leastLoaded", readonly Rating[]>> = {
  fastest: [({ rttMs = Infinity }) => rttMs],
  leastLoaded: [({ load = Infinity }) => load, ({ txBps, rxBps }) => txBps + rxBps],
};

function lowest(locations: readonly Location[], ratings: readonly Rating[]): number {
  const differ = (a: number, b: number): number => {
    for (const rate of ratings) {
      const difference = rate(locations[a] as Location) - rate(locations[b] as Location);
      // Two unknown values give NaN, which tells them apart as little as zero does.
      if (difference < 0 || difference > 0) return difference;
    }
    return 0;
  };
  return locations.reduce((best, _location, i) => (differ(i, best) < 0 ? i : best), 0);
}

/** Rendezvous hashing: every place draws a number for the key, the lowest one has it. */
function placeOf(key: string, hashes: readonly number[]): number {
  const keyHash = hashText(key);
  let best = 0;
  let bestDraw = Infinity;
  for (let i = 0; i < hashes.length; i += 1) {
    const draw = mixHashes(keyHash, hashes[i] as number);
    if (draw >= bestDraw) continue;
    best = i;
    bestDraw = draw;
  }
  return best;
}
