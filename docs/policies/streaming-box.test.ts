import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household } from "adit-policy/testing";
import policy from "./streaming-box.policy.ts";

const home = (vars = {}) =>
  household({
    vars: { box: "AC:DB:DA:00:00:07", provider: ["198.51.100.0/24", "2001:db8:7e::/48"], ...vars },
    locations: { de: { rttMs: 12 }, nl: { rttMs: 19 } },
    devices: { box: { mac: "ac:db:da:00:00:07" }, nas: {}, laptop: {} },
  });

test("the box goes past the tunnels, and says why", () => {
  const now = decide(policy, home());
  assert.is(now.goes("box"), "direct");
  assert.is(now.why("box"), "the provider's box");
  assert.is(now.goes("laptop"), "de");
});

test("the file server never leaves in clear", () => {
  const evening = home().down("nl").down("de");
  assert.is(decide(policy, evening).goes("nas"), "block");
  assert.is(decide(policy, evening).goes("laptop"), "direct");
});

test("the provider and the home are reached directly", () => {
  assert.equal(decide(policy, home()).bypass, [
    "192.168.0.0/16", "fd12:3456:789a::/48", "198.51.100.0/24", "2001:db8:7e::/48",
  ]);
});

test("a prefix that is none is named, and nothing else is lost", () => {
  const now = decide(policy, home({ provider: ["198.51.100/24"] }), { keepFailures: true });
  assert.is(now.bypass, undefined);
  assert.is(now.failed.length, 1);
  assert.match(now.failed[0]?.message ?? "", "198.51.100/24");
  assert.is(now.goes("box"), "direct");
});

test.run();
