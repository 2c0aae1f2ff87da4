/**
 * What a policy script sees and what it may answer. Everything here is data: frozen, without
 * functions other than the few questions of {@link World}, and the same for the same input.
 *
 * Numbers carry their unit as last part of the name: `rttMs` are milliseconds, `sinceS` and
 * `unixS` are seconds since 1970. The JSON form of these types is in wire.ts.
 */

/** Any value that JSON can express, frozen. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** The user's own values: `policy.vars` of the configuration. */
export type Vars = Readonly<Record<string, Json>>;

/** The wall clock in the router's time zone. It moves in whole minutes. */
export interface LocalTime {
  /** Seconds since 1970, UTC. */
  readonly unixS: number;
  readonly year: number;
  /** 1 January to 12 December. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 1 Monday to 7 Sunday. */
  readonly weekday: number;
  /** 0 to 23. */
  readonly hour: number;
  /** 0 to 59. */
  readonly minute: number;
  /** Minutes that local time is ahead of UTC; 120 for Berlin in summer. */
  readonly utcOffsetMin: number;
}

/** A device in the home network that was seen lately. */
export interface Device {
  /** Lower case with colons: `b8:27:eb:00:00:01`. This is who the device is. */
  readonly mac: string;
  /** Its IPv4 and IPv6 addresses, sorted; may be empty. */
  readonly addresses: readonly string[];
  /** The interface it was seen on, such as `br-lan`. */
  readonly iface: string;
  /** The name it gave to the DHCP server, absent if it gave none. Anybody may claim any name. */
  readonly name?: string;
  /** When it was first seen without a break, in seconds since 1970. */
  readonly sinceS: number;
  /** The location that it goes through by the answer in force; absent if through none. */
  readonly via?: string;
}

/** What a tunnel is doing. `idle`: a lazy one that waits for a first packet. */
export type LocationState = "up" | "connecting" | "idle" | "down";

/** A far end of tunnels: a place where traffic may leave. */
export interface Location {
  readonly name: string;
  /** The kind of tunnel, such as `tls`. */
  readonly type: string;
  readonly state: LocationState;
  /** When it came into this state, in seconds since 1970. */
  readonly sinceS: number;
  /** Round trip through the tunnel in milliseconds, absent while unknown. */
  readonly rttMs?: number;
  /**
   * Share of the segments to the gateway that were sent again in the last seconds, 0 to 1 in
   * thousandths; absent while too little is sent to tell.
   */
  readonly loss?: number;
  /** Bits per second sent to it, averaged over the last seconds. */
  readonly txBps: number;
  /** Bits per second received from it. */
  readonly rxBps: number;
  /**
   * The larger one of `txBps` and `rxBps` as a share of the location's `capacity_mbit`, 0 to 1 in
   * hundredths; absent if the configuration gives no capacity. Others' traffic does not count.
   */
  readonly load?: number;
  /** Endpoints that the configuration gives, in its order. */
  readonly peers: readonly string[];
}

/** An interface that leads to the internet. */
export interface Uplink {
  readonly ifname: string;
  readonly up: boolean;
  readonly addresses: readonly string[];
}

/**
 * All that a decision may depend on: the same world gives the same answer.
 *
 * @example Block whoever came less than a minute ago, as long as an uplink is missing.
 * ```ts
 * route(device, world) {
 *   const young = world.ageS(device) < 60;
 *   return young && world.uplinks.some((uplink) => !uplink.up) ? block() : via("de");
 * }
 * ```
 */
export interface World<V = Vars> {
  readonly now: LocalTime;
  /** In the order of their MACs. */
  readonly devices: readonly Device[];
  /** In the order of the configuration. */
  readonly locations: readonly Location[];
  readonly uplinks: readonly Uplink[];
  /** `policy.vars` of the configuration. */
  readonly vars: V;
  /** The device with this MAC, in any spelling; undefined if it is not there. */
  device(mac: string): Device | undefined;
  /** The location with this name; undefined if there is none. */
  location(name: string): Location | undefined;
  /** Seconds since the device came, or the location came into its state; never negative. */
  ageS(thing: { readonly sinceS: number }): number;
  /** The name that `firstUp(...names)` stands for in this world. */
  firstUp(...names: string[]): string;
  /** The name that `fastest(...names)` stands for in this world. */
  fastest(...names: string[]): string;
  /** The name that `leastLoaded(...names)` stands for in this world. */
  leastLoaded(...names: string[]): string;
}

/**
 * A choice among locations that is made when the answer is evaluated: what `firstUp`, `fastest`,
 * `leastLoaded`, `balance` and `sticky` return. A policy passes it on and does not look inside.
 */
export interface Pick {
  readonly pick: "firstUp" | "fastest" | "leastLoaded" | "balance" | "sticky";
  readonly of: readonly Where[];
  /** The key of `balance`. */
  readonly key?: string;
}

/** A location by its name, or a choice among several. */
export type Where = string | Pick;

/** What happens to a device while its location is down: `block`, `direct` or another location. */
export type WhenDown = "block" | "direct" | Where;

/** Through a location. Made by `via`. */
export interface Via {
  readonly action: "via";
  readonly location: Where;
  readonly whenDown?: WhenDown;
  readonly why?: string;
}

/** Past all tunnels, in clear. Made by `direct`. */
export interface Direct {
  readonly action: "direct";
  readonly why?: string;
}

/** Not at all. Made by `block`. */
export interface Block {
  readonly action: "block";
  readonly why?: string;
}

/** By local time. Made by `schedule`. */
export interface Scheduled {
  readonly action: "schedule";
  readonly times: readonly { readonly span: string; readonly route: Route }[];
  readonly otherwise: Route;
}

/** An answer for a device. */
export type Route = Via | Direct | Block | Scheduled;

/** Tells the owner something: in the log and to whoever listens to the API's events. */
export interface Notify {
  readonly effect: "notify";
  readonly text: string;
}

/** Ends the tunnels of a location; they are dialled again. */
export interface Reconnect {
  readonly effect: "reconnect";
  readonly location: string;
}

/** Asks for another decision after so many seconds, even if nothing changes. */
export interface Redecide {
  readonly effect: "redecide";
  readonly afterS: number;
}

/** What `onEvent` may ask for. */
export type Effect = Notify | Reconnect | Redecide;

/** This script began to decide. */
export interface StartedEvent {
  readonly type: "started";
}

/** A device came or went. */
export interface DeviceEvent {
  readonly type: "joined" | "left";
  readonly mac: string;
  /** As it is in the world; undefined if it left. */
  readonly device: Device | undefined;
}

/** A location changed its state. */
export interface LocationEvent {
  readonly type: "location";
  readonly location: string;
  readonly state: LocationState;
  readonly was: LocationState;
}

/** An uplink came up or went down. */
export interface UplinkEvent {
  readonly type: "uplink";
  readonly ifname: string;
  readonly up: boolean;
}

/** What `onEvent` hears of. */
export type PolicyEvent = StartedEvent | DeviceEvent | LocationEvent | UplinkEvent;

/**
 * The functions of a policy, each optional. What is absent is left to the configuration.
 *
 * Every function must be pure: the same arguments, the same answer. There is no clock and no
 * chance to be had, and a variable of the module that changes between calls is a mistake, because
 * a script is started anew whenever the router likes.
 *
 * @typeParam V - the shape of `policy.vars`; a promise of the configuration's author, unchecked
 */
export interface PolicyFunctions<V = Vars> {
  /** The version of this interface that the script needs; a router with an older one refuses. */
  readonly api?: number;
  /** Counts up with each release of the script, 0 to 4,294,967,295; signed scripts need it. */
  readonly version?: number;
  /** Where a device goes. Without an answer the configuration's own rule holds. */
  readonly route?: (device: Device, world: World<V>) => Route | undefined;
  /** The peers of a location in the order to try, or the one to use; none to leave it. */
  readonly selectPeer?: (
    location: Location,
    peers: readonly string[],
    world: World<V>,
  ) => string | readonly string[] | undefined;
  /** Destinations that go past all tunnels, for every device: `192.168.0.0/16`, `fd00::/8`. */
  readonly bypass?: (world: World<V>) => readonly string[];
  /** What to do when something happens. Runs once for each event. */
  readonly onEvent?: (
    event: PolicyEvent,
    world: World<V>,
  ) => Effect | readonly Effect[] | undefined;
}

/** A policy as `definePolicy` returns it: checked and frozen. */
export interface Policy<V = Vars> extends PolicyFunctions<V> {
  readonly version: number;
}
