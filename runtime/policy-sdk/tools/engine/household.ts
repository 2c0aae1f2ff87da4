/**
 * A household to try a policy on: devices that come and go, locations that fail, a clock that moves
 * only when told. Nothing here is random and nothing reads a clock.
 */
import type { Json, LocationState } from "../../src/types.js";
import type { WireDevice, WireEvent, WireLocation, WireUplink, WireWorld } from "../../src/wire.js";
import { parseLocalTime, showLocalTime, wireTime } from "./calendar.js";

/** What is known of a device; everything has a default. */
export interface DeviceSpec {
  /** The name that it gives to the DHCP server; by default the name it has in the test. */
  readonly name?: string | null;
  /** By default `02:00:00:00:00:01` and so on, in the order of joining. */
  readonly mac?: string;
  /** By default 192.168.1.101 and so on. */
  readonly addresses?: readonly string[];
  /** By default `br-lan`. */
  readonly iface?: string;
  /** Seconds that it has already been there; by default an hour. */
  readonly ageS?: number;
}

/** What is known of a location; everything has a default. */
export interface LocationSpec {
  /** By default `up`. */
  readonly state?: LocationState;
  /** By default `tls`. */
  readonly type?: string;
  /** Round trip in milliseconds; null for unknown, which is the default. */
  readonly rttMs?: number | null;
  /** Share of segments that were sent again, 0 to 1; null for unknown, which is the default. */
  readonly loss?: number | null;
  /** The share of its capacity in use, 0 to 1; null for unknown, which is the default. */
  readonly load?: number | null;
  /** Bits in a second that the router sends into it; by default none. */
  readonly txBps?: number;
  /** Bits in a second that come out of it; by default none. */
  readonly rxBps?: number;
  /** Endpoints; by default one that is made from the name. */
  readonly peers?: readonly string[];
}

/** What is known of an uplink. */
export interface UplinkSpec {
  /** By default it is. */
  readonly up?: boolean;
  /** By default 198.51.100.2. */
  readonly addresses?: readonly string[];
}

/** What there is at the beginning; everything has a default. */
export interface HouseholdSpec {
  /** Local time, such as `2026-03-02 18:30`; that is the default, a Monday evening. */
  readonly time?: string;
  /** Minutes that local time is ahead of UTC; by default 60. */
  readonly utcOffsetMin?: number;
  /** Devices by a name of your choice, which is also their DHCP name if you give no other. */
  readonly devices?: Readonly<Record<string, DeviceSpec>>;
  /** Locations by name; a state alone will do. */
  readonly locations?: Readonly<Record<string, LocationSpec | LocationState>>;
  /** By default `eth1`, up. */
  readonly uplinks?: Readonly<Record<string, UplinkSpec>>;
  /** `policy.vars` of the configuration. */
  readonly vars?: Readonly<Record<string, Json>>;
}

/** A span of time: the sum of its parts. */
export interface Duration {
  /** Of 24 hours. */
  readonly days?: number;
  /** Of 60 minutes. */
  readonly hours?: number;
  /** Of 60 seconds. */
  readonly minutes?: number;
  /** The rest. */
  readonly seconds?: number;
}

const defaultTime = "2026-03-02 18:30";
const defaultAgeS = 3600;

/** Makes a household; see {@link HouseholdSpec} for what is given when nothing is said. */
export function household(spec: HouseholdSpec = {}): Household {
  return new Household(spec);
}

/** Devices, locations, uplinks and a clock that a test changes as it likes. */
export class Household {
  readonly #utcOffsetMin: number;
  readonly #devices = new Map<string, WireDevice>();
  readonly #locations = new Map<string, WireLocation>();
  readonly #uplinks = new Map<string, WireUplink>();
  #vars: Record<string, Json>;
  #unixS: number;
  #joined = 0;
  #events: WireEvent[] = [{ type: "started" }];

  constructor(spec: HouseholdSpec) {
    this.#utcOffsetMin = spec.utcOffsetMin ?? 60;
    this.#unixS = parseLocalTime(spec.time ?? defaultTime, this.#utcOffsetMin);
    this.#vars = { ...spec.vars };
    for (const [name, uplink] of Object.entries(spec.uplinks ?? { eth1: {} })) {
      const addresses = [...(uplink.addresses ?? ["198.51.100.2"])];
      this.#uplinks.set(name, { ifname: name, up: uplink.up ?? true, addresses });
    }
    for (const [name, location] of Object.entries(spec.locations ?? {})) {
      this.#addLocation(name, typeof location === "string" ? { state: location } : location);
    }
    for (const [name, device] of Object.entries(spec.devices ?? {})) {
      this.#addDevice(name, { ageS: defaultAgeS, ...device });
    }
  }

  /** Seconds since 1970, UTC. */
  get unixS(): number {
    return this.#unixS;
  }

  /** The local time, as `2026-03-02 18:30`. */
  get time(): string {
    return showLocalTime(this.#unixS, this.#utcOffsetMin);
  }

  /** The names of the devices that are there, in the order of joining. */
  get deviceNames(): readonly string[] {
    return [...this.#devices.keys()];
  }

  /** Moves the clock forward. */
  advance(by: Duration): this {
    const hours = (by.days ?? 0) * 24 + (by.hours ?? 0);
    const seconds = (hours * 60 + (by.minutes ?? 0)) * 60 + (by.seconds ?? 0);
    if (!(seconds >= 0)) throw new Error(`advance: ${seconds} s, expected none or some`);
    this.#unixS += seconds;
    return this;
  }

  /** Sets the clock to a local time, also back. */
  setTime(time: string): this {
    this.#unixS = parseLocalTime(time, this.#utcOffsetMin);
    return this;
  }

  /** A device comes. */
  join(name: string, spec: DeviceSpec = {}): this {
    if (this.#devices.has(name)) throw new Error(`join: "${name}" is already there`);
    const device = this.#addDevice(name, { ageS: 0, ...spec });
    this.#events.push({ type: "joined", mac: device.mac });
    return this;
  }

  /** A device goes. */
  leave(name: string): this {
    const device = this.#device(name);
    this.#devices.delete(name);
    this.#events.push({ type: "left", mac: device.mac });
    return this;
  }

  /** A device gives another DHCP name, or none. */
  rename(name: string, dhcpName: string | null): this {
    const device = this.#device(name);
    if (dhcpName === null) delete device.name;
    else device.name = dhcpName;
    return this;
  }

  /** A device gets other addresses, or appears on another interface. */
  move(name: string, to: { addresses?: readonly string[]; iface?: string }): this {
    const device = this.#device(name);
    if (to.addresses !== undefined) device.addresses = [...to.addresses].sort();
    if (to.iface !== undefined) device.iface = to.iface;
    return this;
  }

  /** A location comes up. */
  up(name: string, spec: Omit<LocationSpec, "state"> = {}): this {
    return this.location(name, { ...spec, state: "up" });
  }

  /** A location goes down. */
  down(name: string): this {
    return this.location(name, { state: "down" });
  }

  /** Changes what is known of a location. */
  location(name: string, spec: LocationSpec): this {
    const known = this.#locations.get(name);
    if (known === undefined) throw unknown("location", name, this.#locations);
    const was = known.state;
    Object.assign(known, plainLocation(spec));
    for (const [key, value] of measured(spec)) {
      if (value === null) delete known[key];
      else known[key] = value;
    }
    if (known.state !== was) {
      known.since_s = this.#unixS;
      this.#events.push({ type: "location", location: name, state: known.state, was });
    }
    return this;
  }

  /** An uplink comes up or goes down. */
  uplink(ifname: string, up: boolean): this {
    const known = this.#uplinks.get(ifname);
    if (known === undefined) throw unknown("uplink", ifname, this.#uplinks);
    if (known.up !== up) this.#events.push({ type: "uplink", ifname, up });
    known.up = up;
    return this;
  }

  /** Replaces `policy.vars`. */
  setVars(vars: Readonly<Record<string, Json>>): this {
    this.#vars = { ...vars };
    return this;
  }

  /** The MAC of a device. */
  mac(name: string): string {
    return this.#device(name).mac;
  }

  /** What a location is doing; undefined if there is none of that name. */
  state(location: string): LocationState | undefined {
    return this.#locations.get(location)?.state;
  }

  /** Remembers where a device goes, which the next decision sees as `device.via`. */
  settle(name: string, location: string | undefined): void {
    const device = this.#device(name);
    if (location === undefined) delete device.via;
    else device.via = location;
  }

  /** What happened since this was last asked. */
  takeEvents(): WireEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** The world as the router would send it. */
  toWire(): WireWorld {
    return {
      now: wireTime(this.#unixS, this.#utcOffsetMin),
      devices: [...this.#devices.values()].sort((a, b) => (a.mac < b.mac ? -1 : 1)),
      locations: [...this.#locations.values()],
      uplinks: [...this.#uplinks.values()],
      vars: this.#vars,
    };
  }

  #device(name: string): WireDevice {
    const device = this.#devices.get(name);
    if (device === undefined) throw unknown("device", name, this.#devices);
    return device;
  }

  #addDevice(name: string, spec: DeviceSpec): WireDevice {
    const count = ++this.#joined;
    const device: WireDevice = {
      mac: (spec.mac ?? macOf(count)).toLowerCase(),
      addresses: [...(spec.addresses ?? [`192.168.1.${100 + (count % 150)}`])].sort(),
      iface: spec.iface ?? "br-lan",
      since_s: this.#unixS - (spec.ageS ?? 0),
    };
    if (spec.name !== null) device.name = spec.name ?? name;
    const double = [...this.#devices].find(([, other]) => other.mac === device.mac);
    if (double !== undefined) {
      throw new Error(`device "${name}": mac ${device.mac} is that of "${double[0]}"`);
    }
    this.#devices.set(name, device);
    return device;
  }

  #addLocation(name: string, spec: LocationSpec): void {
    const location: WireLocation = {
      name, type: "tls", state: "up", since_s: this.#unixS - defaultAgeS, tx_bps: 0, rx_bps: 0,
      peers: [`${name}.example:443`], ...plainLocation(spec),
    };
    for (const [key, value] of measured(spec)) if (value !== null) location[key] = value;
    this.#locations.set(name, location);
  }
}

const macOf = (count: number): string => {
  const hex = count.toString(16).padStart(4, "0");
  return `02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
};

/** The parts of a specification that always have a value. */
function plainLocation(spec: LocationSpec): Partial<WireLocation> {
  return {
    ...(spec.state === undefined ? {} : { state: spec.state }),
    ...(spec.type === undefined ? {} : { type: spec.type }),
    ...(spec.txBps === undefined ? {} : { tx_bps: spec.txBps }),
    ...(spec.rxBps === undefined ? {} : { rx_bps: spec.rxBps }),
    ...(spec.peers === undefined ? {} : { peers: [...spec.peers] }),
  };
}

/** The parts that may be unknown, as far as the specification speaks of them. */
function measured(spec: LocationSpec): ["rtt_ms" | "loss" | "load", number | null][] {
  const all: ["rtt_ms" | "loss" | "load", number | null | undefined][] = [
    ["rtt_ms", spec.rttMs], ["loss", spec.loss], ["load", spec.load],
  ];
  return all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
}

function unknown(kind: string, name: string, known: ReadonlyMap<string, unknown>): Error {
  const names = [...known.keys()].join(", ");
  return new Error(`no ${kind} "${name}", expected one of ${names === "" ? "none" : names}`);
}
