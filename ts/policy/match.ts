/**
 * Which rule decides for a source: MAC before address, the longest prefix first, before interface.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { prefixContains, prefixLength } from "../model/ip.js";

/** What is known of a source; "" for what is not. */
export interface Source {
  readonly mac: Mac;
  readonly address: Ip;
  readonly iface: string;
}

/** All rules that match, the deciding one first. */
export function matchingRules(config: RouterConfig, source: Source): Rule[] {
  const matching = config.rules.filter((rule) => matches(rule, source));
  return matching.sort((left, right) => rank(right) - rank(left));
}

function matches({ match }: Rule, source: Source): boolean {
  switch (match.kind) {
    case "mac":
      return match.mac === source.mac;
    case "address":
      return source.address !== "" && prefixContains(match.prefix, source.address);
    case "iface":
      return match.iface === source.iface;
  }
}

/** MAC above every prefix length, interface below. */
function rank({ match }: Rule): number {
  if (match.kind === "mac") return 1_000;
  return match.kind === "iface" ? -1 : prefixLength(match.prefix);
}

/** For people: what a rule matches. */
export function ruleName({ match }: Rule): string {
  switch (match.kind) {
    case "mac":
      return `mac ${match.mac}`;
    case "address":
      return `address ${match.prefix}`;
    case "iface":
      return `interface ${match.iface}`;
  }
}
