/**
 * What tunnels stand on, as text to be compared: addresses of the uplink, default routes, the
 * cable.
 */
import { any4, any6, protocolOurs, scopeUniverse, tableMain } from "../model/kernel.js";
import type { Observed } from "../model/observed.js";


export type Uplink = ReadonlySet<string>;

/** `carrier` is whether the uplink's cable is in; the observed state does not keep it. */
export function uplinkOf(observed: Observed, wanIfname: string, carrier: boolean): Uplink {
  const facts = new Set<string>();
  const link = [...observed.links.values()].find(({ name }) => name === wanIfname);
  if (link !== undefined && carrier) facts.add(`carrier ${wanIfname}`);
  for (const { index, prefix, scope } of observed.addresses.values()) {
    if (index === link?.index && scope === scopeUniverse) facts.add(`address ${prefix}`);
  }
  for (const { table, dst, oif, gateway, protocol } of observed.routes.values()) {
    const isDefault = dst === any4 || dst === any6;
    if (table !== tableMain || !isDefault || protocol === protocolOurs) continue;
    facts.add(`route ${dst} ${gateway} ${oif}`);
  }
  return facts;
}

/**
 * "same", "more" if only addresses came, "suspect" if anything vanished or a route or carrier came:
 * then a session that was opened before may hang without knowing it.
 */
export function compareUplinks(before: Uplink, after: Uplink): "same" | "more" | "suspect" {
  const gone = [...before].some((fact) => !after.has(fact));
  const come = [...after].filter((fact) => !before.has(fact));
  if (gone || come.some((fact) => !fact.startsWith("address "))) return "suspect";
  return come.length > 0 ? "more" : "same";
}
