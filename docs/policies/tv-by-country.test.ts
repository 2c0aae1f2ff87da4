import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household } from "adit-policy/testing";
import policy from "./tv-by-country.policy.ts";

const home = () =>
  household({
    vars: { screens: { "tv-lounge": "us", "tv-parents": "gb" } },
    locations: { us: { rttMs: 95 }, gb: { rttMs: 30 }, de: { rttMs: 12 } },
    devices: { "tv-lounge": {}, "tv-parents": {}, "Chromecast-Kitchen": {}, "laptop": {} },
  });

test("every screen watches from its own country", () => {
  const now = decide(policy, home());
  assert.is(now.goes("tv-lounge"), "us");
  assert.is(now.goes("tv-parents"), "gb");
  assert.is(now.why("tv-parents"), "watches gb");
  assert.is(now.goes("laptop"), "de");
});

test("a screen is dark while its country is away, and nothing else is", () => {
  const now = decide(policy, home().down("us"));
  assert.is(now.goes("tv-lounge"), "block");
  assert.is(now.goes("tv-parents"), "gb");
  assert.is(decide(policy, home().down("de")).goes("laptop"), "direct");
});

test("a film goes on where it began, until that place is gone", () => {
  const evening = home();
  assert.is(decide(policy, evening).goes("Chromecast-Kitchen"), "de");
  evening.location("de", { rttMs: 200 });
  assert.is(decide(policy, evening).goes("Chromecast-Kitchen"), "de");
  evening.down("de");
  assert.is(decide(policy, evening).goes("Chromecast-Kitchen"), "gb");
  evening.up("de", { rttMs: 12 });
  assert.is(decide(policy, evening).goes("Chromecast-Kitchen"), "gb");
});

test.run();
