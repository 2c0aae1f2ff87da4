/** Single facts about policy scripts: the world that they see, and what they may answer. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { Advice, ScriptEvent, World } from "../../ts/model/advice.js";
import { bypassMax } from "../../ts/model/advice.js";
import * as ours from "../../ts/model/advice.js";
import { holdAdvice, nothingHeld } from "../../ts/policy/advise.js";
import { readAdvice, readReaction } from "../../ts/policy/advice.js";
import { parseLeases } from "../../ts/policy/leases.js";
import { eventsBetween, isLoadMoved, worldKey, worldOf } from "../../ts/policy/world.js";
import type { WorldInput } from "../../ts/policy/world.js";
import * as theirs from "../../runtime/policy-sdk/src/limits.js";
import type { DecideAnswer, WireEvent, WireWorld } from "../../runtime/policy-sdk/src/wire.js";
import { locationJson, router, state } from "./support/configs.js";
import { lan, phone, tv } from "./support/devices.js";

const names = new Set(["us", "de", "fr"]);

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

function loaded(txBps: number, rxBps: number, loss?: number): World {
  const locations = [{ ...locationJson("us", 10), capacity_mbit: 50 }, locationJson("de", 20)];
  const rates = new Map([["us", { txBps, rxBps, loss }], ["de", { txBps, rxBps }]]);
  return worldOf(input({ config: router({ locations }), rates }));
}

world("load is what the busier direction takes of the capacity, where there is one", () => {
  for (const [txBps, rxBps, load] of [
    [0, 0, 0],
    [10_000_000, 1, 0.2],
    [1, 12_340_000, 0.25],
    [80_000_000, 0, 1],
  ] as const) {
    const [us, de] = loaded(txBps, rxBps).locations;
    assert.deepStrictEqual([us?.load, de?.load, us?.loss, de?.loss], [load, ...Array(3)]);
  }
  assert.strictEqual(loaded(0, 0, 0.012).locations[0]?.loss, 0.012);
});

world("a script is asked again for a tenth of load, not for less, for loss or for rates", () => {
  const before = loaded(10_000_000, 0, 0.01);
  for (const [txBps, isMoved] of [
    [10_000_000, false],
    [5_500_000, false],
    [14_500_000, false],
    [5_000_000, true],
    [15_000_000, true],
  ] as const) {
    const after = loaded(txBps, 7, 0.5);
    assert.strictEqual(worldKey(after), worldKey(before));
    assert.strictEqual(isLoadMoved(before, after), isMoved, `${txBps}`);
  }
  assert.ok(!isLoadMoved(undefined, worldOf(input())));
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

answers("no text of a script turns a terminal", () => {
  const stays = "\u00a0\u2010i\u200dj\u2065";
  const text = `a\u202eb\u2066c\u200fd\u061ce\u009b2J\u0085f\u2028g\u001bh${stays}`;
  const shown = `a b c d e 2J f g h${stays}`;
  const found = readAdvice({
    routes: [{ mac: tv, action: "block", why: text }, { mac: phone, action: text }],
    log: [{ level: "warn", text }],
    failed: [{ in: "route", mac: tv, kind: "throw", message: text, stack: text }],
  }, names);
  assert.strictEqual(found?.routes?.get(tv)?.why, shown);
  assert.strictEqual(found?.log[0]?.text, shown);
  assert.strictEqual(found?.failed[0]?.message, shown);
  assert.strictEqual(found?.failed[0]?.stack, shown);
  assert.ok(!/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/.test(JSON.stringify(found?.issues)));
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
