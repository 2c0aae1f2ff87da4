/** Worlds for tests of the policy interface, in their JSON form. */
import type {
  WireChange, WireDevice, WireLocation, WireTime, WireWorld,
} from "../../../runtime/policy-sdk/src/wire.js";

export const wireTime = (part: Partial<WireTime> = {}): WireTime => ({
  unix_s: 1_772_472_600, year: 2026, month: 3, day: 2, weekday: 1, hour: 18, minute: 30,
  utc_offset_min: 60, ...part,
});

export const wireDevice = (index: number, part: Partial<WireDevice> = {}): WireDevice => ({
  mac: `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
  addresses: [`192.168.${1 + (index >> 8)}.${index & 255}`, `fd00:1::${index.toString(16)}`],
  iface: "br-lan",
  name: `device-${index}`,
  since_s: 1_772_400_000,
  ...part,
});

const hex = (value: number): string => value.toString(16).padStart(2, "0");

export const wireLocation = (name: string, part: Partial<WireLocation> = {}): WireLocation => ({
  name, type: "tls", state: "up", since_s: 1_772_400_000, tx_bps: 0, rx_bps: 0,
  peers: [`${name}.example:443`, `${name}.example:8443`], ...part,
});

export const wireWorld = (part: Partial<WireWorld> = {}): WireWorld => ({
  now: wireTime(),
  devices: [1, 2, 3].map((index) => wireDevice(index)),
  locations: ["us", "de", "nl"].map((name) => wireLocation(name)),
  uplinks: [{ ifname: "eth1", up: true, addresses: ["198.51.100.2"] }],
  vars: {},
  ...part,
});

export function changeBetween(old: WireWorld, next: WireWorld): WireChange {
  const had = new Map(old.devices.map((device) => [device.mac, JSON.stringify(device)]));
  const macs = new Set(next.devices.map(({ mac }) => mac));
  const { now, locations, uplinks, vars } = next;
  return {
    now, locations, uplinks, vars,
    changed: next.devices.filter((device) => had.get(device.mac) !== JSON.stringify(device)),
    gone: [...had.keys()].filter((mac) => !macs.has(mac)),
  };
}
