/**
 * Routes of ours: the tunnel's table with its unreachable end, and what default-gateway mode adds.
 */
import type { RouterConfig } from "../model/config.js";
import type { DesiredRoute } from "../model/desired.js";
import { prefixFamily } from "../model/ip.js";
import {
  any4,
  any6,
  metricLast,
  metricOurs,
  protocolOurs,
  routeUnicast,
  routeUnreachable,
  scopeLink,
  scopeUniverse,
  tableMain,
} from "../model/kernel.js";
import { copiedRoutesMax } from "../model/limits.js";
import type { Observed } from "../model/observed.js";
import { localNetworks } from "./lan.js";

const halves = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"];

/** The table that traffic past every tunnel looks at instead of main. */
export function directTable(config: RouterConfig): number {
  return config.defaultGateway ? config.table + 1 : tableMain;
}

export function routerRoutes(config: RouterConfig, observed: Observed): DesiredRoute[] {
  const { table, tunIfname } = config;
  const local = localNetworks(config, observed);
  return [
    ...unreachables(table),
    ...local.map(({ ifname, prefix }) => linkRoute(table, prefix, ifname)),
    ...[any4, any6].map((dst) => linkRoute(table, dst, tunIfname)),
    ...(config.defaultGateway ? defaultGatewayRoutes(config, observed) : []),
  ];
}

function defaultGatewayRoutes(config: RouterConfig, observed: Observed): DesiredRoute[] {
  const direct = directTable(config);
  return [
    ...unreachables(direct),
    ...copiesOfMain(direct, observed),
    ...halves.map((dst) => linkRoute(tableMain, dst, config.tunIfname)),
  ];
}

function linkRoute(table: number, dst: string, oif: string): DesiredRoute {
  const scope = prefixFamily(dst) === 4 ? scopeLink : scopeUniverse;
  const kind = routeUnicast;
  return { table, dst, oif, gateway: "", metric: metricOurs, kind, scope, source: "" };
}

function unreachables(table: number): DesiredRoute[] {
  return [any4, any6].map((dst) => ({
    table,
    dst,
    oif: "",
    gateway: "",
    metric: metricLast,
    kind: routeUnreachable,
    scope: scopeUniverse,
    source: "",
  }));
}

/**
 * Main holds the half-default routes into the tunnel, so whoever must pass beside it looks at a
 * copy of what others wrote there.
 */
function copiesOfMain(table: number, observed: Observed): DesiredRoute[] {
  const copies: DesiredRoute[] = [];
  for (const route of observed.routes.values()) {
    const oif = observed.links.get(route.oif)?.name;
    if (route.table !== tableMain || route.protocol === protocolOurs) continue;
    if (oif === undefined || copies.length >= copiedRoutesMax) continue;
    const { dst, gateway, metric, kind, scope, source } = route;
    if (kind === routeUnicast)
      copies.push({ table, dst, oif, gateway, metric, kind, scope, source });
  }
  return copies;
}
