/** What may become of a device of which the kernel has not told everything yet. */
import type { RouterConfig, Rule } from "../model/config.js";
import { prefixAddress } from "../model/ip.js";
import type { Decision } from "../policy/device.js";
import { decisionWords } from "../policy/device.js";
import type { Source } from "../policy/match.js";
import { ruleName } from "../policy/match.js";

/** Rules that are told one by one; of more than these only the number is. */
const toldMax = 8;

/** What would become of a source, and the rule that decides it. */
export interface Fate {
  readonly rule: Rule | undefined;
  readonly text: string;
}

/**
 * Sentences about every rule that would decide otherwise, if what is not known of the device is
 * what the rule names; none if nothing could turn out differently.
 */
export function possibleSentences<Known extends Source>(
  rules: readonly Rule[],
  source: Known,
  fateOf: (source: Known) => Fate,
): readonly string[] {
  const now = fateOf(source).text;
  const others = rules.flatMap((rule) => {
    const possible = sourceFor(rule, source);
    if (possible === undefined) return [];
    const fate = fateOf({ ...source, ...possible });
    const isOther = fate.rule === rule && fate.text !== now;
    return isOther ? [`If ${conditionOf(rule)}, ${fate.text}.`] : [];
  });
  const more = others.length - toldMax;
  const rest = more > 0 ? [`${more} more rules would decide otherwise.`] : [];
  return [...others.slice(0, toldMax), ...rest];
}

/** What the source lacks, taken from the rule; undefined if the rule names what is known. */
function sourceFor({ match }: Rule, source: Source): Partial<Source> | undefined {
  switch (match.kind) {
    case "mac":
      return source.mac === "" ? { mac: match.mac } : undefined;
    case "address":
      return source.address === "" ? { address: prefixAddress(match.prefix) } : undefined;
    case "iface":
      return source.iface === "" ? { iface: match.iface } : undefined;
  }
}

function conditionOf(rule: Rule): string {
  if (rule.match.kind === "mac" && rule.wholeOf !== undefined) {
    return `it is mac ${rule.match.mac}, which has an address of ${rule.wholeOf}`;
  }
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
