/**
 * Every file of test/golden/stories is a story: configuration and facts in; issues, firewall, plans
 * and explanations out. With ADIT_GOLDEN=write the files are written anew, for a person to read.
 */
import assert from "node:assert";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import { regenerate } from "./support/golden.js";

const test = suite("golden: stories");
const folder = "test/golden/stories";
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test("there are stories, and each expects something", () => {
  assert.ok(files.length >= 8);
  for (const file of files) {
    assert.match(readFileSync(join(folder, file), "utf8"), /^-- Expect /m, file);
  }
});

for (const file of files) {
  test(file, () => {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    const computed = regenerate(text);
    if (process.env["ADIT_GOLDEN"] === "write") writeFileSync(path, computed);
    else assert.strictEqual(computed, text);
  });
}

test.run();
