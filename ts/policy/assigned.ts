/**
 * Whether the router can take an inner address that a gateway assigned. An inner address is nobody
 * else's: both layers drop it as a source elsewhere, and it ends in a blackhole route. So what the
 * router uses, is connected to, reaches beside its uplinks or dials is refused.
 */
import type { RouterConfig } from "../model/config.js";
import type { Ip, Prefix } from "../model/ip.js";
import {
  prefixAddress,
  prefixContains,
  prefixFamily,
  prefixLength,
} from "../model/ip.js";
import type { Observed } from "../model/observed.js";
import { placeholderNetworks } from "./elements.js";
import { interfaceKinds } from "./interfaces.js";
import { isReaching } from "./reach.js";
import { tunSources } from "./tun-addresses.js";

/** A network that is coarser counts by the addresses that were seen in it: a hotel may use 10/8. */
const lengthMin = { 4: 16, 6: 48 } as const;

/** Why not, for people; "" if it can. `dialled` are addresses of gateways. */
export function refusedBecause(
  address: Ip,
  config: RouterConfig,
  observed: Observed,
  dialled: ReadonlySet<Ip>,
): string {
  const { innerRanges, resolvers } = config;
  const isIn = (prefix: Prefix): boolean => prefixContains(prefix, address);
  if (!innerRanges.some(isIn)) return "lies outside inner_ranges";
  if (tunSources(config).includes(address) || placeholderNetworks.some(isIn)) {
    return "is an address of the TUN";
  }
  if (dialled.has(address) || resolvers.includes(address)) {
    return "is a gateway or a resolver that this router asks";
  }
  return heldBy(address, config, observed);
}

function heldBy(address: Ip, config: RouterConfig, observed: Observed): string {
  const name = (index: number): string => observed.links.get(index)?.name ?? "";
  const isNear = (prefix: Prefix): boolean =>
    prefixLength(prefix) >= lengthMin[prefixFamily(prefix)] && prefixContains(prefix, address);
  for (const { prefix, index } of observed.addresses.values()) {
    if (name(index) === config.tunIfname) continue;
    if (prefixAddress(prefix) === address) return `is the router's own on ${name(index)}`;
    if (isNear(prefix)) return `lies in the network of ${name(index)}`;
  }
  for (const { addr, index } of observed.neighbours.values()) {
    if (addr === address) return `is a neighbour's on ${name(index)}`;
  }
  const kindOf = interfaceKinds(config, observed);
  for (const route of observed.routes.values()) {
    if (route.gateway === address) return `is a next hop on ${name(route.oif)}`;
    const { dst, oif } = route;
    if (!isReaching(config, route) || kindOf(name(oif)) === "uplink") continue;
    if (isNear(dst)) return `lies in the network that ${name(oif)} leads to`;
  }
  return "";
}
