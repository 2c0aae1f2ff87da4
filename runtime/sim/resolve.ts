/**
 * Where a packet goes: prerouting chains, routing policy, forward chains, source NAT. The one
 * function behind the invariants of the simulation.
 */
import { action, iff, ours, rtn, table } from "./constants.js";
import type { Kernel } from "./kernel.js";
import type { Flow, Route, Rule } from "./kernel-objects.js";
import { contains, familyOf, hostOf, netOf } from "./net.js";
import type { HookPacket } from "./nft-evaluate.js";
import { runHook } from "./nft-evaluate.js";
import type { NftTable } from "./nft-table.js";

export interface Packet {
  /** Interface by which it came, "" if this machine sent it. */
  readonly iif: string;
  readonly mac: string;
  readonly src: string;
  readonly dst: string;
  /** Mark that it has from the start: that of the sending socket. */
  readonly mark?: number;
  readonly protocol?: "tcp" | "udp" | "icmp";
  readonly dport?: number;
  /** Of an ICMP error. */
  readonly error?: string;
  /** Of an error about an answer: the address at which the flow's answers arrive. */
  readonly about?: string;
  /** Of a kind that connection tracking does not know. */
  readonly untracked?: boolean;
  /** In the reply direction of a flow. */
  readonly reply?: Reply;
}

/** What connection tracking says of a packet in the reply direction. */
export interface Reply {
  readonly mark: number;
  /** The destination of the flow was translated. */
  readonly isForwarded: boolean;
  /** It says that it begins a connection. */
  readonly isBeginning: boolean;
}

export type Outcome =
  /** Left by an interface, with the source address that it then had. */
  | { readonly kind: "out"; readonly oif: string; readonly source: string; readonly mark: number }
  | { readonly kind: "local" }
  /** `where` names the route type or the chain. */
  | { readonly kind: "dropped"; readonly where: string };

export interface RouteChoice {
  readonly kind: "unicast" | "local" | "unreachable";
  readonly route: Route | undefined;
}

export interface ResolveOptions {
  /** A flow is remembered as conntrack does, and found again. */
  readonly track?: boolean;
  /** Asks what one layer alone would do: no tables of the firewall, or no rules of ours. */
  readonly only?: "routing" | "firewall";
}

/** The way of a packet as the first of its flow. */
interface Way {
  readonly outcome: Outcome;
  readonly flowMark: number;
}

/** A way, and for what state of the kernel it is true. */
interface Memory {
  readonly kernel: Kernel;
  readonly version: number;
  readonly table: NftTable | undefined;
  readonly way: Way;
}

/** The same few packets are asked for after every command, most of which change little. */
const memories = new WeakMap<Packet, Map<string, Memory>>();

export function resolve(kernel: Kernel, packet: Packet, options: ResolveOptions = {}): Outcome {
  const { track = false, only = "" } = options;
  const flow = track ? findFlow(kernel, packet) : undefined;
  const { outcome, flowMark } = wayOf(kernel, packet, only, flow);
  if (!track || outcome.kind === "dropped") return outcome;
  if (flow === undefined) remember(kernel, packet, outcome, flowMark);
  else if (outcome.kind === "out") return { ...outcome, source: flow.answered };
  return outcome;
}

function wayOf(kernel: Kernel, packet: Packet, only: string, flow: Flow | undefined): Way {
  const { version } = kernel;
  const { table: found } = kernel.firewall;
  const known = memories.get(packet) ?? new Map<string, Memory>();
  const kind = flow === undefined ? only : `flow ${flow.mark}`;
  const before = known.get(kind);
  const isSame = before?.kernel === kernel && before.version === version && before.table === found;
  if (isSame) return before.way;
  const way = walk(kernel, packet, only, flow);
  memories.set(packet, known.set(kind, { kernel, version, table: found, way }));
  return way;
}

function walk(kernel: Kernel, packet: Packet, only: string, flow: Flow | undefined): Way {
  const at = hookPacket(packet, flow, homeOf(kernel, packet.src));
  const forwarded = packet.iif !== "";
  const tables = only === "routing" ? undefined : kernel.firewall.table;
  const before = runHook(tables, forwarded ? "prerouting" : "output", at);
  if (before.verdict === "drop") return dropped(`chain ${before.chain}`);
  const choice = chooseRoute(kernel, at, only === "firewall");
  if (choice.kind === "local") return { outcome: { kind: "local" }, flowMark: 0 };
  if (choice.route === undefined) return dropped("route unreachable");
  at.oif = kernel.linkName(choice.route.oif);
  if (forwarded) {
    const guarded = runHook(tables, "forward", at);
    if (guarded.verdict === "drop") return dropped(`chain ${guarded.chain}`);
  }
  const after = runHook(tables, "postrouting", at);
  if (after.verdict === "drop") return dropped(`chain ${after.chain}`);
  const { oif, mark, flowMark } = at;
  const snat = after.snat || (packet.about ?? "");
  const source = isPlain(snat) ? masqueraded(kernel, packet.src, oif) : snat;
  return { outcome: { kind: "out", oif, source, mark }, flowMark };
}

function dropped(where: string): Way {
  return { outcome: { kind: "dropped", where }, flowMark: 0 };
}

function isPlain(snat: string): boolean {
  return snat === "" || snat === "masquerade";
}

/** What the system's own firewall makes of a source. */
function masqueraded(kernel: Kernel, source: string, oif: string): string {
  if (!kernel.masquerading.has(oif) || netOf(source).family === 6) return source;
  const index = kernel.linkNamed(oif)?.index;
  const own = kernel.addresses.find((item) => item.index === index && familyOf(item.prefix) === 4);
  return own === undefined ? source : hostOf(own.prefix);
}

/** The routing decision alone: what `ip route get` answers; `bound` is the socket's interface. */
export function chooseRoute(
  kernel: Kernel, packet: HookPacket, foreignOnly = false, bound = 0,
): RouteChoice {
  let from = 0;
  for (const rule of kernel.rules) {
    if (rule.priority < from || (foreignOnly && rule.protocol === ours.PROTOCOL)) continue;
    if (rule.family !== packet.family || ruleMatches(rule, packet) === rule.invert) continue;
    if (rule.action === action.NOP) continue;
    if (rule.action === action.GOTO) {
      if (hasTarget(kernel, rule)) from = rule.table;
      continue;
    }
    if (rule.action !== action.TO_TABLE) return { kind: "unreachable", route: undefined };
    if (rule.table === table.LOCAL) {
      if (kernel.isLocal(packet.dst)) return { kind: "local", route: undefined };
      continue;
    }
    const route = lookUp(kernel, rule.table, packet.dst, bound);
    if (route === undefined || netOf(route.dst).length <= rule.suppress) continue;
    if (route.kind !== rtn.UNICAST) return { kind: "unreachable", route: undefined };
    return { kind: "unicast", route };
  }
  return { kind: "unreachable", route: undefined };
}

/** A rule that leads to none is passed over. */
function hasTarget(kernel: Kernel, { family, table: target }: Rule): boolean {
  return kernel.rules.some((rule) => rule.family === family && rule.priority === target);
}

/** The interface that has an address, "" for one of somebody else. */
function homeOf(kernel: Kernel, src: string): string {
  const own = kernel.addresses.find(({ prefix }) => prefix.split("/")[0] === src);
  return own === undefined ? "" : kernel.linkName(own.index);
}

function flowStateOf(packet: Packet, flow: Flow | undefined): HookPacket["flowState"] {
  if (packet.about !== undefined) return "related";
  if (packet.untracked === true) return "invalid";
  if (packet.reply !== undefined) return "established";
  return flow === undefined ? "new" : "established";
}

export function hookPacket(packet: Packet, flow?: Flow, home = ""): HookPacket {
  const { reply } = packet;
  return {
    error: packet.error ?? "",
    home,
    answersTo: packet.about ?? "",
    family: netOf(packet.src).family,
    iif: packet.iif,
    oif: "",
    mac: packet.mac,
    src: packet.src,
    dst: packet.dst,
    protocol: packet.protocol ?? "udp",
    dport: packet.dport ?? 9,
    mark: packet.mark ?? 0,
    flowMark: reply?.mark ?? flow?.mark ?? 0,
    flowState: flowStateOf(packet, flow),
    direction: reply === undefined ? "original" : "reply",
    isForwarded: reply?.isForwarded ?? false,
    isBeginning: reply?.isBeginning ?? flow === undefined,
  };
}

function ruleMatches(rule: Rule, packet: HookPacket): boolean {
  if (rule.src !== "" && !contains(netOf(rule.src), netOf(packet.src))) return false;
  if (rule.dst !== "" && !contains(netOf(rule.dst), netOf(packet.dst))) return false;
  if (rule.iif !== "" && rule.iif !== (packet.iif === "" ? "lo" : packet.iif)) return false;
  if (rule.oif !== "" && rule.oif !== packet.oif) return false;
  return rule.fwmask === 0 || ((packet.mark ^ rule.fwmark) & rule.fwmask) === 0;
}

/** Longest prefix, then smallest metric, then first come. */
function lookUp(
  kernel: Kernel, tableNumber: number, dst: string, bound: number,
): Route | undefined {
  const target = netOf(dst);
  let best: Route | undefined;
  let bestLength = -1;
  for (const route of kernel.routes) {
    if (route.table !== tableNumber || (bound !== 0 && ![0, bound].includes(route.oif))) continue;
    const net = netOf(route.dst);
    if (!contains(net, target) || net.length < bestLength) continue;
    const better = net.length > bestLength || route.metric < (best?.metric ?? 0);
    if (!better || !usable(kernel, route)) continue;
    best = route;
    bestLength = net.length;
  }
  return best;
}

function usable(kernel: Kernel, route: Route): boolean {
  if (route.kind !== rtn.UNICAST) return true;
  return ((kernel.links.get(route.oif)?.flags ?? 0) & iff.UP) !== 0;
}

function portsOf(packet: Pick<Packet, "protocol" | "dport">): string {
  return `${packet.protocol ?? "udp"} ${packet.dport ?? 9}`;
}

function findFlow(kernel: Kernel, packet: Packet): Flow | undefined {
  const ports = portsOf(packet);
  return kernel.flows.find(
    (flow) => flow.src === packet.src && flow.dst === packet.dst && flow.ports === ports,
  );
}

const FLOWS_MAX = 4_096;

function remember(
  kernel: Kernel, { src, dst, ...packet }: Packet, outcome: Outcome, mark: number,
): void {
  if (kernel.flows.length >= FLOWS_MAX) kernel.flows.shift();
  const answered = outcome.kind === "out" ? outcome.source : src;
  const ports = portsOf(packet);
  kernel.flows.push({ src, dst, ports, answerer: dst, answered, mark });
}
