/**
 * Flows remember the path and the source address that they began with. When the firewall moves a
 * source, or a location's address changes, the flows of exactly those addresses are forgotten.
 */
import type { Desired, FirewallElement } from "../../model/desired.js";
import { makePrefix, prefixNetwork } from "../../model/ip.js";
import type { Prefix } from "../../model/ip.js";
import { any4, any6 } from "../../model/kernel.js";
import { conntrackOperationsMax } from "../../model/limits.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";
import { elementChanges } from "./firewall.js";

const none: ReadonlyMap<string, string> = new Map();

export function planConntrack(desired: Desired, observed: Observed): PlannedOperation[] {
  const { firewall } = observed;
  if (desired.firewall === undefined || firewall.kind === "unread") return [];
  const found = firewall.kind === "present" ? firewall.elements : none;
  const { added, removed } = elementChanges(desired.firewall, found);
  const prefixes = new Set([
    ...observed.staleFlows,
    ...[...added, ...removed].flatMap((element) => sourcesOf(element, observed)),
    ...removed.flatMap(translatedOf),
  ]);
  const chosen = prefixes.size > conntrackOperationsMax ? [any4, any6] : [...prefixes];
  return chosen.map((prefix) => ({
    operation: { kind: "conntrack", prefix },
    phase: phases.forgetFlows,
    why: `forget flows of ${prefix}`,
  }));
}

/** Sources whose way the element of a mark map decides. */
function sourcesOf({ map, key }: FirewallElement, observed: Observed): Prefix[] {
  if (map === "mac_mark") return ofMac(key, observed);
  if (map === "iface_mark") return ofInterface(key, observed);
  const length = /^ip[46]_(\d+)_mark$/.exec(map)?.[1];
  return length === undefined ? [] : [`${key}/${length}`];
}

/** The translated address that flows had. */
function translatedOf({ map, value }: FirewallElement): Prefix[] {
  return map === "snat4" || map === "snat6" ? [makePrefix(value)] : [];
}

function ofMac(mac: string, observed: Observed): Prefix[] {
  const rows = [...observed.neighbours.values()].filter((neighbour) => neighbour.mac === mac);
  return rows.map(({ addr }) => makePrefix(addr));
}

function ofInterface(name: string, observed: Observed): Prefix[] {
  const rows = [...observed.addresses.values()];
  return rows
    .filter(({ index }) => observed.links.get(index)?.name === name)
    .map(({ prefix }) => prefixNetwork(prefix));
}
