/**
 * Where an explanation says that a packet for one destination goes, the kernel sends it, and what
 * nobody can know is said to be unknown.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { RouterConfig } from "../../ts/model/config.js";
import type { LocationState } from "../../ts/model/observed.js";
import { desireRouter } from "../../ts/policy/router.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import type { PathExplanation } from "../../ts/render/explain-path.js";
import { explainPath } from "../../ts/render/explain-path.js";
import { router, state, welcomeOf } from "./support/configs.js";
import { KernelModel, main } from "./support/kernel-model.js";
import type { ModelRoute } from "./support/kernel-model.js";
import { freshKernel, setting } from "./support/settings.js";

const test = suite("explain: a destination");

const phone = "02:00:00:00:00:0a";
const byMac = { protected_mac_addrs: [{ mac_addr: phone, vl: "us" }], lan_ifnames: ["br-lan"] };
const up = [state("us", "up", welcomeOf(1)), state("de", "up", welcomeOf(2))];
const internet = "198.51.100.200";

function kernelOf(...extra: Partial<ModelRoute>[]): KernelModel {
  const kernel = freshKernel();
  kernel.neighbours = [{ ifname: "br-lan", addr: "192.168.1.50", mac: phone }];
  const base = { metric: 0, kind: 1, protocol: 3, source: "", gateway: "", scope: 0, table: main };
  for (const one of extra) kernel.routes.push({ ...base, dst: "", oif: "", ...one });
  return kernel;
}

interface Asked {
  readonly config?: RouterConfig;
  readonly store?: ObservedStore;
  readonly states?: readonly LocationState[];
  readonly subject?: string;
}

function told(destination: string, asked: Asked = {}): PathExplanation {
  const { config = router(byMac), store = kernelOf().observe(), states = up } = asked;
  const found = explainPath(config, store, states, asked.subject ?? phone, destination);
  assert.ok("reasons" in found, JSON.stringify(found));
  return found;
}

function says(found: PathExplanation, pattern: RegExp): void {
  assert.match(found.reasons.join("\n"), pattern);
}

test("into the tunnel, with table, route and interface", () => {
  const { reasons, ...rest } = told(internet);
  const route = { table: 47, route: "0.0.0.0/0", gateway: "", iface: "wrt0" };
  const words = { rule: `mac ${phone}`, location: "us", outcome: "tunnel" };
  assert.deepStrictEqual(rest, { device: phone, destination: internet, ...words, ...route });
  says({ ...rest, reasons } as PathExplanation, /No table of reach_tables \(main\) reaches it/);
});

test("a route of others over the LAN is reachable, one over an uplink does not count", () => {
  const lan = { dst: "10.77.0.0/16", oif: "br-lan", gateway: "192.168.1.7" };
  const wan = { dst: "10.78.0.0/16", oif: "eth1", gateway: "203.0.113.1" };
  const store = kernelOf(lan, wan).observe();
  const reached = told("10.77.1.1", { store });
  assert.deepStrictEqual(
    [reached.outcome, reached.route, reached.gateway, reached.iface, reached.location],
    ["reachable", lan.dst, lan.gateway, "br-lan", ""],
  );
  says(reached, /Table main, which reach_tables names, has the route 10\.77\.0\.0\/16 via 192/);
  const outward = told("10.78.1.1", { store });
  assert.deepStrictEqual([outward.outcome, outward.iface], ["tunnel", "wrt0"]);
  says(outward, /10\.78\.0\.0\/16 .* in table main does not count: eth1 is an uplink/);
});

test("a table that reach_tables does not name is told as the cause", () => {
  const store = kernelOf({ dst: "10.79.0.0/16", oif: "br-lan", table: 52 }).observe();
  const found = told("10.79.0.9", { store });
  assert.strictEqual(found.outcome, "tunnel");
  says(found, /table 52 does not count: reach_tables \(main\) does not name that table/);
  const named = router({ ...byMac, reach_tables: [254, 52] });
  assert.strictEqual(told("10.79.0.9", { store, config: named }).outcome, "reachable");
});

test("an interface that nobody calls a LAN is told as the cause", () => {
  const store = kernelOf({ dst: "10.80.0.0/16", oif: "br-guest" }).observe();
  says(told("10.80.0.9", { store }), /br-guest is not named in lan_ifnames/);
});

test("the router, a neighbour, a group, an address from inside a tunnel", () => {
  assert.strictEqual(told("203.0.113.2").outcome, "router");
  assert.strictEqual(told("192.168.1.77").outcome, "neighbour");
  assert.strictEqual(told("224.0.0.251").outcome, "unrouted");
  assert.strictEqual(told("fe80::1").outcome, "unrouted");
  const inner = told("10.64.0.1");
  assert.strictEqual(inner.outcome, "blocked");
  says(inner, /from inside a tunnel/);
});

test("IPv6 of a location whose gateway carries none is blocked, and why", () => {
  const states = [state("us", "up", { ...welcomeOf(1), addr6: "" })];
  const found = told("2001:db8:9::9", { states, subject: "br-lan", config: router({
    protected_ifaces: [{ iface: "br-lan", vl: "us" }],
  }) });
  assert.deepStrictEqual([found.outcome, found.location], ["blocked", "us"]);
  says(found, /The gateway of us carries no IPv6: that of its devices is blocked/);
});

test("a tunnel that is down blocks, or lets go past if the rule says so", () => {
  const states = [state("us", "down")];
  const blocked = told(internet, { states });
  assert.strictEqual(blocked.outcome, "blocked");
  says(blocked, /While us is down, nothing leaves/);
  const rule = { mac_addr: phone, vl: "us", when_down: "direct" };
  const config = router({ protected_mac_addrs: [rule] });
  const past = told(internet, { states, config });
  assert.deepStrictEqual([past.outcome, past.table, past.iface], ["direct", 254, "eth1"]);
  says(past, /Table main has the route 0\.0\.0\.0\/0 via 203\.0\.113\.1 over eth1/);
});

test("no rule: left alone, by the route of main, and by whatever rules others have", () => {
  const found = told(internet, { config: router(), subject: "192.168.1.50" });
  assert.deepStrictEqual([found.outcome, found.table, found.iface], ["unmanaged", 254, "eth1"]);
  says(found, /Rules of others .*: priority 12/);
});

test("a silent address may be a device of a rule: unknown, with what happens in each case", () => {
  const found = told(internet, { subject: "192.168.1.99" });
  assert.deepStrictEqual([found.outcome, found.table, found.iface], ["unknown", 0, ""]);
  says(found, /which MAC address it has is known with its next packet/);
  says(found, new RegExp(`If it is mac ${phone}, it goes through us\\.`));
  assert.strictEqual(found.reasons.at(-1), "Otherwise it is left alone, over eth1.");
});

test("where every case leads the same way, nothing is unknown", () => {
  assert.strictEqual(told("203.0.113.2", { subject: "192.168.1.99" }).outcome, "router");
  const config = router({ ...byMac, lan_ifnames: ["br-lan", "br-guest"] });
  const found = told("192.168.2.9", { subject: "192.168.1.99", config });
  assert.deepStrictEqual([found.outcome, found.iface], ["unmanaged", "br-guest"]);
});

test("addresses of one device under different rules: unknown, and where each goes", () => {
  const kernel = kernelOf();
  kernel.neighbours.push({ ifname: "br-lan", addr: "192.168.1.51", mac: phone });
  const protected_ip_addrs = [{ ip_addr: "192.168.1.51", vl: "de" }];
  const whole = told(internet, { store: kernel.observe(), config: router({ protected_ip_addrs }) });
  assert.deepStrictEqual([whole.outcome, whole.location], ["tunnel", "de"]);
  says(whole, /The rule for address 192\.168\.1\.51\/32 decides, since/);
  const config = router({ protected_ip_addrs, whole_device: 0 });
  const found = told(internet, { store: kernel.observe(), config });
  assert.strictEqual(found.outcome, "unknown");
  says(found, /From 192\.168\.1\.50, it is left alone, over eth1\./);
  says(found, /From 192\.168\.1\.51, it goes through de\./);
});

test("what the router sends itself is under no rule on a source", () => {
  const config = router({ protected_ip_addrs: [{ ip_addr: "203.0.113.0/24", vl: "us" }] });
  const found = told(internet, { config, subject: "203.0.113.2" });
  assert.deepStrictEqual([found.outcome, found.iface], ["unmanaged", "eth1"]);
  says(found, /the router itself sends is under no rule on a source/);
});

test("what is no subject, or no address, is an issue", () => {
  const store = kernelOf().observe();
  const issue = (subject: string, destination: string): object =>
    explainPath(router(), store, up, subject, destination);
  assert.deepStrictEqual(issue("nobody", internet), {
    path: "subject",
    value: '"nobody"',
    expected: "a MAC address, an IP address, or the name of an interface that exists",
  });
  const { path, expected } = issue(phone, "example.com") as { path: string; expected: string };
  assert.deepStrictEqual([path, expected], ["destination", "an IPv4 or IPv6 address"]);
});

const destinations = [
  internet,
  "10.77.1.1",
  "10.78.1.1",
  "10.79.1.1",
  "192.168.2.9",
  "192.168.1.200",
  "2001:db8:9::9",
  "2001:db8:77::1",
];
const foreign: readonly Partial<ModelRoute>[] = [
  { dst: "10.77.0.0/16", oif: "br-lan", gateway: "192.168.1.7" },
  { dst: "10.77.1.0/24", oif: "eth1", gateway: "203.0.113.1" },
  { dst: "10.78.0.0/16", oif: "eth1", gateway: "203.0.113.1" },
  { dst: "10.79.0.0/16", oif: "br-guest", table: 52 },
  { dst: "10.77.0.0/16", oif: "br-guest", metric: 5 },
  { dst: "2001:db8:77::/48", oif: "br-lan", gateway: "fe80::7", metric: 1_024 },
];

/** The plan's end in the model, as a decider would bring it about. */
function settle(kernel: KernelModel, config: RouterConfig, states: readonly LocationState[]): void {
  for (let round = 0; round < 5; round++) {
    const observed = kernel.observe();
    const plan = planChanges(desireRouter(config, observed, states, 0), observed);
    for (const { operation } of plan) kernel.apply(operation);
    if (plan.length === 0) return;
  }
  assert.fail("not settled");
}

test("the kernel does what was said, for random settings, devices and destinations", () => {
  const routes = fc.subarray([...foreign]);
  const tables = fc.constantFrom([254], [254, 52], [52], []);
  let known = 0;
  fc.assert(
    fc.property(setting, routes, tables, ({ config, states, neighbours }, more, reachTables) => {
      const asked = { ...config, reachTables };
      const kernel = kernelOf(...more);
      kernel.neighbours = [...neighbours];
      settle(kernel, asked, states);
      const store = kernel.observe();
      for (const { addr: src, mac, ifname: iif } of neighbours) {
        for (const dst of destinations) {
          if (dst.includes(":") !== src.includes(":")) continue;
          const found = told(dst, { config: asked, store, states, subject: src });
          assert.notStrictEqual(found.outcome, "unknown");
          const isOurs = ["router", "neighbour", "unrouted"].includes(found.outcome);
          if (isOurs) continue;
          known++;
          const { oif } = kernel.exitOf({ mac, src, iif, dst });
          assert.strictEqual(found.iface, oif, `${src} ${dst}: ${JSON.stringify(found)}`);
        }
      }
    }),
    { numRuns: 60, seed: 20_261_201 },
  );
  assert.ok(known > 300, String(known));
});

test.run();
