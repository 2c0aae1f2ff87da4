import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household } from "adit-policy/testing";
import policy from "./work-laptop.policy.ts";

const mac = "02:00:00:00:20:01";

const home = (time: string, vars = {}) =>
  household({
    time,
    vars: { workMacs: [mac], ...vars },
    locations: { office: "up", de: "up", nl: "up" },
    devices: { "work-anna": { mac }, "work-thief": {}, phone: {} },
  });

test("office hours belong to the office", () => {
  assert.is(decide(policy, home("2026-03-02 07:59")).goes("work-anna"), "de");
  assert.is(decide(policy, home("2026-03-02 08:00")).goes("work-anna"), "office");
  assert.is(decide(policy, home("2026-03-02 17:59")).goes("work-anna"), "office");
  assert.is(decide(policy, home("2026-03-02 18:00")).goes("work-anna"), "de");
  assert.is(decide(policy, home("2026-03-07 12:00")).goes("work-anna"), "de");
});

test("hours can be set in the configuration", () => {
  const late = { officeHours: "mon,tue 14:00-22:00" };
  assert.is(decide(policy, home("2026-03-02 21:00", late)).goes("work-anna"), "office");
  assert.is(decide(policy, home("2026-03-04 21:00", late)).goes("work-anna"), "de");
});

test("work does not leave in clear", () => {
  const noon = home("2026-03-02 12:00").down("office");
  assert.is(decide(policy, noon).goes("work-anna"), "block");
  assert.is(decide(policy, noon).goes("phone"), "de");
  noon.down("de").down("nl");
  assert.is(decide(policy, noon).goes("phone"), "direct");
});

test("a name alone opens nothing", () => {
  assert.is(decide(policy, home("2026-03-02 12:00")).goes("work-thief"), "block");
});

test.run();
