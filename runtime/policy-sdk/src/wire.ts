/**
 * The JSON that passes between the decider and a caged script: the types of types.ts with names in
 * snake case. Keys that have no value are absent, never null.
 */
import type { Json, LocationState, LocalTime } from "./types.js";

export interface WireTime {
  unix_s: LocalTime["unixS"];
  year: number;
  month: number;
  day: number;
  /** 1 Monday to 7 Sunday. */
  weekday: number;
  hour: number;
  minute: number;
  utc_offset_min: number;
}

export interface WireDevice {
  /** Lower case with colons. */
  mac: string;
  addresses: string[];
  iface: string;
  name?: string;
  /** Seconds since 1970, on the clock of `now.unix_s`. */
  since_s: number;
  /** The location by the answer in force. */
  via?: string;
}

export interface WireLocation {
  name: string;
  type: string;
  state: LocationState;
  /** Seconds since 1970, on the clock of `now.unix_s`. */
  since_s: number;
  rtt_ms?: number;
  loss?: number;
  tx_bps: number;
  rx_bps: number;
  load?: number;
  peers: string[];
}

export interface WireUplink {
  ifname: string;
  up: boolean;
  addresses: string[];
}

/** The whole world; `devices` in the order of their MACs. */
export interface WireWorld {
  now: WireTime;
  devices: WireDevice[];
  locations: WireLocation[];
  uplinks: WireUplink[];
  vars: { [key: string]: Json };
}

/**
 * The same, as a difference to the world of the call before on the same cage: what it costs to
 * read a large network again is most of what a decision costs. The first call of a cage and the one
 * after a failed call carry a whole {@link WireWorld}.
 */
export interface WireChange {
  now: WireTime;
  /** Devices that came or differ. */
  changed: WireDevice[];
  /** MACs of devices that left. */
  gone: string[];
  locations: WireLocation[];
  uplinks: WireUplink[];
  /** Absent if as before. */
  vars?: { [key: string]: Json };
}

export type WireEvent =
  | { type: "started" }
  | { type: "joined" | "left"; mac: string }
  | { type: "location"; location: string; state: LocationState; was: LocationState }
  | { type: "uplink"; ifname: string; up: boolean };

export interface DecideCall {
  call: "decide";
  world: WireWorld | WireChange;
}

export interface EventCall {
  call: "event";
  event: WireEvent;
  world: WireWorld | WireChange;
}

export type WireCall = DecideCall | EventCall;

export interface WireRoute {
  mac: string;
  action: "via" | "direct" | "block";
  /** With `via` only; a location of the world that was sent. */
  location?: string;
  /** With `via` only: `block`, `direct` or a location of the world. Absent means `block`. */
  when_down?: string;
  why?: string;
}

export type WireEffect =
  | { effect: "notify"; text: string }
  | { effect: "reconnect"; location: string }
  | { effect: "redecide"; after_s: number };

export interface WireLogLine {
  level: "info" | "warn";
  text: string;
}

/** A function of the script that threw, or whose answer is nothing that can be used. */
export interface WireFailure {
  in: "route" | "selectPeer" | "bypass" | "onEvent";
  kind: "throw" | "rubbish";
  /** Of the device, when `route` failed. */
  mac?: string;
  /** Its name, when `selectPeer` failed. */
  location?: string;
  /** Empty from the 33rd failure of a call on; what counts then is where. */
  message: string;
  /** Empty for rubbish. */
  stack: string;
}

/** Keys are absent for functions that the script has not. */
export interface DecideAnswer {
  routes?: WireRoute[];
  bypass?: string[];
  /** Location to its peers in the order to try; locations without advice are absent. */
  peers?: { [location: string]: string[] };
  /** Every device whose route failed, and functions that failed; the others are answered. */
  failed?: WireFailure[];
  log: WireLogLine[];
}

export interface EventAnswer {
  effects: WireEffect[];
  failed?: WireFailure[];
  log: WireLogLine[];
}

/** What `adopt` says of a script. */
export interface AdoptAnswer {
  /** Version of the interface. */
  api: number;
  /** `version` of the script, 0 if it has none. */
  version: number;
  functions: ("route" | "selectPeer" | "bypass" | "onEvent")[];
}
