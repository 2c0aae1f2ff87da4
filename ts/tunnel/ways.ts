/**
 * Over which uplink a tunnel is dialled: the first in order that bears no grudge. A grudge lasts
 * longer each time, so that an uplink which comes and goes is not believed at once.
 */
import type { Way } from "../model/way.js";

/** What a tunnel holds against an uplink. */
export interface Grudge {
  readonly failures: number;
  readonly untilMs: number;
  readonly reason: string;
}

export type Grudges = ReadonlyMap<string, Grudge>;

const grudgeMsMin = 30_000;
const grudgeMsMax = 600_000;
/** A session that carried for so long clears its uplink of what was before. */
const forgiveAfterMs = 600_000;
/** A session stays on a lesser uplink for at least so long. */
const returnAfterMs = 30_000;

/** The way for the next dial; undefined if there is none to choose, "" of a host being unknown. */
export function chooseWay(
  ways: readonly Way[],
  grudges: Grudges,
  address: string,
  nowMs: number,
): Way | undefined {
  const fitting = ways.filter((way) => carries(way, address));
  const candidates = fitting.length > 0 ? fitting : ways;
  const untilOf = ({ device }: Way): number => grudges.get(device)?.untilMs ?? 0;
  const free = candidates.find((way) => untilOf(way) <= nowMs);
  if (free !== undefined) return free;
  return candidates.reduce<Way | undefined>(
    (best, way) => (best === undefined || untilOf(way) < untilOf(best) ? way : best),
    undefined,
  );
}

function carries({ has4, has6 }: Way, address: string): boolean {
  if (address === "") return has4 || has6;
  return address.includes(":") ? has6 : has4;
}

/** True if another way is left that nothing is held against. */
export function isAnotherFree(ways: readonly Way[], grudges: Grudges, nowMs: number): boolean {
  return ways.length > 1 && ways.some(({ device }) => (grudges.get(device)?.untilMs ?? 0) <= nowMs);
}

/** `carriedMs` is how long a session carried over the uplink before it failed. */
export function addGrudge(
  grudges: Grudges,
  device: string,
  { reason, nowMs, carriedMs }: { reason: string; nowMs: number; carriedMs: number },
): Grudges {
  const before = carriedMs >= forgiveAfterMs ? 0 : (grudges.get(device)?.failures ?? 0);
  const lengthMs = Math.min(grudgeMsMax, grudgeMsMin * 2 ** Math.min(before, 16));
  const grudge = { failures: before + 1, untilMs: nowMs + lengthMs, reason };
  return new Map([...grudges, [device, grudge]]);
}

/** What changed may have mended what failed; the count of failures stays. */
export function easeGrudges(grudges: Grudges, changed: (device: string) => boolean): Grudges {
  const eased = [...grudges].map(
    ([device, grudge]) => [device, changed(device) ? { ...grudge, untilMs: 0 } : grudge] as const,
  );
  return new Map(eased);
}

/** When a session is tried over a better uplink than its own; undefined if there is none. */
export function returnAtMs(
  ways: readonly Way[],
  grudges: Grudges,
  carrying: { readonly device: string; readonly address: string; readonly sinceMs: number },
): number | undefined {
  const { device, address, sinceMs } = carrying;
  const fitting = ways.filter((way) => carries(way, address));
  const rank = fitting.findIndex((way) => way.device === device);
  const better = rank < 0 ? fitting : fitting.slice(0, rank);
  if (better.length === 0) return undefined;
  const times = better.map((way) => grudges.get(way.device)?.untilMs ?? 0);
  return Math.max(sinceMs + returnAfterMs, Math.min(...times));
}

/** For people: why a tunnel uses the uplink that it uses. */
export function wayReason(ways: readonly Way[], grudges: Grudges, device: string): string {
  if (device === "") return "the routing table chooses: no other uplink is usable";
  const rank = ways.findIndex((way) => way.device === device);
  if (rank < 0) return "the session was opened before the uplinks changed";
  if (rank === 0) return "the first in order";
  const passed = ways.slice(0, rank).map((way) => {
    const reason = grudges.get(way.device)?.reason;
    return `${way.device} ${reason === undefined ? "came later" : `failed: ${reason}`}`;
  });
  return passed.join("; ");
}
