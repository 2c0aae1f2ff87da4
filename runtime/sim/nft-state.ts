/** Transactions on table inet adit: a script is taken as a whole or not at all. */
import { errno, ours } from "./constants.js";
import { Cursor, NftError, tokenize } from "./nft-lex.js";
import type { Json } from "./nft-expression.js";
import { parseElements } from "./nft-expression.js";
import type { NftRule } from "./nft-rule.js";
import { parseRule } from "./nft-rule.js";
import type { NftChain, NftElement, NftSet, NftTable } from "./nft-table.js";
import { emptyTable, keyText, listTable, missingReference } from "./nft-table.js";
import { netOf, overlaps, parseNet } from "./net.js";

export interface Committed {
  /** 0 or a negative errno. */
  readonly error: number;
  readonly text: string;
}

/** A refusal that has an errno of its own; syntax errors are EINVAL. */
class Refusal extends NftError {
  constructor(readonly code: number, message: string, cursor: Cursor) {
    super(message, cursor.peek(-1)?.line ?? 0);
  }
}

/** Words of nft's grammar that cannot name a chain, map or set without quotes. */
const RESERVED = new Set(
  ("mark ip ip6 ether meta ct rt fib tcp udp icmp icmpv6 accept drop return jump goto counter " +
    "limit set map chain rule element table type hook policy priority flags timeout size comment " +
    "snat dnat masquerade reject queue iifname oifname iif oif vmap define include add delete " +
    "flush log list reset insert inet arp bridge netdev quota flow meter")
    .split(" "),
);
const VERBS = new Set(["add", "create", "delete", "flush"]);
const PRIORITIES: Record<string, number> = {
  raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100,
};
const TYPES_OF: Record<string, string> = {
  "ip saddr": "ipv4_addr", "ip daddr": "ipv4_addr", "ip6 saddr": "ipv6_addr",
  "ip6 daddr": "ipv6_addr", "ether saddr": "ether_addr", "ether daddr": "ether_addr",
  iifname: "ifname", oifname: "ifname", "meta iifname": "ifname", "meta oifname": "ifname",
  "meta mark": "mark", "ct mark": "mark",
};

export class Firewall {
  /** Undefined while the table does not exist. */
  table: NftTable | undefined;

  apply(script: string): Committed {
    try {
      this.table = new Transaction(this.table).run(new Cursor(tokenize(script)));
      return { error: 0, text: "" };
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      const code = error instanceof Refusal ? error.code : errno.EINVAL;
      return { error: -code, text: error.message };
    }
  }

  /** JSON text, undefined while the table does not exist. */
  list(): string | undefined {
    return this.table === undefined ? undefined : listTable(this.table);
  }
}

class Transaction {
  #table: NftTable | undefined;
  constructor(table: NftTable | undefined) {
    this.#table = table;
  }

  run(cursor: Cursor): NftTable | undefined {
    for (cursor.skipEnds(); !cursor.atEnd(); cursor.skipEnds()) this.#command(cursor);
    this.#checkReferences(cursor);
    return this.#table;
  }

  #command(cursor: Cursor): void {
    const verb = cursor.is("table") ? "add" : cursor.word();
    if (!VERBS.has(verb)) throw new Refusal(errno.EPERM, `"${verb}" is not for us`, cursor);
    const kind = cursor.word();
    if (verb === "add" || verb === "create") return this.#add(kind, cursor);
    if (verb === "delete") return this.#delete(kind, cursor);
    return this.#flush(kind, cursor);
  }

  #add(kind: string, cursor: Cursor): void {
    expectOurs(cursor);
    if (kind === "table") return this.#addTable(cursor);
    const name = identifier(cursor);
    if (kind === "chain") return this.#addChain(name, cursor);
    if (kind === "set" || kind === "map") return this.#addSet(kind, name, cursor);
    if (kind === "rule") return this.#addRule(name, parseRule(cursor), cursor);
    if (kind === "element") return this.#addElements(name, cursor);
    cursor.fail(`cannot add "${kind}"`);
  }

  #addTable(cursor: Cursor): void {
    this.#table ??= emptyTable;
    if (!cursor.accept("{")) return;
    while (!cursor.acceptBlockEnd()) {
      const kind = cursor.word();
      if (kind === "comment" || kind === "flags") cursor.word();
      else if (kind === "chain") this.#addChain(identifier(cursor), cursor);
      else if (kind === "set" || kind === "map") this.#addSet(kind, identifier(cursor), cursor);
      else cursor.fail(`"${kind}" does not belong in a table`);
    }
  }

  #addChain(name: string, cursor: Cursor): void {
    const before = this.#need(cursor).chains.get(name);
    let chain: NftChain = before ?? {
      name, type: "", hook: "", priority: 0, policy: "accept", comment: "", rules: [],
      handle: this.#handle(),
    };
    if (!cursor.accept("{")) return this.#putChain(chain);
    while (!cursor.acceptBlockEnd()) {
      if (cursor.accept("type")) chain = { ...chain, ...parseHook(cursor) };
      else if (cursor.accept("policy")) chain = { ...chain, policy: cursor.word() };
      else if (cursor.is("comment")) chain = { ...chain, comment: takeComment(cursor) };
      else {
        const rules = [...chain.rules, { rule: parseRule(cursor), handle: this.#handle() }];
        chain = { ...chain, rules };
      }
    }
    this.#putChain(chain);
  }

  #addSet(kind: string, name: string, cursor: Cursor): void {
    const before = this.#need(cursor).sets.get(name);
    const blank = { name, type: "", map: "", flags: [], comment: "", elements: new Map() };
    let set: NftSet = before ?? { ...blank, handle: this.#handle() };
    let elements: Json[] = [];
    cursor.expect("{");
    while (!cursor.acceptBlockEnd()) {
      if (cursor.accept("type")) set = { ...set, ...parseTypes(kind, cursor, false) };
      else if (cursor.accept("typeof")) set = { ...set, ...parseTypes(kind, cursor, true) };
      else if (cursor.accept("flags")) set = { ...set, flags: parseFlags(cursor) };
      else if (cursor.is("comment")) set = { ...set, comment: takeComment(cursor) };
      else if (cursor.accept("elements")) {
        cursor.expect("=");
        elements = parseElements(cursor);
      } else if (cursor.accept("size")) cursor.word();
      else cursor.fail("unknown property of a set");
    }
    if (set.type === "") cursor.fail(`set ${name} has no type`);
    this.#putSet(withElements(set, elements, cursor));
  }

  #addRule(chainName: string, rule: NftRule, cursor: Cursor): void {
    const chain = this.#need(cursor).chains.get(chainName);
    if (chain === undefined) throw new Refusal(errno.ENOENT, `no chain ${chainName}`, cursor);
    this.#putChain({ ...chain, rules: [...chain.rules, { rule, handle: this.#handle() }] });
  }

  #addElements(name: string, cursor: Cursor): void {
    this.#putSet(withElements(this.#set(name, cursor), parseElements(cursor), cursor));
    this.#checkReferences(cursor);
  }

  /** The kernel looks a chain up when the element comes, not when the transaction ends. */
  #checkReferences(cursor: Cursor): void {
    const missing = this.#table === undefined ? undefined : missingReference(this.#table);
    if (missing !== undefined) throw new Refusal(errno.ENOENT, `no ${missing}`, cursor);
  }

  #delete(kind: string, cursor: Cursor): void {
    expectOurs(cursor);
    if (kind === "table") {
      this.#need(cursor);
      this.#table = undefined;
      return;
    }
    const name = identifier(cursor);
    if (kind === "element") return this.#deleteElements(name, cursor);
    const table = this.#need(cursor);
    const field = kind === "chain" ? "chains" : kind === "set" || kind === "map" ? "sets" : "";
    if (field === "") cursor.fail(`cannot delete "${kind}"`);
    const kept = new Map<string, NftChain & NftSet>(table[field] as Map<string, never>);
    if (!kept.delete(name)) throw new Refusal(errno.ENOENT, `no ${kind} ${name}`, cursor);
    this.#table = { ...table, [field]: kept };
  }

  #deleteElements(name: string, cursor: Cursor): void {
    const set = this.#set(name, cursor);
    const elements = new Map(set.elements);
    for (const item of parseElements(cursor)) {
      const key = keyText(Array.isArray(item) ? (item[0] as Json) : item);
      if (!elements.delete(key)) throw new Refusal(errno.ENOENT, `no element ${key}`, cursor);
    }
    this.#putSet({ ...set, elements });
  }

  #flush(kind: string, cursor: Cursor): void {
    if (kind === "ruleset") throw new Refusal(errno.EPERM, "only table inet adit", cursor);
    expectOurs(cursor);
    const table = this.#need(cursor);
    if (kind === "table") {
      const chains = [...table.chains.values()].map((chain) => ({ ...chain, rules: [] }));
      this.#table = { ...table, chains: new Map(chains.map((chain) => [chain.name, chain])) };
      return;
    }
    const name = identifier(cursor);
    if (kind === "set" || kind === "map") {
      return this.#putSet({ ...this.#set(name, cursor), elements: new Map() });
    }
    const chain = table.chains.get(name);
    if (chain === undefined) throw new Refusal(errno.ENOENT, `no chain ${name}`, cursor);
    this.#putChain({ ...chain, rules: [] });
  }

  #need(cursor: Cursor): NftTable {
    if (this.#table === undefined) throw new Refusal(errno.ENOENT, "the table is absent", cursor);
    return this.#table;
  }

  #set(name: string, cursor: Cursor): NftSet {
    const set = this.#need(cursor).sets.get(name);
    if (set === undefined) throw new Refusal(errno.ENOENT, `no set or map ${name}`, cursor);
    return set;
  }

  #handle(): number {
    const table = this.#table ?? emptyTable;
    this.#table = { ...table, handles: table.handles + 1 };
    return table.handles + 1;
  }

  #putChain(chain: NftChain): void {
    const table = this.#table ?? emptyTable;
    this.#table = { ...table, chains: new Map(table.chains).set(chain.name, chain) };
  }

  #putSet(set: NftSet): void {
    const table = this.#table ?? emptyTable;
    this.#table = { ...table, sets: new Map(table.sets).set(set.name, set) };
  }
}

function expectOurs(cursor: Cursor): void {
  const [family, name] = [cursor.word(), cursor.word()];
  if (family === ours.TABLE_FAMILY && name === ours.TABLE_NAME) return;
  throw new Refusal(errno.EPERM, `table ${family} ${name} is not ours`, cursor);
}

function identifier(cursor: Cursor): string {
  const quoted = cursor.peek()?.kind === "text";
  const isReserved = !quoted && RESERVED.has(cursor.peek()?.value ?? "");
  if (isReserved) cursor.fail("a word of the grammar as name");
  return cursor.word();
}

function takeComment(cursor: Cursor): string {
  cursor.expect("comment");
  return cursor.word();
}

function parseHook(cursor: Cursor): Pick<NftChain, "type" | "hook" | "priority"> {
  const type = cursor.word();
  cursor.expect("hook");
  const hook = cursor.word();
  cursor.expect("priority");
  const word = cursor.word();
  let priority = PRIORITIES[word] ?? Number(word);
  if (Number.isNaN(priority)) cursor.fail(`unknown priority "${word}"`);
  if (cursor.is("-")) {
    cursor.take();
    priority -= Number(cursor.word());
  } else if (cursor.is("+")) {
    cursor.take();
    priority += Number(cursor.word());
  }
  return { type, hook, priority };
}

function parseTypes(kind: string, cursor: Cursor, byName: boolean): Pick<NftSet, "type" | "map"> {
  const one = (): string => {
    const words: string[] = [];
    while (!cursor.atStatementEnd() && !cursor.is(":")) words.push(cursor.word());
    const text = words.join(" ");
    return byName ? (TYPES_OF[text] ?? cursor.fail(`unknown expression "${text}"`)) : text;
  };
  const type = one();
  if (kind === "set") return { type, map: "" };
  cursor.expect(":");
  return { type, map: one() };
}

function parseFlags(cursor: Cursor): string[] {
  const flags = [cursor.word()];
  while (cursor.accept(",")) flags.push(cursor.word());
  return flags;
}

/** As the kernel: the same pair again is fine, another value or an overlap is refused. */
function withElements(set: NftSet, items: readonly Json[], cursor: Cursor): NftSet {
  if (items.length === 0) return set;
  const elements = new Map(set.elements);
  for (const item of items) {
    const element = elementOf(set, item, cursor);
    const key = keyText(element.key);
    const known = elements.get(key);
    if (known !== undefined && JSON.stringify(known.value) !== JSON.stringify(element.value)) {
      throw new Refusal(errno.EEXIST, `element ${key} has another value`, cursor);
    }
    if (known === undefined && set.flags.includes("interval")) {
      refuseOverlap(elements, element.key, cursor);
    }
    elements.set(key, element);
  }
  return { ...set, elements };
}

function elementOf(set: NftSet, item: Json, cursor: Cursor): NftElement {
  const [key, value] = Array.isArray(item) ? (item as Json[]) : [item, undefined];
  const isWrong = (set.map !== "") !== (value !== undefined);
  if (isWrong) cursor.fail(`a wrong kind of element in ${set.name}`);
  const bare = keyText(key as Json);
  const net = parseNet(bare);
  const wrong =
    (set.type === "ipv4_addr" && typeof key === "string" && net?.family !== 4) ||
    (set.type === "ipv6_addr" && typeof key === "string" && net?.family !== 6) ||
    (set.type === "ether_addr" && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(bare));
  if (wrong) cursor.fail(`${bare} is no ${set.type}`);
  return { key: key as Json, value };
}

function refuseOverlap(elements: ReadonlyMap<string, NftElement>, key: Json, cursor: Cursor): void {
  const wanted = netOfKey(key);
  if (wanted === undefined) return;
  for (const element of elements.values()) {
    const other = netOfKey(element.key);
    if (other !== undefined && overlaps(netOf(wanted), netOf(other))) {
      throw new Refusal(errno.EEXIST, `interval ${wanted} overlaps ${other}`, cursor);
    }
  }
}

/** Text of the address or prefix that an interval element stands for. */
export function netOfKey(key: Json): string | undefined {
  if (typeof key === "string") return parseNet(key) === undefined ? undefined : key;
  if (typeof key !== "object" || key === null || !("prefix" in key)) return undefined;
  const { addr, len } = key.prefix as { addr: string; len: number };
  return `${addr}/${len}`;
}
