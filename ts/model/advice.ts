/**
 * What a policy script is told and what it may answer. The wire types are those of
 * runtime/policy-sdk/src/types.ts, in snake_case as they travel; a test compares the two.
 */
import type { Issue } from "./config.js";
import type { Ip, Mac, Prefix } from "./ip.js";

export const scriptBytesMax = 262_144;
export const worldBytesMax = 1_048_576;
/** Devices of a world, and routes of an answer. */
export const adviceDevicesMax = 1_024;
export const bypassMax = 256;
export const adviceLogMax = 32;
export const adviceTextMax = 256;
export const effectsMax = 16;
/** IPv4 addresses that bypass entries cover together: one /8. IPv6: one /16. */
export const bypassBits4Max = 24;
export const bypassBits6Max = 112;

/** Local time as the script sees it. */
export interface LocalTime {
  readonly unix_s: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 1 is Monday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly utc_offset_min: number;
}

export interface WorldDevice {
  readonly mac: Mac;
  readonly addresses: readonly Ip[];
  readonly iface: string;
  readonly name?: string;
  readonly since_s: number;
}

export interface WorldLocation {
  readonly name: string;
  readonly type: string;
  readonly state: "up" | "connecting" | "idle" | "down";
  readonly since_s: number;
  readonly rtt_ms?: number;
  readonly loss?: number;
  readonly tx_bps: number;
  readonly rx_bps: number;
  readonly load?: number;
  readonly peers: readonly string[];
}

export interface WorldUplink {
  readonly ifname: string;
  readonly up: boolean;
  readonly addresses: readonly Ip[];
}

export interface World {
  readonly now: LocalTime;
  readonly devices: readonly WorldDevice[];
  readonly locations: readonly WorldLocation[];
  readonly uplinks: readonly WorldUplink[];
  readonly vars: object;
}

/** Where a script sends one device. */
export interface RouteAdvice {
  readonly mac: Mac;
  readonly action: "via" | "direct" | "block";
  /** "" unless `via`. */
  readonly location: string;
  /** `block`, `direct` or a location. */
  readonly whenDown: string;
  /** Of the script's author, "" for none. */
  readonly why: string;
}

export interface ScriptFailure {
  readonly mac: Mac;
  readonly message: string;
  readonly stack: string;
}

export interface ScriptLine {
  readonly level: "error" | "warning" | "info" | "debug";
  readonly text: string;
}

/** A checked answer: what was refused of it stands in `issues`. */
export interface Advice {
  /** Undefined if the script has no `route`: then it routes nobody. */
  readonly routes: ReadonlyMap<Mac, RouteAdvice> | undefined;
  readonly bypass: readonly Prefix[];
  /** Endpoints in the order to be dialled, by location. */
  readonly peers: ReadonlyMap<string, readonly string[]>;
  /** Devices whose `route` threw; they keep what they had. */
  readonly failed: readonly ScriptFailure[];
  readonly log: readonly ScriptLine[];
  readonly issues: readonly Issue[];
}

export type Effect =
  | { readonly effect: "notify"; readonly text: string }
  | { readonly effect: "reconnect"; readonly location: string }
  | { readonly effect: "redecide"; readonly after_s: number };

/** A checked answer to an event. */
export interface Reaction {
  readonly effects: readonly Effect[];
  readonly log: readonly ScriptLine[];
  readonly issues: readonly Issue[];
}

/** What happened, as `onEvent` of a script gets it. */
export interface ScriptEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}
