/**
 * The little world that every run has: a router with two LANs and an uplink, two gateways, four
 * devices, and objects of others in the router's kernel that nobody may touch.
 */
import { iff, nud, rtn, rtprot, scope, table } from "./constants.js";
import type { Kernel } from "./kernel.js";
import { emptyRule } from "./kernel.js";
import { familyOf, hostOf } from "./net.js";
import type { Packet } from "./resolve.js";
import type { Random } from "./random.js";

export interface Device {
  readonly name: string;
  readonly iface: string;
  readonly mac: string;
  addr4: string;
  addr6: string;
}

export interface LocationPlan {
  readonly name: string;
  readonly addr4: string;
  readonly addr6: string;
  readonly pool4: string;
  readonly pool6: string;
}

export const UPLINK = "eth1";
/** Only some lives have a second one. */
export const SECOND = "eth2";
export const UPLINKS = [UPLINK, SECOND] as const;
export const LANS = ["br-lan", "br-guest"] as const;
export const TUN = "wrt0";
export const TOKEN = "token-of-the-home-router";
export const GATEWAY_PORT = 443;
export const RESOLVER = "203.0.113.53";
const UPLINK_MTU = 1_500;

export const locations: readonly LocationPlan[] = [
  {
    name: "us", addr4: "198.51.100.10", addr6: "2001:db8:100::10",
    pool4: "10.64.0.0/16", pool6: "fd00:64::/64",
  },
  {
    name: "de", addr4: "198.51.100.20", addr6: "2001:db8:100::20",
    pool4: "10.65.0.0/16", pool6: "fd00:65::/64",
  },
];

/** Host name of a location's gateway. */
export function nameOf(location: string): string {
  return `${location}.gateways.example`;
}

export function makeDevices(): Device[] {
  const device = (name: string, iface: string, net: number, host: number): Device => ({
    name,
    iface,
    mac: `02:00:00:00:0${net}:${host}`,
    addr4: `192.168.${net}.${host}`,
    addr6: `fd00:${net}::${host}`,
  });
  return [
    device("phone", "br-lan", 1, 10),
    device("tv", "br-lan", 1, 20),
    device("guest", "br-guest", 2, 30),
    device("laptop", "br-lan", 1, 40),
  ];
}

/** Destinations that an attacker would pick: far away, on the uplink, the tunnel server itself. */
export const destinations4 = ["192.0.2.77", "203.0.113.9", "198.51.100.10"] as const;
export const destinations6 = ["2001:db8:99::1", "2001:db8:0:1::9", "2001:db8:100::10"] as const;

const packets = new WeakMap<Device, readonly Packet[]>();

/** The same objects each time while the device keeps its addresses. */
export function packetsOf(device: Device): readonly Packet[] {
  const { iface: iif, mac, addr4, addr6 } = device;
  const known = packets.get(device) ?? [];
  if (known[0]?.src === addr4 && known.at(-1)?.src === addr6) return known;
  const made = [
    ...destinations4.map((dst) => ({ iif, mac, src: addr4, dst })),
    ...destinations6.map((dst) => ({ iif, mac, src: addr6, dst })),
  ];
  packets.set(device, made);
  return made;
}

/** Interfaces, addresses and routes of the router before any adit. */
export function furnish(kernel: Kernel): void {
  addEthernet(kernel, UPLINK, "02:00:00:00:00:fe");
  addEthernet(kernel, LANS[0], "02:00:00:00:01:fe");
  addEthernet(kernel, LANS[1], "02:00:00:00:02:fe");
  kernel.masquerading.add(UPLINK);
  plugUplink(kernel);
  addressOf(kernel, LANS[0], ["192.168.1.1/24", "fd00:1::1/64"]);
  addressOf(kernel, LANS[1], ["192.168.2.1/24", "fd00:2::1/64"]);
  kernel.sysctls.set("net/ipv4/ip_forward", "1");
  kernel.sysctls.set("net/ipv6/conf/all/forwarding", "1");
  for (const priority of [20, 1_000]) {
    const foreign = { src: "10.99.0.0/16", table: 100, protocol: rtprot.STATIC };
    kernel.addRule({ ...emptyRule(4), priority, ...foreign });
  }
  addForeignRoute(kernel, "10.98.0.0/16", 100, rtprot.STATIC);
}

/** What DHCP and router advertisements put there. */
export function plugUplink(kernel: Kernel): void {
  const index = kernel.linkNamed(UPLINK)?.index ?? 0;
  kernel.setLink(index, true, 0);
  addressOf(kernel, UPLINK, ["203.0.113.2/24", "2001:db8:0:1::2/64"]);
  const base = { oif: index, kind: rtn.UNICAST, scope: scope.UNIVERSE, table: table.MAIN };
  kernel.addRoute({
    ...base, dst: "0.0.0.0/0", gateway: "203.0.113.1", metric: 0, protocol: rtprot.DHCP, source: "",
  });
  kernel.addRoute({
    ...base, dst: "::/0", gateway: "2001:db8:0:1::1", metric: 1_024, protocol: rtprot.RA,
    source: "",
  });
}

export function unplugUplink(kernel: Kernel, name: string = UPLINK): void {
  kernel.setLink(kernel.linkNamed(name)?.index ?? 0, false, 0);
}

export function addForeignRoute(
  kernel: Kernel,
  dst: string,
  tableNumber: number,
  protocol: number,
): number {
  const oif = kernel.linkNamed(UPLINK)?.index ?? 0;
  return kernel.addRoute({
    table: tableNumber, dst, oif, gateway: "", metric: 0, protocol, kind: rtn.UNICAST,
    scope: scope.LINK, source: "",
  });
}

export function isUplink(name: string): boolean {
  return name === UPLINK || name === SECOND;
}

/** The first address of an interface that is not link-local, "" for none. */
export function addressAt(kernel: Kernel, family: 4 | 6, iface: string): string {
  return addressesAt(kernel, family, iface).find((one) => !one.startsWith("fe80:")) ?? "";
}

export function addressesAt(kernel: Kernel, family: 4 | 6, iface: string): string[] {
  const index = kernel.linkNamed(iface)?.index;
  const own = kernel.addresses.filter(
    (item) => item.index === index && familyOf(item.prefix) === family,
  );
  return own.map(({ prefix }) => hostOf(prefix));
}

/** The neighbour table learns a device's present addresses. */
export function announce(kernel: Kernel, device: Device, random: Random): void {
  const index = kernel.linkNamed(device.iface)?.index ?? 0;
  for (const addr of [device.addr4, device.addr6]) {
    const state = random.pick([nud.REACHABLE, nud.STALE, nud.DELAY]);
    kernel.setNeighbour({ index, addr, mac: device.mac, state });
  }
}

export function isNeighbour(kernel: Kernel, device: Device, addr: string): boolean {
  const index = kernel.linkNamed(device.iface)?.index ?? 0;
  return kernel.neighbours.get(`${index} ${addr}`)?.mac === device.mac;
}

export function addEthernet(kernel: Kernel, name: string, mac: string): void {
  const flags = iff.BROADCAST | iff.MULTICAST;
  const link = kernel.addLink({ name, flags, mtu: UPLINK_MTU, master: 0, mac });
  kernel.setLink(link.index, true, 0);
}

export function addressOf(kernel: Kernel, name: string, prefixes: readonly string[]): void {
  const index = kernel.linkNamed(name)?.index ?? 0;
  for (const prefix of prefixes) kernel.addAddress(index, prefix);
}
