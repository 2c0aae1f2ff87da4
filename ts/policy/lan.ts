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
  return [...observed.neighbours.values()].filter((neighbour) => {
    const name = observed.links.get(neighbour.index)?.name;
    if (name === undefined || isOutward(config, name)) return false;
    return (
      (neighbour.state & neighbourValid) !== 0 &&
      neighbour.mac !== "" &&
      !isLinkLocal(neighbour.addr)
    );
  });
}

function isOutward(config: RouterConfig, name: string): boolean {
  return isNamedUplink(config, name) || name === config.tunIfname || name === "lo";
}

/** Addresses by MAC; a device with more than the limit is held by its mark and the guard alone. */
function addressesByMac(
  neighbours: readonly Pick<ObservedNeighbour, "addr" | "mac">[],
): ReadonlyMap<Mac, readonly Ip[]> {
  const found = new Map<Mac, Ip[]>();
  for (const { mac, addr } of neighbours) {
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
  if (!config.noIptables) return addressesByMac(present);
  const taken = new Set(present.map(({ addr }) => addr));
  const absent = [...observed.owners].filter(([addr]) => !taken.has(addr) && !isLinkLocal(addr));
  const rest = absent.reverse().map(([addr, mac]) => ({ addr, mac }));
  return addressesByMac([...present, ...rest]);
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
