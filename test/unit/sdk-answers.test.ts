/**
 * Goal: what a policy is written with means what its documentation says. Method: examples for each
 * rule, and for prefixes, spans and patterns a slow reference that is plainly right.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { block, direct, redecide, via } from "../../runtime/policy-sdk/src/answers.js";
import { byMac, byName, isRandomized, vendor } from "../../runtime/policy-sdk/src/device.js";
import { fastest } from "../../runtime/policy-sdk/src/picks.js";
import { definePolicy } from "../../runtime/policy-sdk/src/policy.js";
import { inPrefix } from "../../runtime/policy-sdk/src/prefix.js";
import { during, schedule } from "../../runtime/policy-sdk/src/schedule.js";
import type { Device, LocalTime } from "../../runtime/policy-sdk/src/types.js";

const device = (part: Partial<Device> = {}): Device => ({
  mac: "b8:27:eb:00:00:01", addresses: ["192.168.1.9", "fd00::9"], iface: "br-lan", sinceS: 0,
  ...part,
});

const answers = suite("sdk: answers");

answers("are frozen, and equal words give one object", () => {
  assert.is(via("us"), via("us"));
  assert.is(via(fastest("us", "de")), via(fastest("us", "de")));
  for (const answer of [via("us"), via(fastest("us")), via("us", { why: "x" }), direct(),
    block({ why: "x" }), schedule({ mon: block() }, direct())]) assert.ok(Object.isFrozen(answer));
});

answers("say what is wrong with them", () => {
  assert.throws(() => via(""), 'via: "", expected the name of a location, or a choice');
  assert.throws(() => via(7 as never), "via: 7, expected");
  assert.throws(() => via("us", { whenDown: {} as never }), "via: whenDown: an object, expected");
  assert.throws(() => block({ why: "" }), 'block: why: "", expected a text');
  assert.throws(() => fastest(), "fastest");
  assert.throws(() => redecide(0), "redecide: 0, expected whole seconds from 1 to 86400");
  assert.throws(() => schedule({ mon: "us" as never }, block()), 'schedule: mon: "us", expected');
});

answers("a policy is checked when it is made", () => {
  assert.throws(() => definePolicy(7 as never), "policy: 7, expected an object");
  assert.throws(() => definePolicy({ rout() {} } as never), 'policy: "rout", expected only route');
  assert.throws(() => definePolicy({ route: 7 } as never), "policy: route is 7, expected a func");
  assert.throws(() => definePolicy({ version: -1 }), "version: -1, expected 0 to 4294967295");
  assert.throws(() => definePolicy({ api: 2 }), "api: 2, expected at most 1 on this router");
  const policy = definePolicy({ route: () => direct() });
  assert.ok(Object.isFrozen(policy));
  assert.is(policy.version, 0);
});

answers.run();

const devices = suite("sdk: devices");

devices("are told by MAC and maker in any spelling", () => {
  assert.ok(byMac(device(), "AA:00:00:00:00:00", "B8-27-EB-00-00-01"));
  assert.ok(byMac(device(), "b827.eb00.0001"));
  assert.not(byMac(device(), "b8:27:eb:00:00:02"));
  assert.throws(() => byMac(device(), "b8:27:eb"), 'byMac: "b8:27:eb", expected a MAC');
  assert.ok(vendor(device(), "dc:a6:32", "B8-27-EB"));
  assert.ok(vendor(device(), "b827eb0"));
  assert.not(vendor(device(), "b8:27:eb:1"));
  assert.throws(() => vendor(device(), "raspberry"), 'MAC: "raspberry", expected up to 12');
});

devices("invent MACs with the bit for local administration", () => {
  for (let first = 0; first < 256; first += 1) {
    const mac = `${first.toString(16).padStart(2, "0")}:00:00:00:00:01`;
    assert.is(isRandomized(device({ mac })), (first & 2) === 2, mac);
  }
});

devices("without a name fit no pattern", () => {
  assert.not(byName(device(), "*"));
  assert.ok(byName(device({ name: "TV-Lounge" }), "x", "tv-*"));
});

devices("fit patterns as the slow reference says", () => {
  const part = fc.constantFrom("a", "b", "ab", "*", "?", "-", ".", "A");
  const text = fc.array(fc.constantFrom("a", "b", "-", ".", "A", "c")).map((all) => all.join(""));
  fc.assert(fc.property(fc.array(part).map((all) => all.join("")), text, (pattern, name) => {
    const escaped = pattern.replace(/[.-]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
    assert.is(byName(device({ name }), pattern), new RegExp(`^${escaped}$`, "i").test(name));
  }), { numRuns: 2000 });
});

devices.run();

const prefixes = suite("sdk: prefixes");

prefixes("hold addresses of their own kind", () => {
  assert.ok(inPrefix(device(), "192.168.1.0/24"));
  assert.ok(inPrefix(device(), "10.0.0.0/8", "fd00::/8"));
  assert.not(inPrefix(device(), "10.0.0.0/8", "fe80::/10"));
  assert.ok(inPrefix("10.1.2.3", "10.1.2.3"));
  assert.ok(inPrefix("10.1.2.3", "0.0.0.0/0"));
  assert.not(inPrefix("::ffff:10.1.2.3", "10.0.0.0/8"));
  assert.ok(inPrefix("::ffff:10.1.2.3", "::ffff:10.0.0.0/104"));
  assert.not(inPrefix(device({ addresses: [] }), "0.0.0.0/0", "::/0"));
});

prefixes("that are none are named", () => {
  for (const text of ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.256/8", "010.0.0.0/8", "10.0.0.0/",
    "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/1e0", "1 .0.0.0/8", "fd00::/129", "fd00:::/8",
    "1:2:3:4:5:6:7:8:9/8", "1:2:3:4:5:6:7::8:9", "fd00::g/8", "1::2::3", "1.2.3.4::/8",
    "12345::/8", "0x1::/16", "1:2:3:4:5:6:7/8", ": :/8", "fd00:+1::/16"]) {
    assert.throws(() => inPrefix("10.0.0.1", text), "prefix: ", text);
  }
  assert.throws(() => inPrefix("nowhere", "10.0.0.0/8"), 'inPrefix: "nowhere", expected');
});

const asNumber = (groups: readonly number[], bits: number): bigint =>
  groups.reduce((value, group) => value << BigInt(bits) | BigInt(group), 0n);

prefixes("hold IPv4 addresses as numbers do", () => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
  const near = fc.tuple(octets, fc.integer({ min: 0, max: 31 })).map(([base, bit]) =>
    [base, base.map((octet, i) => octet ^ (i === bit >> 3 ? 128 >> (bit & 7) : 0))] as const);
  fc.assert(fc.property(near, fc.integer({ min: 0, max: 32 }), ([a, b], length) => {
    const shift = BigInt(32 - length);
    const isIn = asNumber(a, 8) >> shift === asNumber(b, 8) >> shift;
    const prefix = `${b.join(".")}/${length}`;
    assert.is(inPrefix(a.join("."), prefix), isIn);
    assert.is(inPrefix(device({ addresses: ["fd00::9", a.join(".")] }), prefix), isIn, prefix);
  }), { numRuns: 2000 });
});

/** One of the ways to write an IPv6 address. */
function write6(groups: readonly number[], from: number, to: number, isLong: boolean): string {
  const words = groups.map((group) => group.toString(16).padStart(isLong ? 4 : 1, "0"));
  const isGap = from < to && groups.slice(from, to).every((group) => group === 0);
  if (!isGap) return words.join(":");
  return `${words.slice(0, from).join(":")}::${words.slice(to).join(":")}`;
}

prefixes("hold IPv6 addresses as numbers do, however they are written", () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  const at = fc.integer({ min: 0, max: 8 });
  const bit = fc.integer({ min: 0, max: 127 });
  const inputs = [groups, bit, fc.integer({ min: 0, max: 128 }), at, at, fc.boolean()] as const;
  fc.assert(fc.property(...inputs, (a, flip, length, from, to, isLong) => {
    const b = a.map((value, i) => value ^ (i === flip >> 4 ? 0x8000 >> (flip & 15) : 0));
    const shift = BigInt(128 - length);
    const isIn = asNumber(a, 16) >> shift === asNumber(b, 16) >> shift;
    const written = write6(a, from, to, isLong);
    assert.is(inPrefix(written, `${write6(b, 0, 0, false)}/${length}`), isIn, written);
  }), { numRuns: 2000 });
});

prefixes.run();

const spans = suite("sdk: spans of time");

const time = (weekday: number, hour: number, minute = 0): LocalTime => ({
  unixS: 0, year: 2026, month: 3, day: 2, weekday, hour, minute, utcOffsetMin: 60,
});

spans("over midnight belong to the day they begin on", () => {
  assert.ok(during(time(5, 22), "fri 22:00-06:00"));
  assert.ok(during(time(6, 5, 59), "fri 22:00-06:00"));
  assert.not(during(time(6, 6), "fri 22:00-06:00"));
  assert.not(during(time(5, 5), "fri 22:00-06:00"));
  assert.ok(during(time(1, 5), "sun 22:00-06:00"));
});

spans("name days by themselves, in groups and in ranges", () => {
  assert.ok(during(time(6, 12), "weekend"));
  assert.ok(during(time(1, 0), "Weekdays"));
  assert.ok(during(time(7, 12), "fri-mon"));
  assert.not(during(time(4, 12), "fri-mon"));
  assert.ok(during(time(3, 9), "mon,wed-thu 8:00-12:00,13:00-17:00"));
  assert.not(during(time(3, 12, 30), "mon,wed-thu 8:00-12:00,13:00-17:00"));
  assert.ok(during(time(3, 23, 59), "00:00-24:00"));
});

spans("follow the wall clock when it is changed", () => {
  // Clocks go from 01:59 to 03:00: what lies between does not happen, the rest begins at 03:00.
  const beforeAndAfter = [time(7, 1, 59), time(7, 3, 0)];
  assert.equal(beforeAndAfter.map((now) => during(now, "sun 02:15-02:45")), [false, false]);
  assert.equal(beforeAndAfter.map((now) => during(now, "sun 02:30-04:00")), [false, true]);
  assert.equal(beforeAndAfter.map((now) => during(now, "sun 01:00-02:30")), [true, false]);
  // In autumn the hour from 02:00 comes twice, with the same numbers: both times, the same answer.
  assert.equal([120, 60].map((utcOffsetMin) =>
    during({ ...time(7, 2, 20), utcOffsetMin }, "sun 02:15-02:45")), [true, true]);
});

spans("that are none are named", () => {
  for (const text of ["", " ", "monday", "mon-", "08:00", "08:00-08:00", "8-18", "24:00-06:00",
    "08:00-24:01", "mon tue", "08:00-18:00 mon", "mon 08:60-09:00", "mon 08:00-09:00-10:00",
    "mon 0x8:00-9:00", "mon,, 08:00-09:00", "1e1:00-11:00", "-08:00-09:00"]) {
    assert.throws(() => during(time(1, 9), text), "span: ", text);
  }
});

const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const weekMinutes = 7 * 1440;
const clock = (minute: number): string =>
  `${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, "0")}`;

/** Every minute of the week that a span covers, by walking along it. */
function minutesOf(days: readonly number[], times: readonly (readonly [number, number])[]) {
  const covered = new Set<number>();
  for (const day of days) {
    for (const [from, to] of times) {
      const length = to > from ? to - from : to + 1440 - from;
      for (let i = 0; i < length; i += 1) covered.add((day * 1440 + from + i) % weekMinutes);
    }
  }
  return covered;
}

spans("cover the minutes that the slow reference walks along", () => {
  const day = fc.integer({ min: 0, max: 6 });
  const minute = fc.integer({ min: 0, max: 1439 });
  const times = fc.array(fc.tuple(minute, minute).filter(([a, b]) => a !== b),
    { minLength: 1, maxLength: 3 });
  const days = fc.uniqueArray(day, { minLength: 1 });
  fc.assert(fc.property(days, times, (onDays, atTimes) => {
    const written = atTimes.map(([from, to]) => `${clock(from)}-${clock(to)}`).join(",");
    const span = `${onDays.map((one) => dayNames[one]).join(",")} ${written}`;
    const covered = minutesOf(onDays, atTimes);
    for (let at = 0; at < weekMinutes; at += 7) {
      const now = time(1 + Math.floor(at / 1440), Math.floor(at / 60) % 24, at % 60);
      assert.is(during(now, span), covered.has(at), `${span} at minute ${at}`);
    }
  }), { numRuns: 100 });
});

spans.run();
