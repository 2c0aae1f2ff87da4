import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, hear, household } from "adit-policy/testing";
import policy from "./guest-network.policy.ts";

const home = () =>
  household({
    locations: { guests: "up", de: "up" },
    devices: { laptop: {}, visitor: { iface: "br-guest" } },
  });

test("guests have their own way out, others are left to the configuration", () => {
  const now = decide(policy, home());
  assert.is(now.goes("visitor"), "guests");
  assert.is(now.goes("laptop"), "none");
});

test("guests never leave in clear", () => {
  const evening = home().down("guests");
  assert.is(decide(policy, evening).goes("visitor"), "de");
  evening.down("de");
  assert.is(decide(policy, evening).goes("visitor"), "block");
});

test("a day is enough", () => {
  const evening = home().advance({ hours: 22 });
  assert.is(decide(policy, evening).goes("visitor"), "guests");
  evening.advance({ hours: 2 });
  assert.is(decide(policy, evening).why("visitor"), "a day is over");
  evening.leave("visitor").join("visitor", { iface: "br-guest" });
  assert.is(decide(policy, evening).goes("visitor"), "guests");
});

test("the owner hears of guests only", () => {
  const evening = home();
  hear(policy, evening);
  evening.join("phone").join("cousin", { iface: "br-guest" });
  assert.equal(hear(policy, evening).effects, [
    { effect: "notify", text: "a guest came: cousin" },
  ]);
});

test.run();
