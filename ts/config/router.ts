/** Sections that the walk has checked to a RouterConfig. Missing values carry an issue already. */
import type {
  ApiConfig,
  Issue,
  LocationConfig,
  PeerConfig,
  PolicyConfig,
  RouterConfig,
  Rule,
  RuleMatch,
  Target,
  WhenDown,
} from "../model/config.js";
import type { Endpoint } from "./types.js";
import type { Section } from "./walk.js";
import { addIssue, sections } from "./walk.js";

/** Names of the three rule lists and what a rule in them matches. */
export const ruleLists = [
  { kind: "mac", list: "protected_mac_addrs", key: "mac_addr" },
  { kind: "address", list: "protected_ip_addrs", key: "ip_addr" },
  { kind: "iface", list: "protected_ifaces", key: "iface" },
] as const;

export function buildRouter(section: Section, api: ApiConfig, issues: Issue[]): RouterConfig {
  const text = (key: string): string => (section[key] as string | undefined) ?? "";
  const flag = (key: string): boolean => section[key] === true;
  const number = (key: string): number => (section[key] as number | undefined) ?? 0;
  return {
    role: "router",
    tunIfname: text("tun_ifname"),
    wanIfname: text("wan_ifname"),
    // A name that was refused is missing, and carries an issue already.
    uplinks: (section["uplinks"] as (string | undefined)[]).flatMap((name) => name ?? []),
    lanIfnames: section["lan_ifnames"] as string[],
    tunAddr: text("tun_addr"),
    tunMtu: number("tun_mtu"),
    vlDefault: text("vl_default"),
    defaultGateway: flag("default_gateway"),
    wholeDevice: flag("whole_device"),
    noIptables: flag("no_iptables"),
    noSocketSetup: flag("no_socket_setup"),
    onStop: section["on_stop"] === "block" ? "block" : "restore",
    markMask: number("mark_mask"),
    table: number("table"),
    reachTables: section["reach_tables"] as number[],
    offload: flag("offload"),
    resolvers: section["resolvers"] as string[],
    innerRanges: section["inner_ranges"] as string[],
    locations: sections(section["locations"]).map((item) => buildLocation(item, section)),
    rules: ruleLists.flatMap(({ kind, list, key }) =>
      sections(section[list]).map((item) => buildRule(kind, key, item, issues)),
    ),
    policy: buildPolicy(section["policy"] as Section | undefined, section),
    api,
  };
}

function buildPolicy(section: Section | undefined, router: Section): PolicyConfig {
  const value = (key: string): unknown => section?.[key];
  return {
    file: (value("file") as string | undefined) ?? "",
    vars: (value("vars") as object | undefined) ?? {},
    timezone: (value("timezone") as string | undefined) ?? "UTC0",
    unanswered: value("unanswered") === "builtin" ? "builtin" : "block",
    ifnames: (value("ifnames") ?? router["lan_ifnames"]) as string[],
    leasesFile: (value("leases_file") as string | undefined) ?? "",
    memoryKib: (value("memory_kib") as number | undefined) ?? 0,
    callMs: (value("call_ms") as number | undefined) ?? 0,
    publicKeys: (value("public_keys") as string[] | undefined) ?? [],
    target: (value("target") as string | undefined) ?? "",
    confirmS: (value("confirm_s") as number | undefined) ?? 0,
  };
}

function buildLocation(section: Section, router: Section): LocationConfig {
  const dial = section["dial"] ?? router["dial"];
  return {
    name: (section["name"] as string | undefined) ?? "",
    type: "tls",
    peers: sections(section["peers"]).map(buildPeer),
    token: section["token"] as string | undefined,
    tokenFile: section["token_file"] as string | undefined,
    caFile: section["ca_file"] as string | undefined,
    serverName: section["server_name"] as string | undefined,
    dial: dial === "lazy" ? "lazy" : "now",
    capacityMbit: section["capacity_mbit"] as number | undefined,
  };
}

function buildPeer(section: Section): PeerConfig {
  const endpoint = (section["endpoint"] as Endpoint | undefined) ?? { host: "", port: 0 };
  const pin = section["pin"] as string | undefined;
  const pins = (section["pins"] as string[] | undefined) ?? [];
  return { ...endpoint, pins: [...new Set(pin === undefined ? pins : [pin, ...pins])] };
}

function buildRule(kind: RuleMatch["kind"], key: string, item: Section, issues: Issue[]): Rule {
  const older = item["country_code"] as string | undefined;
  const newer = item["vl"] as string | undefined;
  if (older !== undefined && newer !== undefined && older !== newer) {
    addIssue(issues, `${item.path}.country_code`, older, `the same as vl, ${newer}, or nothing`);
  }
  const subject = (item[key] as string | undefined) ?? "";
  const whenDown = whenDownOf((item["when_down"] as string | undefined) ?? "block");
  const rule = { match: matchOf(kind, subject), target: targetOf(newer ?? older ?? ""), whenDown };
  const wholeDevice = item["whole_device"] as boolean | undefined;
  return {
    ...rule,
    ...(item["inbound"] === "block" && { inbound: "block" }),
    ...(wholeDevice !== undefined && { wholeDevice }),
  };
}

export function matchOf(kind: RuleMatch["kind"], subject: string): RuleMatch {
  switch (kind) {
    case "mac":
      return { kind, mac: subject };
    case "address":
      return { kind, prefix: subject };
    case "iface":
      return { kind, iface: subject };
  }
}

export function targetOf(vl: string): Target {
  return vl === "direct" ? { kind: "direct" } : { kind: "location", name: vl };
}

export function whenDownOf(word: string): WhenDown {
  return word === "block" || word === "direct" ? { kind: word } : { kind: "location", name: word };
}
