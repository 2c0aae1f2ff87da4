/** A turn of a tunnel's state machine, and what it decides about uplinks and addresses. */
import type { Ip } from "../model/ip.js";
import { downAfterMs } from "../model/limits.js";
import { addressOf } from "../model/pool.js";
import { putAddresses, takeAddress } from "./peers.js";
import type { Attempt, Tunnel, TunnelCommand, TunnelContext } from "./state.js";
import { addGrudge, chooseWay, isAnotherFree } from "./ways.js";

/** A turn under way: the state so far and the commands that it gave. */
export interface Turn extends TunnelContext {
  state: Tunnel;
  readonly commands: TunnelCommand[];
}

export function change(turn: Turn, changes: Partial<Tunnel>): void {
  turn.state = { ...turn.state, ...changes };
}

export function wayFor({ state, nowMs }: Turn, address: Ip): string {
  return chooseWay(state.ways, state.grudges, address, nowMs)?.device ?? "";
}

/** Holds a failure against an uplink; true if another one is left to be tried at once. */
export function blameWay(turn: Turn, device: string, reason: string, carriedMs: number): boolean {
  const { ways } = turn.state;
  if (!ways.some((way) => way.device === device)) return false;
  const failure = { reason, nowMs: turn.nowMs, carriedMs };
  change(turn, { grudges: addGrudge(turn.state.grudges, device, failure) });
  return isAnotherFree(ways, turn.state.grudges, turn.nowMs);
}

/** What a known address is reached by stands in its place. */
export function chooseAddress(
  { nowMs, random, state }: Turn,
  { address, peer }: Attempt,
  found: readonly Ip[],
): ReturnType<typeof takeAddress> {
  const { queue } = state;
  if (address !== "") return { address: found[0] ?? address, queue };
  return takeAddress(putAddresses(queue, peer, found, { nowMs, random }), peer, nowMs);
}

/** Two locations must not send from one address; of two that claim it the one in force has it. */
export function yieldAddress(turn: Turn, address: Ip): void {
  const { lastWelcome, session, want4, want6 } = turn.state;
  if (session !== 0 || lastWelcome === undefined) return;
  const has = [lastWelcome.addr4, lastWelcome.addr6].some((one) => addressOf(one) === address);
  if (!has) return;
  change(turn, {
    lastWelcome: undefined,
    want4: want4 === address ? "" : want4,
    want6: want6 === address ? "" : want6,
  });
}

/** Nothing of the attempt has touched the uplink yet. */
export function isYoung(attempt: Attempt): boolean {
  return attempt.phase === "preparing" && attempt.address !== "";
}

/** Keeps what people and policy see of the tunnel. */
export function show(turn: Turn): void {
  const { wanted, session, silentSinceMs, shown } = turn.state;
  // The same sum as in the deadline: a difference may round to the other side of it.
  const silent = turn.nowMs >= silentSinceMs + downAfterMs;
  const next = session !== 0 ? "up" : !wanted ? "idle" : silent ? "down" : "connecting";
  if (next !== shown) change(turn, { shown: next, shownSinceMs: turn.nowMs });
}
