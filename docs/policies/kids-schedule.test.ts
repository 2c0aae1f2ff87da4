import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household } from "adit-policy/testing";
import policy from "./kids-schedule.policy.ts";

const home = (time: string) =>
  household({
    time,
    vars: { kids: ["02:00:00:00:10:01", "02-00-00-00-10-02"], holidays: ["12-24"] },
    locations: { filter: "up" },
    devices: {
      tablet: { mac: "02:00:00:00:10:01" },
      console: { mac: "02:00:00:00:10:02" },
      laptop: {},
    },
  });

const at = (time: string) => decide(policy, home(time));

test("by day the gateway filters, and others are left to the configuration", () => {
  assert.is(at("2026-03-02 16:00").goes("tablet"), "filter");
  assert.is(at("2026-03-02 16:00").goes("console"), "filter");
  assert.is(at("2026-03-02 16:00").goes("laptop"), "none");
});

test("a school night begins at half past eight and ends at half past six", () => {
  assert.is(at("2026-03-02 20:29").goes("tablet"), "filter");
  assert.is(at("2026-03-02 20:30").goes("tablet"), "block");
  assert.is(at("2026-03-02 20:30").why("tablet"), "bedtime");
  assert.is(at("2026-03-03 06:29").goes("tablet"), "block");
  assert.is(at("2026-03-03 06:30").goes("tablet"), "filter");
});

test("Friday night is long, and ends on Saturday morning", () => {
  assert.is(at("2026-03-06 21:30").goes("tablet"), "filter");
  assert.is(at("2026-03-06 22:00").goes("tablet"), "block");
  assert.is(at("2026-03-07 07:00").goes("tablet"), "block");
  assert.is(at("2026-03-07 07:30").goes("tablet"), "filter");
});

test("Sunday is a school night", () => {
  assert.is(at("2026-03-08 20:30").goes("tablet"), "block");
});

test("holidays are later", () => {
  assert.is(at("2026-12-24 22:00").goes("tablet"), "filter");
  assert.is(at("2026-12-24 23:00").goes("tablet"), "block");
  assert.is(at("2026-12-25 20:30").goes("tablet"), "filter");
});

test("without the filter there is nothing", () => {
  assert.is(decide(policy, home("2026-03-02 16:00").down("filter")).goes("tablet"), "block");
});

test.run();
