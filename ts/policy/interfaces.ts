/**
 * What the router's interfaces are: ours, a LAN where protected devices may be, an uplink, or
 * untrusted. Names that the owner gave come first; beyond them only evidence counts.
 */
import { isNamedUplink, matchesPattern } from "../config/uplinks.js";
import type { RouterConfig } from "../model/config.js";
import type { Prefix } from "../model/ip.js";
import { prefixesOverlap } from "../model/ip.js";
import { flagNoArp, flagPointToPoint } from "../model/kernel.js";
import { uplinksMax } from "../model/limits.js";
import type { Observed, ObservedLink } from "../model/observed.js";
import { connectedOf } from "./lan.js";

export type InterfaceKind = "ours" | "lan" | "uplink" | "untrusted";

/** Interfaces by what may happen there; the lists are sorted but for `uplinks`. */
export interface Interfaces {
  /** Named uplinks, the preferred one first. What comes from them is from outside. */
  readonly uplinks: readonly string[];
  /** Beside these no interface gets what comes out of a tunnel. */
  readonly inward: readonly string[];
  /** Their networks stay reachable for protected devices. */
  readonly reachable: readonly string[];
}

export function classifyInterfaces(config: RouterConfig, observed: Observed): Interfaces {
  const kindOf = interfaceKinds(config, observed);
  const inward = inwardNames(config, observed, kindOf);
  const tunnels = [...observed.links.values()].filter(isTunnel).map(({ name }) => name);
  const near = config.lanIfnames.length > 0 ? lanSide(config) : inward;
  const reachable = [...near, ...tunnels.filter((name) => kindOf(name) === "untrusted")];
  return {
    uplinks: uplinkNames(config, observed),
    inward: sorted(inward),
    reachable: sorted(reachable),
  };
}

/** Each name's kind; an interface that the owner calls a LAN is one whatever leads over it. */
export function interfaceKinds(
  config: RouterConfig,
  { learnedUplinks }: Observed,
): (name: string) => InterfaceKind {
  const lan = new Set(lanSide(config));
  return (name) => {
    if (name === config.tunIfname || name === "lo") return "ours";
    if (lan.has(name)) return "lan";
    return isNamedUplink(config, name) || learnedUplinks.has(name) ? "uplink" : "untrusted";
  };
}

/** Named uplinks in order; of a pattern those that exist. */
export function uplinkNames(config: RouterConfig, { links }: Observed): string[] {
  const { wanIfname, uplinks, tunIfname } = config;
  const patterns = uplinks.some((one) => matchesPattern(one, wanIfname))
    ? uplinks
    : [wanIfname, ...uplinks];
  const present = [...links.values()].map(({ name }) => name).sort();
  const names = patterns.flatMap((pattern) =>
    pattern.endsWith("*") ? present.filter((name) => matchesPattern(pattern, name)) : [pattern],
  );
  const lan = new Set(lanSide(config));
  const outward = names.filter((name) => name !== tunIfname && name !== "lo" && !lan.has(name));
  return [...new Set(outward)].slice(0, uplinksMax);
}

/** Interfaces that the configuration names as places of devices. */
export function lanSide({ lanIfnames, policy, rules }: RouterConfig): string[] {
  const ruled = rules.flatMap(({ match }) => (match.kind === "iface" ? [match.iface] : []));
  return [...new Set([...lanIfnames, ...policy.ifnames, ...ruled])];
}

type KindOf = (name: string) => InterfaceKind;

/**
 * Where devices are. With the default gateway in the tunnel they may be on every interface that is
 * no uplink; otherwise an interface that nobody named needs a device of a rule, or to be a bridge.
 */
function inwardNames(config: RouterConfig, observed: Observed, kindOf: KindOf): string[] {
  const untrusted = connectedOf(config, observed).filter(
    ({ ifname }) => kindOf(ifname) === "untrusted",
  );
  const named = lanSide(config);
  if (config.defaultGateway) return [...named, ...untrusted.map(({ ifname }) => ifname)];
  const places = placesOfDevices(config, observed);
  const ruled = config.rules.flatMap(({ match }) =>
    match.kind === "address" ? [match.prefix] : [],
  );
  const found = untrusted.filter(
    ({ ifname, prefix }) => places.has(ifname) || isRuled(prefix, ruled),
  );
  const routed = [...places].filter((name) => kindOf(name) === "untrusted");
  return [...named, ...routed, ...found.map(({ ifname }) => ifname)];
}

/** Where a device of a MAC rule was seen, and bridges, if any rule names devices. */
function placesOfDevices(config: RouterConfig, observed: Observed): Set<string> {
  const places = new Set<string>();
  const macs = new Set<string>();
  let isAny = false;
  for (const { match } of config.rules) {
    if (match.kind === "mac") macs.add(match.mac);
    isAny ||= match.kind !== "iface";
  }
  const { links, neighbours } = observed;
  for (const { mac, index } of neighbours.values()) {
    if (macs.has(mac)) places.add(links.get(index)?.name ?? "");
  }
  for (const { master } of links.values()) {
    if (isAny && master !== 0) places.add(links.get(master)?.name ?? "");
  }
  places.delete("");
  return places;
}

function isRuled(network: Prefix, ruled: readonly Prefix[]): boolean {
  return ruled.some((prefix) => prefixesOverlap(network, prefix));
}

/** Nobody on such a link can claim to be in the way of an address. */
function isTunnel({ flags }: ObservedLink): boolean {
  return (flags & (flagNoArp | flagPointToPoint)) !== 0;
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
