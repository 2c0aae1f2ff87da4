/** Statements of an nft rule, from text to the JSON form of libnftables-json(5). */
import type { Cursor } from "./nft-lex.js";
import type { Json } from "./nft-expression.js";
import { isVerdict, parseExpression, parseMatch, parseVerdict } from "./nft-expression.js";

export interface NftRule {
  readonly expr: readonly Json[];
  readonly comment: string;
}

export function parseRule(cursor: Cursor): NftRule {
  const expr: Json[] = [];
  let comment = "";
  while (!cursor.atStatementEnd()) {
    if (cursor.accept("comment")) {
      comment = cursor.word();
      continue;
    }
    expr.push(parseStatement(cursor));
  }
  return { expr, comment };
}

function parseStatement(cursor: Cursor): Json {
  if (isVerdict(cursor)) return parseVerdict(cursor);
  const parse = STATEMENTS[cursor.peek()?.value ?? ""];
  if (parse !== undefined && cursor.peek()?.kind === "word") {
    const statement = parse(cursor);
    if (statement !== undefined) return statement;
  }
  return parseAssignmentOrMatch(cursor);
}

/** `X set V` changes a packet or its flow, everything else is a comparison. */
function parseAssignmentOrMatch(cursor: Cursor): Json {
  const [first, second] = [cursor.peek()?.value, cursor.peek(1)?.value];
  const option = first === "tcp" && second === "option";
  const setAt = option ? 4 : 2;
  const assigns = cursor.peek(setAt)?.value === "set" && cursor.peek(setAt)?.kind === "word";
  if (!assigns) return parseMatch(cursor);
  const key = parseKey(cursor);
  cursor.expect("set");
  return { mangle: { key, value: parseExpression(cursor) } };
}

function parseKey(cursor: Cursor): Json {
  const word = cursor.word();
  if (word === "meta" || word === "ct") return { [word]: { key: cursor.word() } };
  if (word === "tcp" && cursor.accept("option")) {
    const name = cursor.word();
    return { "tcp option": { name, field: cursor.word() } };
  }
  return { payload: { protocol: word, field: cursor.word() } };
}

const STATEMENTS: Record<string, (cursor: Cursor) => Json | undefined> = {
  counter: parseCounter,
  log: parseLog,
  reject: parseReject,
  masquerade: (cursor) => plain(cursor),
  notrack: (cursor) => plain(cursor),
  snat: parseNat,
  dnat: parseNat,
  limit: parseLimit,
};

function plain(cursor: Cursor): Json {
  return { [cursor.word()]: null };
}

function parseCounter(cursor: Cursor): Json {
  cursor.expect("counter");
  if (cursor.accept("packets")) {
    cursor.word();
    cursor.expect("bytes");
    cursor.word();
  }
  return { counter: { packets: 0, bytes: 0 } };
}

function parseLog(cursor: Cursor): Json {
  cursor.expect("log");
  const options: Record<string, Json> = {};
  if (cursor.accept("prefix")) options.prefix = cursor.word();
  if (cursor.accept("level")) options.level = cursor.word();
  return { log: Object.keys(options).length === 0 ? null : options };
}

function parseReject(cursor: Cursor): Json {
  cursor.expect("reject");
  if (!cursor.accept("with")) return { reject: null };
  const type = cursor.word();
  if (type === "tcp") {
    cursor.expect("reset");
    return { reject: { type: "tcp reset" } };
  }
  cursor.accept("type");
  return { reject: { type, expr: cursor.word() } };
}

function parseNat(cursor: Cursor): Json {
  const kind = cursor.word();
  const family = cursor.is("ip") || cursor.is("ip6") ? cursor.word() : undefined;
  cursor.expect("to");
  const addr = parseExpression(cursor);
  return { [kind]: family === undefined ? { addr } : { family, addr } };
}

function parseLimit(cursor: Cursor): Json {
  cursor.expect("limit");
  cursor.expect("rate");
  const [rate = "1", per = "second"] = cursor.word().split("/");
  return { limit: { rate: Number(rate), burst: 5, per } };
}
