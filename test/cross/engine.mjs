// The engine on a target against the engine of this machine, the one that other tests of scripts
// use (quickjs-emscripten), and Node: test/cross/numbers.js prints the same in all of them. Then
// the tests that come with the engine's source.
//
//   node test/cross/engine.mjs TARGET...

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { getQuickJS } from "quickjs-emscripten";
import { emulatorOf } from "../../scripts/run-tests/cross.mjs";

const NUMBERS = "test/cross/numbers.js";
const PATTERNS = "test/cross/patterns.js";
const OWN_TESTS = ["language", "builtin", "bigint", "closure", "loop"]
  .map((name) => `build/quickjs/tests/test_${name}.js`);
const SECONDS_MAX = 120;
/** How far two C libraries may be apart, in parts of the result: two units in the last place. */
const APART_MAX = 2 ** -51;

/** What the engine for `target` prints when it runs `file`; throws if it fails. */
function runOn(target, file) {
  const [program, ...args] = target === "obj" ? ["build/obj/engine", file]
    : [...emulatorOf(target), `build/${target}/engine`, file];
  const env = { ...process.env, TZ: "UTC" };
  return execFileSync(program, args, { encoding: "utf8", env, timeout: SECONDS_MAX * 1000 });
}

async function runInNode(text) {
  const lines = [];
  runInContext(text, createContext({ print: (line) => lines.push(line) }));
  await new Promise(setImmediate);
  return lines;
}

async function runInEmscripten(text) {
  const context = (await getQuickJS()).newContext();
  const lines = [];
  context.newFunction("print", (line) => { lines.push(context.getString(line)); })
    .consume((print) => context.setProp(context.global, "print", print));
  context.unwrapResult(context.evalCode(text)).dispose();
  context.runtime.executePendingJobs().dispose();
  return lines;
}

function isSame(line, expected) {
  if (line === expected) return true;
  const [name, x] = line.split(" ~ ");
  const [expectedName, y] = expected.split(" ~ ");
  return y !== undefined && name === expectedName &&
    Math.abs(Number(x) - Number(y)) <= Math.abs(Number(y)) * APART_MAX;
}

let passed = 0;
let failed = 0;

function count(what, problem) {
  if (problem === "") {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAIL ${what}: ${problem}`);
  }
}

function compare(what, lines, expected) {
  const at = expected.findIndex((line, i) => !isSame(lines[i] ?? "", line));
  const problem = at >= 0 ? `line ${at + 1}\n  got  ${lines[at]}\n  want ${expected[at]}`
    : lines.length === expected.length ? "" : `${lines.length} lines, not ${expected.length}`;
  count(what, problem);
}

/** Runs what may throw; the first lines of why. */
function problemOf(run) {
  try {
    run();
    return "";
  } catch (error) {
    return `${error.stderr || error.message}`.split("\n").slice(0, 4).join("\n  ");
  }
}

const text = readFileSync(NUMBERS, "utf8");
const expected = await runInNode(text);
compare("quickjs-emscripten", await runInEmscripten(text), expected);
for (const target of ["obj", ...process.argv.slice(2)]) {
  count(`numbers on ${target}`, problemOf(() => {
    compare(`numbers of ${target}`, runOn(target, NUMBERS).trimEnd().split("\n"), expected);
  }));
  count(`patterns on ${target}`, problemOf(() => {
    compare(`patterns of ${target}`, runOn(target, PATTERNS).trimEnd().split("\n"), [
      "^\\p{Lu}\\p{L}*$ true", "\\p{Alphabetic} true",
      "\\p{Script=Greek} SyntaxError", "\\p{scx=Latin} SyntaxError",
    ]);
  }));
  for (const file of OWN_TESTS) count(`${file} on ${target}`, problemOf(() => runOn(target, file)));
}
console.log(`${expected.length} lines compared for each engine`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
