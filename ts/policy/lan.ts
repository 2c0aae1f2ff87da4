/** What the neighbour table and the interfaces say about the LAN side. */
import { isNamedUplink } from "../config/uplinks.js";
import type { RouterConfig } from "../model/config.js";
import type { Ip, Mac, Prefix } from "../model/ip.js";
import { isLinkLocal, prefixAddress, prefixNetwork } from "../model/ip.js";
import { flagUp, neighbourValid } from "../model/kernel.js";
import { addressesPerMacMax } from "../model/limits.js";
import type { Observed, ObservedLink, ObservedNeighbour } from "../model/observed.js";

/** Neighbours that count: a live state, a routable address, not on the outward side. */
export function neighboursOf(config: RouterConfig, observed: Observed): ObservedNeighbour[] {
  const inside = new Set<number>();
  for (const { index, name } of observed.links.values()) {
    if (!isOutward(config, name)) inside.add(index);
  }
  const found: ObservedNeighbour[] = [];
  for (const neighbour of observed.neighbours.values()) {
    const { index, state, mac, addr } = neighbour;
    if ((state & neighbourValid) === 0 || mac === "" || !inside.has(index)) continue;
    if (!isLinkLocal(addr)) found.push(neighbour);
  }
  return found;
}

function isOutward(config: RouterConfig, name: string): boolean {
  return isNamedUplink(config, name) || name === config.tunIfname || name === "lo";
}

/**
 * Addresses of devices with a rule by MAC; one with more than the limit is held by its mark and the
 * guard alone.
 */
function addressesByMac(
  { rules }: RouterConfig,
  neighbours: readonly Pick<ObservedNeighbour, "addr" | "mac">[],
): ReadonlyMap<Mac, readonly Ip[]> {
  const macs = new Set(rules.flatMap(({ match }) => (match.kind === "mac" ? [match.mac] : [])));
  const found = new Map<Mac, Ip[]>();
  for (const { mac, addr } of neighbours) {
    if (!macs.has(mac)) continue;
    const list = found.get(mac) ?? [];
    if (list.length < addressesPerMacMax && !list.includes(addr)) list.push(addr);
    found.set(mac, list);
  }
  return found;
}

/**
 * Without a firewall an address is all that a device is known by, so a rule stays with it when its
 * neighbour entry goes, as with the interface: until the address is seen at another device.
 */
export function addressesHeld(
  config: RouterConfig,
  observed: Observed,
): ReadonlyMap<Mac, readonly Ip[]> {
  const present = neighboursOf(config, observed);
  if (!config.noIptables) return addressesByMac(config, present);
  const taken = new Set(present.map(({ addr }) => addr));
  const absent = [...observed.owners].filter(([addr]) => !taken.has(addr) && !isLinkLocal(addr));
  const rest = absent.reverse().map(([addr, mac]) => ({ addr, mac }));
  return addressesByMac(config, [...present, ...rest]);
}

export interface Connected {
  readonly index: number;
  readonly ifname: string;
  /** The network, without host bits. */
  readonly prefix: Prefix;
  /** The router's own address in it. */
  readonly address: Ip;
}

/** Connected networks of interfaces that are up, outward ones left out. */
export function connectedOf(config: RouterConfig, observed: Observed): Connected[] {
  const found = new Map<string, Connected>();
  for (const { index, prefix } of observed.addresses.values()) {
    const link = observed.links.get(index);
    if (link === undefined || isOutward(config, link.name) || !isUp(link)) continue;
    if (isLinkLocal(prefix)) continue;
    const network = prefixNetwork(prefix);
    const address = prefixAddress(prefix);
    found.set(`${link.name} ${network}`, {
      index,
      ifname: link.name,
      prefix: network,
      address,
    });
  }
  return [...found.values()];
}

/** Name of the interface that has the address, undefined if it is none of the router's. */
export function interfaceOf({ addresses, links }: Observed, address: Ip): string | undefined {
  const own = [...addresses.values()].find(({ prefix }) => prefixAddress(prefix) === address);
  return own && (links.get(own.index)?.name ?? "");
}

function isUp(link: ObservedLink): boolean {
  return (link.flags & flagUp) !== 0;
}
