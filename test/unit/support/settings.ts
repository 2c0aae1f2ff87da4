/** Random settings of a router, and the linear reading of its rules. */
import fc from "fast-check";
import type { RouterConfig, Rule } from "../../../ts/model/config.js";
import type { LocationState } from "../../../ts/model/observed.js";
import { locationJson, router, state, welcomeOf } from "./configs.js";
import { KernelModel, covers, main } from "./kernel-model.js";
import type { ModelRoute } from "./kernel-model.js";
import type { Packet } from "./nft-model.js";

export const locationNames = ["us", "de", "fr"];
export const macs = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"];
const hosts = [
  { ifname: "br-lan", addr: "192.168.1.50" },
  { ifname: "br-lan", addr: "192.168.1.51" },
  { ifname: "br-lan", addr: "fd00:1::50" },
  { ifname: "br-guest", addr: "192.168.2.60" },
  { ifname: "br-guest", addr: "fd00:2::60" },
];
const prefixes = [
  "192.168.1.50",
  "192.168.1.51/32",
  "192.168.1.0/24",
  "192.168.0.0/16",
  "192.168.2.60",
  "fd00:1::50",
  "fd00:1::/64",
  "fd00::/16",
];
const internet = { v4: "203.0.113.9", v6: "2001:db8:9::9" };

export interface Setting {
  readonly config: RouterConfig;
  readonly states: readonly LocationState[];
  readonly neighbours: readonly { ifname: string; addr: string; mac: string }[];
}

const targetJson = fc.record({
  vl: fc.constantFrom("us", "de", "fr", "direct", ""),
  when_down: fc.constantFrom("block", "direct", "de", "fr"),
});

const rulesJson = <T>(key: string, subjects: readonly T[]): fc.Arbitrary<object[]> =>
  fc
    .uniqueArray(fc.record({ subject: fc.constantFrom(...subjects), target: targetJson }), {
      selector: ({ subject }) => subject,
      maxLength: 5,
    })
    .map((rows) => rows.map(({ subject, target }) => ({ [key]: subject, ...noCycle(target) })));

function noCycle(target: { vl: string; when_down: string }): object {
  const vl = target.vl === "" ? "us" : target.vl;
  return vl === target.when_down ? { ...target, when_down: "block" } : target;
}

export const setting: fc.Arbitrary<Setting> = fc
  .record({
    protected_mac_addrs: rulesJson("mac_addr", macs),
    protected_ip_addrs: rulesJson("ip_addr", prefixes).map(distinct),
    protected_ifaces: rulesJson("iface", ["br-lan", "br-guest"]),
    whole_device: fc.constantFrom(1, 1, 0),
    default_gateway: fc.constantFrom(0, 0, 1),
    lan_ifnames: fc.constantFrom([], ["br-lan"]),
    count: fc.integer({ min: 3, max: 4 }),
    words: fc.array(fc.constantFrom("up", "down", "connecting", "idle"), {
      minLength: 3,
      maxLength: 3,
    }),
    owners: fc.array(fc.constantFrom(...macs), { minLength: 5, maxLength: 5 }),
    seen: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  })
  .map(({ words, owners, seen, count, ...json }) => {
    const locations = [...locationNames, "xx"]
      .slice(0, count)
      .map((name, at) => locationJson(name, at + 1));
    const states = locationNames.map((name, at) =>
      state(name, words[at] as LocationState["state"], welcomeOf(at + 1)),
    );
    const neighbours = hosts
      .map((host, at) => ({ ...host, mac: owners[at] as string }))
      .filter((_, at) => seen[at]);
    return { config: router({ ...json, locations }), states, neighbours };
  });

/** Two spellings of one prefix are one rule. */
function distinct(rows: object[]): object[] {
  const full = (row: object): string =>
    (Object.values(row)[0] as string).replace("192.168.1.51/32", "192.168.1.51");
  return rows.filter((row, at) => rows.findIndex((other) => full(other) === full(row)) === at);
}

export function foreignRoutes(): ModelRoute[] {
  const base = { metric: 0, kind: 1, protocol: 2, source: "", gateway: "" };
  const link = { ...base, scope: 253, table: main };
  return [
    { ...link, dst: "192.168.1.0/24", oif: "br-lan" },
    { ...link, dst: "192.168.2.0/24", oif: "br-guest" },
    { ...link, dst: "203.0.113.0/24", oif: "eth1" },
    { ...base, scope: 0, table: main, dst: "0.0.0.0/0", oif: "eth1", gateway: "203.0.113.1" },
    { ...base, scope: 0, table: main, dst: "::/0", oif: "eth1", gateway: "fe80::1", metric: 1_024 },
    { ...base, scope: 0, table: 46, dst: "10.9.0.0/16", oif: "eth1", metric: 5 },
  ];
}

export function freshKernel(): KernelModel {
  const kernel = new KernelModel();
  kernel.routes = foreignRoutes();
  const blank = { src: "", dst: "", iif: "", fwmark: 0, fwmask: 0, action: 1, invert: false };
  kernel.rules = [
    { ...blank, family: 4, priority: 12, src: "10.9.0.0/16", table: 46, why: "", protocol: 3 },
  ];
  kernel.addresses = [
    { ifname: "br-lan", prefix: "192.168.1.1/24" },
    { ifname: "br-guest", prefix: "192.168.2.1/24" },
    { ifname: "eth1", prefix: "203.0.113.2/24" },
  ];
  return kernel;
}

export function packetsOf(neighbours: Setting["neighbours"]): Packet[] {
  return neighbours.map(({ ifname, addr, mac }) => {
    const dst = addr.includes(":") ? internet.v6 : internet.v4;
    return { mac, src: addr, iif: ifname, dst };
  });
}

/**
 * The linear reading of the rules: index of the location, 0 for direct, -1 for nobody's business.
 */
export function reference(setting: Setting, packet: Packet): number {
  const [rule] = ranked(setting, packet);
  if (rule === undefined) return setting.config.defaultGateway ? 1 : -1;
  return outcomeOf(setting, rule);
}

function outcomeOf({ config, states }: Pick<Setting, "config" | "states">, rule: Rule): number {
  if (rule.target.kind !== "location") return 0;
  const index = indexIn(config, rule.target.name);
  const isDown = (at: number): boolean => states[at - 1]?.state === "down";
  if (!isDown(index) || rule.whenDown.kind === "block") return index;
  if (rule.whenDown.kind === "direct") return 0;
  const other = indexIn(config, rule.whenDown.name);
  return isDown(other) ? index : other;
}

function indexIn(config: RouterConfig, name: string): number {
  return name === "" ? 1 : config.locations.findIndex((location) => location.name === name) + 1;
}

/** The rules that apply, the deciding one first; of equals the first of the configuration. */
function ranked({ config, states, neighbours }: Setting, packet: Packet): Rule[] {
  const named = config.rules.filter((rule) => applies(rule, packet));
  const own = neighbours.filter(({ mac }) => mac === packet.mac);
  const whole = config.rules.filter(
    (rule) =>
      outcomeOf({ config, states }, rule) > 0 &&
      (rule.wholeDevice ?? config.wholeDevice) &&
      own.some(({ addr }) => rule === decidingAddress(config, addr)),
  );
  const weights = [
    ...named.map((rule) => ({ rule, weight: weight(rule) })),
    ...whole.map((rule) => ({ rule, weight: weight(rule) - 1 })),
  ];
  return weights.sort((left, right) => right.weight - left.weight).map(({ rule }) => rule);
}

/** The rule that decides for an address by itself. */
function decidingAddress({ rules }: RouterConfig, src: string): Rule | undefined {
  const named = rules.filter(({ match }) => match.kind === "address" && covers(match.prefix, src));
  return named.sort((left, right) => weight(right) - weight(left))[0];
}

function applies({ match }: Rule, packet: Packet): boolean {
  if (match.kind === "mac") return match.mac === packet.mac;
  if (match.kind === "iface") return match.iface === packet.iif;
  return covers(match.prefix, packet.src);
}

function weight({ match }: Rule): number {
  if (match.kind === "mac") return 500;
  if (match.kind === "iface") return 0;
  const bits = match.prefix.includes(":") ? 128 : 32;
  return 400 - 2 * (bits - Number(match.prefix.split("/")[1]));
}

export function leaks(kernel: KernelModel, packet: Packet): boolean {
  return kernel.exitOf(packet).oif === "eth1";
}
