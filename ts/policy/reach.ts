/**
 * Networks beside the uplinks that stay in use for whoever is protected: those of the LAN, and what
 * others' routes reach over it or over their own tunnels. A route over an uplink never counts, so a
 * DHCP server there adds nothing.
 */
import type { RouterConfig } from "../model/config.js";
import type { DesiredRoute } from "../model/desired.js";
import type { Prefix } from "../model/ip.js";
import { isDefaultLike, prefixContains } from "../model/ip.js";
import { protocolKernel, protocolOurs, routeUnicast } from "../model/kernel.js";
import { reachRoutesMax } from "../model/limits.js";
import type { Observed, ObservedRoute } from "../model/observed.js";
import type { Connected } from "./lan.js";
import { connectedOf } from "./lan.js";

const nobodysNetworks: readonly Prefix[] = ["fe80::/10", "ff00::/8", "224.0.0.0/3"];

/** Connected networks of the interfaces in `reachable`, each once. */
export function reachableNetworks(
  config: RouterConfig,
  observed: Observed,
  reachable: readonly string[],
): Connected[] {
  const found = new Map<Prefix, Connected>();
  for (const network of connectedOf(config, observed)) {
    if (!reachable.includes(network.ifname) || found.has(network.prefix)) continue;
    found.set(network.prefix, network);
  }
  return [...found.values()];
}

/** Others' routes over those interfaces, as routes of the tunnel's table. */
export function reachRoutes(
  config: RouterConfig,
  observed: Observed,
  reachable: readonly string[],
): DesiredRoute[] {
  const found = new Map<string, DesiredRoute>();
  for (const route of observed.routes.values()) {
    const oif = observed.links.get(route.oif)?.name ?? "";
    if (!reachable.includes(oif) || !isReaching(config, route)) continue;
    const { dst, gateway, metric, kind, scope, source } = route;
    const key = `${dst} ${metric}`;
    if (found.has(key) || found.size >= reachRoutesMax) continue;
    found.set(key, { table: config.table, dst, oif, gateway, metric, kind, scope, source });
  }
  return [...found.values()];
}

/** Better than by default, and written by somebody: connected networks are known by addresses. */
export function isReaching({ reachTables }: RouterConfig, route: ObservedRoute): boolean {
  const { table, kind, protocol, dst } = route;
  if (kind !== routeUnicast || protocol === protocolOurs || protocol === protocolKernel) {
    return false;
  }
  if (!reachTables.includes(table) || isDefaultLike(dst)) return false;
  return !nobodysNetworks.some((network) => prefixContains(network, dst));
}
