/** The world as a policy script sees it: the same facts give the same bytes. */
import { endpointText } from "../config/words.js";
import type {
  ScriptEvent,
  World,
  WorldDevice,
  WorldLocation,
  WorldUplink,
} from "../model/advice.js";
import { adviceDevicesMax } from "../model/advice.js";
import type { RouterConfig } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { prefixAddress } from "../model/ip.js";
import { flagUp, scopeUniverse } from "../model/kernel.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { HeldAdvice } from "./advise.js";
import { uplinkNames } from "./interfaces.js";
import { neighboursOf } from "./lan.js";
import { localTime } from "./local-time.js";

/** Bits per second through a tunnel, and the share of its segments that were sent again. */
export interface Rate {
  readonly txBps: number;
  readonly rxBps: number;
  /** 0 to 1; undefined while too little was sent to tell. */
  readonly loss?: number | undefined;
}

export interface WorldInput {
  readonly config: RouterConfig;
  readonly observed: Observed;
  /** In the order of the configuration. */
  readonly locations: readonly LocationState[];
  readonly rates: ReadonlyMap<string, Rate>;
  readonly names: ReadonlyMap<Mac, string>;
  /** Monotonic time at which a device was first seen. */
  readonly seenMs: ReadonlyMap<Mac, number>;
  /** Interfaces whose cable is in, by index. */
  readonly carriers: ReadonlySet<number>;
  readonly held: HeldAdvice | undefined;
  readonly nowMs: number;
  readonly unixMs: number;
}

const minuteMs = 60_000;
/** Events of one decision; what happens beyond is not told. */
const eventsMax = 16;
/** A load that moved by less, in hundredths, since the script was asked is told with the minute. */
const loadStep = 10;

export function worldOf(input: WorldInput): World {
  const { config, unixMs } = input;
  const { timezone, vars } = config.policy;
  return {
    now: localTime(Math.floor(unixMs / minuteMs) * minuteMs, timezone),
    devices: devicesOf(input),
    locations: locationsOf(input),
    uplinks: uplinkNames(config, input.observed).map((name) => uplinkOf(input, name)),
    vars,
  };
}

/** What a script is asked again for: the rest of a world changes all the time. */
export function worldKey({ now, devices, locations, uplinks }: World): string {
  const seen = devices.map(({ since_s: _since, via: _via, ...device }) => device);
  const states = locations.map(({ name, state }) => [name, state]);
  return JSON.stringify([now.unix_s, seen, states, uplinks]);
}

/** A load went far enough from what the script saw; locations are those of the same key. */
export function isLoadMoved(before: World | undefined, { locations }: World): boolean {
  return locations.some(({ load = 0 }, at) => {
    const was = before?.locations[at]?.load ?? 0;
    return Math.round(Math.abs(load - was) * 100) >= loadStep;
  });
}

/** What happened between two worlds. */
export function eventsBetween(before: World | undefined, after: World): readonly ScriptEvent[] {
  if (before === undefined) return [{ type: "started" }];
  const events: ScriptEvent[] = [];
  const macs = (world: World): Set<Mac> => new Set(world.devices.map(({ mac }) => mac));
  const [old, young] = [macs(before), macs(after)];
  for (const mac of young) if (!old.has(mac)) events.push({ type: "joined", mac });
  for (const mac of old) if (!young.has(mac)) events.push({ type: "left", mac });
  for (const { name: location, state } of after.locations) {
    const was = before.locations.find(({ name }) => name === location)?.state ?? state;
    if (was !== state) events.push({ type: "location", location, state, was });
  }
  for (const { ifname, up } of after.uplinks) {
    const was = before.uplinks.find((uplink) => uplink.ifname === ifname)?.up ?? up;
    if (was !== up) events.push({ type: "uplink", ifname, up });
  }
  return events.slice(0, eventsMax);
}

function secondsOf({ nowMs, unixMs }: WorldInput, atMs: number): number {
  return Math.max(0, Math.floor((unixMs - (nowMs - atMs)) / 1_000));
}

function devicesOf(input: WorldInput): WorldDevice[] {
  const { config, observed, names, seenMs, nowMs, held } = input;
  const found = new Map<Mac, { iface: string; addresses: Set<Ip> }>();
  for (const { mac, addr, index } of neighboursOf(config, observed)) {
    const iface = observed.links.get(index)?.name ?? "";
    const known = found.get(mac) ?? { iface, addresses: new Set() };
    if (iface < known.iface) known.iface = iface;
    known.addresses.add(addr);
    found.set(mac, known);
  }
  const all = [...found].sort(([left], [right]) => (left < right ? -1 : 1));
  return all.slice(0, adviceDevicesMax).map(([mac, { iface, addresses }]) => {
    const name = names.get(mac);
    const via = held?.routes?.get(mac)?.location ?? "";
    return {
      mac,
      addresses: [...addresses].sort(),
      iface,
      ...(name === undefined ? {} : { name }),
      since_s: secondsOf(input, seenMs.get(mac) ?? nowMs),
      ...(via === "" ? {} : { via }),
    };
  });
}

function locationsOf(input: WorldInput): WorldLocation[] {
  const { config, locations, rates } = input;
  return config.locations.map(({ name, type, peers, capacityMbit }, at) => {
    const found = locations[at];
    const { txBps = 0, rxBps = 0, loss } = rates.get(name) ?? {};
    const load = Math.max(txBps, rxBps) / ((capacityMbit ?? 0) * 1_000_000);
    return {
      name,
      type,
      state: found?.state ?? "idle",
      since_s: secondsOf(input, found?.sinceMs ?? 0),
      ...(found?.rttMs === undefined ? {} : { rtt_ms: found.rttMs }),
      ...(loss === undefined ? {} : { loss }),
      tx_bps: txBps,
      rx_bps: rxBps,
      ...(capacityMbit === undefined ? {} : { load: Math.min(1, Math.round(load * 100) / 100) }),
      peers: peers.map(({ host, port }) => endpointText(host, port)),
    };
  });
}

function uplinkOf({ observed, carriers }: WorldInput, ifname: string): WorldUplink {
  const link = [...observed.links.values()].find(({ name }) => name === ifname);
  const addresses = [...observed.addresses.values()]
    .filter(({ index, scope }) => index === link?.index && scope === scopeUniverse)
    .map(({ prefix }) => prefixAddress(prefix));
  const up = link !== undefined && (link.flags & flagUp) !== 0 && carriers.has(link.index);
  return { ifname, up, addresses: addresses.sort() };
}
