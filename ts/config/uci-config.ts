/**
 * UCI sections as the value that JSON text of the same configuration would have, along the schema:
 * `config adit` holds the scalars, the members of an object as `outer_inner`; each entry of a list
 * of objects is a section, named in the singular; what is inside an entry names it by its type.
 */
import type { Issue } from "../model/config.js";
import { readJson } from "./json.js";
import { nearestWord } from "./near.js";
import type { KeyRow, SectionName } from "./schema.js";
import { types } from "./types.js";
import type { UciOption, UciSection } from "./uci.js";
import { readUci } from "./uci.js";
import type { Findings } from "./walk.js";
import { addIssue, isFull, join, knownHint, rowsOf } from "./walk.js";

export interface UciConfig {
  readonly value: object;
  readonly isEnabled: boolean;
  /** The issue with line, section and option in place of its JSON path. */
  readonly locate: (issue: Issue) => Issue;
}

type Json = Record<string, unknown>;

/** Where a JSON path comes from; the option is "" for a section. */
interface Place {
  readonly section: UciSection;
  readonly line: number;
  readonly option: string;
  /** What options of this object begin with, `outer_` of one inside another. */
  readonly prefix?: string;
}

interface Mapping {
  readonly sections: readonly UciSection[];
  /** By type, and below it by what an option named after the owner's type says. */
  readonly byOwner: Map<string, UciSection[]>;
  readonly places: Map<string, Place>;
  /** Type of a section to the type of the section that it belongs to. */
  readonly owners: Map<string, string>;
}

const noOption: UciOption = { isList: false, entries: [] };
const mainType = "adit";
const enabledKey = "enabled";
/** Booleans that are no JSON. */
const booleans: Readonly<Record<string, boolean>> = {
  on: true,
  yes: true,
  enabled: true,
  off: false,
  no: false,
  disabled: false,
};

/** What the text holds; what is wrong with it as UCI goes to `found`, its line as the path. */
export function readUciConfig(text: string, found: Findings): UciConfig {
  const sections = readUci(text, (fault, expected) => {
    addIssue(found.issues, `${fault.line}`, fault.text, expected);
  });
  const byOwner = new Map<string, UciSection[]>();
  const mapping: Mapping = { sections, byOwner, places: new Map(), owners: new Map() };
  const main = sections.find(({ type }) => type === mainType) ?? {
    type: mainType,
    name: "main",
    line: 1,
    options: new Map<string, UciOption>(),
  };
  const role = textOf(main, "role") === "gateway" ? "gateway" : "router";
  const value = readObject(mapping, role, main, "", enabledKey);
  tellUnused(mapping, found);
  return {
    value,
    isEnabled: readEnabled(main, found),
    locate: ({ path, value: shown, expected }) => ({
      path: whereOf(mapping, path),
      value: shown,
      expected: inUciWords(mapping, path, expected),
    }),
  };
}

/**
 * A word that is neither yes nor no, or one that is misspelt, would leave everybody unprotected: it
 * is an issue of a file that is meant to run.
 */
function readEnabled(main: UciSection, found: Findings): boolean {
  const known = rowsOf("router").map(({ key }) => key);
  for (const [option, { entries }] of main.options) {
    const { text = "", line = 0 } = entries.at(-1) ?? {};
    const at = textAt({ section: main, line, option });
    const value = types["flag"]?.read(valueOf("flag", text));
    if (option === enabledKey && value !== undefined) return value === true;
    const isSlip = !known.includes(option) && nearestWord(option, [enabledKey]) === enabledKey;
    if (option === enabledKey) addIssue(found.issues, at, text, "0 or 1");
    else if (isSlip) addIssue(found.issues, at, undefined, knownHint(option, [enabledKey]));
    else continue;
    return true;
  }
  return false;
}

/** Other places and other keys, which the sentence has as JSON has them. */
function inUciWords(mapping: Mapping, path: string, expected: string): string {
  const { prefix = "" } = mapping.places.get(path) ?? {};
  return expected
    .replace(/[a-z]\S*\[\d+][\w.]*/, (other) => whereOf(mapping, other))
    .replace("did you mean ", `did you mean ${prefix}`);
}

function textOf(section: UciSection, key: string): string | undefined {
  return section.options.get(key)?.entries.at(-1)?.text;
}

/** The option `aside` is none of the schema's. */
function readObject(
  mapping: Mapping,
  name: SectionName,
  section: UciSection,
  path: string,
  aside: string,
): Json {
  const rows = rowsOf(name);
  const object: Json = {};
  mapping.places.set(path, { section, line: section.line, option: "" });
  if (section.name !== "" && rows.some(({ key }) => key === "name")) object["name"] = section.name;
  for (const option of section.options.keys()) {
    if (option !== aside) readOption(mapping, section, option, object, rows, path);
  }
  for (const row of rows) readEntries(mapping, row, object, path, section.type);
  return object;
}

function readOption(
  { places }: Mapping,
  section: UciSection,
  option: string,
  object: Json,
  rows: readonly KeyRow[],
  path: string,
): void {
  const { entries, isList } = section.options.get(option) ?? noOption;
  const isKnown = rows.some((row) => row.key === option);
  const outer = rows.find(({ key, type }) => type.startsWith("{") && option.startsWith(`${key}_`));
  const inner = isKnown || outer === undefined ? undefined : outer.key;
  const key = inner === undefined ? option : option.slice(inner.length + 1);
  const at = join(inner === undefined ? path : join(path, inner), key);
  const known = inner === undefined ? rows : rowsOf(inner);
  const type = known.find((row) => row.key === key)?.type ?? "";
  const values = entries.map(({ text, line }, index) => {
    if (entries.length > 1) places.set(`${at}[${index}]`, { section, line, option });
    return valueOf(type.replace(/[[\]]/g, ""), text);
  });
  const prefix = inner === undefined ? "" : `${inner}_`;
  places.set(at, { section, line: entries[0]?.line ?? 0, option, prefix });
  const holder = inner === undefined ? object : (object[inner] ??= {});
  // A list of one empty text is the empty list, which UCI cannot say otherwise.
  const list = values.filter((value) => value !== "");
  // A text in place of the whole object is an issue of its own.
  if (typeof holder !== "object") return;
  (holder as Json)[key] = isList || type.startsWith("[") ? list : list[0];
}

/** The first reading of the text that the type takes, or else the text. */
function valueOf(type: string, text: string): unknown {
  const json = readJson(text);
  const readings = [text, booleans[text], "value" in json ? json.value : undefined];
  return readings.find((one) => types[type]?.read(one) !== undefined) ?? text;
}

/** The sections that are the entries of a list; those of the file's own lists need no owner. */
function readEntries(
  mapping: Mapping,
  row: KeyRow,
  object: Json,
  path: string,
  owner: string,
): void {
  const item = row.type.slice(1, -1);
  if (!row.type.startsWith("[") || rowsOf(item).length === 0) return;
  const type = row.key.replace(/s$/, "");
  mapping.owners.set(type, owner);
  const mine = sectionsOf(mapping, type, path === "" ? "" : owner, object["name"]);
  const list = mine.map((section, index) =>
    readObject(mapping, item as SectionName, section, `${join(path, row.key)}[${index}]`, owner),
  );
  if (list.length > 0) object[row.key] ??= list;
}

/** Those of a type, with an owner only those that name it; looked through once for each type. */
function sectionsOf(
  { sections, byOwner }: Mapping,
  type: string,
  owner: string,
  name: unknown,
): readonly UciSection[] {
  if (!byOwner.has(type)) {
    byOwner.set(type, []);
    for (const section of sections) {
      if (section.type !== type) continue;
      const key = owner === "" ? type : `${type} ${textOf(section, owner) ?? ""}`;
      const group = byOwner.get(key);
      if (group === undefined) byOwner.set(key, [section]);
      else group.push(section);
    }
  }
  return byOwner.get(owner === "" ? type : `${type} ${String(name)}`) ?? [];
}

function tellUnused({ sections, places, owners }: Mapping, found: Findings): void {
  const used = new Set([...places.values()].map(({ section }) => section));
  for (const section of sections) {
    if (used.has(section) || isFull(found)) continue;
    const { type, line } = section;
    const owner = owners.get(type);
    const at = (option: string): string => textAt({ section, line, option });
    if (type === mainType) {
      addIssue(found.issues, at(""), undefined, "only one section of this type");
    } else if (owner === undefined) {
      const known = [mainType, ...owners.keys()];
      addIssue(found.issues, at(""), undefined, knownHint(type, known, "a known section"));
    } else {
      addIssue(found.issues, at(owner), textOf(section, owner), `the name of a ${owner}`);
    }
  }
}

/** The place of a JSON path; what is missing has that of the section where it should be. */
function whereOf({ places }: Mapping, path: string): string {
  let at = path;
  while (at !== "" && !places.has(at)) at = at.replace(/(^|[.[])[^.[]*$/, "");
  const place = places.get(at);
  if (place === undefined) return path;
  const missing = path.slice(at.length).replace(/^\./, "").replace(".", "_");
  return textAt({ ...place, option: place.option || missing });
}

function textAt({ section: { type, name }, line, option }: Place): string {
  return `${line}: ${type}${name && ` '${name}'`}${option && `, option '${option}'`}`;
}
