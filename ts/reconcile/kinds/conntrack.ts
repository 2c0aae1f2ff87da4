/**
 * Flows remember the path and the source address that they began with. When the firewall moves a
 * source, a location's address changes, or a device shows up at an address, the flows of exactly
 * those addresses are forgotten.
 */
import type { Desired, DesiredRule, FirewallElement } from "../../model/desired.js";
import { makePrefix, prefixNetwork } from "../../model/ip.js";
import type { Mac, Prefix } from "../../model/ip.js";
import { any4, any6, priorityDefault, priorityMac, protocolOurs } from "../../model/kernel.js";
import { conntrackOperationsMax } from "../../model/limits.js";
import type { Observed, ObservedRule } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { elementKey } from "../../render/nft.js";
import { phases } from "../phases.js";
import { elementChanges } from "./firewall.js";

const none: ReadonlyMap<string, string> = new Map();
const macMap = /^(late_)?mac_/;

export function planConntrack(desired: Desired, observed: Observed): PlannedOperation[] {
  const { firewall } = observed;
  if (desired.firewall === undefined || firewall.kind === "unread") return [];
  const found = firewall.kind === "present" ? firewall.elements : none;
  const { elements } = desired.firewall;
  const { added, removed } = elementChanges(desired.firewall, found);
  // Without its address a flow begins untranslated and stays so; a destination that is sent past
  // all tunnels concerns everybody's flows.
  const missed =
    added.some((item) => isTranslation(item) && !found.has(elementKey(item))) ||
    [...added, ...removed].some(({ map }) => map.startsWith("bypass"));
  const moved = missed ? [...elements.values()] : added;
  const byMac = addressesByMac(observed);
  const prefixes = new Set([
    ...observed.staleFlows,
    ...arrivedSources(desired, observed),
    ...[...moved, ...removed].flatMap((element) => sourcesOf(element, byMac, observed)),
    ...removed.flatMap(translatedOf),
  ]);
  // By default everybody is translated, not only the sources of elements.
  const isDefault = desired.rules.some(({ priority }) => priority === priorityDefault);
  // A device that is away, or has more addresses than are known: its flows would keep the old way.
  const unseen =
    observed.isHeir &&
    removed.some((item) => macMap.test(item.map) && !elements.has(elementKey(item)));
  const anybody = unseen || (missed && isDefault) || prefixes.size > conntrackOperationsMax;
  const chosen = anybody ? [any4, any6] : [...prefixes];
  return chosen.map((prefix) => ({
    operation: { kind: "conntrack", prefix },
    phase: phases.forgetFlows,
    why: `forget flows of ${prefix}`,
  }));
}

/**
 * A device that shows up at an address may have flows there from before it was moved, and without
 * the rule of the default gateway flows begin past the tunnels.
 */
function arrivedSources(desired: Desired, observed: Observed): readonly Prefix[] {
  const present = new Set<string>();
  for (const rule of observed.rules.values()) {
    if (rule.protocol === protocolOurs) present.add(sourceKey(rule));
  }
  const arrived = desired.rules.filter((rule) => {
    const counts = rule.priority === priorityMac || rule.priority === priorityDefault;
    return counts && !present.has(sourceKey(rule));
  });
  return arrived.map(({ family, src }) => src || (family === 4 ? any4 : any6));
}

function sourceKey({ family, priority, src }: DesiredRule | ObservedRule): string {
  return `${family} ${priority} ${src}`;
}

/** Sources whose way the element of a map decides: which tunnel, or whether out at all. */
function sourcesOf(
  { map, key }: FirewallElement,
  byMac: ReadonlyMap<Mac, readonly Prefix[]>,
  observed: Observed,
): readonly Prefix[] {
  if (macMap.test(map)) return byMac.get(key) ?? [];
  if (/^(late_)?iface_/.test(map)) return ofInterface(key, observed);
  const length = /^ip[46]_(\d+)_/.exec(map)?.[1];
  return length === undefined ? [] : [`${key}/${length}`];
}

/** The translated address that flows had. */
function translatedOf(element: FirewallElement): Prefix[] {
  return isTranslation(element) ? [makePrefix(element.value)] : [];
}

function isTranslation({ map }: FirewallElement): boolean {
  return map === "snat4" || map === "snat6";
}

function addressesByMac(observed: Observed): Map<Mac, Prefix[]> {
  const found = new Map<Mac, Prefix[]>();
  for (const [addr, mac] of observed.owners) {
    const list = found.get(mac) ?? [];
    list.push(makePrefix(addr));
    found.set(mac, list);
  }
  return found;
}

function ofInterface(name: string, observed: Observed): Prefix[] {
  const rows = [...observed.addresses.values()];
  return rows
    .filter(({ index }) => observed.links.get(index)?.name === name)
    .map(({ prefix }) => prefixNetwork(prefix));
}
