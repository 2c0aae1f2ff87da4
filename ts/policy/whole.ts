/**
 * Devices that are covered whole. A rule by address is about whoever has the address, so what else
 * that device has, in either family, goes the same way: a rule by MAC, asked behind the rules by
 * address of the same length, so that a rule which names the other address itself decides.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { isLinkLocal, prefixAddress, prefixHostBits } from "../model/ip.js";
import { neighbourValid, protocolOurs, routeUnicast } from "../model/kernel.js";
import { wholeDevicesMax } from "../model/limits.js";
import type { Observed } from "../model/observed.js";
import { interfaceKinds } from "./interfaces.js";
import { addressRuleAt, indexRules } from "./match.js";
import type { States } from "./outcome.js";
import { decideOutcome } from "./outcome.js";

/** True for a rule by address that covers its devices whole. What opens is never widened. */
export function isCovering({ wholeDevice }: RouterConfig, rule: Rule): boolean {
  if (rule.match.kind !== "address" || rule.target.kind === "direct") return false;
  return rule.wholeDevice ?? wholeDevice;
}

/**
 * The configuration with a rule by MAC for every device that has an address of a rule. One that
 * leads past the tunnels while its own is down opens nothing else meanwhile.
 */
export function coverWhole(
  config: RouterConfig,
  observed: Observed,
  states: States,
): RouterConfig {
  const covers = new Map<Mac, Rule>();
  const ranks = new Map(config.rules.map((rule, at) => [rule, at]));
  const isBefore = (rule: Rule, other: Rule): boolean => {
    const difference = hostBitsOf(rule) - hostBitsOf(other);
    return difference === 0 ? (ranks.get(rule) ?? 0) < (ranks.get(other) ?? 0) : difference < 0;
  };
  for (const { mac, rule } of holdersOf(config, observed)) {
    if (decideOutcome(config, states, rule.target, rule.whenDown).kind === "direct") continue;
    const known = covers.get(mac);
    const isNew = known === undefined ? covers.size < wholeDevicesMax : isBefore(rule, known);
    if (isNew) covers.set(mac, rule);
  }
  if (covers.size === 0) return config;
  return { ...config, rules: [...config.rules, ...[...covers].map(coverOf)] };
}

function hostBitsOf({ match }: Rule): number {
  return match.kind === "address" ? prefixHostBits(match.prefix) : 0;
}

function coverOf([mac, { match, target, whenDown, inbound }]: [Mac, Rule]): Rule {
  return {
    match: { kind: "mac", mac },
    target,
    whenDown,
    ...(inbound !== undefined && { inbound }),
    wholeOf: match.kind === "address" ? match.prefix : "",
  };
}

export interface Holder {
  readonly address: Ip;
  readonly mac: Mac;
  /** The rule that decides for the address. */
  readonly rule: Rule;
}

/**
 * Devices on our side that have an address of a covering rule, or had it last: a device that is
 * quiet in one family may be busy in the other.
 */
export function holdersOf(config: RouterConfig, observed: Observed): Holder[] {
  if (!config.rules.some((rule) => isCovering(config, rule))) return [];
  const find = coveringRules(config);
  const holders = [...presentOf(config, observed, find), ...formerOf(observed, find)];
  if (holders.length === 0) return [];
  const others = macsOfOthers(config, observed);
  return holders.filter(({ mac }) => !others.has(mac));
}

type Find = (address: Ip) => Rule | undefined;

/** Asked for every neighbour there is, most of which no rule is about. */
function coveringRules(config: RouterConfig): Find {
  const single = new Map<Ip, Rule>();
  const wider: Rule[] = [];
  for (const rule of config.rules) {
    if (rule.match.kind !== "address") continue;
    const { prefix } = rule.match;
    if (prefixHostBits(prefix) === 0) single.set(prefixAddress(prefix), rule);
    else wider.push(rule);
  }
  const index = indexRules({ ...config, rules: wider });
  const { length } = wider;
  return (address) => {
    const rule = single.get(address) ?? (length > 0 ? addressRuleAt(index, address) : undefined);
    return rule !== undefined && isCovering(config, rule) ? rule : undefined;
  };
}

/** Who has an address of a rule on our side now. */
function presentOf(config: RouterConfig, observed: Observed, find: Find): Holder[] {
  const { neighbours, links } = observed;
  const kindOf = interfaceKinds(config, observed);
  const holders: Holder[] = [];
  for (const { addr: address, mac, index, state } of neighbours.values()) {
    if ((state & neighbourValid) === 0 || mac === "") continue;
    const rule = find(address);
    if (rule === undefined || isLinkLocal(address)) continue;
    const kind = kindOf(links.get(index)?.name ?? "lo");
    if (kind === "lan" || kind === "untrusted") holders.push({ address, mac, rule });
  }
  return holders;
}

/** Who had an address of a rule last that nobody has now. */
function formerOf({ neighbours, owners }: Observed, find: Find): Holder[] {
  const former = new Map<Ip, Holder>();
  for (const [address, mac] of owners) {
    const rule = find(address);
    if (rule === undefined || isLinkLocal(address)) continue;
    former.set(address, { address, mac, rule });
  }
  if (former.size === 0) return [];
  for (const { addr, mac, state } of neighbours.values()) {
    if ((state & neighbourValid) !== 0 && mac !== "") former.delete(addr);
  }
  return [...former.values()];
}

/** Devices with a rule of their own, and routers, behind whose MAC are other people's addresses. */
function macsOfOthers(config: RouterConfig, observed: Observed): ReadonlySet<Mac> {
  const ruled = config.rules.flatMap(({ match, isLate }) =>
    match.kind === "mac" && !isLate ? [match.mac] : [],
  );
  return new Set([...ruled, ...nextHops(observed)]);
}

/** The MACs of what routes of others lead to. */
export function nextHops({ routes, neighbours, owners }: Observed): ReadonlySet<Mac> {
  const macs = new Set<Mac>();
  for (const { gateway, oif, kind, protocol } of routes.values()) {
    if (gateway === "" || kind !== routeUnicast || protocol === protocolOurs) continue;
    const seen = neighbours.get(`${oif} ${gateway}`)?.mac ?? "";
    const mac = seen === "" && !isLinkLocal(gateway) ? owners.get(gateway) : seen;
    if (mac !== undefined && mac !== "") macs.add(mac);
  }
  return macs;
}
