/**
 * The router's firewall: which location a packet goes to (mark), what must not leave elsewhere
 * (guard), under which address it enters the tunnel (nat). The guard looks packets up by itself, so
 * that it holds when the marks are gone.
 */
import type { RouterConfig } from "../model/config.js";
import type { DesiredFirewall, FirewallElement } from "../model/desired.js";
import type { Prefix } from "../model/ip.js";
import {
  formatIp,
  ipBytes,
  prefixAddress,
  prefixFamily,
  prefixHostBits,
  prefixLength,
} from "../model/ip.js";
import { markDocumented } from "../model/kernel.js";
import type { NftChain, NftMap, NftRule } from "../render/nft.js";
import { renderTable } from "../render/nft.js";
import {
  answerChains,
  answerElements,
  answeredRule,
  answerRule,
  arrivalRules,
  ownAnswerRule,
} from "./answers.js";
import type { DecidedRule, Layer } from "./elements.js";
import { addressElements, familyElement, ruleElements, wholeStem } from "./elements.js";
import type { Interfaces } from "./interfaces.js";
import { hex32, locationMark, ourMask, ownMark } from "./marks.js";
import type { Outcome, States } from "./outcome.js";
import { leavingChain, quoteElements, quoteMaps, quoteRules } from "./quotes.js";
import { tunSources } from "./tun-addresses.js";
import { isCovering } from "./whole.js";

export interface FirewallInput {
  readonly config: RouterConfig;
  readonly states: States;
  readonly decided: readonly DecidedRule[];
  /** Where traffic without a rule goes, in default-gateway mode. */
  readonly fallback: Outcome | undefined;
  readonly interfaces: Interfaces;
  readonly mtu: number;
  /** Another interface has the TUN's name, which then leads nowhere. */
  readonly isTunForeign: boolean;
  /** Interfaces that may pass by themselves; undefined if all may. */
  readonly free: readonly string[] | undefined;
}

/** IPv4 and TCP headers, IPv6 and TCP headers. */
const headers4 = 40;
const headers6 = 60;

const priorityRaw = -300;
const priorityMangle = -150;
/** Before the system's own forward chain, which may accept what we must drop. */
const priorityGuard = -5;
const prioritySource = 100;

export function routerFirewall(input: FirewallInput): DesiredFirewall {
  const { config } = input;
  const { bypass, rules } = config;
  const lookups = lookupsOf(config);
  const past = lengthsOf(bypass ?? []);
  const isShutting = rules.some(({ inbound }) => inbound === "block");
  return renderTable({
    maps: [
      ...lookups.flatMap((lookup) => lookup.maps),
      ...past.map(bypassMap),
      ...fixedMaps,
      ...quoteMaps,
      ...(input.free === undefined ? [] : [freeMap]),
    ],
    chains: [
      shieldChain(config),
      markingChain(input, lookups, past),
      outputChain(input),
      ...locationChains(config, isShutting),
      ...answerChains(config, input.interfaces.uplinks),
      guardChain(input, lookups, past),
      ...guardedChains(input, isShutting),
      ...(bypass === undefined ? [] : [barredChain]),
      {
        name: "passed",
        hook: undefined,
        rules: [{ text: "accept", why: "sent direct by a rule" }],
      },
      clampChain(input),
      natChain(config),
      leavingChain(config),
    ],
    elements: [
      ...ruleElements(input.decided),
      ...(bypass ?? []).map((prefix) => {
        return { map: bypassName(prefix), key: prefixAddress(prefix), value: "" };
      }),
      ...addressElements(config, input.states),
      ...quoteElements(config, input.states),
      ...tunSources(config).map((address) => familyElement("own", address, "")),
      ...interfaceElements(input.interfaces),
      ...(input.free ?? []).map((name) => ({ map: "free", key: name, value: "" })),
      ...answerElements(config, input.interfaces.uplinks),
    ],
  });
}

const fixedMaps: readonly NftMap[] = [
  { name: "snat4", key: "mark", value: "ipv4_addr" },
  { name: "snat6", key: "mark", value: "ipv6_addr" },
  { name: "own4", key: "ipv4_addr", value: undefined },
  { name: "own6", key: "ipv6_addr", value: undefined },
  { name: "answer", key: "mark", value: "verdict" },
  { name: "lan", key: "ifname", value: undefined },
  { name: "inward", key: "ifname", value: undefined },
  { name: "uplink", key: "ifname", value: undefined },
];

const freeMap: NftMap = { name: "free", key: "ifname", value: undefined };

function interfaceElements({ reachable, inward, uplinks }: Interfaces): FirewallElement[] {
  const sets = { lan: reachable, inward, uplink: uplinks };
  return Object.entries(sets).flatMap(([map, names]) =>
    names.map((key) => ({ map, key, value: "" })),
  );
}

const byMac = ["ether_addr", "ether saddr", "by MAC"] as const;

interface Lookup {
  readonly maps: readonly NftMap[];
  readonly rules: (layer: Layer) => NftRule;
}

/**
 * MAC first, then addresses from the longest prefix to the shortest, each length before the devices
 * that it covers whole, then interfaces; behind them what a policy script adds where no rule
 * stands.
 */
function lookupsOf(config: RouterConfig): Lookup[] {
  const { bypass } = config;
  const byIface = ["ifname", "iifname", "by interface"] as const;
  return [
    lookup("mac", ...byMac),
    ...addressLookups(config),
    lookup("iface", ...byIface),
    ...(bypass === undefined
      ? []
      : [lookup("late_mac", ...byMac), lookup("late_iface", ...byIface)]),
  ];
}

/** Which of them there are is a matter of the configuration, not of who is there. */
function addressLookups(config: RouterConfig): Lookup[] {
  const prefixes = config.rules.flatMap(({ match }) =>
    match.kind === "address" ? match.prefix : [],
  );
  const covering = config.rules.flatMap((rule) =>
    rule.match.kind === "address" && isCovering(config, rule)
      ? prefixHostBits(rule.match.prefix)
      : [],
  );
  const found = new Map<number, Lookup[]>();
  for (const [family, length] of lengthsOf(prefixes)) {
    const bits = (family === 4 ? 32 : 128) - length;
    found.set(bits, [...(found.get(bits) ?? []), addressLookup([family, length])]);
  }
  for (const bits of new Set(covering)) found.get(bits)?.push(lookup(wholeStem(bits), ...byMac));
  return [...found].sort(([left], [right]) => left - right).flatMap(([, lookups]) => lookups);
}

type Length = readonly [family: 4 | 6, length: number];

/** The different lengths of prefixes, IPv4 first, the longest first. */
function lengthsOf(prefixes: readonly Prefix[]): Length[] {
  const lengths = new Map<number, Length>();
  for (const prefix of prefixes) {
    const family = prefixFamily(prefix);
    const length = prefixLength(prefix);
    lengths.set(family * 1_000 - length, [family, length]);
  }
  return [...lengths].sort(([left], [right]) => left - right).map(([, length]) => length);
}

function lookup(stem: string, key: NftMap["key"], field: string, why: string): Lookup {
  const maps = [`${stem}_mark`, `${stem}_guard`];
  return {
    maps: maps.map((name) => ({ name, key, value: "verdict" })),
    rules: (layer) => ({ text: `${field} vmap @${stem}_${layer}`, why: `${layer} ${why}` }),
  };
}

function addressLookup([family, length]: Length): Lookup {
  const field = fieldText("saddr", family, length);
  return lookup(`ip${family}_${length}`, keyOf(family), field, `by IPv${family} /${length}`);
}

function keyOf(family: 4 | 6): NftMap["key"] {
  return family === 4 ? "ipv4_addr" : "ipv6_addr";
}

function fieldText(side: "saddr" | "daddr", family: 4 | 6, length: number): string {
  const isSingle = length === (family === 4 ? 32 : 128);
  const name = `${family === 4 ? "ip" : "ip6"} ${side}`;
  return isSingle ? name : `${name} & ${maskText(family, length)}`;
}

function bypassName(prefix: Prefix): string {
  return `bypass${prefixFamily(prefix)}_${prefixLength(prefix)}`;
}

function bypassMap([family, length]: Length): NftMap {
  return { name: `bypass${family}_${length}`, key: keyOf(family), value: undefined };
}

function bypassRules(past: readonly Length[], verdict: string): NftRule[] {
  return past.map(([family, length]) => ({
    text: `${fieldText("daddr", family, length)} @bypass${family}_${length} ${verdict}`,
    why: `past all tunnels by IPv${family} /${length}`,
  }));
}

function maskText(family: 4 | 6, length: number): string {
  const bytes = ipBytes(family === 4 ? "0.0.0.0" : "::");
  return formatIp(bytes.map((_, i) => (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 0xff));
}

/**
 * Answers to probes of tunnel addresses from outside would tell a stranger what runs here, and who
 * wrote one as his source would leave by its tunnel, whatever his own is.
 */
function shieldChain(config: RouterConfig): NftChain {
  const outside = `iifname != { "lo", "${config.tunIfname}" }`;
  return {
    name: "shield",
    hook: { type: "filter", hook: "prerouting", priority: priorityRaw },
    rules: [
      { text: `${outside} ip daddr @own4 drop`, why: "tunnel address probed from outside" },
      { text: `${outside} ip6 daddr @own6 drop`, why: "tunnel address probed from outside" },
      { text: `${outside} ip saddr @own4 drop`, why: "tunnel address as a source" },
      { text: `${outside} ip6 saddr @own6 drop`, why: "tunnel address as a source" },
    ],
  };
}

function markingChain(
  input: FirewallInput,
  lookups: readonly Lookup[],
  past: readonly Length[],
): NftChain {
  const { config, fallback } = input;
  const rest = fallback === undefined ? [] : [fallbackRule(fallback, "", "everything else")];
  return {
    name: "marking",
    hook: { type: "filter", hook: "prerouting", priority: priorityMangle },
    rules: [
      ...arrivalRules(config),
      ...bypassRules(past, "goto direct"),
      ...lookups.map((lookup) => lookup.rules("mark")),
      ...rest,
    ],
  };
}

function fallbackRule(outcome: Outcome, match: string, why: string): NftRule {
  const chain = outcome.kind === "tunnel" ? `loc_${outcome.index}` : "direct";
  return { text: `${match}goto ${chain}`, why: `${why} to the default location` };
}

/**
 * What the router itself sends is routed already; the mark chooses the source address. Our own
 * sockets keep theirs even while their rule is gone: a flow that once got the tunnel's would keep
 * it on the uplink.
 */
function outputChain({ config, fallback }: FirewallInput): NftChain {
  const toTunnel = `oifname "${config.tunIfname}" `;
  const own = `meta mark & ${hex32(config.markMask)} == ${hex32(ownMark(config))} return`;
  const rest =
    fallback === undefined ? [] : [fallbackRule(fallback, toTunnel, "the router's own")];
  return {
    name: "outgoing",
    hook: { type: "route", hook: "output", priority: priorityMangle },
    rules: [
      { text: own, why: "our own sockets" },
      ...quoteRules(),
      ...(config.defaultGateway ? [ownAnswerRule()] : []),
      ...rest,
    ],
  };
}

/** A rule may shut the way of answers: then there is a second chain without it. */
function locationChains(config: RouterConfig, isShutting: boolean): NftChain[] {
  const keep = hex32((~ourMask(config) & 0xffffffff) >>> 0);
  const set = (mark: number): string => `meta mark set meta mark & ${keep} | ${hex32(mark)}`;
  const chains = config.locations.flatMap(({ name }, at) => {
    const rule = { text: set(locationMark(config, at + 1)), why: `to ${name}` };
    const shut = { name: `loc_${at + 1}_shut`, hook: undefined, rules: [rule] };
    const open = { name: `loc_${at + 1}`, hook: undefined, rules: [answerRule(), rule] };
    return isShutting ? [open, shut] : [open];
  });
  const direct = { text: set(ownMark(config)), why: "past every tunnel" };
  const blocked = { text: set(markDocumented), why: "to no location" };
  return [
    ...chains,
    { name: "direct", hook: undefined, rules: [answerRule(), direct] },
    ...(config.bypass ? [{ name: "blocked", hook: undefined, rules: [blocked] }] : []),
  ];
}

function guardChain(
  input: FirewallInput,
  lookups: readonly Lookup[],
  past: readonly Length[],
): NftChain {
  const rest = { text: "goto guarded", why: "guard everything else" };
  const unknown = { text: "iifname != @free goto guarded", why: "an interface nobody looked at" };
  return {
    name: "guard",
    hook: { type: "filter", hook: "forward", priority: priorityGuard },
    rules: [
      ...strayRules(input.config),
      ...bypassRules(past, "accept"),
      ...lookups.map((lookup) => lookup.rules("guard")),
      ...(input.free === undefined ? [] : [unknown]),
      ...(input.fallback === undefined ? [] : [rest]),
    ],
  };
}

/**
 * An answer out of a tunnel whose flow the connection tracker has forgotten, as after a change of
 * location, keeps the tunnel's own address and would follow the default route in clear; so would
 * one whose device lost its address. What is decrypted goes where devices are and nowhere else.
 */
function strayRules({ tunIfname }: RouterConfig): NftRule[] {
  const inward = `iifname "${tunIfname}"`;
  const why = "an answer to nobody";
  return [
    { text: `${inward} oifname != @inward drop`, why: "no device of a tunnel is there" },
    { text: `${inward} ip daddr @own4 drop`, why },
    { text: `${inward} ip6 daddr @own6 drop`, why },
  ];
}

function guardedChains({ config, isTunForeign }: FirewallInput, isShutting: boolean): NftChain[] {
  const inward = { text: `oifname "${config.tunIfname}" accept`, why: "into the tunnel" };
  const rules = [
    ...(isTunForeign ? [] : [inward]),
    { text: "oifname @lan accept", why: "to the LAN" },
    { text: "counter drop", why: "would leave outside its tunnel" },
  ];
  const open = { name: "guarded", hook: undefined, rules: [answeredRule(), ...rules] };
  return isShutting ? [open, { name: "guarded_shut", hook: undefined, rules }] : [open];
}

const barredChain: NftChain = {
  name: "barred",
  hook: undefined,
  rules: [
    { text: "oifname @lan accept", why: "to the LAN" },
    { text: "counter drop", why: "blocked by the policy script" },
  ],
};

/** Inward the route's own limit is the LAN's, which says nothing about the tunnel. */
function clampChain({ config, mtu }: FirewallInput): NftChain {
  const syn = "tcp flags syn / syn,rst tcp option maxseg size set";
  const inward = `iifname "${config.tunIfname}" meta nfproto`;
  return {
    name: "clamp",
    hook: { type: "filter", hook: "forward", priority: priorityMangle },
    rules: [
      { text: `oifname "${config.tunIfname}" ${syn} rt mtu`, why: "segments fit the tunnel" },
      { text: `${inward} ipv4 ${syn} ${mtu - headers4}`, why: "segments fit the tunnel" },
      { text: `${inward} ipv6 ${syn} ${mtu - headers6}`, why: "segments fit the tunnel" },
    ],
  };
}

function natChain(config: RouterConfig): NftChain {
  const bits = `meta mark & ${hex32(config.markMask)}`;
  const ours = `oifname "${config.tunIfname}" ${bits} != 0`;
  const why = "the address that the gateway assigned";
  return {
    name: "nat",
    hook: { type: "nat", hook: "postrouting", priority: prioritySource },
    rules: [
      { text: `${ours} snat ip to ${bits} map @snat4`, why },
      { text: `${ours} snat ip6 to ${bits} map @snat6`, why },
    ],
  };
}
