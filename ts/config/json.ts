/**
 * Reads JSON text with positions: the same answer on every engine, and keys that occur twice are
 * refused, because JSON.parse would silently keep the last.
 */

export interface JsonError {
  /** From 1. */
  readonly line: number;
  /** In UTF-16 units, from 1. */
  readonly column: number;
  readonly text: string;
}

/** Nesting beyond this is refused before the engine's stack is at risk. */
const depthMax = 32;
/** Values of any kind: more than a whole configuration has, less than memory. */
const valuesMax = 65_536;

const space = /[ \t\n\r]*/y;
const blankOrComment = /[\s\ufeff]+|#.*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const escapes = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/g;
const control = /[\u0000-\u001f]/;

class Problem {
  constructor(
    readonly at: number,
    readonly text: string,
  ) {}
}

interface Reader {
  readonly text: string;
  /** Index of the next character. */
  at: number;
  /** Values that were begun. */
  values: number;
}

/** True if the first thing in a file that is neither blank nor comment is a brace. */
export function isJson(text: string): boolean {
  const reader = { text, at: 0, values: 0 };
  while (take(reader, blankOrComment) !== "");
  return text[reader.at] === "{";
}

/** The value of JSON text, or where and why it is none. */
export function readJson(text: string): { value: unknown } | { error: JsonError } {
  const reader = { text: text.startsWith("\ufeff") ? text.slice(1) : text, at: 0, values: 0 };
  try {
    return { value: readWhole(reader) };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { error: locate(reader.text, problem) };
  }
}

function locate(text: string, problem: Problem): JsonError {
  const before = text.slice(0, problem.at);
  const line = before.split("\n").length;
  return { line, column: problem.at - before.lastIndexOf("\n"), text: problem.text };
}

function readWhole(reader: Reader): unknown {
  const value = readValue(reader, 0);
  take(reader, space);
  if (reader.at < reader.text.length) throw new Problem(reader.at, "nothing after the value");
  return value;
}

function take(reader: Reader, pattern: RegExp): string {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0] ?? "";
  reader.at += found.length;
  return found;
}

function readValue(reader: Reader, depth: number): unknown {
  take(reader, space);
  if (depth > depthMax) throw new Problem(reader.at, `at most ${depthMax} levels`);
  reader.values += 1;
  if (reader.values > valuesMax) throw new Problem(reader.at, `at most ${valuesMax} values`);
  const first = reader.text[reader.at];
  if (first === "{") return readEntries(reader, depth);
  if (first === "[") return readItems(reader, depth);
  if (first === '"') return readString(reader);
  const word = take(reader, scalar);
  if (word === "") throw new Problem(reader.at, "a JSON value");
  return JSON.parse(word);
}

/** Engines differ in the escapes that they let pass, so that is not left to JSON.parse. */
function readString(reader: Reader): string {
  const start = reader.at;
  reader.at = endOfString(reader) + 1;
  const word = reader.text.slice(start, reader.at);
  if (control.test(word) || word.replace(escapes, "").includes("\\")) {
    throw new Problem(start, "a closed string with valid escapes");
  }
  return JSON.parse(word) as string;
}

/** The first quote behind an even number of backslashes; a pattern would need a deep stack. */
function endOfString({ text, at }: Reader): number {
  let end = at;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) throw new Problem(at, "a closed string with valid escapes");
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

function readItems(reader: Reader, depth: number): unknown[] {
  const items: unknown[] = [];
  readList(reader, "]", () => items.push(readValue(reader, depth + 1)));
  return items;
}

function readEntries(reader: Reader, depth: number): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  readList(reader, "}", () => {
    take(reader, space);
    const start = reader.at;
    if (reader.text[start] !== '"') throw new Problem(start, "a key in quotes");
    const key = readString(reader);
    if (entries.has(key)) throw new Problem(start, `the key "${key}" only once`);
    expect(reader, ":");
    entries.set(key, readValue(reader, depth + 1));
  });
  return Object.fromEntries(entries);
}

function readList(reader: Reader, close: string, item: () => void): void {
  reader.at += 1;
  if (taken(reader, close)) return;
  do item();
  while (taken(reader, ","));
  expect(reader, close);
}

function taken(reader: Reader, sign: string): boolean {
  take(reader, space);
  if (reader.text[reader.at] !== sign) return false;
  reader.at += 1;
  return true;
}

function expect(reader: Reader, sign: string): void {
  if (!taken(reader, sign)) throw new Problem(reader.at, `"${sign}"`);
}
