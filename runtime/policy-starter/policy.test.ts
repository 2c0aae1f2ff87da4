import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household } from "adit-policy/testing";
import policy from "./policy.ts";

/** A new household for every test: an afternoon, two locations, a few devices. */
const home = () =>
  household({
    time: "2026-03-02 16:00",
    locations: { us: { rttMs: 95 }, de: { rttMs: 20 } },
    devices: {
      "laptop": {},
      "tablet-mia": {},
      "tv-lounge": {},
      "visitor": { iface: "br-guest" },
    },
  });

test("guests are blocked while their location is down", () => {
  const evening = home();
  assert.is(decide(policy, evening).goes("visitor"), "us");
  evening.down("us");
  assert.is(decide(policy, evening).goes("visitor"), "block");
  evening.up("us");
  assert.is(decide(policy, evening).goes("visitor"), "us");
});

test("the television takes the fastest location", () => {
  const evening = home();
  assert.is(decide(policy, evening).goes("tv-lounge"), "de");
  evening.location("de", { rttMs: 300 });
  assert.is(decide(policy, evening).goes("tv-lounge"), "us");
});

test("a tablet stays in one place at bedtime", () => {
  const evening = home().down("de");
  assert.is(decide(policy, evening).goes("tablet-mia"), "us");
  evening.advance({ hours: 4 });
  assert.is(decide(policy, evening).goes("tablet-mia"), "block");
  assert.is(decide(policy, evening).why("tablet-mia"), "bedtime");
});

test("everybody else goes on while one location is up", () => {
  const evening = home();
  assert.is(decide(policy, evening).goes("laptop"), "de");
  evening.down("de");
  assert.is(decide(policy, evening).goes("laptop"), "us");
  evening.down("us");
  assert.is(decide(policy, evening).goes("laptop"), "block");
});

test.run();
