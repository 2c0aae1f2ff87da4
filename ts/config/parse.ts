/** Configuration text to Config, or every issue that stands in the way, with its path. */
import type { ApiConfig, Config, Issue } from "../model/config.js";
import { configBytesMax } from "../model/limits.js";
import { formatOf } from "./format.js";
import type { JsonError } from "./json.js";
import { readJson } from "./json.js";
import { configRole } from "./roles.js";
import { isObject } from "./types.js";
import type { UciConfig } from "./uci-config.js";
import { readUciConfig } from "./uci-config.js";
import type { Findings, Section } from "./walk.js";
import { addIssue, readSection } from "./walk.js";

export interface ParsedConfig {
  /** Undefined if there is any issue. */
  readonly config: Config | undefined;
  /** What the file says that it is for, also if there are issues. */
  readonly role: Config["role"] | undefined;
  readonly issues: readonly Issue[];
  /** What is understood but may not be meant. */
  readonly warnings: readonly Issue[];
  /** False of a UCI file that does not say `option enabled '1'`: it may be checked, not run. */
  readonly isEnabled: boolean;
}

type Read = Omit<UciConfig, "value"> &
  ({ readonly value: unknown } | { readonly error: JsonError });

/** What is amiss with a valid configuration where it is to run: warnings, with their JSON paths. */
type Look = (config: Config) => readonly Issue[];
/** Read and write for everybody; to connect takes the latter (unix(7)). */
const modeOthers = 0o006;
const unread = { config: undefined, role: undefined, isEnabled: true } as const;

/** Reads a configuration file's text, JSON or UCI; see docs/config.md. Never throws. */
export function parseConfig(text: string, look: Look = () => []): ParsedConfig {
  const found: Findings = { issues: [], warnings: [] };
  if (text.length > configBytesMax) {
    addIssue(found.issues, "", text.length, `at most ${configBytesMax} characters`);
    return { ...unread, ...found };
  }
  const format = formatOf(text);
  if (typeof format === "object") {
    return { ...unread, issues: [format], warnings: [] };
  }
  const read: Read = format === "json"
    ? { isEnabled: true, ...readJson(text), locate: (issue) => issue }
    : readUciConfig(text, found);
  const built: Findings = { issues: [], warnings: [] };
  const config = readConfig(read, built);
  const issues = [...found.issues, ...built.issues.map(read.locate)];
  if (config !== undefined && issues.length === 0) built.warnings.push(...look(config));
  return {
    config: issues.length === 0 ? config : undefined,
    role: "value" in read ? roleOf(read.value) : undefined,
    issues,
    warnings: [...found.warnings, ...built.warnings.map(read.locate)],
    isEnabled: read.isEnabled,
  };
}

function readConfig(read: Read, found: Findings): Config | undefined {
  if (!("error" in read)) return build(read.value, found);
  const { line, column, text: expected } = read.error;
  addIssue(found.issues, `${line}:${column}`, undefined, expected);
  return undefined;
}

function roleOf(value: unknown): Config["role"] {
  return isObject(value) && value["role"] === "gateway" ? "gateway" : "router";
}

function build(value: unknown, found: Findings): Config | undefined {
  const name = roleOf(value);
  const role = configRole(name);
  if (role === undefined) {
    addIssue(found.issues, "role", name, "router (the package adit-gateway has the other role)");
    return undefined;
  }
  const section = readSection(name, value, "", found);
  if (!isObject(value)) return undefined;
  const api = apiOf(section["api"] as Section | undefined, section["ubus"] as Section | undefined);
  if ((api.mode & modeOthers) !== 0) {
    const expected = "660 or less: whoever may open the socket may do everything";
    addIssue(found.warnings, "api.mode", api.mode.toString(8), expected);
  }
  return role.build(section, api, found);
}

function apiOf(section: Section | undefined, ubus: Section | undefined): ApiConfig {
  return {
    socket: (section?.["socket"] as string | undefined) ?? "",
    mode: (section?.["mode"] as number | undefined) ?? 0o660,
    ubus: (ubus?.["socket"] as string | undefined) ?? "",
  };
}
