import type { Desired, DesiredRoute } from "../../model/desired.js";
import { prefixFamily } from "../../model/ip.js";
import { protocolOurs, routeBlackhole, routeUnicast } from "../../model/kernel.js";
import type { Observed, ObservedRoute } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { before, phases } from "../phases.js";
import { difference, keyedBy } from "./keyed.js";

export function planRoutes(desired: Desired, observed: Observed): PlannedOperation[] {
  const tun = desired.tun?.name ?? observed.tun;
  const present = [...observed.routes.values()]
    .filter((route) => route.protocol === protocolOurs)
    .map((route) => asDesired(route, observed));
  const { added, removed } = difference(
    keyedBy(desired.routes, identity),
    keyedBy(present, identity),
  );
  const places = new Map(added.map((route) => [place(route), addPhase(route, tun)]));
  return [
    ...added.map((route) => operation(route, false, addPhase(route, tun))),
    ...removed.map((route) => {
      const successor = places.get(place(route));
      return operation(
        route,
        true,
        successor === undefined ? removePhase(route) : before(successor),
      );
    }),
  ];
}

function asDesired(route: ObservedRoute, observed: Observed): DesiredRoute {
  const { table, dst, gateway, metric, kind, scope, source } = route;
  const oif = kind === routeUnicast ? (observed.links.get(route.oif)?.name ?? `?${route.oif}`) : "";
  return { table, dst, oif, gateway, metric, kind, scope, source };
}

/** IPv6 knows no scope of routes. */
function identity(route: DesiredRoute): string {
  const { oif, gateway, kind, scope, source } = route;
  const kept = prefixFamily(route.dst) === 4 ? scope : 0;
  return [place(route), oif, gateway, kind, kept, source].join(" ");
}

/** The kernel has room for one route of this description. */
function place({ table, dst, metric }: DesiredRoute): string {
  return `${table} ${dst} ${metric}`;
}

function addPhase(route: DesiredRoute, tun: string): number {
  if (route.kind !== routeUnicast) return phases.blockRoutes;
  if (route.oif === tun) return phases.tunRoutes;
  return route.gateway === "" ? phases.localRoutes : phases.gatewayRoutes;
}

function removePhase(route: DesiredRoute): number {
  return route.kind !== routeUnicast ? phases.removeBlockRoutes : phases.removeRest;
}

function operation(route: DesiredRoute, remove: boolean, phase: number): PlannedOperation {
  const { table, dst, oif, gateway, kind } = route;
  const via = gateway === "" ? "" : ` via ${gateway}`;
  const end = kind === routeBlackhole ? "blackhole" : "unreachable";
  const to = oif === "" ? end : `${oif}${via}`;
  const why = `${remove ? "remove" : "add"} route ${dst} ${to} in table ${table}`;
  return { operation: { kind: "route", remove, route }, phase, why };
}
