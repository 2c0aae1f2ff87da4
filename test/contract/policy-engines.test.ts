/**
 * The tests of the example policies in both engines: QuickJS in WebAssembly, as on a PC, and the
 * router's own program in its cage. Goal: what passes on a PC passes on a router.
 */
import assert from "node:assert";
import { resolve } from "node:path";
import { suite } from "uvu";
import { inFolder, runIn } from "../unit/support/policy-tools.js";

const TESTS_MIN = 24;

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly files: readonly FileReport[];
}

interface FileReport {
  readonly file: string;
  readonly tests: readonly object[];
  readonly printed: readonly string[];
}

const host = ["--host", resolve("build/aditd")];

const told = ({ files }: Report): object =>
  files.map(({ file, tests, printed }) => ({ file, tests, printed }));

const test = suite("policy tests in both engines");

async function runAll(folder: string, ...args: string[]): Promise<Report> {
  const { code, out, err } = await runIn(folder, "test", "--json", ...args);
  assert.strictEqual(err, "");
  assert.strictEqual(code, 0, out);
  return JSON.parse(out) as Report;
}

test("every test has the same outcome", async () => {
  const examples = resolve("docs/policies");
  const onPc = await runAll(examples);
  assert.ok(onPc.passed >= TESTS_MIN);
  assert.deepStrictEqual(told(await runAll(examples, ...host)), told(onPc));
});

/** What a script can reach, by name. The door of the tools is in their own engine only. */
const REALM = `import { test } from "uvu";
// Of the tools' engine only, and of the router's engine only.
const own = ["aditTell", "__quote", "__getClass"];
const seen = new Set<unknown>(own);
function show(path: string, value: unknown): void {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
  if (seen.has(value)) return;
  seen.add(value);
  const keys = Reflect.ownKeys(value).filter((key) => !own.includes(String(key))).map(String);
  console.log(path, Object.isFrozen(value), keys.sort().join(" "));
  const all = Object.getOwnPropertyDescriptors(value);
  for (const key of keys) if (key in all) show(\`\${path}.\${key}\`, all[key]?.value);
}
test("realm", () => {
  show("global", globalThis);
  for (const of of [
    () => 0, async () => 0, function* () {}, async function* () {}, [].values(), "".matchAll(/x/g),
    new Map().keys(), (function* () {})(), (async () => 0)(),
  ]) {
    for (let at = Object.getPrototypeOf(of); at; at = Object.getPrototypeOf(at)) show("p", at);
  }
});
test.run();
`;

test("a script finds the same in both", () => inFolder({ "a.test.ts": REALM }, async (folder) => {
  assert.deepStrictEqual(told(await runAll(folder, ...host)), told(await runAll(folder)));
}));

/** How many frames fit on a stack, and so whether its text reaches the first, is the compiler's. */
const HOW_DEEP = /\(\d+ times\)\n( +at route .*\n)?/;

test("a script ends by the same limits, with the same place", () => inFolder({
  "a.test.ts": `import { decide, household } from "adit-policy/testing";
import { definePolicy, via } from "adit:policy";
import { test } from "uvu";
const home = household({ devices: { a: {} } });
const deep = (depth: number): number => 1 + deep(depth + 1);
test("deep", () => {
  decide(definePolicy({ route: () => via(String(deep(0))) }), home);
});
test("null", () => {
  decide(definePolicy({ route: () => (null as never)["x"] }), home);
});
test.run();
`,
}, async (folder) => {
  const both = [];
  for (const args of [[], host]) {
    const { code, out } = await runIn(folder, "test", ...args);
    assert.strictEqual(code, 1);
    both.push(out.replace(HOW_DEEP, "(n times)\n"));
  }
  assert.match(both[0] ?? "", /at deep \(a\.test\.ts:5:\d+\) \(n times\)/);
  assert.strictEqual(both[1], both[0]);
}));

test.run();
