/**
 * The build step that names what the bundle spells often. Goal: the program means the same, and is
 * shorter. Method: small programs in the minifier's spelling, run before and after.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Module {
  shareValues(code: string): string;
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
  ["a variable with a short name", `let a=1;out=[a,${many('"a long text"')}]`],
];

for (const [name, code] of CASES) {
  test(name, () => {
    const shared = shareValues(`import*as e from"adit:host";${code}`);
    assert.equal(outcome(shared), outcome(code), shared);
  });
}

test("what is spelled often is spelled once", () => {
  const shared = shareValues(`out=[${many('"a long text"')}]`);
  assert.is(shared.split("a long text").length - 1, 1);
});

test("what would get longer stays", () => {
  const code = 'out=["a long text"]';
  assert.is(shareValues(code), code);
});

test.run();
