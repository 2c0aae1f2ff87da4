/**
 * The world as a script sees it, built from its JSON form. Devices are most of it and few of them
 * change between two calls, so a viewer keeps the frozen object of each and makes only new ones.
 */
import { freeze } from "./check.js";
import { spellMac } from "./device.js";
import { createScene, fastest, firstUp, leastLoaded, resolve } from "./picks.js";
import type { Device, Json, LocalTime, Location, Uplink, Where, World } from "./types.js";
import type {
  WireChange, WireDevice, WireLocation, WireTime, WireUplink, WireWorld,
} from "./wire.js";

/** Returns the view of each world that it is given; differences are to the one before. */
export type Viewer = (wire: WireWorld | WireChange) => World;

export function createViewer(): Viewer {
  let known = new Map<string, Device>();
  let devices: readonly Device[] = [];
  let vars: Json = {};
  return (wire) => {
    if ("devices" in wire) {
      const old = known;
      known = new Map(wire.devices.map((device) => [device.mac, keepDevice(old, device)]));
      devices = sameList(devices, [...known.values()]);
    } else if (wire.changed.length > 0 || wire.gone.length > 0) {
      const isOrdered = wire.changed.every(({ mac }) => known.has(mac));
      for (const mac of wire.gone) known.delete(mac);
      for (const device of wire.changed) known.set(device.mac, keepDevice(known, device));
      const list = [...known.values()];
      devices = freeze(isOrdered ? list : list.sort((a, b) => (a.mac < b.mac ? -1 : 1)));
      if (!isOrdered) known = new Map(devices.map((device) => [device.mac, device]));
    }
    if (wire.vars !== undefined) vars = deepFreeze(wire.vars);
    return viewWorld(wire, known, devices, vars);
  };
}

/** Freezing an array costs as much as making it: one with the same members is kept. */
function sameList(old: readonly Device[], list: Device[]): readonly Device[] {
  const isSame = old.length === list.length && old.every((device, i) => device === list[i]);
  return isSame ? old : freeze(list);
}

function keepDevice(known: ReadonlyMap<string, Device>, wire: WireDevice): Device {
  const old = known.get(wire.mac);
  return old !== undefined && isSameDevice(old, wire) ? old : viewDevice(wire);
}

function isSameDevice(old: Device, wire: WireDevice): boolean {
  const { addresses } = wire;
  if (old.sinceS !== wire.since_s || old.via !== wire.via || old.name !== wire.name ||
    old.iface !== wire.iface || old.addresses.length !== addresses.length) return false;
  for (let i = 0; i < addresses.length; i += 1) {
    if (old.addresses[i] !== addresses[i]) return false;
  }
  return true;
}

function viewDevice({ mac, addresses, iface, name, since_s: sinceS, via }: WireDevice): Device {
  const device: Record<keyof Device, unknown> | Device = {
    mac, addresses: freeze(addresses), iface, sinceS,
  };
  return freezeWith(device as Device, { name, via });
}

function viewLocation(wire: WireLocation): Location {
  const { name, type, state, peers, rtt_ms: rttMs, loss, load } = wire;
  return freezeWith({
    name, type, state, sinceS: wire.since_s, txBps: wire.tx_bps, rxBps: wire.rx_bps,
    peers: freeze(peers),
  }, { rttMs, loss, load });
}

/** Adds what has a value, so that absent things are absent, and freezes. */
function freezeWith<T extends object>(target: T, optional: Record<string, unknown>): T {
  for (const key in optional) {
    if (optional[key] !== undefined) (target as Record<string, unknown>)[key] = optional[key];
  }
  return freeze(target);
}

const viewUplink = ({ ifname, up, addresses }: WireUplink): Uplink =>
  freeze({ ifname, up, addresses: freeze(addresses) });

const viewTime = ({ unix_s: unixS, utc_offset_min: utcOffsetMin, ...rest }: WireTime): LocalTime =>
  freeze({ unixS, ...rest, utcOffsetMin });

function deepFreeze<T extends Json>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner as Json);
  return freeze(value);
}

function viewWorld(
  wire: WireWorld | WireChange,
  known: ReadonlyMap<string, Device>,
  devices: readonly Device[],
  vars: Json,
): World {
  const locations = freeze(wire.locations.map(viewLocation));
  const byName = new Map(locations.map((location) => [location.name, location]));
  const location = freeze((name: string): Location | undefined => byName.get(name));
  const scene = createScene(location);
  const now = viewTime(wire.now);
  const pick = (where: Where): string => resolve(where, scene);
  const world: World = {
    now,
    devices,
    locations,
    uplinks: freeze(wire.uplinks.map(viewUplink)),
    vars: vars as World["vars"],
    device: freeze((mac) => known.get(spellMac(mac))),
    location,
    ageS: freeze((thing) => Math.max(0, now.unixS - thing.sinceS)),
    firstUp: freeze((...names) => pick(firstUp(...names))),
    fastest: freeze((...names) => pick(fastest(...names))),
    leastLoaded: freeze((...names) => pick(leastLoaded(...names))),
  };
  return freeze(world);
}
