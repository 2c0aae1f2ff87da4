/**
 * The build step that names what the bundle spells often. Goal: the program means the same, and is
 * shorter. Method: small programs in the minifier's spelling, run before and after.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Module {
  shareValues(code: string, options?: { properties: boolean }): string;
}

// The step is plain JavaScript beside the sources; this file runs from build/test/test/unit.
const module: string =
  new URL("../../../../scripts/rollup-shared-values.mjs", import.meta.url).href;
const { shareValues } = await import(module) as Module;

/** What the program leaves in `out`. */
function outcome(code: string): unknown {
  const body = code.replace(/^import[^;]*;/, "");
  return new Function(`"use strict";let out;${body};return out`)();
}

const test = suite("shared values");
const many = (text: string): string => Array.from({ length: 9 }, () => text).join();

const CASES: readonly (readonly [string, string])[] = [
  ["texts", `out=[${many('"a long text"')}]`],
  ["texts beside words", 'let f=e=>{switch(e){case"longer":return"longer"}return typeof"longer"' +
    '=="longer"?"longer":"longer"in{longer:1}};out=[f("longer"),f("")]'],
  ["undefined", `out=[${many("void 0")},void 0===void 0]`],
  ["keys", `out=[{"longer key":"longer key",b:${many('"longer key"')
    .replaceAll(",", "+")}}]`],
  ["functions of the language", `out=[${many("Math.floor(1.5)")},${many("JSON.stringify([1])")}]`],
  ["functions that look at this", `out=[${many("Uint8Array.from([1])")}]`],
  ["classes", `out=[${many("new Map([[1,2]])")},{Map}.Map===Map]`],
  ["keys named like classes", `out=[{Number:1}.Number,${many("Number('3')")},({Map:e})=>e]` +
    ".map(e=>String(e))"],
  ["long numbers", `out=[${many("65536")}]`],
  ["null", `out=[${many("null")}]`],
  ["names of properties", `let f=e=>e.length+(e?.length??0);out=[${many("f([1])")},` +
    `${many("[1].length")},${many('"length"')},{length:2}.length,[1]?.length]`],
  ["names of properties that are set", "let o={};o.length=1;o.length+=1;delete o.other;" +
    "o.length++;out=[o,o.length,o.length,o.length]"],
  ["functions of values", `out=[${many('"abc".startsWith("a")')}]`],
  ["a variable with a short name", `let a=1;out=[a,${many('"a long text"')}]`],
];

for (const [name, code] of CASES) {
  test(name, () => {
    for (const properties of [false, true]) {
      const shared = shareValues(`import*as e from"adit:host";${code}`, { properties });
      assert.equal(outcome(shared), outcome(code), shared);
    }
  });
}

test("what is spelled often is spelled once", () => {
  const shared = shareValues(`out=[${many('"a long text"')}]`);
  assert.is(shared.split("a long text").length - 1, 1);
});

test("properties are shared on request", () => {
  const code = `out=[${many("[1].length")}]`;
  assert.is(shareValues(code), code);
  assert.match(shareValues(code, { properties: true }), /^let a="length";out=\[\[1\]\[a\],/);
});

test("what would get longer stays", () => {
  const code = 'out=["a long text"]';
  assert.is(shareValues(code), code);
});

test.run();
