/** Why a device's traffic goes where it goes, in sentences. */
import { wayWord } from "../config/words.js";
import type { Issue, RouterConfig, Rule } from "../model/config.js";
import type { Ip, Mac } from "../model/ip.js";
import { parseIp, parseMac, prefixContains } from "../model/ip.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { Decision, OutcomeWord } from "../policy/device.js";
import { decideSource, decisionWords } from "../policy/device.js";
import { connectedOf, neighboursOf } from "../policy/lan.js";
import type { RuleIndex, Source } from "../policy/match.js";
import { indexRules, matchingRules, ruleName } from "../policy/match.js";
import type { States } from "../policy/outcome.js";
import { indexOf, stateAt, statesByName } from "../policy/outcome.js";
import { wardsOf } from "../policy/wards.js";
import { possibleSentences, wordOf } from "./possible.js";

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

interface Subject extends Source {
  readonly device: string;
  readonly isInterface?: true;
  readonly addresses: readonly Ip[];
}

/** The subject is a MAC, an address or the name of an interface. */
export function explain(
  config: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[],
  subject: string,
): Explanation | Issue {
  const states = statesByName(locations);
  const found = findSubject(config, observed, subject);
  if (found === undefined) {
    const value = JSON.stringify(subject.slice(0, 64));
    const expected = "a MAC address, an IP address, or the name of an interface that exists";
    return { path: "subject", value, expected };
  }
  const rules = indexRules(config, wardsOf(config, observed));
  const decision = decideSource(config, states, found, rules);
  const facts = [describe(found), ...bridgeSentence(observed, found)];
  const { device, isInterface } = found;
  if (!isInterface) {
    const others = possibleSentences(config, states, found, rules, decision);
    const last = `Otherwise ${wordOf(config, decision)}.`;
    const reasons = [...facts, silenceSentence(found), ...others, last];
    if (others.length > 0) return { device, rule: "", location: "", outcome: "unknown", reasons };
  }
  const reasons = [
    ...facts,
    ...(isInterface ? namedSentence(config) : []),
    ...ruleSentences(config, rules, found),
    ...tunnelSentences(config, states, decision),
    ...layerSentences(config, decision),
    ...otherAddresses(config, states, rules, found),
  ];
  return { device, ...decisionWords(config, decision), reasons };
}

/** What is missing, and why nobody can know it. */
function silenceSentence({ mac, address, iface }: Subject): string {
  const missing = [
    ...(mac === "" ? ["which MAC address it has"] : []),
    ...(address === "" ? ["which addresses it has"] : []),
    ...(iface === "" ? ["which interface it is on"] : []),
  ];
  return `It is silent: ${missing.join(" and ")} is known with its next packet.`;
}

/** Rules that come before one for an interface. */
function namedSentence({ rules }: RouterConfig): string[] {
  const isNamed = rules.some(({ match }) => match.kind !== "iface");
  return isNamed ? ["A device on it that a rule names by MAC or address goes by that rule."] : [];
}

function findSubject(config: RouterConfig, observed: Observed, text: string): Subject | undefined {
  const mac = parseMac(text);
  if (mac !== undefined) return ofMac(config, observed, mac);
  const address = parseIp(text);
  if (address !== undefined) return ofAddress(config, observed, address);
  const isKnown =
    [...observed.links.values()].some((link) => link.name === text) ||
    config.rules.some(({ match }) => match.kind === "iface" && match.iface === text);
  const one = { mac: "", address: "", iface: text, addresses: [] };
  return isKnown ? { device: text, isInterface: true, ...one } : undefined;
}

function ofMac(config: RouterConfig, observed: Observed, mac: Mac): Subject {
  const rows = neighboursOf(config, observed).filter((row) => row.mac === mac);
  const iface = observed.links.get(rows[0]?.index ?? 0)?.name ?? "";
  const addresses = rows.map((row) => row.addr);
  return { device: mac, mac, address: addresses[0] ?? "", iface, addresses };
}

function ofAddress(config: RouterConfig, observed: Observed, address: Ip): Subject {
  const row = neighboursOf(config, observed).find((neighbour) => neighbour.addr === address);
  if (row !== undefined) {
    const iface = observed.links.get(row.index)?.name ?? "";
    return { device: address, mac: row.mac, address, iface, addresses: [address] };
  }
  const network = connectedOf(config, observed).find(({ prefix }) =>
    prefixContains(prefix, address),
  );
  const iface = network?.ifname ?? "";
  return { device: address, mac: "", address, iface, addresses: [address] };
}

function describe({ device, mac, iface, addresses }: Subject): string {
  if (mac === "" && addresses.length === 0) return `${device} is an interface.`;
  const where = iface === "" ? "not seen on any interface of the LAN side" : `on ${iface}`;
  const names = [...(mac !== "" && mac !== device ? [mac] : []), ...addresses];
  const others = names.filter((name) => name !== device);
  const known = others.length === 0 ? "" : `, known as ${others.join(", ")}`;
  return `${device} is ${where}${known}.`;
}

/** The firewall and the routing rules see the bridge, so a rule for its port never matches. */
function bridgeSentence({ links }: Observed, { iface }: Subject): string[] {
  const port = [...links.values()].find((link) => link.name === iface);
  const bridge = port === undefined ? undefined : links.get(port.master);
  if (bridge === undefined) return [];
  return [`${iface} is a port of ${bridge.name}: its packets come from ${bridge.name}.`];
}

function ruleSentences(config: RouterConfig, rules: RuleIndex, source: Subject): string[] {
  const [first, ...rest] = matchingRules(rules, source);
  if (first === undefined) {
    return config.defaultGateway
      ? ["No rule matches; in default-gateway mode everything goes to the default location."]
      : ["No rule matches and default_gateway is 0: its traffic is left alone."];
  }
  const behind = rest.map(ruleName).join(", ");
  const order =
    behind === "" ? "" : ` It comes before ${behind}: MAC, then address, then interface.`;
  const rule = first.why === undefined ? "rule for " : "script's answer, ";
  return [`The ${rule}${ruleName(first)} decides.${order}`];
}

function tunnelSentences(config: RouterConfig, states: States, decision: Decision): string[] {
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
  const [first] = matchingRules(rules, subject);
  return subject.addresses.flatMap((address) => {
    const decision = decideSource(config, states, { ...subject, address }, rules);
    if (decision.rule === first) return [];
    const { rule, location, outcome } = decisionWords(config, decision);
    const to = location === "" ? "" : ` ${location}`;
    return [`Its address ${address} is decided by ${rule || "no rule"}: ${outcome}${to}.`];
  });
}
