/** The examples of docs/policies. Goal: each passes its own test and the check, as for a user. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runIn } from "./support/policy-tools.js";

const FOLDER = resolve("docs/policies");
const EXAMPLES_MIN = 8;

const names = readdirSync(FOLDER);
const policies = names.filter((name) => name.endsWith(".policy.ts"));
const test = suite("docs/policies");

test("there are examples, each with its test", () => {
  assert.ok(policies.length >= EXAMPLES_MIN);
  for (const policy of policies) assert.ok(names.includes(policy.replace(".policy.", ".test.")));
});

for (const policy of policies) {
  test(policy, async () => {
    const checked = await runIn(FOLDER, "check", policy);
    assert.is(checked.code, 0, checked.out);
    const tested = await runIn(FOLDER, "test", policy.replace(".policy.", ".test."));
    assert.is(tested.code, 0, tested.out);
  });
}

test.run();
