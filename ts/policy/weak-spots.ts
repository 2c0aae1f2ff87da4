/**
 * Known limits of SECURITY-MODEL.md that this router touches, by what is observed anyway: nobody
 * but the owner can mend them, and nothing would show them before something leaks.
 */
import type { RouterConfig } from "../model/config.js";
import type { Mac } from "../model/ip.js";
import { isDefaultLike, isLinkLocal } from "../model/ip.js";
import { neighbourValid, priorityMin, protocolOurs, routeUnicast } from "../model/kernel.js";
import { addressesPerMacMax, weakSpotsMax } from "../model/limits.js";
import type { Observed } from "../model/observed.js";
import { lanSide } from "./interfaces.js";
import { coverWhole } from "./whole.js";

/** One sentence each; the same facts give the same text, so that each is logged once. */
export function weakSpots(config: RouterConfig, observed: Observed): string[] {
  const spots = [
    ...defaultsOverLans(config, observed),
    ...rulesBeforeOurs(observed),
    ...crowdedMacs(config, observed),
  ];
  return [...new Set(spots)].slice(0, weakSpotsMax);
}

/** With our rules deleted the firewall takes what leaves there for traffic of the LAN. */
function defaultsOverLans(config: RouterConfig, { routes, links }: Observed): string[] {
  const lans = new Set(lanSide(config));
  return [...routes.values()].flatMap(({ table, dst, oif, kind, protocol }) => {
    const name = links.get(oif)?.name ?? "";
    if (kind !== routeUnicast || protocol === protocolOurs || !isDefaultLike(dst)) return [];
    if (!lans.has(name)) return [];
    const fact = `the route ${dst} of table ${table} leads over ${name}, which is named a LAN`;
    return [`${fact}: there the routing layer stands alone`];
  });
}

/** What they send elsewhere does not come to our rules. */
function rulesBeforeOurs({ rules }: Observed): string[] {
  return [...rules.values()].flatMap(({ protocol, priority, family }) => {
    if (protocol === protocolOurs || priority === 0 || priority >= priorityMin) return [];
    const fact = `a rule of others for IPv${family} of priority ${priority} is asked before ours`;
    return [`${fact}: there the firewall layer stands alone`];
  });
}

function crowdedMacs(config: RouterConfig, observed: Observed): string[] {
  const counts = new Map<Mac, number>();
  if (observed.neighbours.size <= addressesPerMacMax) return [];
  for (const { mac, addr, state } of observed.neighbours.values()) {
    if (mac === "" || (state & neighbourValid) === 0 || isLinkLocal(addr)) continue;
    counts.set(mac, (counts.get(mac) ?? 0) + 1);
  }
  const crowded = [...counts].filter(([, count]) => count > addressesPerMacMax);
  if (crowded.length === 0) return [];
  const { rules } = coverWhole(config, observed, new Map());
  const held = new Set(
    rules.flatMap(({ match, target }) =>
      match.kind === "mac" && target.kind !== "direct" ? match.mac : [],
    ),
  );
  const rest = config.noIptables ? "nothing stands" : "the firewall layer stands alone";
  return crowded
    .filter(([mac]) => held.has(mac))
    .map(([mac]) => `${mac} has more than ${addressesPerMacMax} addresses: beyond them ${rest}`);
}
