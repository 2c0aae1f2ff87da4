/** A script's answers, checked entry by entry: what is wrong is left out and told as an issue. */
import type {
  Advice,
  Effect,
  Reaction,
  RouteAdvice,
  ScriptFailure,
  ScriptLine,
} from "../model/advice.js";
import {
  adviceDevicesMax,
  adviceLogMax,
  adviceTextMax,
  bypassBits4Max,
  bypassBits6Max,
  bypassMax,
  effectsMax,
  messageMax,
  redecideSecondsMax,
  stackMax,
  whyMax,
} from "../model/advice.js";
import type { Issue } from "../model/config.js";
import type { Mac, Prefix } from "../model/ip.js";
import { parseMac, parsePrefix, prefixFamily, prefixLength, prefixNetwork } from "../model/ip.js";
import { locationsMax, peersPerLocationMax } from "../model/limits.js";

type Json = Readonly<Record<string, unknown>>;

/** Issues that are kept of one answer; a script that is wrong is wrong alike. */
const issuesMax = 32;
const valueMax = 80;

interface Reader {
  readonly names: ReadonlySet<string>;
  readonly issues: Issue[];
}

/** The answer to "decide"; undefined if it is none at all. `names` are the locations. */
export function readAdvice(value: unknown, names: ReadonlySet<string>): Advice | undefined {
  if (!isObject(value)) return undefined;
  const reader: Reader = { names, issues: [] };
  const { routes, bypass, peers, failed_more: failedMore } = value;
  return {
    routes: routes === undefined ? undefined : readRoutes(reader, routes),
    bypass: bypass === undefined ? undefined : readBypass(reader, bypass),
    peers: peers === undefined ? undefined : readPeers(reader, peers),
    failedMore: Number.isSafeInteger(failedMore) ? Math.max(0, failedMore as number) : 0,
    ...readRest(reader, value),
  };
}

/** The answer to "event". */
export function readReaction(value: unknown, names: ReadonlySet<string>): Reaction | undefined {
  if (!isObject(value)) return undefined;
  const reader: Reader = { names, issues: [] };
  const effects = itemsOf(reader, value["effects"] ?? [], "effects", effectsMax);
  return {
    effects: effects.flatMap((item, at) => readEffect(reader, item, `effects[${at}]`) ?? []),
    ...readRest(reader, value),
  };
}

/** Control characters, ends of lines, and marks that turn the direction of what follows. */
const unshowable = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** One line that a terminal shows as it is. */
export function plainText(value: unknown, lengthMax: number): string {
  const text = typeof value === "string" ? value.slice(0, lengthMax) : "";
  return text.replace(unshowable, " ");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse({ issues }: Reader, path: string, value: unknown, expected: string): void {
  const shown = plainText(JSON.stringify(value)?.slice(0, valueMax) ?? "", valueMax);
  if (issues.length < issuesMax) issues.push({ path, value: shown, expected });
}

function itemsOf(reader: Reader, value: unknown, path: string, most: number): readonly unknown[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [];
  if (!Array.isArray(value)) refuse(reader, path, value, "a list");
  if (list.length > most) refuse(reader, path, list.length, `at most ${most}`);
  return list.slice(0, most);
}

function readRoutes(reader: Reader, value: unknown): ReadonlyMap<Mac, RouteAdvice> {
  const routes = new Map<Mac, RouteAdvice>();
  itemsOf(reader, value, "routes", adviceDevicesMax).forEach((item, at) => {
    const route = readRoute(reader, item, `routes[${at}]`);
    if (route !== undefined) routes.set(route.mac, route);
  });
  return routes;
}

/** Reads one route, as an answer has it and as it was kept. */
function readRoute(reader: Reader, value: unknown, path: string): RouteAdvice | undefined {
  const { mac: text, action, location, when_down: down = "block", why }: Json =
    isObject(value) ? value : {};
  const mac = typeof text === "string" ? parseMac(text) : undefined;
  const expect = (key: string, found: unknown, expected: string): undefined => {
    refuse(reader, `${path}.${key}`, found, expected);
  };
  const known = (name: unknown): name is string => reader.names.has(name as string);
  if (mac === undefined) return expect("mac", text, "a MAC address");
  const rest = { mac, location: "", whenDown: "block", why: plainText(why, whyMax) };
  if (action === "direct" || action === "block") return { ...rest, action };
  if (action !== "via") return expect("action", action, "via, direct or block");
  if (!known(location)) return expect("location", location, "a location");
  const isWord = down === "block" || down === "direct";
  if (!isWord && (!known(down) || down === location)) {
    return expect("when_down", down, "block, direct or another location");
  }
  return { ...rest, action, location, whenDown: down };
}

/** Together they cover one /8 of IPv4 and one /16 of IPv6 at most: nobody opens everything. */
function readBypass(reader: Reader, value: unknown): readonly Prefix[] {
  const found = new Set<Prefix>();
  const room = { 4: 2 ** bypassBits4Max, 6: 2 ** bypassBits6Max };
  itemsOf(reader, value, "bypass", bypassMax).forEach((item, at) => {
    const path = `bypass[${at}]`;
    const prefix = typeof item === "string" ? readPrefix(item) : undefined;
    if (prefix === undefined) return refuse(reader, path, item, "a prefix without host bits");
    const family = prefixFamily(prefix);
    const size = 2 ** ((family === 4 ? 32 : 128) - prefixLength(prefix));
    if (found.has(prefix)) return;
    if (size > room[family]) {
      const most = family === 4 ? "/8 of IPv4" : "/16 of IPv6";
      return refuse(reader, path, item, `at most a ${most} in all`);
    }
    room[family] -= size;
    found.add(prefix);
  });
  return [...found].sort();
}

function readPrefix(text: string): Prefix | undefined {
  const whole = text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
  const prefix = parsePrefix(whole);
  return prefix !== undefined && prefixNetwork(prefix) === prefix ? prefix : undefined;
}

function readPeers(reader: Reader, value: unknown): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  if (!isObject(value)) refuse(reader, "peers", value, "an object");
  for (const [name, list] of Object.entries(isObject(value) ? value : {}).slice(0, locationsMax)) {
    const path = `peers.${plainText(name, valueMax)}`;
    if (!reader.names.has(name)) refuse(reader, path, name, "a location");
    else {
      const items = itemsOf(reader, list, path, peersPerLocationMax);
      found.set(name, items.filter((item) => typeof item === "string") as string[]);
    }
  }
  return found;
}

function readEffect(reader: Reader, value: unknown, path: string): Effect | undefined {
  const { effect, text, location, after_s: seconds } = isObject(value) ? value : {};
  if (effect === "notify") return { effect, text: plainText(text, adviceTextMax) };
  if (effect === "reconnect") {
    if (reader.names.has(location as string)) return { effect, location: location as string };
    refuse(reader, `${path}.location`, location, "a location");
  } else if (effect === "redecide") {
    const after = typeof seconds === "number" ? seconds : -1;
    if (after >= 1 && after <= redecideSecondsMax) return { effect, after_s: after };
    refuse(reader, `${path}.after_s`, seconds, `1 to ${redecideSecondsMax} seconds`);
  } else refuse(reader, `${path}.effect`, effect, "notify, reconnect or redecide");
  return undefined;
}

function readRest(reader: Reader, value: Json): Pick<Advice, "failed" | "log" | "issues"> {
  const failed = itemsOf(reader, value["failed"] ?? [], "failed", adviceLogMax);
  const log = itemsOf(reader, value["log"] ?? [], "log", adviceLogMax);
  return {
    failed: failed.filter(isObject).map(readFailure),
    log: log.filter(isObject).map(
      ({ level, text }): ScriptLine => ({
        level: level === "warn" ? level : "info",
        text: plainText(text, adviceTextMax),
      }),
    ),
    issues: reader.issues,
  };
}

function readFailure(value: Json): ScriptFailure {
  const mac = parseMac(plainText(value["mac"], valueMax));
  const location = plainText(value["location"], valueMax);
  return {
    in: plainText(value["in"], valueMax),
    kind: value["kind"] === "throw" ? "throw" : "rubbish",
    ...(mac === undefined ? {} : { mac }),
    ...(location === "" ? {} : { location }),
    message: plainText(value["message"], messageMax),
    stack: plainText(value["stack"], stackMax),
  };
}
