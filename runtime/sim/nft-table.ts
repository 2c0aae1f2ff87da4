/** The content of one nftables table, and its listing in the form of `nft -j list table`. */
import { ours } from "./constants.js";
import type { Json } from "./nft-expression.js";
import type { NftRule } from "./nft-rule.js";

export interface NftChain {
  readonly name: string;
  readonly type: string;
  readonly hook: string;
  readonly priority: number;
  readonly policy: string;
  readonly comment: string;
  readonly rules: readonly { readonly rule: NftRule; readonly handle: number }[];
  readonly handle: number;
}

export interface NftElement {
  readonly key: Json;
  /** Undefined in a set. */
  readonly value: Json | undefined;
}

export interface NftSet {
  readonly name: string;
  readonly type: string;
  /** Type of the values, "" for a set. */
  readonly map: string;
  readonly flags: readonly string[];
  readonly comment: string;
  readonly handle: number;
  readonly elements: ReadonlyMap<string, NftElement>;
}

/** Immutable, so that a transaction that fails half-way leaves no trace. */
export interface NftTable {
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly handles: number;
}

export const emptyTable: NftTable = { chains: new Map(), sets: new Map(), handles: 1 };

const IDENTITY = { family: ours.TABLE_FAMILY, table: ours.TABLE_NAME } as const;

/** Text of an element's key, by which elements are told apart. */
export function keyText(key: Json): string {
  const bare = typeof key === "object" && key !== null && "elem" in key ? elemValue(key.elem) : key;
  return typeof bare === "string" ? bare : JSON.stringify(bare);
}

function elemValue(elem: Json | undefined): Json {
  return (elem as { readonly val: Json }).val;
}

export function listTable(table: NftTable): string {
  const items: Json[] = [
    { metainfo: { version: "1.0.6", release_name: "Lester Gooch #5", json_schema_version: 1 } },
    { table: { family: ours.TABLE_FAMILY, name: ours.TABLE_NAME, handle: 1 } },
  ];
  for (const set of table.sets.values()) items.push(describeSet(set));
  for (const chain of table.chains.values()) items.push(describeChain(chain));
  for (const chain of table.chains.values()) {
    for (const { rule, handle } of chain.rules) items.push(describeRule(chain, rule, handle));
  }
  return JSON.stringify({ nftables: items });
}

/** The first chain, set or map that a rule or an element names and the table lacks. */
export function missingReference(table: NftTable): string | undefined {
  for (const chain of table.chains.values()) {
    for (const { rule } of chain.rules) {
      const missing = missingIn(table, rule.expr);
      if (missing !== undefined) return missing;
    }
  }
  for (const set of table.sets.values()) {
    if (set.map !== "verdict") continue;
    for (const { value } of set.elements.values()) {
      const missing = missingIn(table, value ?? null);
      if (missing !== undefined) return missing;
    }
  }
  return undefined;
}

function missingIn(table: NftTable, tree: Json): string | undefined {
  if (typeof tree === "string") {
    return tree.startsWith("@") && !table.sets.has(tree.slice(1)) ? `set ${tree}` : undefined;
  }
  if (typeof tree !== "object" || tree === null) return undefined;
  const target = (tree as { readonly target?: Json }).target;
  if (typeof target === "string" && !table.chains.has(target)) return `chain ${target}`;
  for (const part of Array.isArray(tree) ? (tree as readonly Json[]) : Object.values(tree)) {
    const missing = missingIn(table, part as Json);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function describeSet(set: NftSet): Json {
  const { family, table } = IDENTITY;
  const head = { family, name: set.name, table, type: set.type, handle: set.handle };
  const body: Record<string, Json> = { ...head };
  if (set.comment !== "") body.comment = set.comment;
  if (set.map !== "") body.map = set.map;
  if (set.flags.length > 0) body.flags = set.flags;
  if (set.elements.size > 0) body.elem = [...set.elements.values()].map(describeElement);
  return set.map === "" ? { set: body } : { map: body };
}

function describeElement(element: NftElement): Json {
  return element.value === undefined ? element.key : [element.key, element.value];
}

function describeChain(chain: NftChain): Json {
  const { family, table } = IDENTITY;
  const body: Record<string, Json> = { family, table, name: chain.name, handle: chain.handle };
  if (chain.comment !== "") body.comment = chain.comment;
  if (chain.hook !== "") {
    const { type, hook, priority, policy } = chain;
    Object.assign(body, { type, hook, prio: priority, policy });
  }
  return { chain: body };
}

function describeRule(chain: NftChain, rule: NftRule, handle: number): Json {
  const { family, table } = IDENTITY;
  const body: Record<string, Json> = { family, table, chain: chain.name, handle };
  if (rule.comment !== "") body.comment = rule.comment;
  body.expr = rule.expr;
  return { rule: body };
}
