/** What a tunnel is, what happens to it and what it asks for; the transitions are in tunnel.ts. */
import type { LocationConfig } from "../model/config.js";
import type { AditEvent } from "../model/event.js";
import type { Ip } from "../model/ip.js";
import { connectMsMax, downAfterMs, evictedDelayMsMax } from "../model/limits.js";
import type { LocationState, Welcome } from "../model/observed.js";
import type { Random } from "../model/random.js";
import type { Way } from "../model/way.js";
import type { PeerQueue } from "./peers.js";
import { emptyPeerQueue } from "./peers.js";
import type { Grudges } from "./ways.js";
import { returnAtMs } from "./ways.js";
import type { GatewayAnswer } from "./welcome.js";

/** Delay after a gateway refused the token: a person has to act first. */
export const authDelayMs = 60_000;
/** A session that carried for less than this counts as a failure, so that flapping backs off. */
export const stableMs = 5_000;
/** A session that carried for so long tells that nobody else wants its place any more. */
export const undisputedMs = 2 * evictedDelayMsMax;
/** Limit for an attempt as a whole: reading the token, resolving, connecting and the welcome. */
export const attemptMsMax = connectMsMax + 10_000;
/** Time for an address to take a connection while the name has others (RFC 8305 section 5). */
export const addressMsMax = 2_000;
/** Redials at once, with another wish, while a gateway hands out an address that is in use here. */
export const conflictsMax = 8;

export interface Attempt {
  readonly serial: number;
  readonly phase: "preparing" | "opening" | "greeting" | "starting";
  readonly peer: number;
  /** "" until resolved. */
  readonly address: Ip;
  /** Interface that it is bound to, "" for none. */
  readonly uplink: string;
  /** 0 until opened. */
  readonly session: number;
  readonly welcome: Welcome | undefined;
  readonly deadlineMs: number;
  /** When another address of the name is tried instead; Infinity if there is none to try. */
  readonly addressMs: number;
}

export interface Tunnel {
  readonly location: LocationConfig;
  /** Index of the location, from 1. */
  readonly slot: number;
  /** False for a lazy tunnel that nobody has asked for, and after `stop`. */
  readonly wanted: boolean;
  /** The session that carries packets, 0 if none. */
  readonly session: number;
  readonly carriesSinceMs: number;
  /** True while it is doubtful that the session survived a change of the uplink. */
  readonly suspect: boolean;
  /** Outer address and port of the gateway that carries, or was dialled last. */
  readonly peer: string;
  /** Interface that the session is bound to, "" for none. */
  readonly uplink: string;
  /** Uplinks to choose from, in order; none if the routing table chooses. */
  readonly ways: readonly Way[];
  readonly grudges: Grudges;
  readonly welcome: Welcome | undefined;
  readonly lastWelcome: Welcome | undefined;
  readonly want4: Ip;
  readonly want6: Ip;
  readonly attempt: Attempt | undefined;
  readonly serial: number;
  readonly queue: PeerQueue;
  /** Positions of peers in the order that a policy script gave. */
  readonly prefer: readonly number[];
  readonly failures: number;
  readonly conflicts: number;
  /** Sessions in a row that gave way to another router with the same token. */
  readonly evictions: number;
  readonly retryAtMs: number | undefined;
  /** Since when a wanted tunnel carries nothing. */
  readonly silentSinceMs: number;
  readonly reason: string;
  readonly shown: LocationState["state"];
  readonly shownSinceMs: number;
}

export type TunnelEvent =
  /** The first packet of a lazy tunnel, or the start of another. */
  | { readonly kind: "want" }
  | {
      readonly kind: "prepared";
      readonly serial: number;
      readonly token: string;
      /** Of the name; or what a literal address is reached by, none for itself. */
      readonly addresses: readonly Ip[];
      /** Why there is none, "" if there need not be any. */
      readonly problem: string;
    }
  | { readonly kind: "unprepared"; readonly serial: number; readonly reason: string }
  | { readonly kind: "opened"; readonly serial: number; readonly session: number }
  /** The address took the connection. */
  | { readonly kind: "connected"; readonly session: number }
  | { readonly kind: "answered"; readonly session: number; readonly answer: GatewayAnswer }
  | { readonly kind: "started"; readonly session: number; readonly problem: string }
  | { readonly kind: "closed"; readonly session: number; readonly reason: string }
  /** A session that the mover held while the decider was restarted. */
  | {
      readonly kind: "held";
      readonly session: number;
      readonly welcome: Welcome;
      readonly peer: string;
      readonly uplink: string;
    }
  /** `suspect` if the session that carries may depend on what changed. */
  | {
      readonly kind: "uplink";
      readonly suspect: boolean;
      readonly ways: readonly Way[];
      /** Interfaces about which anything changed. */
      readonly changed: ReadonlySet<string>;
    }
  /** Another session is dialled beside the one that carries. */
  | { readonly kind: "redial" }
  /** Another location of this router has the address now. */
  | { readonly kind: "yield"; readonly address: Ip }
  /** What the router uses, or may be assigned, is not what it was. */
  | { readonly kind: "recheck" }
  /** From the next dial on, peers are taken in this order before all others. */
  | { readonly kind: "prefer"; readonly order: readonly number[] }
  | { readonly kind: "time" }
  | { readonly kind: "stop"; readonly reason: string };

export type TunnelCommand =
  | {
      readonly kind: "prepare";
      readonly serial: number;
      /** Name to be resolved, or the address if it is known. */
      readonly host: string;
      readonly uplink: string;
    }
  | {
      readonly kind: "open";
      readonly serial: number;
      readonly peer: number;
      readonly address: Ip;
      readonly token: string;
      readonly want4: Ip;
      readonly want6: Ip;
      readonly uplink: string;
    }
  | { readonly kind: "start"; readonly session: number; readonly welcome: Welcome }
  | { readonly kind: "close"; readonly session: number; readonly reason: string }
  | { readonly kind: "event"; readonly event: AditEvent };

export interface TunnelDeadline {
  readonly name: string;
  readonly atMs: number;
  readonly why: string;
}

export interface TunnelContext {
  readonly nowMs: number;
  readonly random: Random;
  /** True for an inner address that another location of this router holds. */
  readonly isTaken: (address: Ip) => boolean;
  /** Why the router cannot take an inner address, for people; "" if it can. */
  readonly refusedBecause: (address: Ip) => string;
}

export interface TunnelStep {
  readonly state: Tunnel;
  readonly commands: readonly TunnelCommand[];
  readonly deadlines: readonly TunnelDeadline[];
}

export function newTunnel(location: LocationConfig, slot: number, nowMs: number): Tunnel {
  return {
    location,
    slot,
    wanted: false,
    session: 0,
    carriesSinceMs: nowMs,
    suspect: false,
    peer: "",
    uplink: "",
    ways: [],
    grudges: new Map(),
    welcome: undefined,
    lastWelcome: undefined,
    want4: "",
    want6: "",
    attempt: undefined,
    serial: 0,
    queue: emptyPeerQueue,
    prefer: [],
    failures: 0,
    conflicts: 0,
    evictions: 0,
    retryAtMs: undefined,
    silentSinceMs: nowMs,
    reason: "",
    shown: "idle",
    shownSinceMs: nowMs,
  };
}

/** What policy and people see of the tunnel. */
export function locationStateOf(state: Tunnel, rttMs: number | undefined): LocationState {
  return {
    name: state.location.name,
    state: state.shown,
    welcome: state.welcome,
    lastWelcome: state.lastWelcome,
    peers: [state.peer.split(" ")[0] ?? "", state.attempt?.address ?? ""].filter(Boolean),
    rttMs,
    sinceMs: state.shownSinceMs,
    reason: state.reason,
  };
}

/** What the tunnel waits for, by name. */
export function deadlinesOf(state: Tunnel): readonly TunnelDeadline[] {
  const { attempt, location, retryAtMs, session, shown, slot, silentSinceMs } = state;
  const deadlines: TunnelDeadline[] = [];
  const add = (what: string, atMs: number, why: string): void => {
    deadlines.push({ name: `${what} ${slot}`, atMs, why: `${location.name}: ${why}` });
  };
  if (retryAtMs !== undefined) add("redial", retryAtMs, state.reason);
  if (attempt !== undefined) {
    add("attempt", attemptEndMs(attempt), `limit for ${attempt.phase}`);
  }
  if (session === 0 && shown === "connecting") {
    add("down", silentSinceMs + downAfterMs, "counts as down then");
  }
  const backMs = session === 0 || attempt !== undefined ? undefined : backAtMs(state);
  if (backMs !== undefined) add("return", backMs, "a better uplink is tried again then");
  return deadlines;
}

export function attemptEndMs({ deadlineMs, addressMs }: Attempt): number {
  return Math.min(deadlineMs, addressMs);
}

/** When a session is tried over a better uplink than its own. */
export function backAtMs(state: Tunnel): number | undefined {
  const { ways, grudges, uplink, peer, carriesSinceMs } = state;
  const [address = ""] = peer.split(" ");
  return returnAtMs(ways, grudges, { device: uplink, address, sinceMs: carriesSinceMs });
}
