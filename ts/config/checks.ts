/** What no single key can tell: references, duplicates, contradictions. */
import type {
  Issue,
  LocationConfig,
  RouterConfig,
  Rule,
  RuleMatch,
} from "../model/config.js";
import { isGroupMac, isUnrouted, parseIp } from "../model/ip.js";
import { pinsPerPeerMax, policyVarsBytesMax, rulesMax } from "../model/limits.js";
import { ruleLists } from "./router.js";
import { isNamedUplink, matchesPattern } from "./uplinks.js";
import { addIssue } from "./walk.js";

/** The text that tells two rules of one kind apart. */
export function subjectOf(rule: Rule): string {
  switch (rule.match.kind) {
    case "mac":
      return rule.match.mac;
    case "address":
      return rule.match.prefix;
    case "iface":
      return rule.match.iface;
  }
}

export function checkRouter(config: RouterConfig, issues: Issue[]): void {
  const names = config.locations.map((location) => location.name);
  refuseTwice("locations", "name", names, issues);
  config.locations.forEach((location, index) => checkLocation(location, index, issues));
  checkInterfaces(config, issues);
  checkResolvers(config, issues);
  const known = new Set([...names, ""]);
  if (!known.has(config.vlDefault)) {
    addIssue(issues, "vl_default", config.vlDefault, oneOf(names));
  }
  if (config.rules.length > rulesMax) {
    addIssue(issues, "", config.rules.length, `at most ${rulesMax} rules`);
  }
  for (const { kind, list, key } of ruleLists) {
    const rules = config.rules.filter((rule) => rule.match.kind === kind);
    refuseTwice(list, key, rules.map(subjectOf), issues);
    rules.forEach((rule, index) => checkRule(rule, `${list}[${index}]`, config, known, issues));
  }
}

/** `values` are what the entries of `list` have under `key`; "" may stand any number of times. */
export function refuseTwice(
  list: string,
  key: string,
  values: readonly string[],
  issues: Issue[],
): void {
  const first = new Map<string, string>();
  values.forEach((value, index) => {
    const path = key === "" ? `${list}[${index}]` : `${list}[${index}].${key}`;
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else if (value !== "") {
      addIssue(issues, path, value, `a value of its own (${earlier} has the same)`);
    }
  });
}

function checkLocation(location: LocationConfig, index: number, issues: Issue[]): void {
  const path = `locations[${index}]`;
  const { token, tokenFile, caFile } = location;
  // A value that was refused is missing here, which is no second mistake.
  const isRefused = (key: string): boolean =>
    issues.some((row) => row.path === path || row.path.startsWith(path + key));
  if ((token === undefined) === (tokenFile === undefined) && !isRefused(".token")) {
    addIssue(issues, `${path}.token_file`, tokenFile, "token_file or token, one of them");
  }
  location.peers.forEach((peer, position) => {
    const pin = `.peers[${position}].pin`;
    if (peer.pins.length > pinsPerPeerMax) {
      addIssue(issues, `${path}${pin}s`, peer.pins.length, `at most ${pinsPerPeerMax} in all`);
    }
    if (peer.pins.length > 0 || caFile !== undefined || isRefused(pin)) return;
    if (!isRefused(".ca_file"))
      addIssue(issues, path + pin, undefined, "a pin, or ca_file instead");
  });
}

function checkInterfaces(config: RouterConfig, issues: Issue[]): void {
  if (config.tunIfname !== "" && config.tunIfname === config.wanIfname) {
    addIssue(issues, "wan_ifname", config.wanIfname, "another interface than tun_ifname");
  }
  const { lanIfnames, policy, uplinks, tunIfname } = config;
  refuseTwice("uplinks", "", uplinks, issues);
  uplinks.forEach((pattern, index) => {
    if (tunIfname === "" || !matchesPattern(pattern, tunIfname)) return;
    addIssue(issues, `uplinks[${index}]`, pattern, "interfaces other than tun_ifname");
  });
  for (const [path, names] of [
    ["lan_ifnames", lanIfnames] as const,
    ["policy.ifnames", policy.ifnames === lanIfnames ? [] : policy.ifnames] as const,
  ]) {
    names.forEach((name, index) => {
      if (!isNamedUplink(config, name) && name !== config.tunIfname) return;
      const expected = "an interface that is neither an uplink nor the TUN";
      addIssue(issues, `${path}[${index}]`, name, expected);
    });
  }
  const bytes = JSON.stringify(policy.vars).length;
  if (bytes <= policyVarsBytesMax) return;
  addIssue(issues, "policy.vars", bytes, `at most ${policyVarsBytesMax} bytes of JSON`);
}

function oneOf(words: readonly string[]): string {
  const list = words.filter((word, at) => word !== "" && words.indexOf(word) === at);
  return `one of ${list.join(", ")}`;
}

function checkResolvers(config: RouterConfig, issues: Issue[]): void {
  if (config.resolvers.length > 0) return;
  const hosts = config.locations.flatMap(({ peers }) => peers.map((peer) => peer.host));
  const name = hosts.find((host) => host !== "" && parseIp(host) === undefined);
  if (name === undefined) return;
  addIssue(issues, "resolvers", config.resolvers, `a DNS server, because ${name} is a name`);
}

/** The resolved name of a location, "" if there is none. */
function resolved(name: string, config: RouterConfig): string {
  return name || config.vlDefault || (config.locations[0]?.name ?? "");
}

/** What is wrong with a rule's references; used for the file and for rules added at run time. */
export function checkRule(
  rule: Rule,
  path: string,
  config: RouterConfig,
  known: ReadonlySet<string>,
  issues: Issue[],
): void {
  const { target, whenDown, match } = rule;
  const words = (...first: string[]): string => oneOf([...first, ...known]);
  if (target.kind === "location" && !known.has(target.name)) {
    addIssue(issues, `${path}.vl`, target.name, words("direct"));
  }
  if (whenDown.kind === "location") {
    const isCycle = target.kind === "location" && resolved(target.name, config) === whenDown.name;
    const expected = isCycle ? "another location than vl" : words("block", "direct");
    if (isCycle || !known.has(whenDown.name)) {
      addIssue(issues, `${path}.when_down`, whenDown.name, expected);
    }
  }
  const { key = "" } = ruleLists.find(({ kind }) => kind === match.kind) ?? {};
  const expected = expectedSubject(match, config);
  if (expected !== "") addIssue(issues, `${path}.${key}`, subjectOf(rule), expected);
}

/** What a rule should name in place of what no packet of a device comes from, "" if it is good. */
function expectedSubject(match: RuleMatch, config: RouterConfig): string {
  switch (match.kind) {
    case "mac":
      return isGroupMac(match.mac) ? "the MAC address of one device, this is one of a group" : "";
    case "address":
      return match.prefix !== "" && isUnrouted(match.prefix)
        ? "addresses of devices, nothing that a router forwards comes from these"
        : "";
    case "iface":
      return isOutward(match.iface, config) ? "an interface on the LAN side" : "";
  }
}

function isOutward(name: string, config: RouterConfig): boolean {
  return isNamedUplink(config, name) || name === config.tunIfname || name === "lo";
}
