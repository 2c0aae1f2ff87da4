/**
 * Which rule decides for a source: MAC before address, the longest prefix first, before interface;
 * then the late ones, MAC before interface.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { makePrefix, prefixFamily, prefixLength, prefixNetwork } from "../model/ip.js";
import type { Wards } from "./wards.js";

/** What is known of a source; "" for what is not. */
export interface Source {
  readonly mac: Mac;
  readonly address: Ip;
  readonly iface: string;
}

/** Rules by what they match, so that a look-up does not go through all of them. */
export interface RuleIndex {
  /** Keyed by kind and subject: MAC, network with its length, or interface. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** Prefix lengths in use, the longest first. */
  readonly lengths: readonly number[];
}

export function indexRules(config: RouterConfig, wards?: Wards): RuleIndex {
  const lengths = new Set<number>();
  const rules = new Map<string, Rule>();
  for (const rule of config.rules) {
    const { match } = rule;
    if (match.kind === "address") lengths.add(prefixLength(match.prefix));
    const late = rule.isLate ? "late " : "";
    rules.set(late + matchName(rule), rule);
    for (const name of wards?.get(rule) ?? []) rules.set(`${late}interface ${name}`, rule);
  }
  return { rules, lengths: [...lengths].sort((left, right) => right - left) };
}

/** All rules that match, the deciding one first. */
export function matchingRules({ rules, lengths }: RuleIndex, source: Source): Rule[] {
  const { mac, address, iface } = source;
  const networks = address === "" ? [] : lengths.filter((length) => length <= bitsOf(address));
  const names = [
    `mac ${mac}`,
    ...networks.map((length) => `address ${prefixNetwork(makePrefix(address, length))}`),
    `interface ${iface}`,
    `late mac ${mac}`,
    `late interface ${iface}`,
  ];
  return names.flatMap((name) => rules.get(name) ?? []);
}

function bitsOf(address: Ip): number {
  return prefixFamily(address) === 4 ? 32 : 128;
}

/** For people: what a rule matches, or what the script said. */
export function ruleName(rule: Rule): string {
  return rule.why === undefined ? matchName(rule) : `policy: ${rule.why || matchName(rule)}`;
}

function matchName({ match }: Rule): string {
  switch (match.kind) {
    case "mac":
      return `mac ${match.mac}`;
    case "address":
      return `address ${match.prefix}`;
    case "iface":
      return `interface ${match.iface}`;
  }
}
