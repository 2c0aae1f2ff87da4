/** What may become of a device of which the kernel has not told everything yet. */
import type { RouterConfig, Rule } from "../model/config.js";
import { prefixAddress } from "../model/ip.js";
import type { Decision } from "../policy/device.js";
import { decideSource, decisionWords } from "../policy/device.js";
import type { RuleIndex, Source } from "../policy/match.js";
import { ruleName } from "../policy/match.js";
import type { States } from "../policy/outcome.js";

/** Rules that are told one by one; of more than these only the number is. */
const toldMax = 8;

/**
 * Sentences about every rule that would decide otherwise, if what is not known of the device is
 * what the rule names; none if nothing could turn out differently.
 */
export function possibleSentences(
  config: RouterConfig,
  states: States,
  source: Source,
  rules: RuleIndex,
  present: Decision,
): readonly string[] {
  const now = wordOf(config, present);
  const others = config.rules.flatMap((rule) => {
    const possible = sourceFor(rule, source);
    if (possible === undefined) return [];
    const decision = decideSource(config, states, possible, rules);
    const isOther = decision.rule === rule && wordOf(config, decision) !== now;
    return isOther ? [`If ${conditionOf(rule)}, ${wordOf(config, decision)}.`] : [];
  });
  const more = others.length - toldMax;
  const rest = more > 0 ? [`${more} more rules would decide otherwise.`] : [];
  return [...others.slice(0, toldMax), ...rest];
}

/** The source with what it lacks taken from the rule; undefined if the rule names what is known. */
function sourceFor({ match }: Rule, source: Source): Source | undefined {
  switch (match.kind) {
    case "mac":
      return source.mac === "" ? { ...source, mac: match.mac } : undefined;
    case "address":
      return source.address === ""
        ? { ...source, address: prefixAddress(match.prefix) }
        : undefined;
    case "iface":
      return source.iface === "" ? { ...source, iface: match.iface } : undefined;
  }
}

function conditionOf(rule: Rule): string {
  const what = { mac: "it is", address: "it comes from", iface: "it is on" }[rule.match.kind];
  return `${what} ${ruleName(rule)}`;
}

/** Where a decision sends traffic, in a few words. */
export function wordOf(config: RouterConfig, decision: Decision): string {
  const { location, outcome } = decisionWords(config, decision);
  const words = {
    tunnel: `it goes through ${location}`,
    blocked: location === "" ? "it is blocked" : `it is blocked until ${location} is up`,
    direct: "it goes past every tunnel",
    unmanaged: "it is left alone",
  };
  return words[outcome];
}
