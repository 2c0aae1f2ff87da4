/** Which uplinks the sockets of tunnels can use now, in order of preference. */
import type { RouterConfig } from "../model/config.js";
import type { Ip } from "../model/ip.js";
import { isDefaultLike, prefixContains, prefixFamily } from "../model/ip.js";
import { flagUp, protocolOurs, routeUnicast, tableMain } from "../model/kernel.js";
import { uplinksMax } from "../model/limits.js";
import type { Observed, ObservedLink } from "../model/observed.js";
import type { Way } from "../model/way.js";
import { interfaceKinds, uplinkNames } from "./interfaces.js";
import { ownMark, uplinkMark } from "./marks.js";

/**
 * Named uplinks first, then those that others' default routes in main lead over. `carriers` are the
 * interfaces whose cable is in. A choice of one is none: then the routing table chooses.
 */
export function waysOf(
  config: RouterConfig,
  observed: Observed,
  carriers: ReadonlySet<number>,
): readonly Way[] {
  const links = [...observed.links.values()].filter(
    ({ index, flags }) => (flags & flagUp) !== 0 && carriers.has(index),
  );
  const named = uplinkNames(config, observed);
  const ways = named.flatMap((name, at) => {
    const link = links.find((one) => one.name === name);
    return link === undefined ? [] : wayOver(observed, link, uplinkMark(config, at));
  });
  const kindOf = interfaceKinds(config, observed);
  const others = links.filter(({ name }) => kindOf(name) === "uplink" && !named.includes(name));
  const ranked = others.flatMap((link) => {
    const metric = metricOf(observed, link.index);
    return metric === undefined ? [] : { link, metric };
  });
  ranked.sort((left, right) => left.metric - right.metric);
  for (const { link } of ranked) ways.push(...wayOver(observed, link, ownMark(config)));
  return ways.length > 1 ? ways.slice(0, uplinksMax) : [];
}

/** True if a route of others leads to the address. Text is compared first: that is quicker. */
export function hasRouteTo({ routes }: Observed, address: Ip): boolean {
  const family = prefixFamily(address);
  const theirs = [...routes.values()].filter(({ dst, protocol, kind }) => {
    return prefixFamily(dst) === family && protocol !== protocolOurs && kind === routeUnicast;
  });
  return (
    theirs.some(({ dst }) => dst.endsWith("/0")) ||
    theirs.some(({ dst }) => prefixContains(dst, address))
  );
}

function wayOver(observed: Observed, { index, name: device }: ObservedLink, mark: number): Way[] {
  const families = new Set<number>();
  for (const { oif, dst, protocol, kind } of observed.routes.values()) {
    const isTheirs = protocol !== protocolOurs && kind === routeUnicast;
    if (oif === index && isTheirs && isDefaultLike(dst)) families.add(prefixFamily(dst));
  }
  if (families.size === 0) return [];
  return [{ device, mark, has4: families.has(4), has6: families.has(6) }];
}

/** Smallest metric of a default route of main over the interface, undefined if there is none. */
function metricOf(observed: Observed, index: number): number | undefined {
  let least: number | undefined;
  for (const { oif, table, dst, protocol, metric } of observed.routes.values()) {
    if (oif !== index || table !== tableMain || protocol === protocolOurs) continue;
    if (isDefaultLike(dst)) least = Math.min(least ?? Infinity, metric);
  }
  return least;
}
