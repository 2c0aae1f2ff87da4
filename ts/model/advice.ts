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
export const whyMax = 128;
export const effectsMax = 16;
export const redecideSecondsMax = 86_400;
export const messageMax = 512;
export const stackMax = 2_048;
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
  /** Seconds since 1970, on the clock of `now.unix_s`. */
  readonly since_s: number;
  /** The location that it goes through by the answer in force. */
  readonly via?: string;
}

export interface WorldLocation {
  readonly name: string;
  readonly type: string;
  readonly state: "up" | "connecting" | "idle" | "down";
  /** Seconds since 1970, on the clock of `now.unix_s`. */
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

/** A function of the script that threw, or whose answer cannot be used. */
export interface ScriptFailure {
  readonly in: string;
  readonly kind: "throw" | "rubbish";
  /** Of the device, when `route` failed. */
  readonly mac?: Mac;
  /** When `selectPeer` failed. */
  readonly location?: string;
  readonly message: string;
  readonly stack: string;
}

export interface ScriptLine {
  readonly level: "info" | "warn";
  readonly text: string;
}

/** A checked answer: what was refused of it stands in `issues`. */
export interface Advice {
  /** Undefined if the script has no `route`: then it routes nobody. */
  readonly routes: ReadonlyMap<Mac, RouteAdvice> | undefined;
  /** Undefined if the script has none, or it failed. */
  readonly bypass: readonly Prefix[] | undefined;
  /** Endpoints in the order to be dialled, by location. */
  readonly peers: ReadonlyMap<string, readonly string[]> | undefined;
  readonly failed: readonly ScriptFailure[];
  /** Failures that were not listed: any device without a route may be one of them. */
  readonly failedMore: number;
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
  readonly failed: readonly ScriptFailure[];
  readonly log: readonly ScriptLine[];
  readonly issues: readonly Issue[];
}

/** What happened, as `onEvent` of a script hears of it. */
export type ScriptEvent =
  | { readonly type: "started" }
  | { readonly type: "joined" | "left"; readonly mac: Mac }
  | {
      readonly type: "location";
      readonly location: string;
      readonly state: WorldLocation["state"];
      readonly was: WorldLocation["state"];
    }
  | { readonly type: "uplink"; readonly ifname: string; readonly up: boolean };
