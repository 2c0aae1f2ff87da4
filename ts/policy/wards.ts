/**
 * Interfaces that a rule on an interface means without saying so: ports of its bridge, which may
 * leave it, what had its name, and the bridge of a port, whose packets come in under its name.
 */
import { isNamedUplink } from "../config/uplinks.js";
import type { Rule, RouterConfig } from "../model/config.js";
import type { Observed, ObservedLink } from "../model/observed.js";
import { lanSide } from "./interfaces.js";
import { hasImpostor } from "./tun.js";

/** The names of interfaces that each rule by interface holds for, its own first. */
export type Wards = ReadonlyMap<Rule, readonly string[]>;

/** What sends past all tunnels is not widened. */
export function wardsOf(config: RouterConfig, observed: Observed): Wards {
  const wards = new Map<Rule, string[]>();
  // What the configuration says itself of interfaces comes before what is concluded.
  const taken = new Set([...lanSide(config), config.tunIfname]);
  for (const rule of config.rules) {
    if (rule.match.kind !== "iface") continue;
    const names = [rule.match.iface];
    wards.set(rule, names);
    if (rule.target.kind === "direct") continue;
    for (const name of relatedTo(rule.match.iface, observed)) {
      if (!taken.has(name) && !isNamedUplink(config, name)) names.push(name);
      taken.add(name);
    }
  }
  return wards;
}

/**
 * Interfaces that are known, and that no rule holds back: others may not pass, since they are new,
 * or were called otherwise, and nobody has looked at them. Undefined without such rules.
 */
export function freeNames(
  config: RouterConfig,
  observed: Observed,
  wards: Wards,
): readonly string[] | undefined {
  const held = new Set<string>();
  for (const [rule, names] of wards) {
    if (rule.target.kind !== "direct") for (const name of names) held.add(name);
  }
  if (held.size === 0) return undefined;
  const names = [...observed.links.values()].map(({ name }) => name);
  const tun = hasImpostor(config.tunIfname, observed) ? "" : config.tunIfname;
  const all = new Set([...names.filter((name) => name !== config.tunIfname), tun]);
  return [...all].filter((name) => name !== "" && !held.has(name)).sort();
}

/** Ports that rules name, by the bridge that they are in: a rule cannot tell them apart there. */
export function portsNamed(config: RouterConfig, { links }: Observed): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { match } of config.rules) {
    const link = match.kind === "iface" ? linkNamed(match.iface, links) : undefined;
    const bridge = links.get(link?.master ?? 0);
    if (link !== undefined && bridge !== undefined) found.set(link.name, bridge.name);
  }
  return found;
}

function relatedTo(name: string, { links, formerNames }: Observed): string[] {
  const own = linkNamed(name, links);
  const bridge = links.get(own?.master ?? 0);
  const related = [...links.values()].filter((link) => {
    if (link.master !== 0) return link.master === own?.index;
    return formerNames.get(link.index)?.includes(name) ?? false;
  });
  return [...related, ...(bridge === undefined ? [] : [bridge])].map((link) => link.name);
}

function linkNamed(
  name: string,
  links: ReadonlyMap<number, ObservedLink>,
): ObservedLink | undefined {
  return [...links.values()].find((link) => link.name === name);
}
