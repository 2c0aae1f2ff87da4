/**
 * Goal: choices among locations are the documented ones, for every state of every location.
 * Method: examples for the order of preference, and properties: who moves when a location goes,
 * how evenly devices are spread, and that nothing but the arguments matters.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  balance, createScene, fastest, firstUp, leastLoaded, resolve, sticky,
} from "../../runtime/policy-sdk/src/picks.js";
import type {
  Device, Location, LocationState, Where,
} from "../../runtime/policy-sdk/src/types.js";

const location = (name: string, part: Partial<Location> = {}): Location => ({
  name, type: "tls", state: "up", sinceS: 0, txBps: 0, rxBps: 0, peers: [], ...part,
});

function choose(where: Where, locations: readonly Location[], device?: Partial<Device>): string {
  const scene = createScene((name) => locations.find((one) => one.name === name));
  return resolve(where, scene, device as Device | undefined);
}

const states = (...all: LocationState[]): Location[] =>
  all.map((state, i) => location("abcdef"[i] as string, { state }));

const picks = suite("sdk: choices");

picks("firstUp prefers up, then idle, then connecting, then down, each in order", () => {
  const first = firstUp("a", "b", "c");
  assert.is(choose(first, states("up", "up", "up")), "a");
  assert.is(choose(first, states("down", "idle", "up")), "c");
  assert.is(choose(first, states("connecting", "idle", "idle")), "b");
  assert.is(choose(first, states("down", "connecting", "down")), "b");
  assert.is(choose(first, states("down", "down", "down")), "a");
  assert.is(choose(firstUp("x", "b"), states("down", "down")), "b");
  assert.is(choose(firstUp("x", "y"), states("up")), "x");
});

picks("fastest takes the shortest round trip that is known, ties by order", () => {
  const all = [
    location("a", { rttMs: 30 }), location("b", { rttMs: 10 }), location("c", { rttMs: 10 }),
    location("d"), location("e", { rttMs: 1, state: "idle" }),
  ];
  assert.is(choose(fastest("a", "b", "c", "d", "e"), all), "b");
  assert.is(choose(fastest("c", "b"), all), "c");
  assert.is(choose(fastest("d", "a"), all), "a");
  assert.is(choose(fastest("d", "e"), all), "d");
  assert.is(choose(fastest("d"), all), "d");
  assert.is(choose(fastest("x", "d", "y"), all), "d");
});

picks("leastLoaded goes by load, then traffic, then order", () => {
  const all = [
    location("a", { load: 0.5 }), location("b", { load: 0.5, txBps: 9 }), location("c"),
    location("d", { txBps: 1 }), location("e", { rxBps: 2 }),
  ];
  assert.is(choose(leastLoaded("b", "a"), all), "a");
  assert.is(choose(leastLoaded("c", "b"), all), "b");
  assert.is(choose(leastLoaded("e", "d"), all), "d");
  assert.is(choose(leastLoaded("e", "d", "c"), all), "c");
});

picks("sticky stays while its place is up and among the names", () => {
  const all = [location("a", { rttMs: 1 }), location("b", { rttMs: 9 })];
  const stay = sticky(fastest("a", "b"));
  assert.is(choose(stay, all, { via: "b" }), "b");
  assert.is(choose(stay, all, {}), "a");
  assert.is(choose(stay, all, { via: "z" }), "a");
  assert.is(choose(stay, [location("a"), location("b", { state: "idle" })], { via: "b" }), "a");
  assert.is(choose(sticky(firstUp("a", fastest("b", "c"))), all, { via: "b" }), "b");
});

picks("choices nest", () => {
  const all = [location("a", { state: "down" }), location("b", { rttMs: 9 }),
    location("c", { rttMs: 2 })];
  assert.is(choose(firstUp("a", fastest("b", "c")), all), "c");
  assert.is(choose(firstUp(fastest("b", "c"), "a"), all), "c");
});

picks("are remembered by what they are made of, and forgotten when there are many", () => {
  assert.is(fastest("a", "b"), fastest("a", "b"));
  assert.is.not(fastest("a", "b"), firstUp("a", "b"));
  assert.is.not(fastest("a", "b"), fastest("b", "a"));
  assert.equal(balance("x", "a").of, ["a"]);
  for (let i = 0; i < 2000; i += 1) assert.equal(fastest(`n${i}`, "b").of, [`n${i}`, "b"]);
  assert.throws(() => fastest("a", ""), 'fastest: "", expected the name of a location');
  assert.throws(() => fastest("a", ""), 'fastest: "", expected the name of a location');
});

picks.run();

const spread = suite("sdk: balance");

const names = ["de", "nl", "fr", "us", "gb"];
const hex = (value: number): string => value.toString(16).padStart(2, "0");
const macs = Array.from({ length: 1000 }, (_, i) => `02:00:00:00:${hex(i >> 8)}:${hex(i & 255)}`);
const up = (all: readonly string[]): Location[] => names.map((name) =>
  location(name, { state: all.includes(name) ? "up" : "down" }));

spread("gives equal shares, also to devices that differ in a few bits", () => {
  const counts = new Map<string, number>();
  for (const mac of macs) {
    const name = choose(balance(mac, ...names), up(names));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const name of names) {
    const count = counts.get(name) ?? 0;
    // Five places for 1,000 devices: 200 each, with a standard deviation of 12.6.
    assert.ok(count > 150 && count < 250, `${name} has ${count} of 1000`);
  }
});

spread("gives a name that stands twice two shares", () => {
  const count = macs.filter((mac) =>
    choose(balance(mac, "de", "de", "nl"), up(names)) === "de").length;
  assert.ok(count > 610 && count < 720, `de has ${count} of 1000`);
});

spread("moves only the devices of the location that goes away, and brings them back", () => {
  const some = fc.subarray(names, { minLength: 2 });
  fc.assert(fc.property(some, fc.nat(), fc.string(), (present, index, key) => {
    const gone = present[index % present.length] as string;
    const pick = balance(key, ...names);
    const before = choose(pick, up(present));
    const after = choose(pick, up(present.filter((name) => name !== gone)));
    if (before !== gone) assert.is(after, before);
    else assert.is.not(after, gone);
    assert.is(choose(pick, up(present)), before);
  }), { numRuns: 2000 });
});

spread("does not depend on the order of the names", () => {
  fc.assert(fc.property(fc.shuffledSubarray(names, { minLength: 5 }), fc.string(), (order, key) => {
    assert.is(choose(balance(key, ...order), up(names)), choose(balance(key, ...names), up(names)));
  }));
});

spread("is the same for ever: these are fixed", () => {
  const chosen = macs.slice(0, 12).map((mac) => choose(balance(mac, ...names), up(names)));
  assert.is(chosen.join(" "), "gb gb nl gb gb de de us us de de gb");
});

spread.run();
