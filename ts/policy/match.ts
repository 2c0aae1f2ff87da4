/**
 * Which rule decides for a source: MAC before address, the longest prefix first and each length
 * before the devices that it covers whole, before interface; then the late ones, MAC before
 * interface.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { makePrefix, prefixFamily, prefixHostBits, prefixNetwork } from "../model/ip.js";
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
  /** Numbers of host bits in use, the longest prefixes first. */
  readonly hostBits: readonly number[];
}

export function indexRules(config: RouterConfig, wards?: Wards): RuleIndex {
  const hostBits = new Set<number>();
  const rules = new Map<string, Rule>();
  for (const rule of config.rules) {
    const { match } = rule;
    if (match.kind === "address") hostBits.add(prefixHostBits(match.prefix));
    const late = rule.isLate ? "late " : "";
    rules.set(late + keyOf(rule), rule);
    for (const name of wards?.get(rule) ?? []) rules.set(`${late}interface ${name}`, rule);
  }
  return { rules, hostBits: [...hostBits].sort((left, right) => left - right) };
}

function keyOf(rule: Rule): string {
  const { match, wholeOf } = rule;
  if (match.kind !== "mac" || wholeOf === undefined) return matchName(rule);
  return wholeName(prefixHostBits(wholeOf), match.mac);
}

function wholeName(hostBits: number, mac: Mac): string {
  return `whole ${hostBits} ${mac}`;
}

/** All rules that match, the deciding one first. */
export function matchingRules({ rules, hostBits }: RuleIndex, source: Source): Rule[] {
  const { mac, address, iface } = source;
  const names = [
    `mac ${mac}`,
    ...hostBits.flatMap((bits) => [...networkName(address, bits), wholeName(bits, mac)]),
    `interface ${iface}`,
    `late mac ${mac}`,
    `late interface ${iface}`,
  ];
  return names.flatMap((name) => rules.get(name) ?? []);
}

/** The rule by address alone that decides for one; few names are made for it. */
export function addressRuleAt({ rules, hostBits }: RuleIndex, address: Ip): Rule | undefined {
  for (const bits of hostBits) {
    for (const name of networkName(address, bits)) {
      const rule = rules.get(name);
      if (rule !== undefined) return rule;
    }
  }
  return undefined;
}

function networkName(address: Ip, hostBits: number): string[] {
  const length = address === "" ? -1 : (prefixFamily(address) === 4 ? 32 : 128) - hostBits;
  if (length < 0) return [];
  const prefix = makePrefix(address, length);
  return [`address ${hostBits === 0 ? prefix : prefixNetwork(prefix)}`];
}

/** For people: what a rule matches, or what the script said. */
export function ruleName(rule: Rule): string {
  if (rule.wholeOf !== undefined) return `address ${rule.wholeOf}, whole device`;
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
