/**
 * The configuration is outside text: a fixed number of mutations of a committed corpus must give a
 * Config that dumps and reads back as itself, or issues, and never an exception. FUZZ_RUNS sets the
 * number; a failure names the input's number, which repeats it.
 */
import assert from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import { dumpConfig } from "../../ts/config/dump.js";
import { parseConfig } from "../../ts/config/parse.js";
import { makeDice, mutated } from "./support/mutate.js";

const runs = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const folder = "test/unit/corpus/config";
const files = readdirSync(folder).sort();
const corpus = files.map((file) => readFileSync(join(folder, file), "utf8"));
const words = [
  '"role": "gateway"',
  '"direct"',
  '"vl": "direct",',
  '"when_down": "de",',
  '"default_gateway": 1,',
  "null",
  "-1",
  "1e999",
  "[]",
  "{}",
  '"0.0.0.0/0"',
  '"fd00::/129"',
  '"[::]:0"',
  '"\\ud800"',
  "\\",
  '"',
];

const test = suite("config: fuzz");

function check(text: string): "config" | "issues" {
  const { config, issues } = parseConfig(text);
  assert.strictEqual(config === undefined, issues.length > 0);
  if (config === undefined) return "issues";
  const again = parseConfig(dumpConfig(config));
  assert.deepStrictEqual(again.issues, []);
  assert.strictEqual(JSON.stringify(again.config), JSON.stringify(config));
  return "config";
}

test("the corpus itself holds", () => {
  const results = corpus.map(check);
  assert.ok(results.includes("config") && results.includes("issues"));
});

test(`${runs} mutations hold`, () => {
  let configs = 0;
  for (let run = 0; run < runs; run++) {
    const text = mutated(corpus, words, makeDice(run));
    try {
      if (check(text) === "config") configs += 1;
    } catch (error) {
      assert.fail(`input ${run} ${JSON.stringify(text)}: ${String(error)}`);
    }
  }
  assert.ok(configs >= Math.floor(runs / 200), `only ${configs} inputs are a configuration`);
});

test.run();
