/**
 * Goal: in the engine of a router, with a cage's memory, a script finds the interface and nothing
 * else, and gets the same answers as here. Method: the shipped module in QuickJS; scripts that look
 * for what must not be there; one policy in both engines.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { adopt, handle } from "../../runtime/policy-sdk/src/cage.js";
import {
  balance, block, byName, definePolicy, direct, during, fastest, firstUp, inPrefix, leastLoaded,
  schedule, sticky, vendor, via,
} from "../../runtime/policy-sdk/src/index.js";
import type { DecideAnswer } from "../../runtime/policy-sdk/src/wire.js";
import { openPolicyEngine } from "./support/policy-engine.js";
import { wireDevice, wireLocation, wireTime, wireWorld } from "./support/policy-world.js";

const IMPORTS = `import { balance, block, byName, definePolicy, direct, during, fastest, firstUp,
  inPrefix, leastLoaded, log, schedule, sticky, vendor, via } from "adit:policy";\n`;

/** What an expression is in a cage, as text. */
async function evaluate(expression: string): Promise<string> {
  const engine = await openPolicyEngine();
  try {
    engine.load(`${IMPORTS} const f = () => { try { return String(${expression}); }
      catch (error) { return "threw " + error; } };
      export default definePolicy({ route: () => log(f()) });`);
    const answer = engine.call({ call: "decide", world: wireWorld() }) as DecideAnswer;
    return answer.log[0]?.text ?? "";
  } finally {
    engine.close();
  }
}

const realm = suite("sdk: the realm of a script");

for (const name of ["Date", "eval", "Function", "Proxy", "WeakRef", "FinalizationRegistry",
  "Atomics", "SharedArrayBuffer", "Math.random", "performance"]) {
  realm(`has no ${name}`, async () => {
    assert.is(await evaluate(`typeof ${name}`), "undefined");
  });
}

const MAKERS = ["() => 0", "async () => 0", "function* () {}", "async function* () {}",
  "class {}", "definePolicy", "[].map"];

for (const maker of MAKERS) {
  realm(`makes no code from text by the constructor of ${maker}`, async () => {
    const text = await evaluate(`typeof (${maker}).constructor("return 7")`);
    assert.is.not(text, "function");
  });
}

for (const change of ["Object.prototype.x = 1", "Array.prototype.map = 1", "JSON.parse = 1",
  "delete Map.prototype.get", "Object.getPrototypeOf([][Symbol.iterator]()).next = 1",
  "globalThis.x = 1", "String.prototype.slice = 1", "Object.getPrototypeOf(() => 0).call = 1",
  "Object.getPrototypeOf(function* () {}).x = 1", "Error.prototype.name = 1",
  "Object.prototype.toString = 1", "Object.setPrototypeOf(Array.prototype, null)",
  "via.x = 1", "Promise.prototype.then = 1", "Symbol.prototype.x = 1",
  "(async () => 0)().__proto__.x = 1", "Object.defineProperty(Object.prototype, 'get', {})"]) {
  realm(`cannot be changed: ${change}`, async () => {
    assert.match(await evaluate(`(() => { ${change}; return "done"; })()`), "threw TypeError");
  });
}

realm("lets a script name its own things as the language does", async () => {
  assert.is(await evaluate('(() => { const e = new Error("a"); e.name = "Mine"; return e; })()'),
    "Mine: a");
  assert.is(await evaluate(`(() => { const o = {}; o.toString = () => "o"; o.constructor = 1;
    return o + o.constructor; })()`), "o1");
  assert.is(await evaluate(`new (class extends TypeError {
    constructor() { super("b"); this.name = "Own"; } })()`), "Own: b");
});

realm.run();

/** The same source runs here and, as text, in the engine. */
const policy = definePolicy({
  version: 3,
  route(device, world) {
    if (device.iface === "br-guest") return via("de", { whenDown: firstUp("us", "nl") });
    if (byName(device, "tv-*", "*-2?")) return via(sticky(fastest("us", "de", "nl")));
    if (inPrefix(device, "192.168.2.0/23", "fd00:2::/32")) return direct({ why: "near" });
    if (vendor(device, "b8:27:eb")) return via(leastLoaded("nl", "us", "de"));
    if (during(world.now, "fri-mon 22:00-06:30")) return block();
    return schedule({ "weekdays 08:00-18:00": via(balance(device, "us", "de", "de", "nl")) },
      via(balance(device.iface, "us", "nl")));
  },
  selectPeer: (_location, peers) => [...peers].reverse(),
  bypass: () => ["10.0.0.0/8"],
});

function sourceOf(): string {
  const { route, selectPeer, bypass } = policy;
  const functions = [route, selectPeer, bypass].map(String);
  return `${IMPORTS} export default definePolicy({ version: 3, ${functions[0]},
    selectPeer: ${functions[1]}, bypass: ${functions[2]} });`;
}

const state = fc.constantFrom("up", "connecting", "idle", "down");
const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
const aLocation = (name: string) => fc.record({
  state, rtt_ms: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }), load: share,
  tx_bps: fc.integer({ min: 0, max: 3 }), rx_bps: fc.constant(0),
}).map((part) => wireLocation(name, JSON.parse(JSON.stringify(part)) as object));

const aWorld = fc.record({
  now: fc.record({
    weekday: fc.integer({ min: 1, max: 7 }), hour: fc.integer({ min: 0, max: 23 }),
  }).map(wireTime),
  locations: fc.tuple(aLocation("us"), aLocation("de"), aLocation("nl")),
  devices: fc.array(fc.record({
    iface: fc.constantFrom("br-lan", "br-guest"),
    name: fc.constantFrom("tv-1", "phone-22", "laptop"),
    mac: fc.constantFrom("b8:27:eb:00:00:", "02:00:00:00:00:"),
    via: fc.constantFrom("us", "de", "nl"),
  }), { maxLength: 12 }).map((parts) => parts.map((part, i) =>
    wireDevice(i << 7, { ...part, mac: part.mac + (16 + i).toString(16) }))),
}).map((part) => wireWorld(part));

const engines = suite("sdk: two engines");

engines("give the same answers, byte by byte", async () => {
  const engine = await openPolicyEngine();
  assert.equal(engine.load(sourceOf()), JSON.parse(adopt(policy)));
  fc.assert(fc.property(aWorld, (world) => {
    const call = { call: "decide", world };
    assert.is(JSON.stringify(engine.call(call)), handle(JSON.stringify(call)));
  }), { numRuns: 300 });
  engine.close();
});

engines("a large network fits into two megabytes", async () => {
  const engine = await openPolicyEngine(2 << 20);
  engine.load(sourceOf());
  const devices = Array.from({ length: 1000 }, (_, i) => wireDevice(i));
  const answer = engine.call({ call: "decide", world: wireWorld({ devices }) }) as DecideAnswer;
  assert.is(answer.routes?.length, 1000);
  engine.close();
});

engines.run();
