/**
 * adit-policy test and the household. Goal: uvu runs in the router's engine, a limit costs only the
 * test that hit it, and places are those of the user's files.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import {
  parseLocalTime, showLocalTime, wireTime,
} from "../../runtime/policy-sdk/tools/engine/calendar.js";
import { household } from "../../runtime/policy-sdk/tools/engine/household.js";
import { inFolder, runIn } from "./support/policy-tools.js";

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly files: readonly { readonly printed: string[]; readonly tests: readonly Told[] }[];
}

interface Told {
  readonly outcome: string;
  readonly suite: string;
  readonly name: string;
  readonly message?: string;
  readonly details?: string;
  readonly stack?: string;
}

async function runTests(text: string, ...args: string[]): Promise<[Report, Map<string, Told>]> {
  let report: Report | undefined;
  await inFolder({ "a.test.ts": text }, async (folder) => {
    const ended = await runIn(folder, "test", "--json", ...args);
    assert.is(ended.err, "");
    report = JSON.parse(ended.out) as Report;
    assert.is(ended.code, report.failed === 0 ? 0 : 1);
  });
  assert.ok(report);
  return [report, new Map(report.files[0]?.tests.map((test) => [test.name, test]))];
}

const HEAD = `import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decide, hear, household } from "adit-policy/testing";
import { definePolicy, direct, notify, via } from "adit:policy";
const test = suite("mine");
const home = () => household({ devices: { a: {}, b: {} }, locations: { us: "up", de: "up" } });
`;

const engine = suite("adit-policy test");

engine("reports what passes, fails and is left out", async () => {
  const [report, tests] = await runTests(`${HEAD}
test("good", () => assert.is(1 + 1, 2));
test("bad", () => {
  assert.equal({ here: 1 }, { here: 2 });
});
test.${"skip"}("left out", () => {});
test("waits", async () => { await undefined; console.log("said", { a: 1 }); });
test.run();
`);
  assert.equal([report.passed, report.failed, report.skipped], [2, 1, 1]);
  assert.equal(report.files[0]?.printed, ['said {"a":1}']);
  const bad = tests.get("bad");
  assert.is(bad?.suite, "mine");
  assert.match(bad?.details ?? "", /"here":·2/);
  assert.match(bad?.stack ?? "", "a.test.ts:10:");
});

engine("holds each test to a router's limits and goes on with the next", async () => {
  const [report, tests] = await runTests(`${HEAD}
const loop = definePolicy({ route() {
  for (;;);
} });
const deep = definePolicy({ route() {
  const down = (): number => 1 + down();
  return via(String(down()));
} });
const hungry = definePolicy({ route() {
  const all: string[] = [];
  for (;;) all.push("x".repeat(1000) + all.length);
} });
test("loop", () => { decide(loop, home()); });
test("deep", () => { decide(deep, home()); });
test("hungry", () => { decide(hungry, home()); });
test("after", () => assert.is(decide(definePolicy({ route: () => direct() }), home()).goes("a"),
  "direct"));
test.run();
`);
  assert.equal([report.passed, report.failed], [1, 3]);
  assert.match(tests.get("loop")?.message ?? "", /took more than 100 ms/);
  // An empty loop has no place of its own in the engine, only the function around it has.
  assert.match(tests.get("loop")?.stack ?? "", /at route \(a\.test\.ts:[89]:/);
  assert.match(tests.get("deep")?.message ?? "", /stack overflow/);
  assert.match(tests.get("deep")?.stack ?? "", /a\.test\.ts:12:\d+\) \(\d+ times\)/);
  assert.match(tests.get("hungry")?.message ?? "", /out of memory/);
  assert.is(tests.get("after")?.outcome, "passed");
});

engine("has what a cage has and no more", async () => {
  const [report, tests] = await runTests(`${HEAD}
const names = ["Date", "eval", "Function", "Proxy", "WeakRef", "Atomics", "performance"];
for (const name of names) {
  test(name, () => assert.is(typeof (globalThis as any)[name], "undefined"));
}
test("chance", () => assert.is(typeof Math.random, "undefined"));
test("frozen", () => assert.throws(() => { (Array.prototype as any).extra = 1; }));
test("same engine", () => assert.is(typeof [].toSorted, "function"));
test.run();
`);
  assert.equal([report.passed, report.failed], [10, 0], [...tests.values()].map((test) =>
    `${test.name} ${test.message ?? ""}`).join("\n"));
});

engine("plays a household: answers, reasons, outages, events", async () => {
  const [report, tests] = await runTests(`${HEAD}
const policy = definePolicy({
  route(device, world) {
    if (device.name === "b") throw new RangeError("no b");
    return via("us", { whenDown: "de", why: \`since \${world.now.hour}\` });
  },
  onEvent: (event) => (event.type === "location" ? notify(event.location) : undefined),
});
test("goes", () => {
  const here = household({ devices: { a: {} }, locations: { us: "up", de: "up" } });
  assert.is(decide(policy, here).why("a"), "since 18");
  assert.is(here.down("us").advance({ hours: 2 }).time, "2026-03-02 20:30");
  const decision = decide(policy, here);
  assert.equal([decision.where("a"), decision.goes("a")], ["us", "de"]);
  assert.is(decision.why("a"), "since 20");
  assert.is(decide(policy, here.down("de")).goes("a"), "block");
  assert.equal(hear(policy, here).effects.map((e) => "text" in e && e.text), ["us", "de"]);
  assert.equal(hear(policy, here).effects, []);
});
test("fails", () => { decide(policy, home()); });
test("keeps", () => {
  const decision = decide(policy, home(), { keepFailures: true });
  assert.equal([decision.goes("a"), decision.goes("b"), decision.failed.length], ["us", "none", 1]);
});
test.run();
`);
  assert.equal([report.passed, report.failed], [2, 1], tests.get("goes")?.message);
  assert.match(tests.get("fails")?.message ?? "", /route of 02:00:00:00:00:02: RangeError: no b/);
  assert.match(tests.get("fails")?.stack ?? "", "at route (a.test.ts:10:");
});

engine("tells of files that hold no test, no sense or no hook that works", async () => {
  for (const [text, message] of [
    [`${HEAD}test("never run", () => {});\n`, /no test ran/],
    ["import x from 'nowhere-at-all';\nx();\n", /nowhere-at-all/],
    ["import { a } from './b.ts';\n", /b\.ts/],
    ["const = 3;\n", /TS1/],
    ["throw new TypeError('at once');\n", /TypeError: at once/],
    ["import { test } from 'uvu';\nfor (;;);\ntest.run();\n", /ran too long/],
    [`${HEAD}test.before(() => { throw new Error("hook"); });\ntest("a", () => {});\ntest.run();\n`,
      /1 of 1 tests did not begin/],
  ] as const) {
    const [report] = await runTests(text);
    assert.is(report.failed, 1, text);
    assert.match(report.files[0]?.tests[0]?.message ?? "", message);
  }
});

engine.run();

const calendar = suite("household: calendar");

calendar("agrees with another calendar for four centuries", () => {
  fc.assert(fc.property(
    fc.integer({ min: -6_000_000_000, max: 8_000_000_000 }), fc.integer({ min: -840, max: 840 }),
    (unixS, offsetMin) => {
      const other = new Date((unixS + offsetMin * 60) * 1000);
      const time = wireTime(unixS, offsetMin);
      assert.equal(
        [time.year, time.month, time.day, time.hour, time.minute, time.weekday % 7],
        [other.getUTCFullYear(), other.getUTCMonth() + 1, other.getUTCDate(), other.getUTCHours(),
          other.getUTCMinutes(), other.getUTCDay()],
      );
      if (time.year >= 1000) {
        assert.is(parseLocalTime(showLocalTime(unixS, offsetMin), offsetMin), unixS);
      }
    },
  ));
});

calendar("refuses times that do not exist", () => {
  for (const text of ["2026-02-29 10:00", "2026-13-01 10:00", "2026-01-01 24:00", "10:00", "",
    "2026-01-00 10:00", "2026-01-01 10:60", "2026-01-01T10:00Z"]) {
    assert.throws(() => parseLocalTime(text, 0), /expected "2026-03-02 18:30"/, text);
  }
});

calendar("names who is not there", () => {
  const home = household({ devices: { a: {} }, locations: { us: "up" } });
  assert.throws(() => home.leave("b"), 'no device "b", expected one of a');
  assert.throws(() => home.down("x"), 'no location "x", expected one of us');
  assert.throws(() => home.join("a"), "already there");
  assert.throws(() => home.join("c", { mac: home.mac("a") }), 'is that of "a"');
  assert.throws(() => home.advance({ minutes: -1 }), "expected none or some");
});

calendar.run();
