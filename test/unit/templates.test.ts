/**
 * The build step that writes template literals as sums. Goal: the same texts, and shorter code.
 * Method: small programs, run before and after.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Module {
  addTexts(code: string): string;
}

// The step is plain JavaScript beside the sources; this file runs from build/test/test/unit.
const module: string = new URL("../../../../scripts/rollup-templates.mjs", import.meta.url).href;
const { addTexts } = await import(module) as Module;

const test = suite("templates");
const values = "a=1,b=2,c='x',d=[3,4],e=null,f=undefined";

/** A template, and what becomes of it. */
const CASES: readonly (readonly [string, string])[] = [
  ["[`${a}: ${b}`]", '[a+": "+b]'],
  ["[`${a} is`]", '[a+" is"]'],
  ["[`it is ${d}`]", '["it is "+d]'],
  ["[`${a}${b}`]", "[`${a}${b}`]"],
  ["[`${a}${b}!`]", "[`${a}${b}!`]"],
  ["[`!${a}${b}`]", '["!"+a+b]'],
  ["[`(${a}) (${b})`]", "[`(${a}) (${b})`]"],
  ["[`${a?b:c} is`]", "[`${a?b:c} is`]"],
  ["[`${a+b} is`]", "[`${a+b} is`]"],
  ["[a+`${b} is`]", "[a+`${b} is`]"],
  ["[`${b} is`.length]", "[`${b} is`.length]"],
  ["[`${e} and ${f}`]", '[e+" and "+f]'],
  ["[`${a}\\n${b}`]", '[a+"\\n"+b]'],
  ['[`${a}"${b}`]', '[a+"\\""+b]'],
  ["[(()=>{return`${a}: ${b}`})()]", '[(()=>{return a+": "+b})()]'],
  ["[String(`${`${a}: ${b}`} and ${c}`)]", '[String(`${a+": "+b} and ${c}`)]'],
  ["[a||`${b}: `]", '[a||b+": "]'],
  ["[String.raw`${a}: ${b}`]", "[String.raw`${a}: ${b}`]"],
];

for (const [code, expected] of CASES) {
  test(code, () => {
    const outcome = (text: string): unknown => new Function(`let ${values};return ${text}`)();
    const added = addTexts(code);
    assert.is(added, expected);
    assert.equal(outcome(added), outcome(code));
  });
}

test.run();
