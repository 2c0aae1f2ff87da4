/**
 * Where a packet of a source goes that is for one destination: which table the kernel looks at, and
 * which route it finds there. Pure, from the same routes and decisions that make the kernel's.
 */
import type { RouterConfig } from "../model/config.js";
import type { DesiredRoute } from "../model/desired.js";
import type { Ip, Prefix } from "../model/ip.js";
import {
  isDefaultLike,
  isUnrouted,
  prefixContains,
  prefixFamily,
  prefixLength,
} from "../model/ip.js";
import { protocolOurs, routeUnicast, tableMain } from "../model/kernel.js";
import type { Observed, ObservedRoute } from "../model/observed.js";
import type { Decision } from "./device.js";
import { locationAddresses } from "./elements.js";
import type { Interfaces } from "./interfaces.js";
import { classifyInterfaces } from "./interfaces.js";
import { connectedOf, interfaceOf } from "./lan.js";
import type { States } from "./outcome.js";
import { stateAt } from "./outcome.js";
import { isReaching } from "./reach.js";
import { directTable, routerRoutes } from "./routes.js";
import { tunSources } from "./tun-addresses.js";

/** What becomes of the packet. */
export type PathWord =
  /** An address of the router's own. */
  | "router"
  /** Valid on one link only, or a group. */
  | "unrouted"
  /** In the network of the interface that the device is on: switched, not routed. */
  | "neighbour"
  /** A network beside the uplinks. */
  | "reachable"
  | "tunnel"
  | "blocked"
  /** Past every tunnel, because somebody said so. */
  | "direct"
  /** None of adit's business. */
  | "unmanaged";

export interface Path {
  readonly word: PathWord;
  /** What a prefix of the configuration or of the kernel had to do with it, "" for nothing. */
  readonly by: Prefix;
  /** Why a packet for a tunnel is held, in addition to what its location's state says. */
  readonly held?: "inner" | "family";
  /** Table that was looked at, 0 for none. */
  readonly table: number;
  readonly route: DesiredRoute | undefined;
  /** Route of somebody else's that ours is a copy of. */
  readonly origin?: ObservedRoute | undefined;
}

/** No table is looked at. */
export const nowhere: Path = { word: "unrouted", by: "", table: 0, route: undefined };

/** What paths are found in. */
export interface PathMap {
  readonly config: RouterConfig;
  readonly observed: Observed;
  readonly states: States;
  readonly interfaces: Interfaces;
  readonly routes: readonly DesiredRoute[];
}

export function pathMap(config: RouterConfig, observed: Observed, states: States): PathMap {
  const interfaces = classifyInterfaces(config, observed);
  const routes = routerRoutes(config, observed, states, interfaces);
  return { config, observed, states, interfaces, routes };
}

/** In the order in which the kernel looks. */
export function findPath(map: PathMap, decision: Decision, iface: string, destination: Ip): Path {
  const { config, observed } = map;
  if (isUnrouted(destination)) return nowhere;
  if (interfaceOf(observed, destination) !== undefined) return { ...nowhere, word: "router" };
  const near = networkAround(map, iface, destination);
  if (near !== undefined) return { ...nowhere, word: "neighbour", by: near };
  if (isInner(map, destination)) return { ...nowhere, word: "blocked", held: "inner" };
  const bypass = (config.bypass ?? []).find((prefix) => prefixContains(prefix, destination));
  if (bypass !== undefined) return direct(map, destination, bypass);
  const { outcome } = decision;
  if (outcome === undefined) {
    const route = lookUp(mainRoutes(observed), destination);
    return { word: "unmanaged", by: "", table: tableMain, route };
  }
  if (outcome.kind === "direct") return direct(map, destination, "");
  const path = intoTable(map, destination);
  if (path.word === "reachable") return path;
  if (outcome.kind === "block") return { ...path, word: "blocked" };
  if (isMissing(map, outcome.index, destination)) {
    return { ...path, word: "blocked", held: "family" };
  }
  return outcome.blocked ? { ...path, word: "blocked" } : path;
}

/** Networks that the router is in, of interfaces that are up and not outward. */
export function networksAround(
  { config, observed }: PathMap,
  destination: Ip,
): readonly { readonly ifname: string; readonly prefix: Prefix }[] {
  return connectedOf(config, observed).filter(({ prefix }) => prefixContains(prefix, destination));
}

/**
 * The best route of others' that leads to the destination better than by default, and that is not
 * in use for whoever is protected; undefined if there is none.
 */
export function passedOver({ observed }: PathMap, destination: Ip): ObservedRoute | undefined {
  const others = [...observed.routes.values()].filter(
    ({ protocol, kind, dst }) =>
      protocol !== protocolOurs && kind === routeUnicast && !isDefaultLike(dst),
  );
  return lookUp(others, destination);
}

function direct(map: PathMap, destination: Ip, by: Prefix): Path {
  const { config, observed, routes } = map;
  const table = directTable(config);
  const known = table === tableMain ? mainRoutes(observed) : routes;
  const inTable = known.filter((route) => route.table === table);
  return { word: "direct", by, table, route: lookUp(inTable, destination) };
}

/** The tunnel's table always has an end. */
function intoTable({ config, observed, routes, interfaces }: PathMap, destination: Ip): Path {
  const { table, tunIfname } = config;
  const route = lookUp(routes.filter((one) => one.table === table), destination);
  const isInto = route === undefined || route.oif === "" || route.oif === tunIfname;
  if (isInto) return { word: "tunnel", by: "", table, route };
  const origin = [...observed.routes.values()].find((one) => {
    const oif = observed.links.get(one.oif)?.name ?? "";
    const isSame = one.dst === route.dst && one.metric === route.metric && oif === route.oif;
    return isSame && isReaching(config, one) && interfaces.reachable.includes(oif);
  });
  return { word: "reachable", by: route.dst, table, route, origin };
}

function networkAround(map: PathMap, iface: string, destination: Ip): Prefix | undefined {
  return networksAround(map, destination).find(({ ifname }) => ifname === iface)?.prefix;
}

/** The firewall drops what is for such an address before it is routed. */
function isInner({ config, states }: PathMap, address: Ip): boolean {
  if (config.noIptables) return false;
  const inner = config.locations.flatMap((_, at) =>
    locationAddresses(stateAt(config, states, at + 1), at + 1),
  );
  return [...tunSources(config), ...inner].includes(address);
}

/** The gateway is known to carry nothing of that family. */
function isMissing({ config, states }: PathMap, index: number, destination: Ip): boolean {
  const state = stateAt(config, states, index);
  const welcome = state?.welcome ?? state?.lastWelcome;
  if (welcome === undefined) return false;
  return (prefixFamily(destination) === 4 ? welcome.addr4 : welcome.addr6) === "";
}

function mainRoutes({ routes, links }: Observed): DesiredRoute[] {
  return [...routes.values()]
    .filter(({ table }) => table === tableMain)
    .map((route) => ({ ...route, oif: links.get(route.oif)?.name ?? "" }));
}

interface Findable {
  readonly dst: Prefix;
  readonly metric: number;
}

/** The longest prefix, then the smallest metric. */
function lookUp<Route extends Findable>(routes: readonly Route[], address: Ip): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (prefixFamily(route.dst) !== prefixFamily(address)) continue;
    if (!prefixContains(route.dst, address)) continue;
    const gain = best === undefined ? 1 : prefixLength(route.dst) - prefixLength(best.dst);
    if (gain > 0 || (gain === 0 && route.metric < (best?.metric ?? 0))) best = route;
  }
  return best;
}
