/** Why a device's traffic goes where it goes, in sentences. */
import { wayWord } from "../config/words.js";
import type { Issue, RouterConfig, Rule } from "../model/config.js";
import { prefixContains } from "../model/ip.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { Decision, OutcomeWord } from "../policy/device.js";
import { decisionWords } from "../policy/device.js";
import type { RuleIndex } from "../policy/match.js";
import { indexRules, matchingRules, ruleName } from "../policy/match.js";
import type { States } from "../policy/outcome.js";
import { indexOf, stateAt, statesByName } from "../policy/outcome.js";
import { wardsOf } from "../policy/wards.js";
import { coverWhole, isCovering, nextHops } from "../policy/whole.js";
import { possibleSentences, wordOf } from "./possible.js";
import type { Subject } from "./subject.js";
import { decideSubject, describe, findSubject, silenceSentence } from "./subject.js";

export interface Explanation {
  readonly device: string;
  /** Text of the deciding rule, "default", or "" if there is none. */
  readonly rule: string;
  /** Location that its traffic goes to now, "" for none. */
  readonly location: string;
  /** `unknown` if that depends on what the kernel will learn with the device's next packet. */
  readonly outcome: OutcomeWord | "unknown";
  /** Sentences, the facts first. */
  readonly reasons: readonly string[];
}

/** The subject is a MAC, an address or the name of an interface. */
export function explain(
  configured: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[],
  subject: string,
): Explanation | Issue {
  const states = statesByName(locations);
  const config = coverWhole(configured, observed, states);
  const found = findSubject(config, observed, subject);
  if (found === undefined) return badSubject(subject);
  const rules = indexRules(config, wardsOf(config, observed));
  const decide = (source: Subject): Decision => decideSubject(config, states, rules, source);
  const decision = decide(found);
  const facts = describe(observed, found);
  const { device, isInterface, isOwn } = found;
  if (!isInterface && !isOwn) {
    const others = possibleSentences(config.rules, found, (source) => {
      const { rule, outcome } = decide(source);
      return { rule, text: wordOf(config, { rule, outcome }) };
    });
    const last = `Otherwise ${wordOf(config, decision)}.`;
    const reasons = [...facts, silenceSentence(found), ...others, last];
    if (others.length > 0) return { device, rule: "", location: "", outcome: "unknown", reasons };
  }
  const reasons = [
    ...facts,
    ...(isInterface ? namedSentence(config) : []),
    ...ruleSentences(config, rules, found),
    ...nextHopSentence(configured, observed, found),
    ...tunnelSentences(config, states, decision),
    ...layerSentences(config, decision),
    ...otherAddresses(config, states, rules, found),
  ];
  return { device, ...decisionWords(config, decision), reasons };
}

export function badSubject(subject: string): Issue {
  const value = JSON.stringify(subject.slice(0, 64));
  const expected = "a MAC address, an IP address, or the name of an interface that exists";
  return { path: "subject", value, expected };
}

/** Rules that come before one for an interface. */
export function namedSentence({ rules }: RouterConfig): string[] {
  const isNamed = rules.some(({ match }) => match.kind !== "iface");
  return isNamed ? ["A device on it that a rule names by MAC or address goes by that rule."] : [];
}

export function ruleSentences(
  config: RouterConfig,
  rules: RuleIndex,
  source: Subject,
): string[] {
  if (source.isOwn) {
    return config.defaultGateway ? ["In default-gateway mode it goes to the default one."] : [];
  }
  const [first, ...rest] = matchingRules(rules, source);
  if (first === undefined) {
    return config.defaultGateway
      ? ["No rule matches; in default-gateway mode everything goes to the default location."]
      : ["No rule matches and default_gateway is 0: its traffic is left alone."];
  }
  const isOwn = (rule: Rule): boolean =>
    first.match.kind === "address" && rule.wholeOf === first.match.prefix;
  const behind = rest
    .filter((rule) => !isOwn(rule))
    .map(ruleName)
    .join(", ");
  const order =
    behind === "" ? "" : ` It comes before ${behind}: MAC, then address, then interface.`;
  if (first.wholeOf !== undefined) {
    const why = `${source.mac} has an address of it and is covered whole`;
    return [`The rule for address ${first.wholeOf} decides, since ${why}.${order}`];
  }
  const rule = first.why === undefined ? "rule for " : "script's answer, ";
  return [`The ${rule}${ruleName(first)} decides.${order}`];
}

/** Why a device with an address of a rule is not covered whole although such rules do that. */
function nextHopSentence(
  config: RouterConfig,
  observed: Observed,
  { mac, addresses }: Subject,
): string[] {
  const isHeld = config.rules.some((rule) => {
    const prefix = isCovering(config, rule) && rule.match.kind === "address" && rule.match.prefix;
    return prefix && addresses.some((address) => prefixContains(prefix, address));
  });
  if (!isHeld || !nextHops(observed).has(mac)) return [];
  return [`${mac} is the next hop of a route: rules by address do not cover it whole.`];
}

export function tunnelSentences(
  config: RouterConfig,
  states: States,
  decision: Decision,
): string[] {
  const { rule, outcome } = decision;
  if (outcome === undefined) return [];
  if (outcome.kind === "block") return ["It lets nothing leave but to the LAN."];
  if (rule?.target.kind === "direct") return ["It sends traffic past every tunnel."];
  const name = rule?.target.kind === "location" ? rule.target.name : "";
  const index = indexOf(config, name);
  const chosen = config.locations[index - 1]?.name ?? "";
  const state = stateAt(config, states, index);
  const location = name === "" ? `${chosen}, the default,` : chosen;
  return [
    `Its location is ${location} which is ${stateWords(state)}.`,
    whenDownSentence(rule, chosen),
    ...movedSentence(config, decision, index),
    ...familySentence(chosen, state),
  ];
}

function stateWords(state: LocationState | undefined): string {
  if (state === undefined) return "not started";
  const words = {
    idle: "idle until the first packet",
    connecting: "connecting",
    up: "up",
    down: "down",
  };
  const rtt = state.rttMs === undefined ? "" : `, round trip ${Math.round(state.rttMs)} ms`;
  const why = state.state === "up" || state.reason === "" ? "" : ` (${state.reason})`;
  return `${words[state.state]}${why}${state.state === "up" ? rtt : ""}`;
}

function whenDownSentence(rule: Rule | undefined, location: string): string {
  const word = rule === undefined ? "block" : wayWord(rule.whenDown);
  const effect = {
    block: "nothing leaves: it is blocked until the tunnel is back",
    direct: "it goes past every tunnel, unprotected",
  }[word];
  const moved = `it goes to ${word}, and is blocked if that is down`;
  return `While ${location} is down, ${effect ?? moved}.`;
}

function movedSentence(config: RouterConfig, { outcome }: Decision, index: number): string[] {
  if (outcome === undefined || (outcome.kind === "tunnel" && outcome.index === index)) return [];
  const now = outcome.kind === "tunnel" ? config.locations[outcome.index - 1]?.name : "direct";
  return [`At this moment it goes ${now === "direct" ? "direct" : `to ${now ?? ""}`}.`];
}

/** A tunnel that carries one family is no reason to let the other one around it. */
function familySentence(location: string, state: LocationState | undefined): string[] {
  const welcome = state?.welcome ?? state?.lastWelcome;
  if (welcome === undefined || (welcome.addr4 !== "" && welcome.addr6 !== "")) return [];
  const family = welcome.addr6 === "" ? "IPv6" : "IPv4";
  return [`The gateway of ${location} carries no ${family}: that of its devices is blocked.`];
}

function layerSentences(config: RouterConfig, { outcome }: Decision): string[] {
  if (outcome?.kind !== "tunnel") return [];
  const routing = `Table ${config.table} leads into ${config.tunIfname} and ends in unreachable`;
  const guard = config.noIptables
    ? "no_iptables takes the firewall layer away"
    : `the firewall drops it on any other way out than ${config.tunIfname}`;
  return [`${routing}; ${guard}.`];
}

/** Addresses of the same device that another rule decides. */
function otherAddresses(
  config: RouterConfig,
  states: States,
  rules: RuleIndex,
  subject: Subject,
): string[] {
  if (subject.isOwn) return [];
  const [first] = matchingRules(rules, subject);
  return subject.addresses.flatMap((address) => {
    const decision = decideSubject(config, states, rules, { ...subject, address });
    if (decision.rule === first) return [];
    const { rule, location, outcome } = decisionWords(config, decision);
    const to = location === "" ? "" : ` ${location}`;
    return [`Its address ${address} is decided by ${rule || "no rule"}: ${outcome}${to}.`];
  });
}
