/** Where a device's packets to one destination go, and why, in sentences. */
import type { Issue, RouterConfig } from "../model/config.js";
import type { Family, Ip, Prefix } from "../model/ip.js";
import { parseIp, prefixFamily } from "../model/ip.js";
import { priorityMin, protocolOurs, routeUnicast, tableMain } from "../model/kernel.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { Decision } from "../policy/device.js";
import { decisionWords } from "../policy/device.js";
import type { InterfaceKind } from "../policy/interfaces.js";
import { interfaceKinds } from "../policy/interfaces.js";
import { interfaceOf } from "../policy/lan.js";
import type { RuleIndex } from "../policy/match.js";
import { indexRules } from "../policy/match.js";
import { statesByName } from "../policy/outcome.js";
import type { Path, PathMap, PathWord } from "../policy/path.js";
import { findPath, networksAround, nowhere, passedOver, pathMap } from "../policy/path.js";
import { wardsOf } from "../policy/wards.js";
import { coverWhole } from "../policy/whole.js";
import { badSubject, namedSentence, ruleSentences, tunnelSentences } from "./explain.js";
import { possibleSentences, wordOf } from "./possible.js";
import type { Subject } from "./subject.js";
import {
  decideSubject,
  describe,
  findSubject,
  silenceSentence,
  sourcesOf,
} from "./subject.js";

interface PathRoute {
  /** The routing table that the kernel looks at, 0 for none. */
  readonly table: number;
  /** The route that it finds there, "" for none. */
  readonly route: Prefix;
  readonly gateway: Ip;
  readonly iface: string;
}

export interface PathExplanation extends PathRoute {
  readonly device: string;
  readonly destination: Ip;
  /** Text of the rule that decides for the device, "default", or "" if there is none. */
  readonly rule: string;
  /** Location that the packets go to, "" for none. */
  readonly location: string;
  /** `unknown` if that depends on what the kernel will learn with the device's next packet. */
  readonly outcome: PathWord | "unknown";
  /** Sentences, the facts first. */
  readonly reasons: readonly string[];
}

interface Scene {
  readonly map: PathMap;
  readonly rules: RuleIndex;
  readonly destination: Ip;
}

/** What would become of a packet of one source. */
interface Walk {
  readonly source: Subject;
  readonly decision: Decision;
  readonly path: Path;
}

/** Items of a list that are told one by one. */
const listedMax = 8;
/** The kernel's own rules: local, main and default. */
const kernelPriorities: readonly number[] = [0, 32_766, 32_767];

export function explainPath(
  configured: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[],
  subject: string,
  destinationText: string,
): PathExplanation | Issue {
  const states = statesByName(locations);
  const config = coverWhole(configured, observed, states);
  const found = findSubject(config, observed, subject);
  if (found === undefined) return badSubject(subject);
  const destination = parseIp(destinationText);
  if (destination === undefined) {
    const value = JSON.stringify(destinationText.slice(0, 64));
    return { path: "destination", value, expected: "an IPv4 or IPv6 address" };
  }
  const rules = indexRules(config, wardsOf(config, observed));
  const scene = { map: pathMap(config, observed, states), rules, destination };
  const family = prefixFamily(destination);
  const walks = sourcesOf(config, observed, found, family).map((source) => walk(scene, source));
  const first = walks[0] as Walk;
  const facts = [...describe(observed, found), ...foreignSentence(observed, first, family)];
  const doubts = walks.length > 1 ? addressDoubts(scene, walks) : silenceDoubts(scene, first);
  const { device } = found;
  if (doubts.length > 0) {
    const words = { rule: "", location: "", outcome: "unknown" } as const;
    const reasons = [...facts, ...doubts];
    return { device, destination, ...words, ...routeOf(nowhere), reasons };
  }
  const { decision, path } = first;
  const words = wordsOf(config, decision, path);
  const reasons = [...facts, ...pathSentences(scene, first)];
  return { device, destination, ...words, ...routeOf(path), reasons };
}

function walk({ map, rules, destination }: Scene, source: Subject): Walk {
  const decision = decideSubject(map.config, map.states, rules, source);
  return { source, decision, path: findPath(map, decision, source.iface, destination) };
}

/** Where the kernel looks at no table, or a network decides, no rule does. */
function wordsOf(
  config: RouterConfig,
  decision: Decision,
  { word, by, table }: Path,
): Pick<PathExplanation, "rule" | "location" | "outcome"> {
  if (by !== "" || table === 0) return { rule: "", location: "", outcome: word };
  const { rule, location } = decisionWords(config, decision);
  return { rule, location, outcome: word };
}

function routeOf({ table, route }: Path): PathRoute {
  const { dst = "", gateway = "", oif = "" } = route ?? {};
  return { table, route: dst, gateway, iface: oif };
}

/** What others' rules come before, which nobody here looks into. */
function foreignSentence({ rules }: Observed, { path, source }: Walk, family: Family): string[] {
  if (path.table === 0 || source.isInterface) return [];
  const foreign = [...rules.values()].filter((rule) => {
    const isTheirs = rule.protocol !== protocolOurs && rule.family === family;
    const isBefore = path.word === "unmanaged" || rule.priority < priorityMin;
    return isTheirs && isBefore && !kernelPriorities.includes(rule.priority);
  });
  if (foreign.length === 0) return [];
  const list = [...new Set(foreign.map(({ priority }) => priority))].sort((a, b) => a - b);
  return [`Rules of others are asked first and may send it elsewhere: priority ${listText(list)}.`];
}

function listText(items: readonly (number | string)[]): string {
  const more = items.length - listedMax;
  return items.slice(0, listedMax).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Addresses of the same device whose packets would go elsewhere. */
function addressDoubts(scene: Scene, walks: readonly Walk[]): string[] {
  const texts = new Set(walks.map((one) => walkText(scene, one)));
  if (texts.size < 2) return [];
  return walks.map((one) => `From ${one.source.address}, ${walkText(scene, one)}.`);
}

/** What could turn out differently once the device says more of itself. */
function silenceDoubts(scene: Scene, known: Walk): string[] {
  const { source } = known;
  if (source.isInterface || source.isOwn) return [];
  const { map, destination } = scene;
  const family = prefixFamily(destination);
  const rules = map.config.rules.filter(
    ({ match }) => match.kind !== "address" || prefixFamily(match.prefix) === family,
  );
  const near = source.iface === "" ? networksAround(map, destination) : [];
  const now = walkText(scene, known);
  const others = [
    ...near.map(({ ifname }) => `If it is on ${ifname}, it is switched there and not routed.`),
    ...possibleSentences(rules, source, (possible) => {
      const one = walk(scene, possible);
      return { rule: one.decision.rule, text: walkText(scene, one) };
    }),
  ];
  if (others.length === 0) return [];
  return [silenceSentence(source, `IPv${family} `), ...others, `Otherwise ${now}.`];
}

/** The way in a few words; two that are the same to the packet read the same. */
function walkText({ map }: Scene, { decision, path }: Walk): string {
  const { config, interfaces } = map;
  const { word, route, held } = path;
  const oif = route?.oif ?? "";
  switch (word) {
    case "router":
      return "it is for the router itself";
    case "unrouted":
      return "it is not routed";
    case "neighbour":
      return "it is switched and not routed";
    case "tunnel":
      return wordOf(config, decision);
    case "blocked":
      if (held === "inner") return "it is dropped";
      if (held === "family") return `${nameOf(config, decision)} does not carry it`;
      return wordOf(config, decision);
    case "reachable":
    case "direct":
    case "unmanaged":
      if (interfaces.reachable.includes(oif)) return `it goes out by ${oif}, beside every tunnel`;
      return `${wordOf(config, decision)}, ${oif === "" ? "without a route" : `over ${oif}`}`;
  }
}

function nameOf(config: RouterConfig, decision: Decision): string {
  return decisionWords(config, decision).location;
}

function pathSentences(scene: Scene, { source, decision, path }: Walk): string[] {
  const { map, rules, destination } = scene;
  const { config, states, observed } = map;
  const named = source.isInterface ? namedSentence(config) : [];
  const why = [...named, ...ruleSentences(config, rules, source)];
  switch (path.word) {
    case "unrouted":
      return [`${destination} is for one link or for a group: no router forwards it.`];
    case "router": {
      const iface = interfaceOf(observed, destination) ?? "";
      return [`${destination} is the router's own address on ${iface}: it goes no further.`];
    }
    case "neighbour": {
      const near = `${destination} is in the network ${path.by} of ${source.iface}`;
      return [`${near}, as the device is: such packets are switched, not routed.`];
    }
    case "reachable":
      return [...why, ...reachSentences(path)];
    case "direct":
      if (path.by !== "") return [bypassSentence(path), mainSentence(path)];
      return [...why, ...tunnelSentences(config, states, decision), mainSentence(path)];
    case "unmanaged":
      return [...why, mainSentence(path)];
    case "tunnel":
    case "blocked":
      if (path.held === "inner") {
        return [`${destination} is from inside a tunnel: whatever is for it is dropped.`];
      }
      return [
        ...why,
        ...tunnelSentences(config, states, decision),
        ...beyondSentences(map, path, destination),
      ];
  }
}

function bypassSentence({ by }: Path): string {
  return `The policy script sends everybody's packets for ${by} past every tunnel.`;
}

function mainSentence({ table, route }: Path): string {
  const name = tableText(table);
  if (route === undefined) return `Table ${name} has no route there: it ends as unreachable.`;
  if (route.kind !== routeUnicast) return `Table ${name} ends it at ${route.dst}: no way leads on.`;
  return `Table ${name} has the route ${routeText(route.dst, route.gateway, route.oif)}.`;
}

/** A network of an interface, or somebody's route that is kept in use. */
function reachSentences({ table, route, origin }: Path): string[] {
  const { dst = "", gateway = "", oif = "" } = route ?? {};
  const kept = `table ${table} keeps it in use beside the tunnel`;
  if (origin === undefined) return [`${dst} is the network of ${oif}: ${kept}.`];
  const where = `Table ${tableText(origin.table)}, which reach_tables names, has the route`;
  return [`${where} ${routeText(dst, gateway, oif)}: ${kept}.`];
}

/** Why it is not reachable beside the tunnel. */
function beyondSentences(map: PathMap, { table }: Path, destination: Ip): string[] {
  const { config, observed } = map;
  const other = passedOver(map, destination);
  const tables = config.reachTables.map(tableText).join(", ") || "none";
  const into = `table ${table} leads it into ${config.tunIfname}`;
  if (other === undefined) {
    return [`No table of reach_tables (${tables}) reaches it better than by default: ${into}.`];
  }
  const oif = observed.links.get(other.oif)?.name ?? "";
  const text = routeText(other.dst, other.gateway, oif);
  const cause = config.reachTables.includes(other.table)
    ? outsideText(interfaceKinds(config, observed)(oif), oif)
    : `reach_tables (${tables}) does not name that table`;
  const where = `in table ${tableText(other.table)}`;
  return [`The route ${text} ${where} does not count: ${cause}; ${into}.`];
}

function outsideText(kind: InterfaceKind, oif: string): string {
  if (kind === "uplink") return `${oif} is an uplink`;
  return `${oif} is not named in lan_ifnames, and nothing shows that it is a LAN`;
}

function tableText(table: number): string {
  return table === tableMain ? "main" : String(table);
}

function routeText(dst: Prefix, gateway: Ip, oif: string): string {
  return `${dst}${gateway === "" ? "" : ` via ${gateway}`} over ${oif}`;
}
