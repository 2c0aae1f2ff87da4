/** Walks a JSON value along the schema: every issue at once, defaults filled in, no early exit. */
import type { Issue } from "../model/config.js";
import type { KeyRow, SectionName } from "./schema.js";
import { schema } from "./schema.js";
import { isObject, types } from "./types.js";

export interface Findings {
  readonly issues: Issue[];
  readonly warnings: Issue[];
}

/** A section as read: checked values by key, undefined where an issue stands or nothing was set. */
export type Section = Readonly<Record<string, unknown>> & { readonly path: string };

const valueTextMax = 80;
const issuesMax = 1_000;

const sectionRows: ReadonlyMap<string, readonly KeyRow[]> = new Map(
  schema.map(({ section }) => [section, schema.filter((row) => row.section === section)]),
);

/** None if the name is not that of a section. */
export function rowsOf(name: string): readonly KeyRow[] {
  return sectionRows.get(name) ?? [];
}

/** The value as short JSON text for an issue. */
function shown(value: unknown): string {
  const text = value === undefined ? "" : JSON.stringify(value);
  return text.length <= valueTextMax ? text : `${text.slice(0, valueTextMax - 3)}...`;
}

/** Issues are logged: nobody gives them a token, or the value of what may be a mistyped one. */
export function addIssue(list: Issue[], path: string, value: unknown, expected: string): void {
  if (list.length < issuesMax) list.push({ path, value: shown(value), expected });
}

/** The items of a list of sections; none if the list is missing, which carries an issue. */
export function sections(value: unknown): readonly Section[] {
  return (value ?? []) as Section[];
}

/** Reads one object; `path` is "" for the whole file. What is no object reads as an empty one. */
export function readSection(
  name: SectionName,
  value: unknown,
  path: string,
  found: Findings,
): Section {
  if (!isObject(value)) {
    addIssue(found.issues, path, value, "an object");
    return { path };
  }
  const rows = rowsOf(name);
  warnUnknown(rows, value, path, found);
  const entries = rows.map((row) => [row.key, readKey(row, value, join(path, row.key), found)]);
  return { ...(Object.fromEntries(entries) as Record<string, unknown>), path };
}

function readKey(
  row: KeyRow,
  object: Readonly<Record<string, unknown>>,
  path: string,
  found: Findings,
): unknown {
  const isSet = Object.hasOwn(object, row.key);
  if (!isSet && row.default === "!") {
    addIssue(found.issues, path, undefined, `${expectedOf(row)}, required`);
    return undefined;
  }
  if (isSet && row.idle) {
    addIssue(found.warnings, path, undefined, "nothing: without effect for tls tunnels");
  }
  if (!isSet && (row.default === undefined || !isContainer(row.type))) return row.default;
  return readValue(row, row.type, isSet ? object[row.key] : row.default, path, found);
}

function isContainer(type: string): boolean {
  return type.startsWith("[") || type.startsWith("{");
}

function readValue(
  row: KeyRow,
  type: string,
  value: unknown,
  path: string,
  found: Findings,
): unknown {
  if (type.startsWith("[")) return readList(row, type.slice(1, -1), value, path, found);
  const section = sectionOf(type);
  if (section !== undefined) return readSection(section, value, path, found);
  const result = types[type]?.read(value);
  if (result === undefined || outOfRange(row, result)) {
    addIssue(found.issues, path, type === "token" ? undefined : value, expectedOf(row));
    return undefined;
  }
  return result;
}

function sectionOf(type: string): SectionName | undefined {
  const name = type.startsWith("{") ? type.slice(1, -1) : type;
  return rowsOf(name)[0]?.section;
}

function outOfRange(row: KeyRow, value: unknown): boolean {
  if (row.range === undefined || typeof value !== "number") return false;
  return value < row.range[0] || value > row.range[1];
}

function readList(
  row: KeyRow,
  type: string,
  value: unknown,
  path: string,
  found: Findings,
): unknown[] {
  const [least, most] = row.range ?? [0, Infinity];
  const isList = Array.isArray(value);
  if (!isList || value.length < least || value.length > most) {
    const list = isList ? "" : "a list of ";
    const expected = row.range === undefined ? "a list" : `${list}${least} to ${most} items`;
    addIssue(found.issues, path, isList ? value.length : value, expected);
    return [];
  }
  const item = { ...row, range: undefined };
  return value.map((entry, index) => readValue(item, type, entry, `${path}[${index}]`, found));
}

function expectedOf(row: KeyRow): string {
  const type = row.type.replace(/[[\]{}]/g, "");
  const base = types[type]?.expected ?? (row.type.startsWith("[") ? "a list" : "an object");
  return row.range === undefined || row.type.startsWith("[")
    ? base
    : `${base} from ${row.range[0]} to ${row.range[1]}`;
}

export function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function warnUnknown(
  rows: readonly KeyRow[],
  object: Readonly<Record<string, unknown>>,
  path: string,
  found: Findings,
): void {
  const known = rows.map((row) => row.key);
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    addIssue(found.warnings, join(path, key), undefined, knownHint(key, known));
  }
}

/** What was expected in place of a word that is not known. */
export function knownHint(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === undefined ? "a known key" : `a known key; did you mean ${near}?`;
}

/** The word with the smallest edit distance, undefined if none is closer than half its length. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const distance = editDistance(word.slice(0, 64), candidate);
    if (distance < least && distance <= Math.max(2, candidate.length / 2)) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      const insert = Math.min(next[j - 1] as number, row[j] as number) + 1;
      next.push(Math.min(insert, (row[j - 1] as number) + cost));
    }
    row = next;
  }
  return row[right.length] as number;
}
