/**
 * The build step that names variables. Goal: the program means the same, and no variable hides
 * another that is needed there. Method: small programs, run before and after.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Module {
  renameVariables(code: string): string;
}

// The step is plain JavaScript beside the sources; this file runs from build/test/test/unit.
const module: string =
  new URL("../../../../scripts/rollup-short-variables.mjs", import.meta.url).href;
const { renameVariables } = await import(module) as Module;

/** What the program hands out through `give`, which is a name of its surroundings. */
function outcome(code: string): unknown[] {
  const given: unknown[] = [];
  new Function("give", `"use strict";${code}`)((value: unknown) => given.push(value));
  return given;
}

const test = suite("short variables");

const CASES: readonly (readonly [string, string])[] = [
  ["closures", "let one=1;let f=two=>three=>[one,two,three];give(f(2)(3))"],
  ["shadows", "let x=1;{let x=2;{let x=3;give(x)}give(x)}give(x)"],
  ["properties taken apart", "let f=({a:one,b:{c:two},...rest})=>[one,two,rest];" +
    "give(f({a:1,b:{c:2},d:3}))"],
  ["defaults in patterns", "let f=({a:one=1,b:two=one}={})=>({a:two,b:one});give(f())"],
  ["properties put together", "let one=1,two=2;give({a:one,b:two,a2:{a:two}})"],
  ["two that wish for one name", "let f=({a:one},{a:two})=>({a:[one,two],b:one,c:two});" +
    "give(f({a:1},{a:2}))"],
  ["computed names", "let key='k',{[key]:value}={k:1};give({[key]:value,key:2})"],
  ["classes", "class One{static made=0;a=1;constructor(one){this.a=one;One.made+=1}" +
    "get b(){return this.a}with(a){return new One(a)}}give([new One(2).with(3).b,One.made])"],
  ["class expressions", "let f=class Own{a(){return Own.name}};give(new f().a())"
    .replace("Own.name", "typeof Own")],
  ["functions", "function one(a){return a>1?a*one(a-1):1}give(one(4));" +
    "give(function two(a){return a>1?a*two(a-1):1}(4))"],
  ["functions used before", "give(one());function one(){return arguments.length}"],
  ["catch", "let error=1;try{throw 2}catch(error){let inner=error;give(inner)}give(error);" +
    "try{throw[3]}catch([one]){give(one)}"],
  ["loops", "let list=[];for(let i=0;i<3;i++)list.push(()=>i);for(let f of list)give(f());" +
    "for(let key in{a:1})give(key)"],
  ["labels", "let outer=0;outer:for(let i of[1,2]){for(let j of[1,2]){if(j>i)continue outer;" +
    "outer+=j;if(outer>3)break outer}}give(outer)"],
  ["var", "{var one=1}give(one);let f=()=>{if(one){var two=2}return two};give(f())"],
  ["switches", "let f=x=>{switch(x){case 1:let y=x;return y;default:return 0}};give([f(1),f(2)])"],
  ["names of the language", "let Map2=Map,a=new Map([[1,2]]);give(a instanceof Map2)"],
  ["assignments", "let a,b,c;[a,b]=[1,2];({a,x:b=5,c=6}={a:3});give([a,b,c])"],
  ["templates", "let one=1;give(`${one}${`${one}`}`)"],
];

for (const [name, code] of CASES) {
  test(name, () => {
    const renamed = renameVariables(code);
    assert.equal(outcome(renamed), outcome(code), renamed);
  });
}

test("a variable is named like its property", () => {
  assert.is(renameVariables("give(({q:one})=>({q:one}))"), "give(({q})=>({q}))");
});

test("what is exported keeps its name outside", () => {
  const code = 'import*as host from"adit:host";let one=host;export{one as start,one as two};';
  assert.match(renameVariables(code),
    /^import\*as (\S) from"adit:host";let (\S)=\1;export\{\2 as start,\2 as two\};$/);
});

test.run();
