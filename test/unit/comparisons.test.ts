/**
 * The build steps that shorten comparisons, `this` and variables of small functions. Goal: the same
 * results for every value that the types allow. Method: small sources, each way in which a piece of
 * code may and may not change.
 */
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";

type Edit = { readonly start: number; readonly end: number; readonly text: string };

// The steps are plain JavaScript beside the sources; this file runs from build/test/test/unit.
const scripts = new URL("../../../../scripts/", import.meta.url).href;
const load = (name: string): Promise<unknown> => import(`${scripts}rollup-${name}.mjs`);
const { comparisonEdits } = await load("comparisons") as {
  comparisonEdits(file: ts.SourceFile, checker: ts.TypeChecker): Edit[];
};
const { applyEdits } = await load("edits") as { applyEdits(code: string, edits: Edit[]): string };
const { useParameters } = await load("parameters") as { useParameters(code: string): string };
const { nameThis } = await load("this") as { nameThis(code: string): string };

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts"], types: [], strict: true,
};
const head = `interface O { readonly a: number }
declare const o: O | undefined, n: number | undefined, s: string, w: "x" | "y" | undefined,
  t: string | undefined, z: O | null, u: unknown, l: readonly O[], b: boolean | undefined,
  m: string | number, e: "" | "x" | undefined, y: 0 | 1 | undefined, f: () => O | undefined;
`;

/** What becomes of each expression; the types stand above. */
const CASES: readonly (readonly [string, string])[] = [
  ["[o === undefined]", "[!o]"],
  ["[o !== undefined]", "[!!o]"],
  ["o !== undefined ? 1 : 2", "o ? 1 : 2"],
  ["o === undefined ? 1 : 2", "!o ? 1 : 2"],
  ["[o !== undefined && s]", "[!!o && s]"],
  ["o !== undefined && s !== '' ? 1 : 2", "o && s != '' ? 1 : 2"],
  ['o !== undefined && s !== "" ? 1 : 2', "o && s ? 1 : 2"],
  ["!(o !== undefined || b)", "!(o || b)"],
  ["[f() === undefined]", "[!f()]"],
  ["[w === undefined]", "[!w]"],
  ["[(w ?? o) === undefined]", "[!(w ?? o)]"],
  ["[n === undefined]", "[n == undefined]"],
  ["[t === undefined]", "[t == undefined]"],
  ["[b === undefined]", "[b == undefined]"],
  ["[e === undefined]", "[e == undefined]"],
  ["[y === undefined]", "[y == undefined]"],
  ["[z === undefined]", "[z === undefined]"],
  ["[z === null]", "[z == null]"],
  ["[u === undefined]", "[u === undefined]"],
  ["[u === '']", "[u === '']"],
  ['[s === ""]', "[!s]"],
  ['[t === ""]', '[t == ""]'],
  ['[m === ""]', '[m === ""]'],
  ["[m === n]", "[m === n]"],
  ["[s === t]", "[s == t]"],
  ["[w === 'x']", "[w == 'x']"],
  ["[l.length === 0]", "[!l.length]"],
  ["l.length > 0 ? 1 : 2", "l.length ? 1 : 2"],
  ["[l.length > 0]", "[!!l.length]"],
  ["[n === 0]", "[n == 0]"],
  ["[l.length > 1]", "[l.length > 1]"],
];

function shortened(expression: string): string {
  const text = `${head}export const value = ${expression};`;
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === "a.ts" ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
      : read(name, ...rest);
  const program = ts.createProgram(["a.ts"], options, host);
  const file = program.getSourceFile("a.ts");
  if (file === undefined) throw new Error("the source is missing");
  const edited = applyEdits(text, comparisonEdits(file, program.getTypeChecker()));
  return edited.slice(edited.indexOf("value = ") + 8, -1);
}

const comparisons = suite("comparisons");
comparisons("change where the types allow it", () => {
  // One program for all of them: reading the language's declarations takes most of the time.
  const all = shortened(`{${CASES.map(([from], at) => `k${at}: ${from}`).join(",\n")}}`);
  const lines = all.slice(1, -1).split(",\n");
  for (const [at, [from, to]] of CASES.entries()) assert.is(lines[at], `k${at}: ${to}`, from);
});
comparisons.run();

const names = suite("this");
names("becomes a parameter of methods that say it often", () => {
  const long = "class A{f(a){this.a=a;this.b=this.c;return()=>this.a}}";
  const named = "class A{f(a,$this=this){$this.a=a;$this.b=$this.c;return()=>$this.a}}";
  assert.is(nameThis(long), named);
  assert.is(nameThis("class A{f(){return this.a+this.b+this.c}}"),
    "class A{f($this=this){return $this.a+$this.b+$this.c}}");
});
names("stays where it is short, where all arguments count, and where it is another one", () => {
  for (const text of [
    "class A{f(a){this.a=a;this.b=a}}",
    "class A{f(...a){this.a=a;this.b=a;this.c=a}}",
    "class A{constructor(a){this.a=a;this.b=a;this.c=a}}",
    "class A{f(){return function(){this.a=this.b+this.c}}}",
    "class A{a=()=>this.b+this.c+this.d}",
  ]) assert.is(nameThis(text), text);
});
names("needs a name that the bundle does not have", () => {
  assert.throws(() => nameThis("let $this;class A{f(){this.a=this.b+this.c}}"), /\$this/);
});
names.run();

const parameters = suite("parameters");
/** A program, and what becomes of it; "" if nothing may. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ["let f=a=>{let b=a+1;return b*b};f(2)", "let f=(a,b=a+1)=>b*b;f(2)"],
  ["let f=()=>{let b=1,c=2;return{b,c}};f()", "let f=(b=1,c=2)=>({b,c});f()"],
  ["((a,b)=>{let{c}=a,d=c;return(d,b)})(x,y)", "((a,b,{c}=a,d=c)=>(d,b))(x,y)"],
  ["((a,b)=>{let{c}=a,d;return(d=c,b)})(x,y)", ""],
  ["let f=(a,b)=>{let c=a;return c};f(1);f()", "let f=(a,b,c=a)=>c;f(1);f()"],
  ["let f=a=>{let b=g=>{let h=g;return h};return b(a)};f(1)",
    "let f=(a,b=(g,h=g)=>h)=>b(a);f(1)"],
  ["let f=a=>{let b=a;return b};[1].map(f)", ""],
  ["let f=a=>{let b=a;return b};f(1,2)", ""],
  ["let f=a=>{let b=a;return b};f(...x)", ""],
  ["let f=(...a)=>{let b=a;return b};f(1)", ""],
  ["let f=(a=c)=>{let c=a;return c};f(1)", ""],
  ["let f=a=>{let b=a;g();return b};f(1)", ""],
  ["let f=a=>{let b=a;return b};export{f}", ""],
  ["const f=()=>{let a;return{s:b=>{a=b},g:()=>a}};f()", ""],
  ["const f=()=>{let a=1,s=b=>{a=b};return{s,g:()=>a}};f()", ""],
  ["const f=()=>{let a=1;return{g:()=>a++}};f()", ""],
];
for (const [from, to] of PROGRAMS) {
  parameters(from, () => assert.is(useParameters(from), to || from));
}
parameters.run();
