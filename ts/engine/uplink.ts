/**
 * What tunnels stand on, as text to be compared: addresses of an uplink, its default routes, its
 * cable.
 */
import type { RouterConfig } from "../model/config.js";
import { isDefaultLike } from "../model/ip.js";
import { protocolOurs, scopeUniverse } from "../model/kernel.js";
import type { Observed } from "../model/observed.js";
import { interfaceKinds } from "../policy/interfaces.js";

export type Uplink = ReadonlySet<string>;

/** By interface; under "" what a session stands on that is bound to none: all of them. */
export type Uplinks = ReadonlyMap<string, Uplink>;

/** `carriers` are the interfaces whose cable is in; the observed state does not keep them. */
export function uplinkFacts(
  config: RouterConfig,
  observed: Observed,
  carriers: ReadonlySet<number>,
): Uplinks {
  const kindOf = interfaceKinds(config, observed);
  const facts = new Map<string, Set<string>>([["", new Set()]]);
  const note = (index: number, fact: string): void => {
    const name = observed.links.get(index)?.name ?? "";
    if (kindOf(name) !== "uplink") return;
    const known = facts.get(name) ?? new Set();
    facts.set(name, known.add(fact));
    facts.get("")?.add(`${fact} ${name}`);
  };
  for (const index of carriers) note(index, "carrier");
  for (const { index, prefix, scope } of observed.addresses.values()) {
    if (scope === scopeUniverse) note(index, `address ${prefix}`);
  }
  for (const { dst, oif, gateway, protocol } of observed.routes.values()) {
    if (isDefaultLike(dst) && protocol !== protocolOurs) note(oif, `route ${dst} ${gateway}`);
  }
  return facts;
}

/** Interfaces of which the facts differ. */
export function changedUplinks(before: Uplinks, after: Uplinks): Set<string> {
  const names = new Set([...before.keys(), ...after.keys()]);
  return new Set(
    [...names].filter((name) => compareUplinks(before.get(name), after.get(name)) !== "same"),
  );
}

/**
 * "same", "more" if only addresses came, "suspect" if anything vanished or a route or carrier came:
 * then a session that was opened before may hang without knowing it.
 */
export function compareUplinks(
  before: Uplink = new Set(),
  after: Uplink = new Set(),
): "same" | "more" | "suspect" {
  const gone = [...before].some((fact) => !after.has(fact));
  const come = [...after].filter((fact) => !before.has(fact));
  if (gone || come.some((fact) => !fact.startsWith("address "))) return "suspect";
  return come.length > 0 ? "more" : "same";
}
