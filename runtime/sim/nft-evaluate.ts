/** Walks the chains of a hook with one packet, as nf_tables does. */
import type { Json } from "./nft-expression.js";
import { flagsOf, isFlag, numberOf, TCP_FLAGS } from "./nft-expression.js";
import type { NftChain, NftElement, NftTable } from "./nft-table.js";
import { keyText } from "./nft-table.js";
import { netOfKey } from "./nft-state.js";
import { contains, maskedAddress, netOf, parseNet } from "./net.js";

/** A packet at a hook. Chains may change `mark` and `flowMark`. */
export interface HookPacket {
  readonly family: 4 | 6;
  readonly iif: string;
  oif: string;
  readonly mac: string;
  readonly src: string;
  readonly dst: string;
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly dport: number;
  mark: number;
  flowMark: number;
  readonly flowState: "new" | "established" | "related" | "invalid";
  readonly direction: "original" | "reply";
  /** Of an ICMP error, "" for everything else. */
  readonly error: string;
  /** Interface that has the source as an address of its own, "" for none. */
  readonly home: string;
  /** Where answers of its flow go, "" if nobody translates them. */
  readonly answersTo: string;
  /** True if the flow's destination was translated. */
  readonly isForwarded: boolean;
  readonly isBeginning: boolean;
}

export interface HookResult {
  readonly verdict: "accept" | "drop";
  /** Name of the chain that decided, "" if none did. */
  readonly chain: string;
  /** Source address by a nat chain, "masquerade" or "". */
  readonly snat: string;
}

type Value = string | number;
type Step =
  | { readonly kind: "next" }
  | { readonly kind: "break" }
  | { readonly kind: "verdict"; readonly word: string; readonly target: string }
  | { readonly kind: "snat"; readonly address: string };

/** NF_IP_PRI_NAT_SRC: later chains see the new source. */
const PRIORITY_SOURCE = 100;
const NEXT: Step = { kind: "next" };
const BREAK: Step = { kind: "break" };
const JUMPS_MAX = 16;

/** A result with the marks that the packet then had. */
interface Passed {
  readonly result: HookResult;
  readonly mark: number;
  readonly flowMark: number;
}

/** Tables are never altered in place, so the same packet fares the same as before. */
const passed = new WeakMap<NftTable, Map<string, Passed>>();

export function runHook(table: NftTable | undefined, hook: string, packet: HookPacket): HookResult {
  if (table === undefined) return { verdict: "accept", chain: "", snat: "" };
  const all = passed.get(table) ?? new Map<string, Passed>();
  const key = packetKey(hook, packet);
  const before = all.get(key);
  if (before !== undefined) {
    packet.mark = before.mark;
    packet.flowMark = before.flowMark;
    return before.result;
  }
  const result = walkHook(table, hook, packet);
  passed.set(table, all.set(key, { result, mark: packet.mark, flowMark: packet.flowMark }));
  return result;
}

/** All that chains can look at. */
function packetKey(hook: string, packet: HookPacket): string {
  const { iif, oif, mac, src, dst, protocol, dport, mark, flowMark, flowState } = packet;
  const { direction, error, home, answersTo } = packet;
  const where = `${hook} ${iif} ${oif} ${mac} ${src} ${dst} ${protocol} ${dport}`;
  const { isForwarded, isBeginning } = packet;
  const what = `${mark} ${flowMark} ${flowState} ${direction} ${error} ${home} ${answersTo}`;
  return `${where} ${what} ${isForwarded} ${isBeginning}`;
}

function walkHook(table: NftTable, hook: string, packet: HookPacket): HookResult {
  let snat = "";
  for (const chain of chainsAt(table, hook)) {
    if (chain.type === "nat" && packet.flowState !== "new") continue;
    const at = chain.priority <= PRIORITY_SOURCE ? packet : translated(packet, snat);
    const end = new Walk(table, at).chain(chain, 0);
    packet.mark = at.mark;
    packet.flowMark = at.flowMark;
    if (end?.kind === "snat") snat = end.address;
    const word = end?.kind === "verdict" ? end.word : "accept";
    const policy = end === undefined ? chain.policy : word;
    if (policy === "drop") return { verdict: "drop", chain: chain.name, snat: "" };
  }
  return { verdict: "accept", chain: "", snat };
}

/** A packet behind source translation; an error has the address of the flow that it is about. */
function translated(packet: HookPacket, snat: string): HookPacket {
  const { flowState, direction, answersTo, src } = packet;
  const related = flowState === "related" && direction === "original" ? answersTo : "";
  const source = snat === "" || snat === "masquerade" ? related || src : snat;
  return source === src ? packet : { ...packet, src: source, home: "" };
}

/** Tables are never altered in place, so what was sorted once stays sorted. */
const sorted = new WeakMap<NftTable, Map<string, readonly NftChain[]>>();

function chainsAt(table: NftTable, hook: string): readonly NftChain[] {
  const hooks = sorted.get(table) ?? new Map<string, readonly NftChain[]>();
  const known = hooks.get(hook);
  if (known !== undefined) return known;
  const chains = [...table.chains.values()]
    .filter((chain) => chain.hook === hook)
    .sort((a, b) => a.priority - b.priority);
  sorted.set(table, hooks.set(hook, chains));
  return chains;
}

class Walk {
  constructor(
    readonly table: NftTable,
    readonly packet: HookPacket,
  ) {}

  /** The terminal step, undefined if the chain ran out. */
  chain(chain: NftChain, depth: number): Step | undefined {
    if (depth > JUMPS_MAX) throw new RangeError(`chain ${chain.name}: too many jumps`);
    for (const { rule } of chain.rules) {
      const step = this.#rule(rule.expr);
      if (step.kind === "snat") return step;
      if (step.kind !== "verdict" || step.word === "continue") continue;
      if (step.word === "return") return undefined;
      if (step.word !== "jump" && step.word !== "goto") return step;
      const target = this.table.chains.get(step.target);
      if (target === undefined) throw new RangeError(`no chain ${step.target}`);
      const end = this.chain(target, depth + 1);
      if (end !== undefined || step.word === "goto") return end;
    }
    return undefined;
  }

  #rule(statements: readonly Json[]): Step {
    for (const statement of statements) {
      const step = this.#statement(statement as Record<string, Json>);
      if (step.kind !== "next") return step;
    }
    return NEXT;
  }

  #statement(statement: Record<string, Json>): Step {
    const kind = Object.keys(statement)[0] ?? "";
    const body = statement[kind] as Record<string, Json>;
    switch (kind) {
      case "match":
        return this.#matches(body) ? NEXT : BREAK;
      case "vmap":
        return this.#lookUpVerdict(body);
      case "mangle":
        return this.#mangle(body);
      case "snat":
        return this.#snat(body);
      case "masquerade":
        return { kind: "snat", address: "masquerade" };
      case "reject":
        return verdict("drop", "");
      case "counter":
      case "log":
      case "limit":
      case "notrack":
        return NEXT;
      default:
        return verdictOf(statement);
    }
  }

  #lookUpVerdict(body: Record<string, Json>): Step {
    const key = this.#value(body.key as Json);
    const found = key === undefined ? undefined : this.#lookUp(body.data as Json, key);
    return found?.value === undefined ? BREAK : verdictOf(found.value as Record<string, Json>);
  }

  #mangle(body: Record<string, Json>): Step {
    const target = body.key as Record<string, Record<string, Json>>;
    if (target["tcp option"] !== undefined) return NEXT;
    const value = this.#value(body.value as Json);
    if (value === undefined) return BREAK;
    const number = Number(value) >>> 0;
    if (target.meta?.key === "mark") this.packet.mark = number;
    else if (target.ct?.key === "mark") this.packet.flowMark = number;
    return NEXT;
  }

  #snat(body: Record<string, Json>): Step {
    const family = body.family === "ip6" ? 6 : body.family === "ip" ? 4 : this.packet.family;
    if (family !== this.packet.family) return BREAK;
    const address = this.#value(body.addr as Json);
    return address === undefined ? BREAK : { kind: "snat", address: String(address) };
  }

  #matches(body: Record<string, Json>): boolean {
    const left = this.#value(body.left as Json);
    if (left === undefined) return false;
    const equal = this.#hits(left, body.right as Json);
    switch (body.op) {
      case "==":
      case "in":
        return equal;
      case "!=":
        return !equal;
      case "<":
        return Number(left) < Number(body.right);
      case ">":
        return Number(left) > Number(body.right);
      case "<=":
        return Number(left) <= Number(body.right);
      default:
        return Number(left) >= Number(body.right);
    }
  }

  #hits(left: Value, right: Json): boolean {
    if (Array.isArray(right)) return right.some((item) => this.#hits(left, item as Json));
    if (typeof right === "string" && right.startsWith("@")) {
      return this.#lookUp(right, left) !== undefined;
    }
    if (typeof right !== "object" || right === null) return left === right || isFlag(right, left);
    const tree = right as Record<string, Json>;
    if (tree.set !== undefined) return this.#lookUp(right, left) !== undefined;
    const value = this.#value(right);
    return value !== undefined ? value === left : keyCovers(right, left);
  }

  #lookUp(data: Json, key: Value): NftElement | undefined {
    if (typeof data === "string") {
      const set = this.table.sets.get(data.slice(1));
      if (set === undefined) throw new RangeError(`no set ${data}`);
      const exact = set.elements.get(keyText(key));
      if (exact !== undefined || !set.flags.includes("interval")) return exact;
      return [...set.elements.values()].find((element) => keyCovers(element.key, key));
    }
    for (const item of (data as { readonly set: readonly Json[] }).set) {
      const [itemKey, value] = Array.isArray(item) ? (item as Json[]) : [item, undefined];
      if (keyCovers(itemKey as Json, key)) return { key: itemKey as Json, value };
    }
    return undefined;
  }

  /** Undefined where the packet has no such field or a map no such key: the rule does not match. */
  #value(tree: Json): Value | undefined {
    if (typeof tree === "string" || typeof tree === "number") return tree;
    const node = tree as Record<string, Json>;
    const kind = Object.keys(node)[0] ?? "";
    const body = node[kind] as Record<string, string>;
    switch (kind) {
      case "meta":
        return this.#meta(body.key as string);
      case "ct":
        return this.#flow(body.dir === undefined ? String(body.key) : `${body.dir} ${body.key}`);
      case "fib":
        return this.#isHome((node.fib as { readonly flags: readonly string[] }).flags);
      case "payload":
        return this.#payload(`${body.protocol} ${body.field}`);
      case "map":
        return this.#mapped(node.map as Record<string, Json>);
      case "&":
      case "|":
      case "^":
        return this.#bits(kind, node[kind] as readonly Json[]);
      case "prefix":
      case "range":
        return undefined;
      default:
        throw new RangeError(`the evaluator knows no expression ${JSON.stringify(tree)}`);
    }
  }

  #mapped(body: Record<string, Json>): Value | undefined {
    const key = this.#value(body.key as Json);
    if (key === undefined) return undefined;
    return this.#lookUp(body.data as Json, key)?.value as Value | undefined;
  }

  #bits(operator: string, operands: readonly Json[]): Value | undefined {
    const a = this.#value(operands[0] as Json);
    if (a === undefined) return undefined;
    const second = operands[1] as Json;
    const b = Array.isArray(second) ? flagsOf(second) : this.#value(second);
    if (b === undefined) return undefined;
    const address = parseNet(String(a));
    if (address !== undefined) return maskedAddress(address, netOf(String(b)));
    const [x, y] = [numberOf(a), numberOf(b)];
    return (operator === "&" ? x & y : operator === "|" ? x | y : x ^ y) >>> 0;
  }

  #meta(key: string): Value | undefined {
    const { packet } = this;
    switch (key) {
      case "mark":
        return packet.mark;
      case "iifname":
        return packet.iif;
      case "oifname":
        return packet.oif;
      case "nfproto":
        return packet.family === 4 ? "ipv4" : "ipv6";
      case "protocol":
        return packet.family === 4 ? "ip" : "ip6";
      case "l4proto":
        return packet.protocol;
      default:
        return known({}, key);
    }
  }

  #flow(key: string): Value | undefined {
    const { flowState: state, flowMark: mark, direction, answersTo, family } = this.packet;
    const tuple = family === 4 ? "reply ip daddr" : "reply ip6 daddr";
    if (key.startsWith("reply ip")) {
      return key === tuple && answersTo !== "" ? answersTo : undefined;
    }
    return known({ state, mark, direction, status: this.packet.isForwarded ? "dnat" : "" }, key);
  }

  /** `fib saddr type`, with `. oif` of the interface by which the packet leaves. */
  #isHome(flags: readonly string[]): Value {
    const { home, oif } = this.packet;
    return home !== "" && (!flags.includes("oif") || home === oif) ? "local" : "unicast";
  }

  #payload(field: string): Value | undefined {
    const { packet } = this;
    const four = packet.family === 4;
    switch (field) {
      case "ether saddr":
        return packet.mac === "" ? undefined : packet.mac;
      case "ip saddr":
        return four ? packet.src : undefined;
      case "ip daddr":
        return four ? packet.dst : undefined;
      case "ip6 saddr":
        return four ? undefined : packet.src;
      case "ip6 daddr":
        return four ? undefined : packet.dst;
      case "tcp dport":
        return packet.protocol === "tcp" ? packet.dport : undefined;
      case "udp dport":
        return packet.protocol === "udp" ? packet.dport : undefined;
      case "th dport":
        return packet.dport;
      case "tcp flags":
        if (packet.protocol !== "tcp") return undefined;
        return packet.isBeginning ? TCP_FLAGS.syn : TCP_FLAGS.ack;
      case "icmp type":
        return four && packet.error !== "" ? packet.error : undefined;
      case "icmpv6 type":
        return !four && packet.error !== "" ? packet.error : undefined;
      default:
        throw new RangeError(`the evaluator knows no field ${field}`);
    }
  }
}

function known(fields: Record<string, Value>, key: string): Value {
  const value = fields[key];
  if (value === undefined) throw new RangeError(`the evaluator knows no key ${key}`);
  return value;
}

/** True if a key of a set stands for the value: itself, a prefix or a range. */
function keyCovers(key: Json, value: Value): boolean {
  if (key === value) return true;
  const prefix = netOfKey(key);
  const address = parseNet(String(value));
  if (prefix !== undefined && address !== undefined) return contains(netOf(prefix), address);
  if (typeof key !== "object" || key === null || !("range" in key)) return false;
  const [low, high] = key.range as [number, number];
  return typeof value === "number" && value >= low && value <= high;
}

function verdictOf(statement: Record<string, Json>): Step {
  const word = Object.keys(statement)[0] ?? "";
  const body = statement[word] as { readonly target?: string } | null;
  return verdict(word, body?.target ?? "");
}

function verdict(word: string, target: string): Step {
  return { kind: "verdict", word, target };
}
