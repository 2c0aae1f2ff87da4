/** Walks a JSON value along the schema: every issue at once, defaults filled in, no early exit. */
import type { Issue } from "../model/config.js";
import { nearestWord } from "./near.js";
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
/** More are no help to anybody; who mends these is told of the rest. */
const issuesMax = 200;

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

/** Nothing is looked at any more that could only add to them. */
export function isFull({ issues, warnings }: Findings): boolean {
  return issues.length >= issuesMax || warnings.length >= issuesMax;
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
  tellUnknown(name, value, path, found);
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

/** A key of this beginning is the owner's remark, in a format that has no comments. */
const remark = /^(_|#|\/\/)/;
/** More words than these are no help in a sentence. */
const wordsMax = 12;

/**
 * What may be meant for a key of ours is refused, because what it was to do is not done: a word
 * that is near one, a list or an object, anything in a rule. Other words are left aside with a
 * warning.
 */
function tellUnknown(
  section: SectionName,
  object: Readonly<Record<string, unknown>>,
  path: string,
  found: Findings,
): void {
  const known = rowsOf(section).map((row) => row.key);
  for (const key of Object.keys(object)) {
    if (isFull(found)) return;
    if (known.includes(key) || remark.test(key)) continue;
    const isPart = typeof object[key] === "object" && object[key] !== null;
    const isMeant = isPart || section.endsWith("-rule") || nearestWord(key, known) !== undefined;
    const list = isMeant ? found.issues : found.warnings;
    addIssue(list, join(path, key), undefined, knownHint(key, known));
  }
}

/** What was expected in place of a word that is not known. */
export function knownHint(word: string, known: readonly string[], what = "a known key"): string {
  const near = nearestWord(word, known);
  if (near !== undefined) return `${what}; did you mean ${near}?`;
  return known.length > wordsMax ? what : `${what}: ${known.join(", ")}`;
}
