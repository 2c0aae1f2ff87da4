import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, hear, household } from "adit-policy/testing";
import policy from "./unknown-devices.policy.ts";

const home = () =>
  household({
    vars: { known: ["b8:27:eb:00:00:01"], phones: ["family-*"] },
    locations: { de: "up", inspect: "up" },
    devices: {
      server: { mac: "b8:27:eb:00:00:01" },
      "family-mia": { mac: "d2:11:22:33:44:55" },
      "family-thief": { mac: "b8:27:eb:66:66:66" },
    },
  });

test("known devices and the family's phones go on as ever", () => {
  const now = decide(policy, home());
  assert.is(now.goes("server"), "de");
  assert.is(now.goes("family-mia"), "de");
});

test("a phone may change its MAC when it comes home", () => {
  const evening = home().leave("family-mia").join("family-mia", { mac: "6e:00:00:00:00:09" });
  assert.is(decide(policy, evening).goes("family-mia"), "de");
});

test("the name of the family does not help a device with a maker's MAC", () => {
  assert.is(decide(policy, home()).goes("family-thief"), "inspect");
});

test("a stranger waits, then is inspected", () => {
  const evening = home().join("stranger", { mac: "00:50:56:00:00:01" });
  assert.is(decide(policy, evening).goes("stranger"), "block");
  evening.advance({ seconds: 120 });
  assert.is(decide(policy, evening).goes("stranger"), "inspect");
  evening.down("inspect");
  assert.is(decide(policy, evening).goes("stranger"), "block");
});

test("the owner hears of strangers, and the wait ends by itself", () => {
  const evening = home();
  hear(policy, evening);
  evening.join("stranger", { mac: "00:50:56:00:00:01" });
  assert.equal(hear(policy, evening).effects, [
    { effect: "notify", text: "unknown device 00:50:56:00:00:01 (stranger)" },
    { effect: "redecide", after_s: 120 },
  ]);
  evening.leave("stranger").join("family-tom", { mac: "6e:00:00:00:00:09" });
  assert.equal(hear(policy, evening).effects, []);
});

test.run();
