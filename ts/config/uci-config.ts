/**
 * UCI sections as the value that JSON text of the same configuration would have, along the schema:
 * `config adit` holds the scalars, the members of an object as `outer_inner`; each entry of a list
 * of objects is a section, named in the singular; what is inside an entry names it by its type.
 */
import type { Issue } from "../model/config.js";
import { readJson } from "./json.js";
import type { KeyRow, SectionName } from "./schema.js";
import { types } from "./types.js";
import type { UciOption, UciSection } from "./uci.js";
import { readUci } from "./uci.js";
import type { Findings } from "./walk.js";
import { addIssue, join, knownHint, rowsOf } from "./walk.js";

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
}

interface Mapping {
  readonly sections: readonly UciSection[];
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
  const mapping: Mapping = { sections, places: new Map(), owners: new Map() };
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
    isEnabled: types["flag"]?.read(valueOf("flag", textOf(main, enabledKey) ?? "")) === true,
    locate: ({ path, value: shown, expected }) => ({
      path: whereOf(mapping, path),
      value: shown,
      expected: expected.replace(/[a-z]\S*\[\d+]\S*/, (other) => whereOf(mapping, other)),
    }),
  };
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
    places.set(`${at}[${index}]`, { section, line, option });
    return valueOf(type.replace(/[[\]]/g, ""), text);
  });
  places.set(at, { section, line: entries[0]?.line ?? 0, option });
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
  const mine = mapping.sections.filter(
    (one) => one.type === type && (path === "" || textOf(one, owner) === object["name"]),
  );
  const list = mine.map((section, index) =>
    readObject(mapping, item as SectionName, section, `${join(path, row.key)}[${index}]`, owner),
  );
  if (list.length > 0) object[row.key] ??= list;
}

function tellUnused({ sections, places, owners }: Mapping, found: Findings): void {
  const used = new Set([...places.values()].map(({ section }) => section));
  for (const section of sections) {
    if (used.has(section)) continue;
    const { type, line } = section;
    const owner = owners.get(type);
    const at = (option: string): string => textAt({ section, line, option });
    if (type === mainType) {
      addIssue(found.issues, at(""), undefined, "only one section of this type");
    } else if (owner === undefined) {
      addIssue(found.warnings, at(""), undefined, knownHint(type, [...owners.keys()]));
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
