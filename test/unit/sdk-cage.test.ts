/**
 * Goal: a call to the cage is answered whatever the script does, and the same world gives the same
 * answer, whether it comes whole or as a difference. Method: calls as the decider makes them, with
 * scripts that behave and scripts that do not.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { notify, reconnect, redecide, via } from "../../runtime/policy-sdk/src/answers.js";
import { adopt, handle } from "../../runtime/policy-sdk/src/cage.js";
import * as cage from "../../runtime/policy-sdk/src/cage.js";
import * as face from "../../runtime/policy-sdk/src/index.js";
import { log, warn } from "../../runtime/policy-sdk/src/log.js";
import { balance, fastest, firstUp, sticky } from "../../runtime/policy-sdk/src/picks.js";
import { schedule } from "../../runtime/policy-sdk/src/schedule.js";
import type { PolicyFunctions, World } from "../../runtime/policy-sdk/src/types.js";
import type {
  DecideAnswer, EventAnswer, WireChange, WireDevice, WireEvent, WireWorld,
} from "../../runtime/policy-sdk/src/wire.js";
import { changeBetween, wireDevice, wireLocation, wireWorld } from "./support/policy-world.js";

function decide(world: WireWorld | WireChange = wireWorld()): DecideAnswer {
  return JSON.parse(handle(JSON.stringify({ call: "decide", world }))) as DecideAnswer;
}

function hear(event: WireEvent, world = wireWorld()): EventAnswer {
  return JSON.parse(handle(JSON.stringify({ call: "event", event, world }))) as EventAnswer;
}

/** What a script answers about the usual world. */
function ask(policy: object, world = wireWorld()): DecideAnswer {
  adopt(policy);
  return decide(world);
}

const calls = suite("sdk: calls");

calls("adopt says what the script has", () => {
  assert.equal(JSON.parse(adopt({ version: 7, route: () => undefined, bypass: () => [] })),
    { api: 1, version: 7, functions: ["route", "bypass"] });
  assert.throws(() => adopt(undefined), "export default: undefined, expected definePolicy({…})");
  assert.throws(() => adopt({ route: "x" }), 'policy: route is "x", expected a function');
});

calls("the cage has the names of adit:policy and two more", () => {
  assert.equal(Object.keys(cage).sort(), [...Object.keys(face), "adopt", "handle"].sort());
});

calls("functions that are absent have no key", () => {
  assert.equal(ask({}), { log: [] });
  assert.equal(ask({ bypass: () => ["10.0.0.0/8"] }), { bypass: ["10.0.0.0/8"], log: [] });
});

calls("routes carry what was answered", () => {
  const answers = [
    via("us"), via("us", { whenDown: "direct", why: 'a "b"\n' }), via("us", { whenDown: "us" }),
    via(firstUp("de", "us"), { whenDown: fastest("nl", "us") }), undefined,
    schedule({ "18:00-19:00": via("nl") }, via("us")),
    schedule({ "19:00-20:00": via("nl") }, via("us")),
    { action: "block", why: "w".repeat(200) },
  ];
  const devices = answers.map((_, i) => wireDevice(i));
  const { routes } = ask({ route: (device: { mac: string }) =>
    answers[Number.parseInt(device.mac.slice(-2), 16)] }, wireWorld({ devices }));
  assert.equal(routes?.map(({ mac, ...rest }) => [Number.parseInt(mac.slice(-2), 16), rest]), [
    [0, { action: "via", location: "us" }],
    [1, { action: "via", location: "us", when_down: "direct", why: 'a "b"\n' }],
    [2, { action: "via", location: "us" }],
    [3, { action: "via", location: "de", when_down: "nl", why: "firstUp of de, us" }],
    [5, { action: "via", location: "nl", why: "18:00-19:00" }],
    [6, { action: "via", location: "us" }],
    [7, { action: "block", why: "w".repeat(128) }],
  ]);
});

calls("a name that does not exist is passed over in a choice, and said once", () => {
  const answer = ask({ route: () => via(firstUp("mars", "de")) });
  assert.equal(answer.routes?.map(({ location }) => location), ["de", "de", "de"]);
  assert.equal(answer.log, [
    { level: "warn", text: "a choice names mars, which is no location here" },
  ]);
});

calls("peers are put in order, and only those that exist", () => {
  const [first, second] = wireLocation("us").peers as [string, string];
  const answer = ask({
    selectPeer: (location: { name: string }, peers: readonly string[]) => ({
      us: second, de: [...peers].reverse(), nl: undefined,
    })[location.name],
  });
  assert.equal(answer.peers, {
    us: [second], de: wireLocation("de").peers.reverse(),
  });
  const wrong = ask({ selectPeer: () => ["mars:443"] });
  assert.equal(wrong.peers, {});
  assert.is(wrong.failed?.length, 3);
  assert.match(wrong.failed?.[0]?.message ?? "", `expected one of ${first}, ${second}`);
});

calls("a location without peers is not asked about", () => {
  const locations = [wireLocation("us", { peers: [] }), wireLocation("de", { peers: ["a:1"] })];
  const asked: string[] = [];
  ask({ selectPeer: ({ name }: { name: string }) => void asked.push(name) },
    wireWorld({ locations }));
  assert.equal(asked, ["de"]);
});

calls.run();

const faults = suite("sdk: scripts that fail");

faults("cost only their own device", () => {
  const answer = ask({
    route({ mac }: { mac: string }) {
      if (mac.endsWith("02")) throw new RangeError("two");
      return via("us");
    },
  });
  assert.equal(answer.routes?.map(({ mac }) => mac.slice(-2)), ["01", "03"]);
  const [failure] = answer.failed ?? [];
  assert.equal({ ...failure, stack: "" }, {
    in: "route", mac: "02:00:00:00:00:02", kind: "throw", message: "RangeError: two", stack: "",
  });
  assert.match(failure?.stack ?? "", "route");
});

const RUBBISH: readonly (readonly [unknown, string])[] = [
  [7, "route: 7, expected via"],
  [null, "route: null, expected"],
  ["us", 'route: "us", expected'],
  [{}, "route: an object, expected"],
  [{ action: "fly" }, "route: an object, expected"],
  [Promise.resolve(), "route: an object, expected"],
  [{ action: "via" }, "via: undefined, expected the name of a location"],
  [{ action: "via", location: "mars" }, 'via: "mars", expected one of us, de, nl'],
  [{ action: "via", location: ["us"] }, "via: an array, expected"],
  [{ action: "via", location: "us", whenDown: 1 }, "whenDown: 1, expected"],
  [{ action: "via", location: "us", whenDown: "mars" }, 'whenDown: "mars", expected one of'],
  [{ action: "block", why: {} }, "why: an object, expected a text"],
  [{ action: "via", location: { pick: "best", of: ["us"] } }, ""],
  [{ action: "via", location: { pick: "firstUp", of: [7] } }, ""],
  [{ action: "schedule" }, ""],
  [{ action: "schedule", times: [{ span: "never", route: via("us") }] }, "span: "],
  [{ get action() { throw new Error("got you"); } }, "Error: got you"],
];

for (const [answer, message] of RUBBISH) {
  faults(`rubbish is named: ${message || JSON.stringify(answer)}`, () => {
    const { routes, failed } = ask({ route: () => answer });
    assert.equal(routes, []);
    assert.is(failed?.length, 3);
    assert.is(failed?.[0]?.kind, "rubbish");
    assert.is(failed?.[0]?.stack, "");
    assert.ok(failed?.[0]?.message.includes(message), failed?.[0]?.message);
  });
}

faults("may throw anything", () => {
  const hostile = { get message() { throw new Error("again"); } };
  const evil = Object.assign(new Error("x"), { stack: "s".repeat(9000), message: "m".repeat(900) });
  const thrown = [7, undefined, null, "text", hostile, Object.create(null), Symbol("s"), evil];
  const devices = thrown.map((_, i) => wireDevice(i));
  const { failed } = ask({ route({ mac }: { mac: string }) {
    throw thrown[Number.parseInt(mac.slice(-2), 16)];
  } }, wireWorld({ devices }));
  assert.is(failed?.length, thrown.length);
  assert.is(failed?.[0]?.message, "threw 7");
  for (const failure of failed ?? []) {
    assert.ok(failure.message.length > 0 && failure.message.length <= 512);
    assert.ok(failure.stack.length <= 2048);
  }
});

faults("may answer anything, also what looks like an answer", () => {
  const anything = fc.anything({
    withBigInt: true, withMap: true, withNullPrototype: true, withSet: true,
    withSparseArray: true, withTypedArray: true, withBoxedValues: true,
  });
  const where = fc.oneof(anything, fc.constantFrom("us", "mars"), fc.record({
    pick: fc.oneof(anything, fc.constantFrom("firstUp", "fastest", "balance", "sticky")),
    of: fc.oneof(fc.array(fc.oneof(anything, fc.constant("us"))), anything),
    key: anything,
  }, { requiredKeys: [] }));
  const route = fc.record({
    action: fc.constantFrom("via", "direct", "block", "schedule"),
    location: where, whenDown: where, why: anything, times: anything, otherwise: anything,
  }, { requiredKeys: ["action"] });
  fc.assert(fc.property(fc.oneof(anything, route), (answer) => {
    const { routes = [], failed = [] } = ask({
      route: () => answer, bypass: () => answer, selectPeer: () => answer,
    });
    assert.is(routes.length + failed.filter((one) => one.in === "route").length,
      answer === undefined ? 0 : 3);
    for (const { location, when_down: down } of routes) {
      assert.ok(location === undefined || ["us", "de", "nl"].includes(location));
      assert.ok(down === undefined || ["us", "de", "nl", "block", "direct"].includes(down));
    }
  }), { numRuns: 1000 });
});

faults("of all devices are all listed, the first ones in full", () => {
  const devices = Array.from({ length: 1024 }, (_, i) => wireDevice(i));
  const { failed } = ask({ route() { throw new Error("no"); } }, wireWorld({ devices }));
  assert.is(failed?.length, 1024);
  assert.is(failed?.filter(({ message }) => message !== "").length, 32);
});

faults("in one function leave the others", () => {
  const answer = ask({
    route: () => via("us"),
    bypass() { throw new Error("b"); },
    selectPeer() { throw new Error("p"); },
  });
  assert.is(answer.routes?.length, 3);
  assert.is(answer.bypass, undefined);
  assert.equal(answer.peers, {});
  assert.equal(answer.failed?.map((failure) => failure.in),
    ["bypass", "selectPeer", "selectPeer", "selectPeer"]);
});

faults("with too much to bypass, or with what is no prefix, bypass nothing", () => {
  for (const [answer, message] of [
    ["10.0.0.0/8", 'bypass: "10.0.0.0/8", expected an array'],
    [["10.0.0.0/8", 7], "prefix: 7, expected"],
    [["10.0.0.0/40"], 'prefix: "10.0.0.0/40", expected'],
    [Array(257).fill("10.0.0.0/8"), "bypass: length: 257, expected at most 256"],
  ] as const) {
    const { bypass, failed } = ask({ bypass: () => answer });
    assert.is(bypass, undefined);
    assert.ok(failed?.[0]?.message.includes(message), failed?.[0]?.message);
  }
});

faults("are bounded in what they log", () => {
  const { log: lines } = ask({ route() {
    for (let i = 0; i < 40; i += 1) log("x".repeat(1000));
  } });
  assert.is(lines.length, 32);
  assert.is(lines[0]?.text.length, 256);
  assert.equal(lines[31], { level: "warn", text: "89 lines of log left out" });
  const quiet = ask({ route: () => void warn(7 as never) });
  assert.equal(quiet.log[0], { level: "warn", text: "7" });
});

faults.run();

const events = suite("sdk: events");

events("reach the script with their device", () => {
  const heard: unknown[] = [];
  adopt({ onEvent: (event: object) => void heard.push(event) });
  const world = wireWorld();
  hear({ type: "started" });
  hear({ type: "joined", mac: world.devices[0]?.mac ?? "" });
  hear({ type: "left", mac: "02:00:00:00:00:99" });
  hear({ type: "location", location: "us", state: "down", was: "up" });
  assert.is((heard[1] as { device: { name: string } }).device.name, "device-1");
  assert.is((heard[2] as { device: undefined }).device, undefined);
  assert.equal(heard[3], { type: "location", location: "us", state: "down", was: "up" });
  for (const event of heard) assert.ok(Object.isFrozen(event));
});

events("give effects, one or several", () => {
  adopt({ onEvent: () => [notify("n".repeat(300)), reconnect("us"), redecide(60)] });
  assert.equal(hear({ type: "started" }).effects, [
    { effect: "notify", text: "n".repeat(256) },
    { effect: "reconnect", location: "us" },
    { effect: "redecide", after_s: 60 },
  ]);
  adopt({ onEvent: () => redecide(5) });
  assert.equal(hear({ type: "started" }).effects, [{ effect: "redecide", after_s: 5 }]);
  adopt({});
  assert.equal(hear({ type: "started" }), { effects: [], log: [] });
});

events("with rubbish for an answer have no effect", () => {
  for (const answer of [7, {}, [null], reconnect("mars"), { effect: "redecide", afterS: -1 },
    { effect: "notify" }, Array(17).fill(redecide(1))]) {
    adopt({ onEvent: () => answer });
    const { effects, failed } = hear({ type: "started" });
    assert.equal(effects, []);
    assert.is(failed?.[0]?.kind, "rubbish");
  }
  adopt({ onEvent() { throw new Error("no"); } });
  assert.is(hear({ type: "started" }).failed?.[0]?.kind, "throw");
});

events.run();

const worlds = suite("sdk: worlds");

/** The world as a script sees it. */
function viewOf(wire: WireWorld | WireChange): World {
  let seen: World | undefined;
  const policy: PolicyFunctions = {
    bypass(world) {
      seen = world;
      return [];
    },
  };
  adopt(policy);
  decide(wire);
  return seen as unknown as World;
}

function assertFrozen(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  assert.ok(Object.isFrozen(value));
  for (const inner of Object.values(value)) assertFrozen(inner);
}

worlds("are frozen to the bottom, and in camel case", () => {
  const wire = wireWorld({
    vars: { kids: [{ mac: "x" }] },
    locations: [wireLocation("us", { rtt_ms: 5, loss: 0, load: 0.5 })],
  });
  const world = viewOf(wire);
  assertFrozen(world);
  assert.equal(world.devices[0], {
    mac: "02:00:00:00:00:01", addresses: ["192.168.1.1", "fd00:1::1"], iface: "br-lan",
    sinceS: 1_772_400_000, name: "device-1",
  });
  assert.equal({ ...world.locations[0], peers: [] }, {
    name: "us", type: "tls", state: "up", sinceS: 1_772_400_000, txBps: 0, rxBps: 0, peers: [],
    rttMs: 5, loss: 0, load: 0.5,
  });
  assert.is(world.now.unixS, wire.now.unix_s);
  assert.is(world.now.utcOffsetMin, 60);
  assert.equal(world.vars, { kids: [{ mac: "x" }] });
});

worlds("answer questions", () => {
  const locations = [wireLocation("us", { rtt_ms: 9 }), wireLocation("de", { rtt_ms: 3 })];
  const world = viewOf(wireWorld({ locations }));
  assert.is(world.device("02-00-00-00-00-02")?.name, "device-2");
  assert.is(world.device("02:00:00:00:00:77"), undefined);
  assert.is(world.location("de")?.name, "de");
  assert.is(world.location("toString"), undefined);
  assert.is(world.fastest("us", "de"), "de");
  assert.is(world.firstUp("us", "de"), "us");
  assert.is(world.leastLoaded("us", "de"), "us");
  assert.is(world.ageS({ sinceS: world.now.unixS - 5 }), 5);
  assert.is(world.ageS({ sinceS: world.now.unixS + 5 }), 0);
});

worlds("keep the objects of devices that did not change", () => {
  const seen: World[] = [];
  adopt({ bypass(world: World) { seen.push(world); return []; } });
  const devices = wireWorld().devices.map((device, i) =>
    (i === 1 ? { ...device, name: "other" } : device));
  for (const world of [wireWorld(), wireWorld({ devices }), wireWorld({ devices })]) decide(world);
  assert.is(seen[1]?.devices[0], seen[0]?.devices[0]);
  assert.is.not(seen[1]?.devices[1], seen[0]?.devices[1]);
  assert.is(seen[2]?.devices, seen[1]?.devices);
});

const aDevice = fc.record({
  index: fc.integer({ min: 0, max: 12 }),
  via: fc.constantFrom(undefined, "us", "de"),
  name: fc.constantFrom(undefined, "tv", "phone"),
  addresses: fc.subarray(["192.168.1.2", "fd00::1", "fe80::1"]),
}).map(({ index, via: through, name, addresses }) => {
  const { name: _unused, ...device } = wireDevice(index, { addresses });
  return { ...device, ...(through && { via: through }), ...(name && { name }) } as WireDevice;
});

const byMac = (devices: readonly WireDevice[]): WireDevice[] =>
  [...new Map(devices.map((device) => [device.mac, device])).values()]
    .sort((a, b) => (a.mac < b.mac ? -1 : 1));

worlds("as differences give what whole ones give", () => {
  const policy = {
    route: (device: { name?: string; addresses: readonly string[] }, world: World) =>
      (device.name === "tv" ? via(sticky(fastest("us", "de")))
        : via(balance(device as never, "us", "de", "nl"), {
          whenDown: "direct",
          why: `${device.addresses.join()} ${world.devices.map((one) => one.mac).join()}`,
        })),
  };
  const history = fc.array(fc.array(aDevice).map(byMac), { minLength: 2, maxLength: 6 });
  fc.assert(fc.property(history, (all) => {
    const sequence = all.map((devices) => wireWorld({ devices }));
    const whole = sequence.map((world) => JSON.stringify(ask(policy, world)));
    adopt(policy);
    const parts = sequence.map((world, i) => {
      const old = sequence[i - 1];
      return JSON.stringify(decide(old === undefined ? world : changeBetween(old, world)));
    });
    assert.equal(parts, whole);
  }), { numRuns: 200 });
});

worlds.run();
