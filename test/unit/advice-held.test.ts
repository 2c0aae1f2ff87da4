/** What of a script's answers stays in force, and what people read of it. */
import assert from "node:assert";
import { suite } from "uvu";
import type { Advice } from "../../ts/model/advice.js";
import { adviceDevicesMax } from "../../ts/model/advice.js";
import type { HeldAdvice } from "../../ts/policy/advise.js";
import {
  adviseConfig,
  heldFromJson,
  heldToJson,
  holdAdvice,
  nothingHeld,
  overruled,
} from "../../ts/policy/advise.js";
import { devicesOf } from "../../ts/policy/device.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { explain } from "../../ts/render/explain.js";
import { emptyPeerQueue, takePeer } from "../../ts/tunnel/peers.js";
import { router, state } from "./support/configs.js";
import { lan, phone, tv } from "./support/devices.js";

const names = new Set(["us", "de", "fr"]);

function advice(extra: Partial<Advice> = {}): Advice {
  const empty = { bypass: undefined, peers: undefined, failed: [], failedMore: 0 };
  return { routes: undefined, ...empty, log: [], issues: [], ...extra };
}

const held = suite("advice: what is held");
const route = (mac: string, action: "via" | "direct" | "block", location = "") => {
  return { mac, action, location, whenDown: "block", why: "because" };
};
const both: HeldAdvice = {
  ...nothingHeld,
  routes: new Map([
    [tv, route(tv, "via", "us")],
    [phone, route(phone, "block")],
  ]),
};

held("without an answer the former one goes, unless it failed or was refused", () => {
  const asked = [{ mac: tv }, { mac: phone }];
  const empty = advice({ routes: new Map() });
  const keysOf = (next: Advice): string[] => [
    ...(holdAdvice(both, next, asked).routes?.keys() ?? []),
  ];
  assert.deepStrictEqual(keysOf(empty), []);
  const failure = { in: "route", kind: "throw", mac: tv, message: "", stack: "" } as const;
  assert.deepStrictEqual(keysOf({ ...empty, failed: [failure] }), [tv]);
  assert.deepStrictEqual(keysOf({ ...empty, failedMore: 3 }), [tv, phone]);
  const issue = { path: "routes[0].mac", value: "", expected: "" };
  assert.deepStrictEqual(keysOf({ ...empty, issues: [issue] }), [tv, phone]);
  assert.deepStrictEqual([...(holdAdvice(both, empty, []).routes?.keys() ?? [])], [tv, phone]);
  assert.strictEqual(holdAdvice(both, advice(), asked).routes, undefined);
});

held("a failed bypass or peer choice keeps the former one", () => {
  const before = { ...both, bypass: ["10.0.0.0/8"], peers: new Map([["us", ["a:1"]]]) };
  const failed = (name: string) => [{ in: name, kind: "throw", message: "", stack: "" } as const];
  const kept = holdAdvice(before, advice({ failed: failed("bypass") }), []);
  assert.deepStrictEqual(kept.bypass, before.bypass);
  assert.strictEqual(kept.peers.size, 0);
  const peers = holdAdvice(before, advice({ failed: failed("selectPeer") }), []).peers;
  assert.deepStrictEqual(peers.get("us"), ["a:1"]);
});

held("answers of many devices that left are forgotten, the oldest first", () => {
  let now = nothingHeld;
  for (let at = 0; at < 3; at++) {
    const macs = Array.from({ length: 500 }, (_, one) => {
      const tail = (at * 500 + one).toString(16).padStart(4, "0");
      return `02:00:00:00:${tail.slice(0, 2)}:${tail.slice(2)}`;
    });
    const routes = new Map(macs.map((mac) => [mac, route(mac, "block")] as const));
    now = holdAdvice(now, advice({ routes }), macs.map((mac) => ({ mac })));
  }
  assert.strictEqual(now.routes?.size, adviceDevicesMax);
  assert.ok(!now.routes.has("02:00:00:00:00:00") && now.routes.has("02:00:00:00:05:db"));
});

held("what is kept for another decider comes back, without reasons", () => {
  const full = { ...both, bypass: ["10.0.0.0/8"] };
  const content = JSON.parse(JSON.stringify(heldToJson(full))) as Record<string, unknown>;
  const back = heldFromJson(content, names);
  assert.deepStrictEqual(back?.bypass, full.bypass);
  assert.deepStrictEqual(back?.routes?.get(tv), { ...route(tv, "via", "us"), why: "" });
  assert.strictEqual(back?.routes?.get(phone)?.action, "block");
  assert.strictEqual(heldFromJson({}, names), undefined);
  const none = heldFromJson({ routes: [7, "x y z", `${tv} via mars block`], bypass: "x" }, names);
  assert.strictEqual(none?.routes?.size, 0);
  const silent = JSON.parse(JSON.stringify(heldToJson({ ...full, routes: undefined }))) as object;
  assert.strictEqual(heldFromJson(silent as Record<string, unknown>, names)?.routes, undefined);
});

held("a device that is sent direct in vain is named with its rule", () => {
  const config = router({
    protected_ip_addrs: [{ ip_addr: "fd00::/64", vl: "us" }],
    protected_mac_addrs: [{ mac_addr: phone, vl: "direct" }],
  });
  const routes = new Map([tv, phone].map((mac) => [mac, route(mac, "direct")] as const));
  const devices = [
    { mac: tv, addresses: ["10.0.0.3", "fd00::3"], iface: "br-lan" },
    { mac: phone, addresses: ["fd00::9"], iface: "br-lan" },
  ];
  const named = [`${tv} stays with the rule for address fd00::/64`];
  assert.deepStrictEqual(overruled(config, routes, devices), named);
  assert.deepStrictEqual(overruled(config, both.routes, devices), []);
});

held("who may not answer connections from outside may not where a script sends him", () => {
  const routes = new Map([tv, phone].map((mac) => [mac, route(mac, "via", "us")]));
  const sent = { ...both, routes };
  const shutOf = (rules: Record<string, unknown>): (string | undefined)[] =>
    adviseConfig(router(rules), sent, statesByName([]))
      .rules.filter(({ match, why }) => match.kind === "mac" && why === "because")
      .map(({ inbound }) => inbound);
  const byMac = { mac_addr: tv, vl: "de", inbound: "block" };
  assert.deepStrictEqual(shutOf({ protected_mac_addrs: [byMac] }), ["block", undefined]);
  const byIface = { iface: "br-lan", vl: "de", inbound: "block" };
  assert.deepStrictEqual(shutOf({ protected_ifaces: [byIface] }), ["block", "block"]);
  const open = { mac_addr: phone, vl: "de" };
  const some = { protected_mac_addrs: [open], protected_ifaces: [byIface] };
  assert.deepStrictEqual(shutOf(some), ["block", undefined]);
});

held("people read why", () => {
  const config = router({
    lan_ifnames: ["br-lan"],
    protected_ip_addrs: [{ ip_addr: "10.0.0.9", vl: "us" }],
  });
  const states = [state("us", "up"), state("de", "up")];
  const routes = new Map([
    [tv, { ...route(tv, "block"), why: "bed time" }],
    [phone, { ...route(phone, "direct"), why: "" }],
  ]);
  const effective = adviseConfig(config, { ...nothingHeld, routes }, statesByName(states));
  const shown = devicesOf(effective, lan(), states).map((one) => [one.rule, one.outcome]);
  assert.deepStrictEqual(shown, [
    ["policy: bed time", "blocked"],
    ["address 10.0.0.9/32", "tunnel"],
  ]);
  const reasons = (subject: string): readonly string[] => {
    const found = explain(effective, lan(), states, subject);
    return "reasons" in found ? found.reasons : [];
  };
  assert.ok(reasons(tv).some((one) => one.includes("script's answer, policy: bed time decides")));
  assert.ok(reasons(tv).some((one) => one.includes("lets nothing leave")));
  assert.ok(reasons(phone).some((one) => one.includes("rule for address 10.0.0.9/32 decides")));
});

held("a round of dials begins with the peers that the script prefers", () => {
  const order = (prefer: readonly number[]): number[] => {
    let queue = emptyPeerQueue;
    return Array.from({ length: 4 }, () => {
      const taken = takePeer(queue, 4, () => 0.5, prefer);
      queue = taken.queue;
      return taken.peer;
    });
  };
  assert.deepStrictEqual(order([2, 0, 9]).slice(0, 2), [2, 0]);
  assert.deepStrictEqual(order([3]).sort(), [0, 1, 2, 3]);
});

held.run();
