/** Who is covered whole by a rule for an address, and who is not. */
import assert from "node:assert";
import { suite } from "uvu";
import { dumpConfig } from "../../ts/config/dump.js";
import { parseConfig } from "../../ts/config/parse.js";
import { addRule, parseRule } from "../../ts/config/rules.js";
import type { Rule } from "../../ts/model/config.js";
import { wholeDevicesMax } from "../../ts/model/limits.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { desireRouter } from "../../ts/policy/router.js";
import { coverWhole } from "../../ts/policy/whole.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldMessage } from "../../ts/reconcile/fold.js";
import { explain } from "../../ts/render/explain.js";
import { router, state, welcomeOf } from "./support/configs.js";

const mac = "02:00:00:00:00:50";
const other = "02:00:00:00:00:51";
const up = ["us", "de", "fr"].map((name, at) => state(name, "up", welcomeOf(at + 1)));

type Words = Parameters<typeof router>[0];

const tv = { protected_ip_addrs: [{ ip_addr: "10.0.0.7", vl: "us" }] };

function lan(...seen: readonly (readonly [addr: string, mac: string, index?: number])[]) {
  const store = emptyObserved();
  const facts = { flags: 1, mtu: 1_500, master: 0, mac: "" };
  for (const [index, name] of [[2, "br-lan"], [4, "eth1"], [5, "eth2"], [9, "wrt0"]] as const) {
    foldMessage(store, { type: "link", deleted: false, index, name, ...facts });
  }
  for (const [addr, owner, index] of seen) see(store, addr, owner, index);
  return store;
}

function see(store: ObservedStore, addr: string, owner: string, index = 2, bits = 0x02): void {
  const neighbour = { index, addr, mac: owner, state: bits };
  foldMessage(store, { type: "neighbour", deleted: false, ...neighbour });
}

function route(store: ObservedStore, dst: string, gateway: string, oif = 2): void {
  const facts = { table: 254, metric: 0, kind: 1, protocol: 4, source: "", scope: 0 };
  foldMessage(store, { type: "route", deleted: false, dst, gateway, oif, ...facts });
}

/** MACs that are covered, each with the way that it goes. */
function covered(config: Words, store: ObservedStore, states = up): string[] {
  const { rules } = coverWhole(router(config), store, statesByName(states));
  return rules.flatMap(({ match, target, wholeOf }) => {
    if (match.kind !== "mac" || wholeOf === undefined) return [];
    return `${match.mac} ${target.kind === "location" ? target.name : target.kind} by ${wholeOf}`;
  });
}

/** What decides for each known address of the MAC. */
function reasonsOf(config: Words, store: ObservedStore, subject: string): readonly string[] {
  const found = explain(router(config), store, up, subject);
  assert.ok("reasons" in found);
  return [found.outcome, found.location, ...found.reasons];
}

const test = suite("policy: devices that are covered whole");

test("who has an address of a rule is covered, in both layers and both families", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac], ["fd00::8", other]);
  assert.deepStrictEqual(covered(tv, store), [`${mac} us by 10.0.0.7/32`]);
  const { firewall, rules } = desireRouter(router(tv), store, up, 0);
  assert.strictEqual(firewall?.elements.get(`whole_0_mark ${mac}`)?.value, "goto loc_1");
  assert.strictEqual(firewall?.elements.get(`whole_0_guard ${mac}`)?.value, "goto guarded");
  const sources = rules.flatMap(({ priority, src, table }) =>
    priority === 14 ? `${src} ${table}` : [],
  );
  assert.deepStrictEqual(sources, ["fd00::7/128 47"]);
  const ipv6 = { protected_ip_addrs: [{ ip_addr: "fd00::/64", vl: "de" }] };
  assert.deepStrictEqual(covered(ipv6, store), [mac, other].map((one) => `${one} de by fd00::/64`));
});

test("the firewall's structure depends on the configuration alone", () => {
  const structureOf = (config: Words, store: ObservedStore): string | undefined =>
    desireRouter(router(config), store, up, 0).firewall?.structure;
  assert.strictEqual(structureOf(tv, lan()), structureOf(tv, lan(["10.0.0.7", mac])));
  assert.match(structureOf(tv, lan()) ?? "", /whole_0_guard/);
  const off = { ...tv, whole_device: 0 };
  assert.doesNotMatch(structureOf(off, lan(["10.0.0.7", mac])) ?? "", /whole_/);
});

test("the owner may say otherwise: for all rules, for one, by MAC, by another address", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac]);
  assert.deepStrictEqual(covered({ ...tv, whole_device: 0 }, store), []);
  const one = { ip_addr: "10.0.0.7", vl: "us" };
  const narrow = { protected_ip_addrs: [{ ...one, whole_device: 0 }] };
  assert.deepStrictEqual(covered(narrow, store), []);
  const wide = { whole_device: 0, protected_ip_addrs: [{ ...one, whole_device: 1 }] };
  assert.deepStrictEqual(covered(wide, store), [`${mac} us by 10.0.0.7/32`]);
  const byMac = { ...tv, protected_mac_addrs: [{ mac_addr: mac, vl: "direct" }] };
  assert.deepStrictEqual(covered(byMac, store), []);
  const named = { protected_ip_addrs: [one, { ip_addr: "fd00::7", vl: "direct" }] };
  assert.deepStrictEqual(reasonsOf(named, store, "fd00::7").slice(0, 2), ["direct", ""]);
});

test("what opens opens nothing else", () => {
  const store = lan(["10.0.0.7", mac], ["10.0.0.8", mac], ["fd00::7", mac]);
  const one = { ip_addr: "10.0.0.7", vl: "direct" };
  assert.deepStrictEqual(covered({ protected_ip_addrs: [one] }, store), []);
  const net = { ip_addr: "10.0.0.0/24", vl: "direct" };
  const config = { protected_ip_addrs: [net, { ...one, vl: "us" }] };
  // The rule for the one address comes before the wider one that opens.
  for (const address of ["10.0.0.8", "fd00::7"]) {
    assert.deepStrictEqual(reasonsOf(config, store, address).slice(0, 2), ["tunnel", "us"]);
  }
  // And an address that a longer prefix opens makes nobody a device of the wider rule.
  const opened = { protected_ip_addrs: [{ ...net, vl: "us" }, one] };
  assert.deepStrictEqual(covered(opened, lan(["10.0.0.7", mac], ["fd00::7", mac])), []);
});

test("a rule that leads past its tunnel while that is down opens nothing else meanwhile", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac]);
  const config = { protected_ip_addrs: [{ ip_addr: "10.0.0.7", vl: "us", when_down: "direct" }] };
  assert.deepStrictEqual(covered(config, store), [`${mac} us by 10.0.0.7/32`]);
  assert.deepStrictEqual(covered(config, store, [state("us", "down", welcomeOf(1))]), []);
});

test("of two rules of one device the longer prefix covers it, of equals the first", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac], ["fd00::99", mac]);
  const pair = [{ ip_addr: "fd00::7", vl: "de" }, { ip_addr: "10.0.0.7", vl: "us" }];
  const found = covered({ protected_ip_addrs: pair }, store);
  assert.deepStrictEqual(found, [`${mac} de by fd00::7/128`]);
  const turned = { protected_ip_addrs: [...pair].reverse() };
  assert.deepStrictEqual(covered(turned, store), [`${mac} us by 10.0.0.7/32`]);
  assert.deepStrictEqual(reasonsOf(turned, store, "fd00::7").slice(0, 2), ["tunnel", "de"]);
  const net = { ip_addr: "10.0.0.0/8", vl: "de" };
  const wide = { protected_ip_addrs: [net, ...turned.protected_ip_addrs] };
  assert.deepStrictEqual(covered(wide, store), [`${mac} us by 10.0.0.7/32`]);
});

test("a quiet device stays covered until its address is seen at another one", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac]);
  see(store, "10.0.0.7", "", 2, 0x20);
  assert.deepStrictEqual(covered(tv, store), [`${mac} us by 10.0.0.7/32`]);
  see(store, "10.0.0.7", other);
  assert.deepStrictEqual(covered(tv, store), [`${other} us by 10.0.0.7/32`]);
});

test("the next hop of a route stands for others, who are not covered by its address", () => {
  const all = { protected_ip_addrs: [{ ip_addr: "10.0.0.0/24", vl: "us" }] };
  const store = lan(["10.0.0.7", mac], ["10.0.0.8", other], ["fe80::7", mac]);
  route(store, "10.5.0.0/16", "10.0.0.7");
  assert.deepStrictEqual(covered(all, store), [`${other} us by 10.0.0.0/24`]);
  const reasons = reasonsOf(all, store, "10.0.0.7");
  assert.ok(reasons.some((line) => line.includes("next hop of a route")), reasons.join("\n"));
  const behind = lan(["10.0.0.7", mac], ["fe80::7", mac]);
  route(behind, "fd05::/64", "fe80::7");
  assert.deepStrictEqual(covered(all, behind), []);
});

test("who is on an uplink is nobody's device", () => {
  const all = { protected_ip_addrs: [{ ip_addr: "10.0.0.0/8", vl: "us" }] };
  const store = lan(["10.0.0.7", mac, 4], ["10.1.0.7", other, 5]);
  route(store, "0.0.0.0/0", "10.1.0.1", 5);
  assert.deepStrictEqual(covered(all, store), []);
});

test("so many devices and no more", () => {
  const store = lan();
  for (let at = 0; at < wholeDevicesMax + 5; at++) {
    const [high, low] = [at >> 8, at & 255];
    const tail = `${high.toString(16)}:${low.toString(16).padStart(2, "0")}`;
    see(store, `10.0.${high}.${low}`, `02:00:00:00:0${tail}`);
  }
  const all = { protected_ip_addrs: [{ ip_addr: "10.0.0.0/8", vl: "us" }] };
  assert.strictEqual(covered(all, store).length, wholeDevicesMax);
});

test("without a firewall the addresses that are known go the same way", () => {
  const config = { ...tv, no_iptables: 1 };
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac]);
  const { forward } = desireRouter(router(config), store, up, 0);
  const slots = new Map(forward.entries.map(({ prefix, slot }) => [prefix, slot]));
  assert.deepStrictEqual([slots.get("10.0.0.7/32"), slots.get("fd00::7/128")], [1, 1]);
});

test("an explanation says why", () => {
  const store = lan(["10.0.0.7", mac], ["fd00::7", mac]);
  const reasons = reasonsOf(tv, store, "fd00::7");
  const why = `The rule for address 10.0.0.7/32 decides, since ${mac} has an address of it`;
  assert.ok(reasons.some((line) => line.startsWith(why)), reasons.join("\n"));
});

test("the word of a rule is kept by a dump, and when the rule is moved", () => {
  const narrow = { ip_addr: "10.0.0.7", vl: "us", whole_device: 0 };
  const config = router({ protected_ip_addrs: [narrow] });
  assert.deepStrictEqual(parseConfig(dumpConfig(config)).config, config);
  const moved = addRule(config, parseRule("ip", "10.0.0.7", "de", undefined) as Rule);
  assert.deepStrictEqual([moved.rules[0]?.wholeDevice, moved.rules[0]?.target], [
    false,
    { kind: "location", name: "de" },
  ]);
});

test.run();
