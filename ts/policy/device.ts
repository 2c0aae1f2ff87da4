/** The devices that the neighbour table knows, and what is decided for each. */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import type { LocationState, Observed } from "../model/observed.js";
import { neighboursOf } from "./lan.js";
import type { RuleIndex, Source } from "./match.js";
import { indexRules, matchingRules, ruleName } from "./match.js";
import type { Outcome, States } from "./outcome.js";
import { decideOutcome, statesByName } from "./outcome.js";
import { decideFallback } from "./router.js";
import { wardsOf } from "./wards.js";
import { coverWhole } from "./whole.js";

export interface Device {
  readonly mac: Mac;
  readonly addresses: readonly Ip[];
  readonly iface: string;
  /** Text of the deciding rule, "default" for the default gateway, "" if adit leaves it alone. */
  readonly rule: string;
  /** Location that its traffic goes to now, "" for none. */
  readonly location: string;
  readonly outcome: OutcomeWord;
}

/** `blocked` traffic waits for its tunnel; `unmanaged` traffic is none of adit's business. */
export type OutcomeWord = "tunnel" | "blocked" | "direct" | "unmanaged";

export interface Decision {
  readonly rule: Rule | undefined;
  readonly outcome: Outcome | undefined;
}

/** By interface and MAC; a device whose addresses are under different rules appears for each. */
export function devicesOf(
  configured: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[] = [],
): readonly Device[] {
  const states = statesByName(locations);
  const config = coverWhole(configured, observed, states);
  const rules = indexRules(config, wardsOf(config, observed));
  const devices = new Map<string, Device & { readonly addresses: Ip[] }>();
  for (const { mac, addr, index } of neighboursOf(config, observed)) {
    const iface = observed.links.get(index)?.name ?? "";
    const source = { mac, address: addr, iface };
    const words = decisionWords(config, decideSource(config, states, source, rules));
    const key = `${iface} ${mac} ${words.rule}`;
    const known = devices.get(key);
    if (known !== undefined) known.addresses.push(addr);
    else devices.set(key, { mac, addresses: [addr], iface, ...words });
  }
  return [...devices]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, device]) => device);
}

export function decideSource(
  config: RouterConfig,
  states: States,
  source: Source,
  rules: RuleIndex = indexRules(config),
): Decision {
  const [rule] = matchingRules(rules, source);
  if (rule === undefined) return { rule, outcome: decideFallback(config, states) };
  return { rule, outcome: decideOutcome(config, states, rule.target, rule.whenDown) };
}

type Words = Pick<Device, "rule" | "location" | "outcome">;

export function decisionWords(config: RouterConfig, { rule, outcome }: Decision): Words {
  if (outcome === undefined) return { rule: "", location: "", outcome: "unmanaged" };
  const name = rule === undefined ? "default" : ruleName(rule);
  if (outcome.kind === "direct") return { rule: name, location: "", outcome: "direct" };
  if (outcome.kind === "block") return { rule: name, location: "", outcome: "blocked" };
  const location = config.locations[outcome.index - 1]?.name ?? "";
  return { rule: name, location, outcome: outcome.blocked ? "blocked" : "tunnel" };
}
