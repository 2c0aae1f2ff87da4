/**
 * Outside text becomes a Config or a list of issues, never an exception. Each row of the table
 * breaks one thing in a good configuration and expects exactly the issues that follow from it.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { dumpConfig } from "../../ts/config/dump.js";
import { parseConfig } from "../../ts/config/parse.js";
import { addRule, parseMatch, parseRule, removeRule, ruleIssues } from "../../ts/config/rules.js";
import type { Rule, RuleMatch } from "../../ts/model/config.js";
import { locationJson, pin, router, routerJson } from "./support/configs.js";

const issues = suite("config: issues");

type Change = Record<string, unknown>;
type Expected = readonly [path: string, value: string, expected: RegExp];

const us = locationJson("us", 10);
const location = (change: Change): Change => ({ locations: [{ ...us, ...change }] });
const peer = (change: Change): Change =>
  location({ peers: [{ endpoint: "198.51.100.10:443", pin, ...change }] });
const mac = (change: Change): Change => ({
  protected_mac_addrs: [{ mac_addr: "02:00:00:00:00:01", vl: "us", ...change }],
});

/** Different ones, which with the peer's own are one too many. */
const manyPins = ["B", "C", "D", "E", "F", "G", "H", "I"].map((first) =>
  pin.replace("sha256/4", `sha256/${first}`),
);

const routerRows: readonly [change: Change, ...expected: Expected[]][] = [
  [{ role: "bridge" }, ["role", '"bridge"', /router or gateway/]],
  [{ tun_ifname: undefined }, ["tun_ifname", "", /interface name.*required/]],
  [{ tun_ifname: "a".repeat(16) }, ["tun_ifname", '"aaaaaaaaaaaaaaaa"', /1 to 15/]],
  [{ wan_ifname: "wrt0" }, ["wan_ifname", '"wrt0"', /another interface/]],
  [{ lan_ifnames: "br-lan" }, ["lan_ifnames", '"br-lan"', /list/]],
  [{ lan_ifnames: ["eth1"] }, ["lan_ifnames[0]", '"eth1"', /neither an uplink/]],
  [{ uplinks: ["wrt0"] }, ["uplinks[0]", '"wrt0"', /other than tun_ifname/]],
  [{ uplinks: ["wr*"] }, ["uplinks[0]", '"wr*"', /other than tun_ifname/]],
  [{ uplinks: ["*"] }, ["uplinks[0]", '"*"', /how some begin and an asterisk/]],
  [{ uplinks: ["e*h"] }, ["uplinks[0]", '"e*h"', /how some begin and an asterisk/]],
  [{ uplinks: ["eth2", "eth2"] }, ["uplinks[1]", '"eth2"', /of its own \(uplinks\[0\]/]],
  [
    { uplinks: ["br-*"], lan_ifnames: ["br-lan"] },
    ["lan_ifnames[0]", '"br-lan"', /neither an uplink/],
  ],
  [{ reach_tables: [255] }, ["reach_tables[0]", "255", /kernel's own/]],
  [{ reach_tables: [0] }, ["reach_tables[0]", "0", /from 1 to/]],
  [{ lan_ifnames: ["br lan"] }, ["lan_ifnames[0]", '"br lan"', /interface name/]],
  [{ tun_addr: "::1" }, ["tun_addr", '"::1"', /IPv4/]],
  [{ tun_mtu: 576 }, ["tun_mtu", "576", /1280/]],
  [{ tun_mtu: 70_000 }, ["tun_mtu", "70000", /to 65535/]],
  [{ vl_default: "uk" }, ["vl_default", '"uk"', /one of us/]],
  [{ default_gateway: 2 }, ["default_gateway", "2", /0 or 1/]],
  [{ no_iptables: "yes" }, ["no_iptables", '"yes"', /0 or 1/]],
  [{ on_stop: "leak" }, ["on_stop", '"leak"', /restore or block/]],
  [{ mark_mask: "0x3f00" }, ["mark_mask", '"0x3f00"', /7 bits/]],
  [{ mark_mask: "0xff000f00" }, ["mark_mask", '"0xff000f00"', /contiguous/]],
  [{ mark_mask: "0x7f" }, ["mark_mask", '"0x7f"', /contiguous/]],
  [{ table: 254 }, ["table", "254", /1 to 251/]],
  [{ offload: null }, ["offload", "null", /0 or 1/]],
  [{ resolvers: ["dns.example"] }, ["resolvers[0]", '"dns.example"', /address/]],
  [{ type: "wireguard" }, ["type", '"wireguard"', /"tls", the only one of this version/]],
  [{ dial: "never" }, ["dial", '"never"', /now or lazy/]],
  [{ locations: [] }, ["locations", "0", /^1 to 118 items$/]],
  [{ locations: undefined }, ["locations", "", /a list, required/]],
  [{ locations: [7] }, ["locations[0]", "7", /object/]],
  [{ locations: [us, us] }, ["locations[1].name", '"us"', /of its own \(locations\[0\]/]],
  [location({ name: "direct" }), ["locations[0].name", '"direct"', /not direct or block/]],
  [location({ name: "block" }), ["locations[0].name", '"block"', /not direct or block/]],
  [location({ type: "ip-in-tcp" }), ["locations[0].type", '"ip-in-tcp"', /"tls"/]],
  [location({ peers: [] }), ["locations[0].peers", "0", /1 to 16/]],
  [location({ token_file: undefined }), ["locations[0].token_file", "", /one of them/]],
  [location({ token: "t" }), ["locations[0].token_file", /us.token/.source, /one of them/]],
  [location({ token: "a b", token_file: undefined }), ["locations[0].token", "", /letters/]],
  [location({ token_file: "tok" }), ["locations[0].token_file", '"tok"', /absolute path/]],
  [location({ capacity_mbit: 0 }), ["locations[0].capacity_mbit", "0", /1 to 1000000/]],
  [location({ server_name: "a b" }), ["locations[0].server_name", '"a b"', /host name/]],
  [peer({ pin: undefined }), ["locations[0].peers[0].pin", "", /a pin, or ca_file/]],
  [peer({ pin: "sha256/AAAA" }), ["locations[0].peers[0].pin", '"sha256/AAAA"', /44/]],
  [peer({ pin: pin.replace("U=", "V=") }), ["locations[0].peers[0].pin", /V=/.source, /44/]],
  [peer({ pins: manyPins }), ["locations[0].peers[0].pins", "9", /at most 8 in all/]],
  [peer({ pins: [pin, "x"] }), ["locations[0].peers[0].pins[1]", '"x"', /sha256/]],
  [peer({ endpoint: "gw.example:443" }), ["resolvers", "[]", /because gw.example is a name/]],
  [peer({ endpoint: "10.0.0.1" }), ["locations[0].peers[0].endpoint", '"10.0.0.1"', /port/]],
  [peer({ endpoint: "10.0.0.1:0" }), ["locations[0].peers[0].endpoint", /:0/.source, /port/]],
  [peer({ endpoint: "10.0.0.256:1" }), ["locations[0].peers[0].endpoint", /256/.source, /port/]],
  [peer({ endpoint: "a b:1" }), ["locations[0].peers[0].endpoint", '"a b:1"', /port/]],
  [peer({ endpoint: "[fe80::zz]:1" }), ["locations[0].peers[0].endpoint", /zz/.source, /port/]],
  [peer({ endpoint: "fd00::1:443" }), ["locations[0].peers[0].endpoint", /443/.source, /IPv6/]],
  [mac({ mac_addr: "02:00:00:00:00" }), ["protected_mac_addrs[0].mac_addr", /02/.source, /MAC/]],
  [mac({ vl: "uk" }), ["protected_mac_addrs[0].vl", '"uk"', /one of direct, us/]],
  [mac({ country_code: "de" }), ["protected_mac_addrs[0].country_code", '"de"', /same as vl, us/]],
  [mac({ when_down: "uk" }), ["protected_mac_addrs[0].when_down", '"uk"', /block, direct, us/]],
  [mac({ when_down: "us" }), ["protected_mac_addrs[0].when_down", '"us"', /another location/]],
  [mac({ vl: "", when_down: "us" }), ["protected_mac_addrs[0].when_down", '"us"', /another/]],
  [
    { protected_ip_addrs: [{ ip_addr: "10.0.0.1/24" }, { ip_addr: "0.0.0.0/0" }, {}] },
    ["protected_ip_addrs[0].ip_addr", '"10.0.0.1/24"', /without host bits/],
    ["protected_ip_addrs[1].ip_addr", '"0.0.0.0/0"', /longer than \/0/],
    ["protected_ip_addrs[2].ip_addr", "", /required/],
  ],
  [
    { protected_ip_addrs: [{ ip_addr: "10.0.0.1" }, { ip_addr: "10.0.0.1/32" }] },
    ["protected_ip_addrs[1].ip_addr", '"10.0.0.1/32"', /of its own/],
  ],
  [
    { protected_ifaces: [{ iface: "eth1", vl: "us" }, { iface: "wrt0" }] },
    ["protected_ifaces[0].iface", '"eth1"', /LAN side/],
    ["protected_ifaces[1].iface", '"wrt0"', /LAN side/],
  ],
  [{ api: [] }, ["api", "[]", /object/]],
  [{ api: { mode: "0999" } }, ["api.mode", '"0999"', /octal/]],
  [{ api: { socket: "adit.sock" } }, ["api.socket", '"adit.sock"', /absolute/]],
  [{ api: { socket: `/${"s".repeat(107)}` } }, ["api.socket", '"/sss', /107/]],
  [{ api: { socket: "/run/ädit.sock" } }, ["api.socket", "ädit", /ASCII/]],
  [{ rcvbuf: "big" }, ["rcvbuf", '"big"', /whole number/]],
  [
    { tun_addr: 7, table: "x", on_stop: 1 },
    ["tun_addr", "7", /IPv4/],
    ["on_stop", "1", /restore/],
    ["table", '"x"', /number/],
  ],
];

const token = "ab".repeat(32);
const gatewayJson: Change = {
  role: "gateway",
  listen: [{ type: "tls", address: "[::]:443", cert: "/etc/c.pem", key: "/etc/k.pem" }],
  clients: [{ name: "home", token_sha256: token }],
};
const home = { name: "home", token_sha256: token };

const gatewayRows: readonly [change: Change, ...expected: Expected[]][] = [
  [{ listen: undefined }, ["listen", "", /required/]],
  [
    { listen: [{ address: "gw.example:443", cert: "/c", key: "k" }] },
    ["listen[0].address", '"gw.example:443"', /IPv4 address:port/],
    ["listen[0].key", '"k"', /absolute path/],
  ],
  [
    { listen: [1, 2].map(() => ({ address: "[::]:443", cert: "/c", key: "/k" })) },
    ["listen[1].address", '":: 443"', /of its own/],
  ],
  [{ pool4: "10.64.0.0/31" }, ["pool4", '"10.64.0.0/31"', /\/8 to \/30/]],
  [{ pool4: "10.64.0.1/16" }, ["pool4", '"10.64.0.1/16"', /prefix/]],
  [{ pool6: "10.64.0.0/16" }, ["pool6", '"10.64.0.0/16"', /IPv6/]],
  [{ clients: [] }, ["clients", "0", /1 to 500/]],
  [{ clients: [{ ...home, token_sha256: "ab" }] }, ["clients[0].token_sha256", '"ab"', /64/]],
  [
    { clients: [home, home] },
    ["clients[1].name", '"home"', /of its own/],
    ["clients[1].token_sha256", /abab/.source, /of its own/],
  ],
  [{ clients: [{ ...home, addr4: "10.0.0.1" }] }, ["clients[0].addr4", '"10.0.0.1"', /within/]],
  [{ nat: 7 }, ["nat", "7", /0 or 1/]],
];

function checkRow(base: Change, [change, ...expected]: (typeof routerRows)[number]): void {
  const parsed = parseConfig(JSON.stringify({ ...base, ...change }));
  assert.strictEqual(parsed.config, undefined);
  assert.deepStrictEqual(
    parsed.issues.map((issue) => issue.path).sort(),
    expected.map(([path]) => path).sort(),
  );
  for (const [path, value, pattern] of expected) {
    const issue = parsed.issues.find((row) => row.path === path);
    assert.ok(issue?.value.includes(value), `${path}: ${issue?.value ?? ""}`);
    assert.match(issue?.expected ?? "", pattern);
  }
}

for (const row of routerRows) {
  issues(`router ${JSON.stringify(row[0]).slice(0, 90)}`, () => checkRow(routerJsonOne, row));
}
for (const row of gatewayRows) {
  issues(`gateway ${JSON.stringify(row[0]).slice(0, 90)}`, () => checkRow(gatewayJson, row));
}

issues("a file that is too long or broken is one issue", () => {
  const paths = ['{"role" 1}', `"${"x".repeat(1_100_000)}"`].map((text) =>
    parseConfig(text)
      .issues.map((issue) => issue.path)
      .join(),
  );
  assert.deepStrictEqual(paths, ["1:9", ""]);
});

issues("a key that nobody can have meant for one of ours is a warning", () => {
  const change = { zzzzzzzz: 1, ci_rest: {}, _note: ["mine"], "//": "mine" };
  const { warnings, config } = parseConfig(JSON.stringify({ ...routerJson, ...change }));
  assert.ok(config !== undefined);
  assert.deepStrictEqual(warnings, [
    { path: "zzzzzzzz", value: "", expected: "a known key" },
    { path: "ci_rest", value: "", expected: "nothing: without effect for tls tunnels" },
  ]);
});

issues("no text makes the parser throw", () => {
  const keys = fc.constantFrom("role", "locations", "api", "protected_ip_addrs", "peers", "listen");
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom("gateway", "router", [], {}));
  fc.assert(
    fc.property(
      fc.dictionary(keys, value),
      fc.constantFrom({}, routerJson, gatewayJson),
      (row, on) => {
        const { config, issues: found } = parseConfig(JSON.stringify({ ...on, ...row }));
        assert.ok(config !== undefined || found.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});

const routerJsonOne = { ...routerJson, locations: [us] };
issues.run();

const values = suite("config: values");

values("defaults are the documented ones", () => {
  const config = router();
  assert.strictEqual(config.tunAddr, "100.73.0.73");
  assert.strictEqual(config.markMask, 0x7f000000);
  assert.strictEqual(config.table, 47);
  assert.deepStrictEqual(config.api, { socket: "", mode: 0o660, ubus: "" });
  assert.deepStrictEqual([config.onStop, config.offload, config.tunMtu], ["restore", true, 0]);
});

values("spellings are made one", () => {
  const config = router({
    default_gateway: true,
    type: "hydra-tcp",
    dial: "lazy",
    mark_mask: 0x3f80_0000,
    protected_mac_addrs: [{ mac_addr: "02-AB-00-00-00-01", country_code: "us" }],
    protected_ip_addrs: [{ ip_addr: "FD00:0::1", vl: "direct" }],
    protected_ifaces: [{ iface: "br-guest", when_down: "de" }],
  });
  assert.strictEqual(config.defaultGateway, true);
  assert.strictEqual(config.locations[0]?.dial, "lazy");
  assert.deepStrictEqual(config.rules, [
    {
      match: { kind: "mac", mac: "02:ab:00:00:00:01" },
      target: { kind: "location", name: "us" },
      whenDown: { kind: "block" },
    },
    {
      match: { kind: "address", prefix: "fd00::1/128" },
      target: { kind: "direct" },
      whenDown: { kind: "block" },
    },
    {
      match: { kind: "iface", iface: "br-guest" },
      target: { kind: "location", name: "" },
      whenDown: { kind: "location", name: "de" },
    },
  ]);
});

values("endpoints may be names and IPv6", () => {
  const peers = ["gw-1.example_x.net:8443", "[2001:DB8::1]:443"].map((endpoint) => ({
    endpoint,
    pin,
  }));
  const config = router({ locations: [{ ...us, peers }], resolvers: ["192.0.2.53"] });
  const found = config.locations[0]?.peers.map(({ host, port }) => [host, port]);
  assert.deepStrictEqual(found, [
    ["gw-1.example_x.net", 8_443],
    ["2001:db8::1", 443],
  ]);
});

values("a dump reads back as the same configuration", () => {
  const configs = [
    { ...routerJson, api: { socket: "/run/a.sock", mode: "0600" }, ubus: { socket: "/u" } },
    {
      ...routerJson,
      locations: [
        { ...us, token: "t.~-", token_file: undefined, ca_file: "/ca", server_name: "n" },
        { ...us, name: "de", capacity_mbit: 250 },
      ],
      protected_mac_addrs: [{ mac_addr: "02:00:00:00:00:01", vl: "direct" }],
      protected_ip_addrs: [{ ip_addr: "fd00::/8", vl: "us", when_down: "direct" }],
      protected_ifaces: [{ iface: "br-guest" }],
      lan_ifnames: ["br-lan"],
      resolvers: ["192.0.2.1", "2001:db8::53"],
      mark_mask: "0x0fe00000",
    },
    gatewayJson,
    { ...gatewayJson, clients: [{ ...home, addr4: "10.64.0.9", addr6: "fd00:64::9" }], nat: 0 },
  ];
  for (const value of configs) {
    const first = parseConfig(JSON.stringify(value));
    assert.deepStrictEqual(first.issues, []);
    assert.ok(first.config !== undefined);
    const again = parseConfig(dumpConfig(first.config));
    assert.deepStrictEqual([again.issues, again.warnings], [[], []]);
    assert.deepStrictEqual(again.config, first.config);
  }
});

values.run();

const rules = suite("config: rules at run time");

function ruleOf(...words: Parameters<typeof parseRule>): Rule {
  const rule = parseRule(...words);
  assert.ok(!Array.isArray(rule));
  return rule as Rule;
}

rules("adding moves a rule that exists, and removing tells whether it did", () => {
  const start = router();
  const first = addRule(start, ruleOf("mac", "02-00-00-00-00-01", "us", undefined));
  const moved = addRule(first, ruleOf("mac", "02:00:00:00:00:01", "de", "direct"));
  assert.strictEqual(moved.rules.length, 1);
  assert.deepStrictEqual(moved.rules[0]?.target, { kind: "location", name: "de" });
  const match = parseMatch("mac", "02:00:00:00:00:01") as RuleMatch;
  assert.deepStrictEqual(removeRule(moved, match)?.rules, []);
  assert.strictEqual(removeRule(start, match), undefined);
});

rules("a rule that is moved by words goes on forbidding answers", () => {
  const shut = { mac_addr: "02:00:00:00:00:01", vl: "us", inbound: "block" };
  const start = router({ protected_mac_addrs: [shut] });
  const moved = addRule(start, ruleOf("mac", "02:00:00:00:00:01", "de", undefined));
  assert.strictEqual(moved.rules[0]?.inbound, "block");
});

rules("an address and an interface of the same text are different subjects", () => {
  const config = addRule(router(), ruleOf("ip", "10.0.0.1", "us", "block"));
  const both = addRule(config, ruleOf("iface", "br-guest", "us", "block"));
  assert.deepStrictEqual(
    both.rules.map((rule) => rule.match),
    [
      { kind: "address", prefix: "10.0.0.1/32" },
      { kind: "iface", iface: "br-guest" },
    ],
  );
});

rules("every word that is wrong is named", () => {
  const paths = (...words: Parameters<typeof parseRule>): string[] => {
    const found = parseRule(...words);
    return Array.isArray(found) ? found.map((issue) => issue.path) : [];
  };
  assert.deepStrictEqual(paths("ssid", "x", "us", "block"), ["kind"]);
  assert.deepStrictEqual(paths("toString", "x", "us", "block"), ["kind"]);
  assert.deepStrictEqual(paths("ip", "x", "u s", "d n"), ["subject", "vl", "when_down"]);
  const issuesOf = (rule: Rule): string[] => ruleIssues(router(), rule).map((issue) => issue.path);
  assert.deepStrictEqual(issuesOf(ruleOf("ip", "10.0.0.1", "uk", "block")), ["rule.vl"]);
  assert.deepStrictEqual(issuesOf(ruleOf("iface", "eth1", "us", "us")), [
    "rule.when_down",
    "rule.iface",
  ]);
});

rules.run();
