/**
 * Where the flows of every source belong. Who is at a source is known for certain only while the
 * neighbour table says so; elsewhere a flow may also be where some rule by MAC would have put it.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type {
  DesiredAddress,
  DesiredFlows,
  DesiredRoute,
  FlowAside,
  FlowRow,
} from "../model/desired.js";
import { placeNowhere, placePast } from "../model/desired.js";
import type { Ip, Mac, Prefix } from "../model/ip.js";
import {
  makePrefix,
  prefixAddress,
  prefixContains,
  prefixFamily,
  prefixHostBits,
  prefixLength,
  prefixNetwork,
} from "../model/ip.js";
import { any4, any6, protocolOurs, routeUnicast, tableMain } from "../model/kernel.js";
import { flowAsideMax } from "../model/limits.js";
import type { Observed } from "../model/observed.js";
import type { DecidedRule } from "./elements.js";
import { innerAddresses } from "./elements.js";
import { interfaceKinds } from "./interfaces.js";
import { neighboursOf } from "./lan.js";
import type { RuleIndex } from "./match.js";
import { indexRules, matchingRules } from "./match.js";
import type { Outcome, States } from "./outcome.js";
import { stateAt } from "./outcome.js";
import { wardsOf } from "./wards.js";

export interface FlowsInput {
  readonly config: RouterConfig;
  readonly observed: Observed;
  readonly states: States;
  readonly decided: readonly DecidedRule[];
  readonly fallback: Outcome | undefined;
  readonly routes: readonly DesiredRoute[];
  readonly addresses: readonly DesiredAddress[];
}

export function routerFlows(input: FlowsInput): DesiredFlows {
  const { config, states } = input;
  return {
    tunnels: config.locations.map((_, at) =>
      innerAddresses(stateAt(config, states, at + 1), at + 1),
    ),
    aside: asideOf(input),
    past: config.bypass ?? [],
    rows: rowsOf(input),
  };
}

interface Rows {
  readonly input: FlowsInput;
  readonly index: RuleIndex;
  /** Where the first of some rules leads; without any, where everybody else is. */
  readonly decide: (rules: readonly Rule[]) => number;
  readonly found: Map<Prefix, FlowRow>;
}

function rowsOf(input: FlowsInput): ReadonlyMap<Prefix, FlowRow> {
  const { config, observed, decided, fallback } = input;
  const outcomes = new Map(decided.map(({ rule, outcome }) => [rule, outcome]));
  const decide = ([rule]: readonly Rule[]): number =>
    placeOf(rule === undefined ? fallback : outcomes.get(rule));
  const index = indexRules(config, wardsOf(config, observed));
  const rows: Rows = { input, index, decide, found: new Map() };
  const placesBy = (isAsked: (rule: Rule) => boolean): number[] =>
    decided.filter(({ rule }) => isAsked(rule)).map(({ outcome }) => placeOf(outcome));
  const byMac = placesBy(({ match }) => match.kind === "mac");
  const byIface = placesBy(({ match }) => match.kind === "iface");
  for (const any of [any4, any6]) add(rows, any, [decide([]), ...byMac, ...byIface]);
  const firstByMac = new Map<number, number[]>();
  for (const { rule, outcome } of decided) {
    if (rule.match.kind !== "address") continue;
    const { prefix } = rule.match;
    const bits = prefixHostBits(prefix);
    const first = firstByMac.get(bits) ?? placesBy((other) => isMacBefore(other, bits));
    firstByMac.set(bits, first);
    rows.found.set(prefix, rowOf([placeOf(outcome), ...first]));
  }
  for (const [prefix, iface] of networksOf(input)) {
    add(rows, prefix, [decide(rulesOfNetwork(rows, prefix, iface)), ...byMac]);
  }
  addOwn(rows);
  addDevices(rows);
  return rows.found;
}

/** True for a rule by MAC that is asked before rules by address with so many host bits. */
function isMacBefore({ match, wholeOf, isLate }: Rule, hostBits: number): boolean {
  if (match.kind !== "mac" || isLate) return false;
  return wholeOf === undefined || prefixHostBits(wholeOf) < hostBits;
}

function placeOf(outcome: Outcome | undefined): number {
  if (outcome === undefined || outcome.kind === "direct") return placePast;
  return outcome.kind === "block" ? placeNowhere : outcome.index;
}

function rowOf([place = placePast, ...others]: readonly number[]): FlowRow {
  return { place, others: [...new Set(others)].filter((other) => other !== place) };
}

/** Places of one more who may be at a source. */
function add({ found }: Rows, source: Prefix, places: readonly number[]): void {
  const before = found.get(source);
  const known = before === undefined ? [] : [before.place, ...before.others];
  found.set(source, rowOf([...known, ...places]));
}

/** Where there are rules by interface, the networks that are behind each. */
function networksOf({ config, observed }: FlowsInput): [prefix: Prefix, iface: string][] {
  if (config.rules.every(({ match }) => match.kind !== "iface")) return [];
  const isOutside = outsideOf(config, observed);
  const ruled = new Set(
    config.rules.flatMap(({ match }) => (match.kind === "address" ? match.prefix : [])),
  );
  const name = (index: number): string => observed.links.get(index)?.name ?? "";
  const connected = [...observed.addresses.values()].map(({ prefix, index }): [Prefix, string] => {
    return [prefixNetwork(prefix), name(index)];
  });
  const routed = [...observed.routes.values()].flatMap(
    ({ table, protocol, kind, dst, oif }): [Prefix, string][] => {
      const isForeign = table === tableMain && protocol !== protocolOurs && kind === routeUnicast;
      return isForeign && prefixLength(dst) > 1 ? [[dst, name(oif)]] : [];
    },
  );
  const behind = [...connected, ...routed].filter(
    ([prefix, iface]) => !isOutside(iface) && !ruled.has(prefix),
  );
  return [...new Map(behind.map((row) => [row.join(" "), row])).values()];
}

function outsideOf(config: RouterConfig, observed: Observed): (iface: string) => boolean {
  const kindOf = interfaceKinds(config, observed);
  return (iface) => iface === "" || ["ours", "uplink"].includes(kindOf(iface));
}

/** The rules that hold for a whole network; longer prefixes within it have rows of their own. */
function rulesOfNetwork({ index }: Rows, prefix: Prefix, iface: string): Rule[] {
  const source = { mac: "", address: prefixAddress(prefix), iface };
  return matchingRules(index, source).filter(
    ({ match }) =>
      match.kind !== "address" || prefixLength(match.prefix) <= prefixLength(prefix),
  );
}

/**
 * What the router itself sends goes by no rule but that of the default gateway, and past it from
 * sockets that are bound to an interface or marked.
 */
function addOwn({ input, decide, found }: Rows): void {
  for (const { ifname, prefix } of ownAddresses(input)) {
    const isTun = ifname === input.config.tunIfname;
    const row = rowOf([decide([]), ...(isTun ? [] : [placePast])]);
    found.set(makePrefix(prefixAddress(prefix)), { ...row, isOwn: true });
  }
}

function ownAddresses({ addresses, observed }: FlowsInput): readonly DesiredAddress[] {
  const found = [...observed.addresses.values()].map(({ index, prefix }) => {
    return { ifname: observed.links.get(index)?.name ?? "", prefix };
  });
  return [...found, ...addresses];
}

/** Sources of which it is known who is there now, or who was there last. */
function addDevices(rows: Rows): void {
  const { input, index, decide, found } = rows;
  const { config, observed } = input;
  const macs = new Set<Mac>();
  for (const { match } of config.rules) if (match.kind === "mac") macs.add(match.mac);
  if (macs.size === 0) return;
  const networks = [...found].filter(([source]) => !isSingle(source));
  const place = (mac: Mac, address: Ip, iface: string): number =>
    decide(matchingRules(index, { mac, address, iface }));
  const singles = new Set([...found.keys()].filter(isSingle).map(prefixAddress));
  const isAbout = (mac: Mac, address: Ip): boolean => macs.has(mac) || singles.has(address);
  const present = presentOf(config, observed, isAbout);
  for (const [address, owners] of present) {
    if (owners.every(({ mac }) => !isAbout(mac, address))) continue;
    const places = owners.map(({ mac, iface }) => place(mac, address, iface));
    found.set(makePrefix(address), rowOf(places));
  }
  for (const [address, mac] of observed.owners) {
    if (present.has(address) || !macs.has(mac)) continue;
    const around = longest(networks, address);
    const others = around === undefined ? [] : [around.place, ...around.others];
    found.set(makePrefix(address), rowOf([place(mac, address, ""), ...others]));
  }
}

interface Owner {
  readonly mac: Mac;
  readonly iface: string;
}

/** Who is at each address that somebody of interest has, or had last. */
function presentOf(
  config: RouterConfig,
  observed: Observed,
  isAbout: (mac: Mac, address: Ip) => boolean,
): Map<Ip, Owner[]> {
  const { owners } = observed;
  const neighbours = neighboursOf(config, observed);
  const asked = new Set<Ip>();
  for (const { addr, mac } of neighbours) {
    if (isAbout(mac, addr) || isAbout(owners.get(addr) ?? "", addr)) asked.add(addr);
  }
  const present = new Map<Ip, Owner[]>();
  for (const { addr, mac, index } of neighbours) {
    if (!asked.has(addr)) continue;
    const owner = { mac, iface: observed.links.get(index)?.name ?? "" };
    present.set(addr, [...(present.get(addr) ?? []), owner]);
  }
  return present;
}

function isSingle(source: Prefix): boolean {
  return source.endsWith(source.includes(":") ? "/128" : "/32");
}

function longest(rows: Iterable<[Prefix, FlowRow]>, source: Ip | Prefix): FlowRow | undefined {
  let best: FlowRow | undefined;
  let length = -1;
  for (const [prefix, row] of rows) {
    if (prefixLength(prefix) <= length || !prefixContains(prefix, source)) continue;
    best = row;
    length = prefixLength(prefix);
  }
  return best;
}

/** Talk of one link, which no router carries further. */
const linkTalk = ["224.0.0.0/4", "255.255.255.255/32", "169.254.0.0/16", "ff00::/8", "fe80::/10"];

/**
 * The router itself, networks on our side, what a table of ours leads to past the tunnel, and our
 * own way to the gateways.
 */
function asideOf(input: FlowsInput): FlowAside[] {
  const { config, fallback, observed, routes, states } = input;
  const isOutside = outsideOf(config, observed);
  const ends = new Set<Prefix>(linkTalk);
  const peers = fallback === undefined ? [] : [...states.values()].flatMap((state) => state.peers);
  const toPeers: FlowAside[] = [];
  for (const { ifname, prefix } of ownAddresses(input)) {
    const own = prefixAddress(prefix);
    ends.add(makePrefix(own));
    if (!isOutside(ifname)) ends.add(prefixNetwork(prefix));
    const reached = peers.filter((peer) => prefixFamily(peer) === prefixFamily(own));
    for (const peer of reached) {
      toPeers.push({ source: makePrefix(own), destination: makePrefix(peer) });
    }
  }
  for (const { table, dst, oif } of routes) {
    const isLocal = table === config.table && oif !== "" && oif !== config.tunIfname;
    if (isLocal && prefixLength(dst) > 0) ends.add(dst);
  }
  const toEnds = [...ends].map((destination) => {
    return { source: prefixFamily(destination) === 4 ? any4 : any6, destination };
  });
  return [...toEnds, ...toPeers].slice(0, flowAsideMax);
}
