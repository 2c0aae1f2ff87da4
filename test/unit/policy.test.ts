/**
 * Single decisions that the stories of test/golden do not tell: what counts as a neighbour, bounds,
 * marks with another mask, who wins when two claim the same, what is left alone.
 */
import assert from "node:assert";
import { suite } from "uvu";
import type { RouterConfig, Rule } from "../../ts/model/config.js";
import type { Desired } from "../../ts/model/desired.js";
import { addressesPerMacMax } from "../../ts/model/limits.js";
import type { LocationState, Observed } from "../../ts/model/observed.js";
import { locationMark, ourMask, ownMark } from "../../ts/policy/marks.js";
import { desireRouter } from "../../ts/policy/router.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import {
  emptyObserved,
  foldFirewall,
  foldMessage,
  foldResult,
  foldSysctl,
} from "../../ts/reconcile/fold.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { router, state, welcomeOf } from "./support/configs.js";

const mac = "02:00:00:00:00:50";
const phone = { protected_mac_addrs: [{ mac_addr: mac, vl: "us" }] };

function lan(): ObservedStore {
  const store = emptyObserved();
  const facts = { flags: 1, mtu: 1_500, master: 0, mac: "" };
  [[2, "br-lan"] as const, [4, "eth1"] as const, [9, "wrt0"] as const].forEach(([index, name]) =>
    foldMessage(store, { type: "link", deleted: false, index, name, ...facts }),
  );
  foldFirewall(store, undefined);
  return store;
}

function see(store: ObservedStore, index: number, addr: string, bits: number): void {
  foldMessage(store, { type: "neighbour", deleted: false, index, addr, mac, state: bits });
}

function desire(
  config: RouterConfig,
  observed: Observed,
  states: readonly LocationState[] = [],
): Desired {
  return desireRouter(config, observed, states, 0);
}

function sourcesOf(desired: Desired): string[] {
  return desired.rules.filter((rule) => rule.priority === 13).map((rule) => rule.src);
}

const policy = suite("policy: single decisions");

policy("only live neighbours on the LAN side with a routable address give rules", () => {
  const store = lan();
  const states = { incomplete: 0x01, failed: 0x20, noarp: 0x40, none: 0 };
  Object.values(states).forEach((bits, at) => see(store, 2, `10.0.1.${at}`, bits));
  const live = [0x02, 0x04, 0x08, 0x10, 0x80];
  live.forEach((bits, at) => see(store, 2, `10.0.2.${at}`, bits));
  see(store, 2, "fe80::50", 0x02);
  see(store, 4, "203.0.113.50", 0x02);
  see(store, 9, "10.0.3.1", 0x02);
  see(store, 77, "10.0.4.1", 0x02);
  assert.deepStrictEqual(
    sourcesOf(desire(router(phone), store)),
    live.map((_, at) => `10.0.2.${at}/32`),
  );
});

policy("a device with very many addresses does not fill the rules", () => {
  const store = lan();
  for (let at = 0; at < 200; at++) see(store, 2, `fd00::${(at + 1).toString(16)}`, 0x02);
  assert.strictEqual(sourcesOf(desire(router(phone), store)).length, addressesPerMacMax);
});

policy("marks follow the mask and keep its neighbours' bits", () => {
  const config = router({ mark_mask: "0x03f80000" });
  const marks = [ownMark(config), locationMark(config, 1), locationMark(config, 126)];
  assert.deepStrictEqual(marks, [0x03f80000, 0x00080008, 0x03f00008]);
  assert.strictEqual(ourMask(config), 0x03f80008);
  const highest = router({ mark_mask: "0xfe000000" });
  assert.deepStrictEqual([ownMark(highest), ourMask(highest)], [0xfe000000, 0xfe000008]);
  const script = desire(highest, lan()).firewall?.script ?? "";
  assert.match(script, /meta mark & 0x01fffff7 \| 0x02000008/);
});

policy("the tunnel's MTU is the smallest offered, within what IPv6 needs", () => {
  const mtuOf = (config: RouterConfig, ...offers: number[]): number | undefined => {
    const states = offers.map((mtu, at) => state(`l${at}`, "up", { ...welcomeOf(1), mtu }));
    return desire(config, lan(), states).tun?.mtu;
  };
  assert.strictEqual(mtuOf(router()), 1_500);
  assert.strictEqual(mtuOf(router(), 1_450, 1_400), 1_400);
  assert.strictEqual(mtuOf(router(), 9_000, 600), 1_280);
  assert.strictEqual(mtuOf(router({ tun_mtu: 1_300 }), 1_400), 1_300);
});

policy("an address in force beats a remembered one", () => {
  const states = [state("us", "down", welcomeOf(7)), state("de", "up", welcomeOf(7))];
  const { entries } = desire(router(), lan(), states).forward;
  const slots = entries.filter(({ prefix }) => prefix === "10.64.0.7/32").map(({ slot }) => slot);
  assert.deepStrictEqual(slots, [2]);
});

policy("a family that a gateway does not carry keeps its placeholder", () => {
  const states = [state("us", "up", { ...welcomeOf(5), addr6: "" })];
  const { firewall, forward } = desire(router(), lan(), states);
  assert.strictEqual(firewall?.elements.get("snat6 0x01000000")?.value, "fdad:17::1");
  assert.ok(forward.entries.every(({ prefix }) => prefix !== ""));
});

policy("the mover's table is bounded", () => {
  const store = lan();
  // More than a configuration may name: what counts here is the bound of the table itself.
  const rules = Array.from({ length: 3_000 }, (_, at): Rule => {
    const match = { kind: "address", prefix: `10.7.${at >> 8}.${at & 255}/32` } as const;
    const target = { kind: "location", name: "us" } as const;
    return { match, target, whenDown: { kind: "block" } };
  });
  const config = { ...router({ no_iptables: 1 }), rules };
  assert.strictEqual(desire(config, store).forward.entries.length, 2_048);
});

policy("an uplink that takes router advertisements goes on taking them, before it forwards", () => {
  const key = "net/ipv6/conf/eth1/accept_ra";
  const wantedFor = (found: string): string | undefined => {
    const store = lan();
    foldSysctl(store, key, found);
    return desire(router(), store).sysctls.get(key);
  };
  assert.deepStrictEqual(["0", "1", "2", ""].map(wantedFor), ["0", "2", "2", ""]);
  const store = lan();
  foldSysctl(store, key, "1");
  const { sysctls } = desire(router(), store);
  const written = [...sysctls].filter(([, value]) => value !== "").map(([name]) => name);
  const order = written.filter((name) => name.startsWith("net/ipv6"));
  assert.deepStrictEqual(order, [key, "net/ipv6/conf/all/forwarding"]);
});

policy("a default route without a device is copied to nobody, and the copies still end", () => {
  const config = router({ default_gateway: 1 });
  const facts = { table: 254, oif: 0, gateway: "", metric: 0, protocol: 3, scope: 0, source: "" };
  // A next hop object's gateway is told without its interface; the others lead nowhere.
  const defaults = [{ kind: 1, gateway: "203.0.113.1" }, { kind: 6 }, { kind: 7 }, { kind: 8 }];
  for (const one of defaults) {
    const store = lan();
    const route = { ...facts, dst: "0.0.0.0/0", ...one };
    foldMessage(store, { type: "route", deleted: false, ...route });
    const { routes } = desire(config, store);
    const direct = routes.filter(({ table, dst }) => table === 48 && dst === "0.0.0.0/0");
    assert.deepStrictEqual(direct.map(({ kind, oif }) => [kind, oif]), [[7, ""]]);
    assert.ok(routes.every(({ kind, oif }) => kind !== 1 || oif !== ""));
  }
});

policy("another table than 47 holds everything, and its neighbours too", () => {
  const { routes, rules } = desire(router({ table: 100, default_gateway: 1 }), lan());
  const tables = new Set(routes.map(({ table }) => table));
  assert.deepStrictEqual([...tables].sort((a, b) => a - b), [100, 101, 254, 100_001]);
  assert.ok(rules.some(({ priority, table }) => priority === 10 && table === 100));
  assert.ok(!rules.some(({ table }) => table === 47));
});

policy.run();

const plans = suite("reconcile: single plans");

function whysOf(desired: Desired, observed: Observed): string[] {
  return planChanges(desired, observed).map(({ why }) => why);
}

plans("an unread firewall gets no operation, and no flow is forgotten because of it", () => {
  const store = lan();
  see(store, 2, "10.0.0.5", 0x02);
  foldMessage(store, { type: "nft_changed" });
  const kinds = planChanges(desire(router(phone), store), store).map(
    ({ operation }) => operation.kind,
  );
  assert.ok(!kinds.includes("firewall") && !kinds.includes("conntrack"));
  assert.ok(kinds.includes("rule"));
});

plans("what is not ours is left alone, wherever it lies", () => {
  const store = lan();
  const rule = { src: "", dst: "", iif: "", oif: "", fwmark: 0, fwmask: 0, table: 47, action: 1 };
  const foreign = { ...rule, type: "rule", deleted: false, family: 4, invert: false } as const;
  foldMessage(store, { ...foreign, priority: 50, protocol: 3, suppress: -1 });
  foldMessage(store, { ...foreign, priority: 300, protocol: 173, suppress: -1 });
  const route = { gateway: "", metric: 5, kind: 1, scope: 253, source: "", oif: 2 } as const;
  const dst = "10.9.0.0/16";
  foldMessage(store, { type: "route", deleted: false, table: 47, dst, protocol: 3, ...route });
  const removals = whysOf(desire(router(), store), store).filter((why) => why.startsWith("remove"));
  assert.deepStrictEqual(removals, []);
});

plans("settings that are unread, or whose interface is gone, are not written", () => {
  const store = lan();
  foldSysctl(store, "net/ipv4/conf/gone0/arp_ignore", "0");
  const empty = { ...desire(router(), store), routes: [], rules: [], firewall: undefined };
  const sysctls = new Map([
    ["net/ipv4/conf/gone0/arp_ignore", "2"],
    ["net/ipv4/conf/br-lan/arp_ignore", ""],
    ["net/ipv4/conf/eth1/rp_filter", "2"],
    ["net/ipv4/ip_forward", "1"],
  ]);
  foldSysctl(store, "net/ipv4/conf/eth1/rp_filter", "1");
  const written = whysOf({ ...empty, sysctls }, store).filter((why) => why.startsWith("set net"));
  assert.deepStrictEqual(written, ["set net/ipv4/conf/eth1/rp_filter to 2, was 1"]);
});

plans("another name of the TUN closes the old one before it opens the new one", () => {
  const store = lan();
  store.tun = "old0";
  const whys = whysOf(desire(router(), store), store);
  const at = (why: string): number => whys.indexOf(why);
  assert.ok(at("close old0") >= 0 && at("close old0") < at("open wrt0"));
});

plans("a changed route of the same place makes room first", () => {
  const store = lan();
  const facts = { gateway: "", metric: 1_000, kind: 1, scope: 253, source: "", protocol: 173 };
  const dst = "0.0.0.0/0";
  foldMessage(store, { type: "route", deleted: false, table: 47, dst, oif: 2, ...facts });
  const whys = whysOf(desire(router(), store), store);
  const removed = whys.indexOf("remove route 0.0.0.0/0 br-lan in table 47");
  const added = whys.indexOf("add route 0.0.0.0/0 wrt0 in table 47");
  assert.ok(removed >= 0 && removed < added);
});

plans("the order of the mover's table means nothing", () => {
  const store = lan();
  const desired = desire(router(), store);
  const entries = [...desired.forward.entries].reverse();
  const isPlanned = (): boolean => whysOf(desired, store).some((why) => why.startsWith("forward"));
  assert.ok(isPlanned());
  foldResult(store, { kind: "forward", forward: { ...desired.forward, entries } }, 0);
  assert.ok(!isPlanned());
});

plans.run();
