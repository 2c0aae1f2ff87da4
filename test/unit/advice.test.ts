/** Single facts about policy scripts: the world that they see, their answers, what is kept. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { Advice, ScriptEvent, World } from "../../ts/model/advice.js";
import { adviceDevicesMax, bypassMax } from "../../ts/model/advice.js";
import * as ours from "../../ts/model/advice.js";
import type { HeldAdvice } from "../../ts/policy/advise.js";
import {
  adviseConfig,
  heldFromJson,
  heldToJson,
  holdAdvice,
  nothingHeld,
} from "../../ts/policy/advise.js";
import { readAdvice, readReaction } from "../../ts/policy/advice.js";
import { devicesOf } from "../../ts/policy/device.js";
import { parseLeases } from "../../ts/policy/leases.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { eventsBetween, worldKey, worldOf } from "../../ts/policy/world.js";
import type { WorldInput } from "../../ts/policy/world.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldMessage } from "../../ts/reconcile/fold.js";
import { explain } from "../../ts/render/explain.js";
import { emptyPeerQueue, takePeer } from "../../ts/tunnel/peers.js";
import * as theirs from "../../runtime/policy-sdk/src/limits.js";
import type { DecideAnswer, WireEvent, WireWorld } from "../../runtime/policy-sdk/src/wire.js";
import { router, state } from "./support/configs.js";

const names = new Set(["us", "de", "fr"]);
const tv = "02:00:00:00:00:01";
const phone = "02:00:00:00:00:02";

function lan(): ObservedStore {
  const store = emptyObserved();
  const link = { type: "link", deleted: false, flags: 1, mtu: 1_500, master: 0, mac: "" } as const;
  foldMessage(store, { ...link, index: 2, name: "br-lan" });
  foldMessage(store, { ...link, index: 4, name: "eth1" });
  const seen = [
    [phone, "10.0.0.9"],
    [tv, "10.0.0.30"],
    [tv, "10.0.0.3"],
    [tv, "fd00::3"],
  ] as const;
  for (const [mac, addr] of seen) {
    foldMessage(store, { type: "neighbour", deleted: false, index: 2, addr, mac, state: 2 });
  }
  return store;
}

function input(extra: Partial<WorldInput> = {}): WorldInput {
  return {
    config: router({ lan_ifnames: ["br-lan"], policy: { timezone: "CET-1", vars: { a: [1] } } }),
    observed: lan(),
    locations: [state("us", "up"), state("de", "down"), state("fr", "idle")],
    rates: new Map([["us", { txBps: 10, rxBps: 20 }]]),
    names: new Map([[tv, "tv"]]),
    seenMs: new Map([[tv, 4_000]]),
    carriers: new Set([4]),
    held: undefined,
    nowMs: 10_000,
    unixMs: 1_700_000_000_000,
    ...extra,
  };
}

function advice(extra: Partial<Advice> = {}): Advice {
  const empty = { bypass: undefined, peers: undefined, failed: [], failedMore: 0 };
  return { routes: undefined, ...empty, log: [], issues: [], ...extra };
}

/** Fails to compile where the copy of the wire types says something else than the SDK. */
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
const asWire = (world: Mutable<Omit<World, "vars">>): Omit<WireWorld, "vars"> => world;
const asOurs = (world: Omit<WireWorld, "vars">): Omit<World, "vars"> => world;
const eventAsWire = (event: ScriptEvent): WireEvent => event;
const eventAsOurs = (event: WireEvent): ScriptEvent => event;

const world = suite("advice: world");

world("types and limits are those of the SDK", () => {
  const { vars: _vars, ...rest } = worldOf(input());
  assert.strictEqual(asOurs(asWire(rest as Mutable<typeof rest>)), rest);
  const event: ScriptEvent = { type: "joined", mac: tv };
  assert.strictEqual(eventAsOurs(eventAsWire(event)), event);
  const pairs: readonly (readonly [number, number])[] = [
    [ours.adviceDevicesMax, theirs.devicesMax],
    [ours.bypassMax, theirs.bypassMax],
    [ours.adviceLogMax, theirs.logLinesMax],
    [ours.adviceLogMax, theirs.failuresMax],
    [ours.adviceTextMax, theirs.logCharsMax],
    [ours.adviceTextMax, theirs.notifyCharsMax],
    [ours.whyMax, theirs.whyCharsMax],
    [ours.effectsMax, theirs.effectsMax],
    [ours.redecideSecondsMax, theirs.redecideSecondsMax],
    [ours.messageMax, theirs.messageCharsMax],
    [ours.stackMax, theirs.stackCharsMax],
    [ours.scriptBytesMax, theirs.scriptBytesMax],
    [ours.worldBytesMax, theirs.worldBytesMax],
  ];
  for (const [left, right] of pairs) assert.strictEqual(left, right);
});

world("the same facts give the same bytes, in whatever order they came", () => {
  const turned = lan();
  const rows = [...turned.neighbours].reverse();
  turned.neighbours.clear();
  for (const [key, row] of rows) turned.neighbours.set(key, row);
  const text = JSON.stringify(worldOf(input()));
  assert.strictEqual(JSON.stringify(worldOf(input({ observed: turned }))), text);
});

world("devices, locations and uplink are what is known", () => {
  const { now, devices, locations, uplinks, vars } = worldOf(input());
  assert.strictEqual(now.unix_s, 1_699_999_980);
  assert.strictEqual(now.hour, 23);
  assert.deepStrictEqual(vars, { a: [1] });
  assert.deepStrictEqual(devices, [
    {
      mac: tv,
      addresses: ["10.0.0.3", "10.0.0.30", "fd00::3"],
      iface: "br-lan",
      name: "tv",
      since_s: 1_699_999_994,
    },
    { mac: phone, addresses: ["10.0.0.9"], iface: "br-lan", since_s: 1_700_000_000 },
  ]);
  const [us, de] = locations;
  assert.deepStrictEqual(us?.peers, ["198.51.100.10:443"]);
  assert.deepStrictEqual([us?.state, us?.rtt_ms, us?.tx_bps, us?.rx_bps], ["up", 12.4, 10, 20]);
  assert.deepStrictEqual([de?.state, de?.rtt_ms, de?.tx_bps], ["down", undefined, 0]);
  assert.deepStrictEqual(uplinks, [{ ifname: "eth1", up: true, addresses: [] }]);
});

world("a key changes with who is there and the minute, not with seconds or answers", () => {
  const key = worldKey(worldOf(input()));
  const held = holdAdvice(
    nothingHeld,
    readAdvice({ routes: [{ mac: tv, action: "via", location: "us" }] }, names) as Advice,
    [],
  );
  const later = worldOf(input({ unixMs: 1_700_000_010_000, nowMs: 20_000, held }));
  assert.strictEqual(later.devices[0]?.via, "us");
  assert.strictEqual(worldKey(later), key);
  assert.notStrictEqual(worldKey(worldOf(input({ unixMs: 1_700_000_040_000 }))), key);
  assert.notStrictEqual(worldKey(worldOf(input({ names: new Map() }))), key);
  const locations = [state("us", "down")];
  assert.notStrictEqual(worldKey(worldOf(input({ locations }))), key);
});

world("events are the differences", () => {
  const before = worldOf(input());
  const gone = lan();
  for (const [key, row] of gone.neighbours) if (row.mac === phone) gone.neighbours.delete(key);
  const locations = [state("us", "down"), state("de", "down"), state("fr", "idle")];
  const after = worldOf(input({ observed: gone, locations, carriers: new Set() }));
  assert.deepStrictEqual(eventsBetween(undefined, after), [{ type: "started" }]);
  assert.deepStrictEqual(eventsBetween(before, after), [
    { type: "left", mac: phone },
    { type: "location", location: "us", state: "down", was: "up" },
    { type: "uplink", ifname: "eth1", up: false },
  ]);
  assert.deepStrictEqual(eventsBetween(after, before)[0], { type: "joined", mac: phone });
});

world("names come from leases, hostile ones do not", () => {
  const lines = [
    `1700000000 ${tv} 10.0.0.3 tv-living.room 01:02`,
    `1700000000 ${phone.toUpperCase()} 10.0.0.9 * *`,
    "1700000000 02:00:00:00:00:03 10.0.0.4 <script>alert(1)</script> *",
    "1700000000 02:00:00:00:00:04 10.0.0.5 -x *",
    "1700000000 02:00:00:00:00:05 10.0.0.6 a\u2028b *",
    `1700000000 02:00:00:00:00:06 10.0.0.7 ${"n".repeat(64)} *`,
    "duid 00:01:00:01:2a",
    "1700000000 1234 fd00::3 tv 00:01",
    `x ${phone} 10.0.0.9 phone *`,
    "1700000000 02:00:00:00:00:07 10.0.0.8 __proto__ *",
  ];
  assert.deepStrictEqual(
    [...parseLeases(lines.join("\n"))],
    [
      [tv, "tv-living.room"],
      ["02:00:00:00:00:07", "__proto__"],
    ],
  );
  assert.strictEqual(parseLeases("\n".repeat(5_000) + lines[0]).size, 0);
});

world.run();

const answers = suite("advice: answers");

answers("a good answer is taken as it is", () => {
  const answer: DecideAnswer = {
    routes: [
      { mac: tv, action: "via", location: "us", when_down: "de", why: "films" },
      { mac: phone, action: "direct" },
    ],
    bypass: ["198.51.100.0/24", "fd00::/16", "192.0.2.1"],
    peers: { us: ["b:1", "a:1"] },
    log: [{ level: "warn", text: "low\u0007 battery" }],
  };
  const found = readAdvice(answer, names);
  assert.deepStrictEqual(found?.issues, []);
  assert.deepStrictEqual(found?.routes?.get(tv), {
    mac: tv,
    action: "via",
    location: "us",
    whenDown: "de",
    why: "films",
  });
  assert.strictEqual(found?.routes?.get(phone)?.whenDown, "block");
  assert.deepStrictEqual(found?.bypass, ["192.0.2.1/32", "198.51.100.0/24", "fd00::/16"]);
  assert.deepStrictEqual(found?.peers?.get("us"), ["b:1", "a:1"]);
  assert.deepStrictEqual(found?.log, [{ level: "warn", text: "low  battery" }]);
});

answers("a bad entry is an issue with its path, the others are taken", () => {
  const found = readAdvice(
    {
      routes: [
        { mac: "x", action: "direct" },
        { mac: tv, action: "via", location: "mars" },
        { mac: tv, action: "teleport" },
        { mac: tv, action: "via", location: "us", when_down: "us" },
        null,
        { mac: phone, action: "block" },
      ],
      bypass: ["0.0.0.0/0", "10.0.0.1/8", 7, "10.0.0.0/8", "11.0.0.0/32", "2000::/3"],
      peers: { mars: ["a:1"], us: "a:1" },
      log: "no list",
    },
    names,
  );
  assert.deepStrictEqual(
    found?.issues.map(({ path }) => path),
    [
      "routes[0].mac",
      "routes[1].location",
      "routes[2].action",
      "routes[3].when_down",
      "routes[4].mac",
      "bypass[0]",
      "bypass[1]",
      "bypass[2]",
      "bypass[4]",
      "bypass[5]",
      "peers.mars",
      "peers.us",
      "log",
    ],
  );
  assert.deepStrictEqual([...(found?.routes?.keys() ?? [])], [phone]);
  assert.deepStrictEqual(found?.bypass, ["10.0.0.0/8"]);
});

answers("bypass entries cover a /8 and a /16 in all", () => {
  const halves = ["10.0.0.0/9", "20.0.0.0/9", "30.0.0.0/9", "fd00::/17", "fe00::/17", "fc00::/17"];
  const found = readAdvice({ bypass: halves }, names);
  assert.deepStrictEqual(found?.bypass, ["10.0.0.0/9", "20.0.0.0/9", "fd00::/17", "fe00::/17"]);
  const many = Array.from({ length: 300 }, (_, at) => `10.0.${at & 255}.${at >> 8}`);
  assert.strictEqual(readAdvice({ bypass: many }, names)?.bypass?.length, bypassMax);
});

answers("any JSON at all is survived, and the bounds hold", () => {
  const keyed = fc.record(
    {
      routes: fc.oneof(fc.jsonValue(), fc.array(fc.oneof(fc.jsonValue(), fc.object()))),
      bypass: fc.jsonValue(),
      peers: fc.jsonValue(),
      effects: fc.jsonValue(),
      failed: fc.jsonValue(),
      log: fc.jsonValue(),
      failed_more: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(keyed, fc.jsonValue()), (value) => {
      const found = readAdvice(value, names);
      readReaction(value, names);
      if (found === undefined) return;
      assert.ok(found.issues.length <= 32);
      for (const issue of found.issues) assert.ok(issue.path !== "" && issue.value.length <= 80);
    }),
    { numRuns: 2_000, seed: 7 },
  );
});

answers("effects are checked one by one", () => {
  const found = readReaction(
    {
      effects: [
        { effect: "notify", text: "hello\nworld" },
        { effect: "reconnect", location: "us" },
        { effect: "reconnect", location: "mars" },
        { effect: "redecide", after_s: 60 },
        { effect: "redecide", after_s: -1 },
        { effect: "exec" },
      ],
      log: [],
    },
    names,
  );
  assert.deepStrictEqual(found?.effects, [
    { effect: "notify", text: "hello world" },
    { effect: "reconnect", location: "us" },
    { effect: "redecide", after_s: 60 },
  ]);
  assert.deepStrictEqual(
    found?.issues.map(({ path }) => path),
    ["effects[2].location", "effects[4].after_s", "effects[5].effect"],
  );
});

answers.run();

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
