/**
 * From any state to any state: random configurations, random facts, random damage. The plan is
 * applied to a reference kernel one operation at a time, and after every single operation no packet
 * of a source that both states protect leaves by the uplink. At the end the plan is empty, every
 * packet goes where a linear reading of the rules sends it, and foreign objects are as they were.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { RouterConfig, Rule } from "../../ts/model/config.js";
import type { LocationState } from "../../ts/model/observed.js";
import { decideSource } from "../../ts/policy/device.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { desireRouter } from "../../ts/policy/router.js";
import { desireStopped } from "../../ts/policy/stop.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { locationJson, router, state, welcomeOf } from "./support/configs.js";
import { KernelModel, covers, main, ours } from "./support/kernel-model.js";
import type { ModelRoute } from "./support/kernel-model.js";
import type { Packet } from "./support/nft-model.js";

const test = suite("reconcile: any state to any state");

const runs = 250;
const names = ["us", "de", "fr"];
const macs = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"];
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

interface Setting {
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

const setting: fc.Arbitrary<Setting> = fc
  .record({
    protected_mac_addrs: rulesJson("mac_addr", macs),
    protected_ip_addrs: rulesJson("ip_addr", prefixes).map(distinct),
    protected_ifaces: rulesJson("iface", ["br-lan", "br-guest"]),
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
    const locations = [...names, "xx"]
      .slice(0, count)
      .map((name, at) => locationJson(name, at + 1));
    const states = names.map((name, at) =>
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

function foreignRoutes(): ModelRoute[] {
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

function freshKernel(): KernelModel {
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

function packetsOf(neighbours: Setting["neighbours"]): Packet[] {
  return neighbours.map(({ ifname, addr, mac }) => {
    const dst = addr.includes(":") ? internet.v6 : internet.v4;
    return { mac, src: addr, iif: ifname, dst };
  });
}

/**
 * The linear reading of the rules: index of the location, 0 for direct, -1 for nobody's business.
 */
function reference({ config, states }: Setting, packet: Packet): number {
  const ranked = config.rules.filter((rule) => applies(rule, packet));
  ranked.sort((left, right) => weight(right) - weight(left));
  const [rule] = ranked;
  if (rule === undefined) return config.defaultGateway ? 1 : -1;
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

function applies({ match }: Rule, packet: Packet): boolean {
  if (match.kind === "mac") return match.mac === packet.mac;
  if (match.kind === "iface") return match.iface === packet.iif;
  return covers(match.prefix, packet.src);
}

function weight({ match }: Rule): number {
  if (match.kind === "mac") return 500;
  return match.kind === "iface" ? 0 : 1 + Number(match.prefix.split("/")[1]);
}

function leaks(kernel: KernelModel, packet: Packet): boolean {
  return kernel.exitOf(packet).oif === "eth1";
}

/** Applies until nothing is left to do; `check` runs after every operation. */
function settle(kernel: KernelModel, next: Setting, check: (what: string) => void): void {
  for (let round = 0; round < 3; round++) {
    const observed = kernel.observe();
    const plan = planChanges(desireRouter(next.config, observed, next.states, 0), observed);
    if (plan.length === 0) return;
    for (const { operation, why } of plan) {
      kernel.apply(operation);
      check(why);
    }
  }
  assert.fail("the plan does not become empty");
}

function checkEnd(kernel: KernelModel, next: Setting): void {
  for (const packet of packetsOf(next.neighbours)) {
    const index = reference(next, packet);
    const { oif, mark } = kernel.exitOf(packet);
    const expected = index > 0 ? "wrt0" : "eth1";
    assert.strictEqual(oif, expected, JSON.stringify({ packet, index, rules: next.config.rules }));
    if (index > 0) assert.strictEqual((mark & 0x7f000000) >>> 24, index);
    if (index > 0) assert.strictEqual(slotOf(kernel, mark, packet), index);
  }
  const foreign = kernel.routes.filter((route) => route.protocol !== ours);
  assert.deepStrictEqual(foreign.slice(0, 6), foreignRoutes());
  assert.strictEqual(kernel.rules.filter((rule) => rule.protocol !== ours).length, 1);
}

/** The slot that the mover finds by the source address after translation. */
function slotOf(kernel: KernelModel, mark: number, packet: Packet): number {
  const map = packet.src.includes(":") ? "snat6" : "snat4";
  const key = `0x${((mark & 0x7f000000) >>> 0).toString(16).padStart(8, "0")}`;
  const address = kernel.nft?.maps.get(map)?.elements.get(key) ?? "";
  return kernel.slotOf(address);
}

const damage = fc.constantFrom(
  "none",
  "all ours",
  "tun killed",
  "table flushed",
  "chain emptied",
  "rules deleted",
  "routes deleted",
  "option 121",
  "stray rule of ours",
);

function damageKernel(kernel: KernelModel, kind: string, share: number): void {
  const survives = (_: unknown, at: number): boolean => (at * 7 + share) % 3 !== 0;
  const blank = { src: "", dst: "", iif: "", fwmark: 0, fwmask: 0, action: 1, invert: false };
  const stray = { ...blank, why: "", family: 4 as const, priority: 20 + share, table: main };
  const isOurs = (item: { protocol: number }): boolean => item.protocol === ours;
  if (kind === "all ours") Object.assign(kernel, freshKernel());
  if (kind === "tun killed") kernel.closeTun();
  if (kind === "table flushed") kernel.nft = undefined;
  if (kind === "chain emptied") kernel.nft?.chains.get("guard")?.rules.pop();
  if (kind === "rules deleted") {
    kernel.rules = kernel.rules.filter((rule, at) => !isOurs(rule) || survives(rule, at));
  }
  if (kind === "routes deleted") {
    kernel.routes = kernel.routes.filter((row, at) => !isOurs(row) || survives(row, at));
  }
  if (kind === "option 121") {
    const base = { metric: 0, kind: 1, protocol: 16, source: "", scope: 0, table: main };
    const via = { ...base, oif: "eth1", gateway: "203.0.113.1" };
    for (const dst of ["0.0.0.0/1", "203.0.113.0/25", "203.0.113.9/32"]) {
      kernel.routes.push({ ...via, dst });
    }
  }
  if (kind === "stray rule of ours") kernel.rules.push({ ...stray, protocol: ours });
}

test("no operation of any transition opens a hole, and the end is what the rules say", () => {
  fc.assert(
    fc.property(setting, setting, damage, fc.nat(30), (first, second, kind, share) => {
      const kernel = freshKernel();
      kernel.neighbours = [...first.neighbours];
      settle(kernel, first, () => undefined);
      checkEnd(kernel, first);
      damageKernel(kernel, kind, share);
      kernel.neighbours = [...second.neighbours];
      const guarded = packetsOf(second.neighbours).filter(
        (packet) =>
          reference(second, packet) > 0 &&
          !leaks(kernel, packet) &&
          (reference(first, packet) > 0 || !second.config.defaultGateway),
      );
      settle(kernel, second, (why) => {
        for (const packet of guarded) {
          assert.ok(!leaks(kernel, packet), `${JSON.stringify(packet)} leaks after: ${why}`);
        }
      });
      checkEnd(kernel, second);
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("each layer holds alone, with and without the process that holds the TUN", () => {
  fc.assert(
    fc.property(setting, fc.boolean(), (only, killed) => {
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      settle(kernel, only, () => undefined);
      if (killed) kernel.closeTun();
      const { rules, nft } = kernel;
      for (const packet of packetsOf(only.neighbours)) {
        const isInside = reference(only, packet) > 0;
        const through = killed ? "" : "wrt0";
        kernel.nft = undefined;
        const byRouting = kernel.exitOf(packet).oif;
        assert.strictEqual(byRouting, isInside ? through : "eth1", JSON.stringify(packet));
        Object.assign(kernel, { nft, rules: rules.filter((rule) => rule.protocol !== ours) });
        assert.ok(!isInside || !leaks(kernel, packet), `${packet.src} passes the guard`);
        Object.assign(kernel, { nft, rules });
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("without a firewall of ours the routes and the mover's table alone say the same", () => {
  fc.assert(
    fc.property(setting, (wanted) => {
      const only = { ...wanted, config: { ...wanted.config, noIptables: true } };
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      settle(kernel, only, () => undefined);
      assert.strictEqual(kernel.nft, undefined);
      for (const packet of packetsOf(only.neighbours)) {
        const index = reference(only, packet);
        const { oif } = kernel.exitOf(packet);
        assert.strictEqual(oif, index > 0 ? "wrt0" : "eth1", JSON.stringify(packet));
        const isV6Interface = packet.src.includes(":") && !kernel.hasNetworkOf(packet.src);
        if (index > 0 && !isV6Interface) {
          assert.strictEqual(kernel.slotOf(packet.src), index, JSON.stringify(packet));
        }
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("a single source is decided as the linear reading says", () => {
  fc.assert(
    fc.property(setting, (only) => {
      for (const packet of packetsOf(only.neighbours)) {
        const source = { mac: packet.mac, address: packet.src, iface: packet.iif };
        const { outcome } = decideSource(only.config, statesByName(only.states), source);
        const index = outcome?.kind === "tunnel" ? outcome.index : outcome === undefined ? -1 : 0;
        assert.strictEqual(index, reference(only, packet), JSON.stringify(packet));
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("stopping leaves the host as found, and the block goes last", () => {
  fc.assert(
    fc.property(setting, fc.boolean(), (only, keepsBlock) => {
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      const before = new Map(kernel.sysctls);
      settle(kernel, only, () => undefined);
      const config = { ...only.config, onStop: keepsBlock ? "block" : "restore" } as const;
      const guarded = packetsOf(only.neighbours).filter((row) => reference(only, row) > 0);
      const observed = kernel.observe();
      const plan = planChanges(desireStopped(config, observed, before), observed);
      plan.forEach(({ operation, why }, at) => {
        kernel.apply(operation);
        const isLast = at === plan.length - 1 && !keepsBlock;
        for (const packet of guarded) {
          assert.ok(isLast || !leaks(kernel, packet), `${packet.src} leaks after: ${why}`);
        }
      });
      const after = kernel.observe();
      assert.deepStrictEqual(planChanges(desireStopped(config, after, before), after), []);
      assert.strictEqual(kernel.tun, "");
      if (!keepsBlock) {
        assert.deepStrictEqual(kernel.routes, foreignRoutes());
        assert.strictEqual(kernel.rules.length, 1);
        assert.strictEqual(kernel.nft, undefined);
        assert.deepStrictEqual(kernel.sysctls, before);
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test.run();
