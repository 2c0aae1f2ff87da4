/** Folds what the mover says into the observed state; the only place that changes it. */
import type { MoverMessage } from "../host/contract.gen.js";
import type { Desired, DesiredFlows } from "../model/desired.js";
import { flowsPast } from "../model/desired.js";
import type { Ip, Mac } from "../model/ip.js";
import { isDefaultLike, prefixFamily } from "../model/ip.js";
import {
  addressPermanent,
  flagNoArp,
  flagPointToPoint,
  flagUp,
  neighbourValid,
  protocolOurs,
  routeUnicast,
  scopeUniverse,
} from "../model/kernel.js";
import { learnedUplinksMax, neighboursMax } from "../model/limits.js";
import type {
  Observed,
  ObservedAddress,
  ObservedFirewall,
  ObservedLink,
  ObservedNeighbour,
  ObservedRoute,
  ObservedRule,
} from "../model/observed.js";
import type { Operation } from "../model/operation.js";
import { endDump, lookForTun, noteFormer } from "./fold-links.js";
import { forwardText } from "./kinds/forward.js";
import { listenerKey } from "./kinds/listener.js";
import { asOurs, ruleKey } from "./kinds/rule.js";
import { readFirewall } from "./nft-read.js";

/** The observed state as its owner holds it. Everybody else sees the read-only Observed. */
export interface ObservedStore extends Observed {
  readonly links: Map<number, ObservedLink>;
  readonly formerNames: Map<number, readonly string[]>;
  /** What was known before a dump that is under way. */
  linksBefore: ReadonlyMap<number, ObservedLink>;
  readonly addresses: Map<string, ObservedAddress>;
  readonly routes: Map<string, ObservedRoute>;
  readonly rules: Map<string, ObservedRule>;
  readonly neighbours: Map<string, ObservedNeighbour>;
  readonly owners: Map<Ip, Mac>;
  readonly learnedUplinks: Set<string>;
  readonly sysctls: Map<string, string>;
  readonly listeners: Set<string>;
  flows: DesiredFlows | undefined;
  flowsOwed: boolean;
  isHeir: boolean | undefined;
  firewall: ObservedFirewall;
  tun: string;
  tunIndex: number;
  forward: string;
  complete: boolean;
}

export function emptyObserved(): ObservedStore {
  return {
    links: new Map(),
    formerNames: new Map(),
    linksBefore: new Map(),
    addresses: new Map(),
    routes: new Map(),
    rules: new Map(),
    neighbours: new Map(),
    owners: new Map(),
    learnedUplinks: new Set(),
    sysctls: new Map(),
    listeners: new Set(),
    flows: undefined,
    flowsOwed: false,
    isHeir: undefined,
    firewall: { kind: "unread" },
    tun: "",
    tunIndex: 0,
    forward: "",
    complete: false,
  };
}

/** True if something changed that a plan may depend on. Messages that are no facts are ignored. */
export function foldMessage(store: ObservedStore, message: MoverMessage): boolean {
  switch (message.type) {
    case "dump_begin":
      return foldDumpBegin(store);
    case "dump_end":
      store.complete = true;
      endDump(store);
      return true;
    case "link":
      return foldLink(store, message);
    case "address":
      return foldAddress(store, message);
    case "route":
      return foldRoute(store, message);
    case "rule":
      return foldRule(store, message);
    case "neighbour":
      return foldNeighbour(store, message);
    case "nft_changed":
      store.firewall = { kind: "unread" };
      return true;
    case "mover_state":
      store.tun = message.tunIndex === 0 ? "" : message.tunName;
      store.tunIndex = message.tunIndex;
      return true;
    default:
      return false;
  }
}

/**
 * The table as read back; undefined if it does not exist. The first reading tells whether a decider
 * was here before: no flow goes by what never was.
 */
export function foldFirewall(store: ObservedStore, json: string | undefined): void {
  const firewall = json === undefined ? ({ kind: "absent" } as const) : readFirewall(json);
  if (store.isHeir === undefined) {
    const rules = [...store.rules.values()];
    store.isHeir = isDeciders(firewall) || rules.some(({ protocol }) => protocol === protocolOurs);
    if (!store.isHeir) store.flows = flowsPast;
  }
  store.firewall = firewall;
}

/** The block of the boot, or of the mover before the first decision, sent no flow anywhere. */
function isDeciders(firewall: ObservedFirewall): boolean {
  return firewall.kind === "present" && /^chain (?!boot )/m.test(firewall.structure);
}

/** The plan is empty: what is wanted of flows allows all that is. */
export function foldSettled(store: ObservedStore, { flows }: Desired): void {
  store.flows = flows;
}

/** A value as read; "" if the key does not exist. */
export function foldSysctl(store: ObservedStore, key: string, value: string): void {
  store.sysctls.set(key, value);
}

/** An operation that succeeded is a fact, also before the kernel's notice of it arrives. */
export function foldResult(
  store: ObservedStore,
  operation: Operation,
  error: number,
  tunIndex = 0,
): void {
  if (operation.kind === "firewall") store.firewall = { kind: "unread" };
  if (operation.kind === "conntrack") store.flowsOwed = error !== 0;
  if (error !== 0) {
    forgetIpv6(store);
    return;
  }
  switch (operation.kind) {
    case "tun-open":
      forgetIpv6(store);
      store.tun = operation.tun.name;
      store.tunIndex = tunIndex;
      return;
    case "tun-close":
      store.tun = "";
      store.tunIndex = 0;
      return;
    case "sysctl":
      store.sysctls.set(operation.key, operation.value);
      return;
    case "forward":
      store.forward = forwardText(operation.forward);
      return;
    case "listen":
      if (operation.remove) store.listeners.delete(listenerKey(operation.listener));
      else store.listeners.add(listenerKey(operation.listener));
      return;
    case "rule":
      foldRuleResult(store, operation);
      return;
    case "route":
      foldRouteResult(store, operation);
      return;
    case "address":
    case "link":
      foldTunResult(store, operation);
      return;
    case "conntrack":
      store.flows = operation.flows;
      return;
    case "firewall":
      return;
    default:
      return unreachable(operation);
  }
}

function unreachable(operation: never): never {
  throw new Error(`unknown operation ${JSON.stringify(operation)}`);
}

function foldDumpBegin(store: ObservedStore): boolean {
  store.linksBefore = new Map(store.links);
  for (const map of [store.links, store.addresses, store.routes, store.rules, store.neighbours]) {
    map.clear();
  }
  store.sysctls.clear();
  store.firewall = { kind: "unread" };
  store.complete = false;
  return true;
}

/** Sets or deletes; true if that made a difference. */
function foldEntry<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  deleted: boolean,
): boolean {
  if (deleted) return map.delete(key);
  const old = map.get(key);
  map.set(key, value);
  return old === undefined || JSON.stringify(old) !== JSON.stringify(value);
}

/** What matters of a link's flags: a cable that comes and goes is nobody's reason to plan. */
const flagsKept = flagUp | flagPointToPoint | flagNoArp;

type MessageOf<Type extends MoverMessage["type"]> = Extract<MoverMessage, { type: Type }>;

function foldLink(store: ObservedStore, message: MessageOf<"link">): boolean {
  const { deleted, type: _type, ...facts } = message;
  const link = { ...facts, flags: facts.flags & flagsKept };
  const old = store.links.get(link.index);
  const isUp = !deleted && (link.flags & flagUp) !== 0;
  if (old !== undefined && (deleted || old.name !== link.name)) forgetSysctls(store, old.name);
  if (!isUp) forgetRoutes(store, link.index);
  if (deleted) forgetInterface(store, link.index);
  noteFormer(store, link, deleted);
  const isChanged = foldEntry(store.links, link.index, link, deleted);
  if (link.index === store.tunIndex) lookForTun(store);
  return isChanged;
}

function forgetSysctls(store: ObservedStore, name: string): void {
  for (const key of store.sysctls.keys()) {
    if (key.includes(`/conf/${name}/`)) store.sysctls.delete(key);
  }
}

/**
 * The kernel says nothing of IPv6 being switched off and on, but of addresses that go and come with
 * it, and of an operation that fails. Then it is read again.
 */
function forgetIpv6({ sysctls }: ObservedStore): void {
  for (const [key, value] of sysctls) {
    const isAbsent = value === "" && key.startsWith("net/ipv6/conf/all/");
    if (isAbsent || key.endsWith("/disable_ipv6")) sysctls.delete(key);
  }
}

/** The kernel drops IPv4 routes of an interface that goes down without a word about each. */
function forgetRoutes(store: ObservedStore, index: number): void {
  for (const [key, route] of store.routes) {
    const isVia = route.oif === index && route.kind === routeUnicast;
    if (isVia && prefixFamily(route.dst) === 4) store.routes.delete(key);
  }
}

function forgetInterface(store: ObservedStore, index: number): void {
  for (const [key, route] of store.routes) {
    if (route.oif === index && route.kind === routeUnicast) store.routes.delete(key);
  }
  for (const map of [store.addresses, store.neighbours]) {
    for (const [key, entry] of map) if (entry.index === index) map.delete(key);
  }
}

function foldAddress(store: ObservedStore, message: MessageOf<"address">): boolean {
  const { deleted, type: _type, flags, ...address } = message;
  const { index, prefix, scope } = address;
  // A router's own network has an address for good; one on loan comes from somebody's DHCP.
  const isLent = scope === scopeUniverse && (flags & addressPermanent) === 0;
  if (isLent && prefixFamily(prefix) === 4) learnUplink(store, index);
  const isChanged = foldEntry(store.addresses, `${index} ${prefix}`, address, deleted);
  if (isChanged && prefixFamily(prefix) === 6) forgetIpv6(store);
  return isChanged;
}

/** What once led out is never taken for a LAN again, unless the owner names it one. */
function learnUplink(store: ObservedStore, index: number): void {
  const name = store.links.get(index)?.name ?? "lo";
  if (name === "lo" || name === store.tun || store.learnedUplinks.size >= learnedUplinksMax) return;
  store.learnedUplinks.add(name);
}

/** IPv4 replaces in place without a notice of the old one; IPv6 lists every next hop. */
function routeKey(route: ObservedRoute): string {
  const { table, dst, metric, kind, oif, gateway } = route;
  const place = `${table} ${dst} ${metric}`;
  if (prefixFamily(dst) === 4) return place;
  return kind === routeUnicast ? `${place} ${oif} ${gateway}` : `${place} ${kind}`;
}

function foldRoute(store: ObservedStore, message: MessageOf<"route">): boolean {
  const { deleted, type: _type, ...route } = message;
  const { protocol, kind, dst } = route;
  const isForeign = protocol !== protocolOurs && kind === routeUnicast;
  if (isForeign && !deleted && isDefaultLike(dst)) learnUplink(store, route.oif);
  const key = routeKey(route);
  const old = store.routes.get(key);
  const isOther = old !== undefined && (old.oif !== route.oif || old.gateway !== route.gateway);
  if (deleted && isOther && route.kind === routeUnicast) return false;
  return foldEntry(store.routes, key, route, deleted);
}

function foldRule(store: ObservedStore, message: MessageOf<"rule">): boolean {
  const { deleted, type: _type, family, ...rest } = message;
  const rule = { family: family === 6 ? 6 : 4, ...rest } as const;
  return setRule(store, rule, deleted);
}

/** The key says all of a rule. */
function setRule(store: ObservedStore, rule: ObservedRule, isGone: boolean): boolean {
  const key = ruleKey(rule);
  if (isGone || store.rules.has(key)) return isGone && store.rules.delete(key);
  store.rules.set(key, rule);
  return true;
}

/** Moving between live states interests nobody. */
function foldNeighbour(store: ObservedStore, message: MessageOf<"neighbour">): boolean {
  const { deleted, type: _type, ...neighbour } = message;
  const key = `${neighbour.index} ${neighbour.addr}`;
  const old = store.neighbours.get(key);
  foldEntry(store.neighbours, key, neighbour, deleted);
  if (usableMac(neighbour) !== "") store.owners.set(neighbour.addr, neighbour.mac);
  dropOldest(store.neighbours);
  dropOldest(store.owners);
  return usableMac(old) !== usableMac(deleted ? undefined : neighbour);
}

function dropOldest<Key, Value>(map: Map<Key, Value>): void {
  for (const key of map.keys()) {
    if (map.size <= neighboursMax) return;
    map.delete(key);
  }
}

function usableMac(neighbour: ObservedNeighbour | undefined): string {
  if (neighbour === undefined) return "";
  return (neighbour.state & neighbourValid) === 0 ? "" : neighbour.mac;
}

type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

function foldRuleResult(store: ObservedStore, operation: OperationOf<"rule">): void {
  setRule(store, asOurs(operation.rule), operation.remove);
}

function foldRouteResult(store: ObservedStore, operation: OperationOf<"route">): void {
  const { route, remove } = operation;
  const oif = route.oif === "" ? 0 : linkIndex(store, route.oif);
  if (oif === undefined) return;
  const observed = { ...route, oif, protocol: protocolOurs };
  foldEntry(store.routes, routeKey(observed), observed, remove);
}

function foldTunResult(store: ObservedStore, operation: OperationOf<"address" | "link">): void {
  const name = operation.kind === "link" ? operation.name : operation.address.ifname;
  const index = linkIndex(store, name);
  const link = index === undefined ? undefined : store.links.get(index);
  if (index === undefined || link === undefined) return;
  if (operation.kind === "link") {
    const mtu = operation.mtu === 0 ? link.mtu : operation.mtu;
    store.links.set(index, { ...link, flags: upFlag(link.flags, operation.up), mtu });
    return;
  }
  const { prefix } = operation.address;
  const address = { index, prefix, scope: 0, protocol: 0 };
  foldEntry(store.addresses, `${index} ${prefix}`, address, operation.remove);
}

function upFlag(flags: number, up: boolean): number {
  return up ? flags | flagUp : flags & ~flagUp;
}

function linkIndex(store: ObservedStore, name: string): number | undefined {
  if (name === store.tun) return store.tunIndex;
  return [...store.links.values()].find((link) => link.name === name)?.index;
}
