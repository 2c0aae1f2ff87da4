/**
 * Routes of ours: the tunnel's table with its unreachable end, and what default-gateway mode adds.
 */
import type { RouterConfig } from "../model/config.js";
import type { DesiredRoute } from "../model/desired.js";
import type { Prefix } from "../model/ip.js";
import { isLinkLocal, makePrefix, prefixFamily, prefixLength } from "../model/ip.js";
import {
  any4,
  any6,
  metricLast,
  metricOurs,
  protocolOurs,
  routeBlackhole,
  routeUnicast,
  routeUnreachable,
  scopeLink,
  scopeUniverse,
  tableMain,
} from "../model/kernel.js";
import { copiedRoutesMax } from "../model/limits.js";
import type { Observed, ObservedRoute } from "../model/observed.js";
import { placeholderNetworks, welcomeAddresses } from "./elements.js";
import type { Interfaces } from "./interfaces.js";
import type { States } from "./outcome.js";
import { stateAt } from "./outcome.js";
import { reachableNetworks, reachRoutes } from "./reach.js";

const halves = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"];

/** The table that traffic past every tunnel looks at instead of main. */
export function directTable(config: RouterConfig): number {
  return config.defaultGateway ? config.table + 1 : tableMain;
}

/** The table of what leaves by one uplink, by its rank. */
export function uplinkTable({ table }: RouterConfig, rank: number): number {
  return 1_000 * table + rank + 1;
}

export function routerRoutes(
  config: RouterConfig,
  observed: Observed,
  states: States,
  { reachable, uplinks }: Interfaces,
): DesiredRoute[] {
  const { table, tunIfname } = config;
  const local = reachableNetworks(config, observed, reachable);
  return [
    ...blockRoutes(table, [any4, any6], routeUnreachable, metricLast),
    ...strayRoutes(config, states),
    ...local.map(({ ifname, prefix }) => linkRoute(table, prefix, ifname)),
    ...reachRoutes(config, observed, reachable),
    ...[any4, any6].map((dst) => linkRoute(table, dst, tunIfname)),
    ...(config.defaultGateway ? defaultGatewayRoutes(config, observed) : []),
    ...uplinks.flatMap((name, rank) => uplinkRoutes(observed, name, uplinkTable(config, rank))),
  ];
}

/** Others' routes over the uplink, of whatever table; without one nothing leaves. */
function uplinkRoutes(observed: Observed, oif: string, table: number): DesiredRoute[] {
  const isOver = (route: ObservedRoute): boolean =>
    route.protocol !== protocolOurs && observed.links.get(route.oif)?.name === oif;
  const routes = [...observed.routes.values()].filter(isOver);
  const inMain = routes.filter((route) => route.table === tableMain);
  const elsewhere = routes.filter((route) => route.table !== tableMain);
  return [
    ...blockRoutes(table, [any4, any6], routeUnreachable, metricLast),
    ...copiesOf([...inMain, ...elsewhere], () => oif, table),
  ];
}

function defaultGatewayRoutes(config: RouterConfig, observed: Observed): DesiredRoute[] {
  const direct = directTable(config);
  return [
    ...blockRoutes(direct, [any4, any6], routeUnreachable, metricLast),
    ...copiesOfMain(config, direct, observed),
    ...halves.map((dst) => linkRoute(tableMain, dst, config.tunIfname)),
  ];
}

function linkRoute(table: number, dst: string, oif: string): DesiredRoute {
  const scope = prefixFamily(dst) === 4 ? scopeLink : scopeUniverse;
  const kind = routeUnicast;
  return { table, dst, oif, gateway: "", metric: metricOurs, kind, scope, source: "" };
}

/**
 * Answers whose flow is forgotten, as after a flush of the whole firewall, are still addressed to
 * us inside the tunnel and would follow the default route in clear. They end without a word,
 * because an ICMP error would quote them on the uplink.
 */
function strayRoutes(config: RouterConfig, states: States): DesiredRoute[] {
  const assigned = config.locations.flatMap((_, at) =>
    welcomeAddresses(stateAt(config, states, at + 1)).map((address) => makePrefix(address)),
  );
  const inner = [...placeholderNetworks, ...new Set(assigned)];
  return blockRoutes(tableMain, inner, routeBlackhole, metricOurs);
}

function blockRoutes(
  table: number,
  prefixes: readonly Prefix[],
  kind: number,
  metric: number,
): DesiredRoute[] {
  const where = { oif: "", gateway: "", scope: scopeUniverse, source: "" };
  return prefixes.map((dst) => ({ table, dst, metric, kind, ...where }));
}

/**
 * Main holds the half-default routes into the tunnel, so whoever must pass beside it looks at a
 * copy of what others wrote there.
 */
function copiesOfMain(config: RouterConfig, table: number, observed: Observed): DesiredRoute[] {
  const theirs = [...observed.routes.values()].filter(
    (route) => route.table === tableMain && route.protocol !== protocolOurs,
  );
  const nameOf = ({ oif }: ObservedRoute): string => observed.links.get(oif)?.name ?? "";
  const passing = theirs.filter((route) => !["", config.tunIfname].includes(nameOf(route)));
  return copiesOf(passing, nameOf, table);
}

/**
 * Every interface has a link-local route; a table of ours can hold one of a destination and metric,
 * and whoever talks to such an address names the interface.
 */
function copiesOf(
  routes: readonly ObservedRoute[],
  nameOf: (route: ObservedRoute) => string,
  table: number,
): DesiredRoute[] {
  const copies = new Map<string, DesiredRoute>();
  const ranks = routes.map(rankOf);
  const all = [0, 1, 2].flatMap((rank) => routes.filter((_, at) => ranks[at] === rank));
  for (const route of all) {
    const { dst, gateway, metric, kind, scope, source } = route;
    const key = `${dst} ${metric}`;
    if (kind !== routeUnicast || isLinkLocal(dst) || copies.has(key)) continue;
    if (copies.size >= copiedRoutesMax) break;
    copies.set(key, { table, dst, oif: nameOf(route), gateway, metric, kind, scope, source });
  }
  return [...copies.values()];
}

/** Where not all are copied: the way out first, then networks near by. */
function rankOf({ dst, gateway }: ObservedRoute): number {
  if (prefixLength(dst) <= 1) return 0;
  return gateway === "" ? 1 : 2;
}
