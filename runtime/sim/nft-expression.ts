/**
 * Expressions and statements of nft rules. The form in which they are kept is that of `nft -j`
 * (libnftables-json(5)), so that one tree serves for listing and for evaluation.
 */
import type { Cursor } from "./nft-lex.js";
import { parseNet } from "./net.js";

export type Json =
  | null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Verdict {
  readonly kind: "accept" | "drop" | "return" | "continue" | "jump" | "goto";
  readonly target: string;
}

const META_BARE = new Set(["iifname", "oifname", "iif", "oif", "iiftype", "oiftype"]);
const PAYLOADS = new Set(["ether", "ip", "ip6", "tcp", "udp", "th", "icmp", "icmpv6"]);
const VERDICTS = new Set(["accept", "drop", "return", "continue"]);
const COMPARE = new Set(["==", "!=", "<", ">", "<=", ">="]);
const BINARY: Record<string, string> = {
  "&": "&", and: "&", "|": "|", or: "|", "^": "^", xor: "^",
};
/** Left sides that are bit fields: a bare value means "has one of these bits". */
const BITMASKS = new Set(["ct.state", "ct.status", "tcp.flags"]);

/** Of linux/tcp.h. */
export const TCP_FLAGS = { fin: 0x1, syn: 0x2, rst: 0x4, psh: 0x8, ack: 0x10 } as const;

/** A number as it stands, or that of a flag's name. */
export function numberOf(value: Json): number {
  return TCP_FLAGS[value as keyof typeof TCP_FLAGS] ?? Number(value);
}

export function flagsOf(names: readonly Json[]): number {
  return names.reduce<number>((sum, name) => sum | numberOf(name), 0);
}

export function isFlag(name: Json, value: Json): boolean {
  return TCP_FLAGS[name as keyof typeof TCP_FLAGS] === value;
}

export function isVerdict(cursor: Cursor): boolean {
  const value = cursor.peek()?.value ?? "";
  return VERDICTS.has(value) || value === "jump" || value === "goto";
}

export function parseVerdict(cursor: Cursor): Json {
  const word = cursor.word();
  if (VERDICTS.has(word)) return { [word]: null };
  return { [word]: { target: cursor.word() } };
}

/** An expression with binary operators and, behind it, `map`. */
export function parseExpression(cursor: Cursor): Json {
  const key = parseBinary(cursor);
  if (!cursor.accept("map")) return key;
  return { map: { key, data: parseMapData(cursor) } };
}

/** `@name` or an anonymous map. */
export function parseMapData(cursor: Cursor): Json {
  if (!cursor.is("{")) return cursor.word();
  return { set: parseElements(cursor) };
}

/** `{ key : value, … }` or `{ key, … }`. */
export function parseElements(cursor: Cursor): Json[] {
  const elements: Json[] = [];
  cursor.expect("{");
  cursor.skipEnds();
  while (!cursor.accept("}")) {
    elements.push(parseElement(cursor));
    cursor.skipEnds();
    if (!cursor.is("}")) cursor.expect(",");
    cursor.skipEnds();
  }
  return elements;
}

/** What may stand on the right of a comparison, in a set or behind `set`. */
export function parseValue(cursor: Cursor): Json {
  const first = parseLiteral(cursor);
  if (!cursor.is(".")) return first;
  const parts = [first];
  while (cursor.accept(".")) parts.push(parseLiteral(cursor));
  return { concat: parts };
}

/** A comparison, or a lookup that yields a verdict. */
export function parseMatch(cursor: Cursor): Json {
  const left = parseBinary(cursor);
  if (cursor.accept("vmap")) return { vmap: { key: left, data: parseMapData(cursor) } };
  const word = cursor.peek()?.value ?? "";
  const explicit = COMPARE.has(word);
  if (explicit) cursor.take();
  const right = parseRight(cursor);
  if (cursor.accept("/")) {
    return { match: { op: "==", left: { "&": [left, parseRight(cursor)] }, right } };
  }
  const op = explicit ? word : isBitmask(left) ? "in" : "==";
  return { match: { op, left, right } };
}

function parseRight(cursor: Cursor): Json {
  if (cursor.is("{")) return { set: parseElements(cursor) };
  const first = parseValue(cursor);
  if (!cursor.is(",")) return first;
  const list = [first];
  while (cursor.accept(",")) list.push(parseLiteral(cursor));
  return list;
}

function parseElement(cursor: Cursor): Json {
  const key = parseValue(cursor);
  const comment = cursor.accept("comment") ? cursor.word() : undefined;
  const named = comment === undefined ? key : { elem: { val: key, comment } };
  if (!cursor.accept(":")) return named;
  return [named, isVerdict(cursor) ? parseVerdict(cursor) : parseValue(cursor)];
}

function parseLiteral(cursor: Cursor): Json {
  const token = cursor.take();
  if (token.kind === "text") return token.value;
  if (token.kind !== "word") cursor.fail("expected a value");
  return literalOf(token.value);
}

/** Numbers, prefixes and ranges get their JSON form; everything else stays text. */
export function literalOf(word: string): Json {
  if (/^(0x[0-9a-fA-F]+|\d+)$/.test(word)) return Number(word);
  const range = /^([^-]+)-([^-]+)$/.exec(word);
  if (range !== null && isBound(range[1]) && isBound(range[2])) {
    return { range: [literalOf(range[1] as string), literalOf(range[2] as string)] };
  }
  const net = parseNet(word);
  if (net !== undefined && word.includes("/")) {
    const [addr = ""] = word.split("/");
    const isHost = net.length === (net.family === 4 ? 32 : 128);
    return isHost ? addr : { prefix: { addr, len: net.length } };
  }
  return /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(word) ? word.toLowerCase() : word;
}

function isBound(word: string | undefined): boolean {
  return word !== undefined && (/^\d+$/.test(word) || parseNet(word) !== undefined);
}

function parseBinary(cursor: Cursor): Json {
  let left = parsePrimary(cursor);
  for (let operator = binaryAt(cursor); operator !== undefined; operator = binaryAt(cursor)) {
    cursor.take();
    const isNested = cursor.is("(") || isSelector(cursor);
    const right = isNested ? parsePrimary(cursor) : parseLiteral(cursor);
    left = operator === "." ? concatenate(left, right) : combine(operator, left, right);
  }
  return left;
}

/** The kernel keeps `x & a | b` as mask and toggle, from which nft prints `x & (a | b) | b`. */
function combine(operator: string, left: Json, right: Json): Json {
  const masked = operator === "|" ? (left as { readonly "&"?: readonly Json[] })["&"] : undefined;
  const mask = masked?.[1];
  if (masked === undefined || typeof mask !== "number" || typeof right !== "number") {
    return { [operator]: [left, right] };
  }
  return { "|": [{ "&": [masked[0] as Json, (mask | right) >>> 0] }, right] };
}

function binaryAt(cursor: Cursor): string | undefined {
  const token = cursor.peek();
  if (token === undefined || token.kind === "text") return undefined;
  return token.value === "." ? "." : BINARY[token.value];
}

function concatenate(left: Json, right: Json): Json {
  const head = typeof left === "object" && left !== null && "concat" in left ? left.concat : [left];
  return { concat: [...(head as readonly Json[]), right] };
}

function isSelector(cursor: Cursor): boolean {
  const value = cursor.peek()?.value ?? "";
  const word = cursor.peek()?.kind === "word";
  if (!word) return false;
  return META_BARE.has(value) || PAYLOADS.has(value) || ["meta", "ct", "rt", "fib"].includes(value);
}

function parsePrimary(cursor: Cursor): Json {
  if (cursor.accept("(")) {
    const inner = parseParenthesized(cursor);
    cursor.expect(")");
    return inner;
  }
  if (!isSelector(cursor)) return parseLiteral(cursor);
  const word = cursor.word();
  if (META_BARE.has(word)) return { meta: { key: word } };
  if (word === "ct") return parseFlow(cursor);
  if (word === "meta" || word === "rt") return { [word]: { key: cursor.word() } };
  if (word === "fib") return parseFib(cursor);
  if (word === "tcp" && cursor.is("option")) return parseTcpOption(cursor);
  return { payload: { protocol: word, field: cursor.word() } };
}

/** `(syn | rst)` is a list of flags in JSON, anything else a nested expression. */
function parseParenthesized(cursor: Cursor): Json {
  if (isSelector(cursor) || cursor.is("(")) return parseBinary(cursor);
  const names = [parseLiteral(cursor)];
  while (cursor.accept("|")) names.push(parseLiteral(cursor));
  return names.length === 1 ? (names[0] as Json) : names;
}

/** `ct reply ip daddr` and its like name a tuple of the flow. */
function parseFlow(cursor: Cursor): Json {
  const key = cursor.word();
  if (key !== "reply" && key !== "original") return { ct: { key } };
  return { ct: { key: `${cursor.word()} ${cursor.word()}`, dir: key } };
}

function parseFib(cursor: Cursor): Json {
  const flags = [cursor.word()];
  while (cursor.accept(".")) flags.push(cursor.word());
  return { fib: { result: cursor.word(), flags } };
}

export function parseTcpOption(cursor: Cursor): Json {
  cursor.expect("option");
  const name = cursor.word();
  return { "tcp option": { name, field: cursor.word() } };
}

function isBitmask(left: Json): boolean {
  if (typeof left !== "object" || left === null) return false;
  const tree = left as Record<string, Record<string, string>>;
  if (tree.ct !== undefined) return BITMASKS.has(`ct.${tree.ct.key}`);
  return BITMASKS.has(`${tree.payload?.protocol}.${tree.payload?.field}`);
}
