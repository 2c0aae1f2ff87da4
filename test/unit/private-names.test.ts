/**
 * The build step that shortens property names. Goal: a name that anybody outside the bundle may see
 * keeps its spelling, all others get one of their own, alike wherever values flow. Method: small
 * sources in memory, one for each way in which a name can be seen.
 */
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Module {
  analyse(files: readonly string[], options: object, host: ts.CompilerHost): {
    program: ts.Program;
  };
  renameAll(found: object): Map<string, string>;
  checkRenamed(program: ts.Program, renamed: Map<string, string>): void;
}

// The step is plain JavaScript beside the sources; this file runs from build/test/test/unit.
const module: string =
  new URL("../../../../scripts/rollup-private-names.mjs", import.meta.url).href;
const { analyse, renameAll, checkRenamed } = await import(module) as Module;

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts"], types: [], strict: true,
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const files = new Map<string, ts.SourceFile>();

/** A compiler host with one file of ours; the language's declarations are read once. */
function hostOf(text: string): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    if (name === "a.ts") return ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
    const file = files.get(name) ?? read(name, ...rest);
    if (file !== undefined) files.set(name, file);
    return file;
  };
  host.fileExists = (name) => name === "a.ts" || ts.sys.fileExists(name);
  return host;
}

function renamed(text: string): string {
  const found = analyse(["a.ts"], options, hostOf(text));
  assert.equal(found.program.getSemanticDiagnostics().map(({ messageText }) => messageText), []);
  const texts = renameAll(found);
  checkRenamed(found.program, texts);
  return texts.get("a.ts") ?? "";
}

const test = suite("private names");
const type = "interface A { readonly inner: number; other?: B } interface B { deep: string }\n";

/** What becomes of `inner` and `deep`. */
const CASES: readonly (readonly [string, string, "kept" | "renamed", "kept" | "renamed"])[] = [
  ["read", "export const f = (a: A) => a.inner;", "renamed", "renamed"],
  ["taken apart", "export const f = ({ inner, other }: A) => [inner, other?.deep];", "renamed",
    "renamed"],
  ["taken apart if it is there",
    "export const f = (a?: A) => { const { inner } = a ?? { inner: 1 }; return inner; };",
    "renamed", "renamed"],
  ["taken apart in the default of a pattern",
    "export const f = ({ other }: A) => { const { deep } = other ?? { deep: '' }; return deep; };",
    "renamed", "renamed"],
  ["written as JSON", "export const f = (a: A) => JSON.stringify(a);", "kept", "kept"],
  ["read from JSON", "export const f = (t: string) => JSON.parse(t) as A;", "kept", "kept"],
  ["given as unknown", "const g = (u: unknown) => u; export const f = (a: A) => g(a);", "kept",
    "kept"],
  ["answered as an object", "export const f = (a: A): object => a;", "kept", "kept"],
  ["asserted from unknown", "export const f = (u: unknown) => (u as A).inner;", "kept", "kept"],
  ["seen through a narrower type",
    "interface N { other?: B } const g = (n: N) => JSON.stringify(n);" +
    "export const f = (a: A) => g(a);", "kept", "kept"],
  ["seen through a type parameter",
    "const g = <T>(t: T) => JSON.stringify(t); export const f = (a: A) => g([a]);", "kept",
    "kept"],
  ["kept in a map that is written",
    "const m = new Map<string, A>(); export const f = (a: A) => {" +
    "m.set('', a); return JSON.stringify([...m.values()]); };", "kept", "kept"],
  ["kept in a map", "const m = new Map<string, A>(); export const f = (a: A) => m.set('', a);",
    "renamed", "renamed"],
  ["spread into what is written",
    "export const f = (a: A) => JSON.stringify({ ...a, more: 1 });", "kept", "kept"],
  ["written in part", "export const f = (a: A) => JSON.stringify(a.other);", "renamed", "kept"],
  ["listed", "export const f = (a: A) => Object.keys(a);", "kept", "kept"],
  ["listed by a loop", "export const f = (a: A) => { for (const k in a) return k; return 1; };",
    "kept", "renamed"],
  ["read by a name in a variable", "export const f = (a: A, k: keyof A) => a[k];", "kept",
    "renamed"],
  ["read by a name in quotes", 'export const f = (a: A) => a["inner"];', "kept", "renamed"],
  ["asked for by in", 'export const f = (a: A | B) => "inner" in a ? 1 : a.deep;', "renamed",
    "renamed"],
  ["a key of a record", 'export const f = (a: A): Readonly<Record<"inner", number>> => a;',
    "kept", "renamed"],
  ["a value of a record", "export const f = (a: A): Record<string, A> => ({ x: a });", "renamed",
    "renamed"],
  ["given to the language", "export const f = (b: B): Error => ({ name: b.deep, message: '' });",
    "renamed", "renamed"],
  ["thrown away and caught", "export const f = (a: A) => { throw a; };", "renamed", "renamed"],
  ["asked whether it is a list", "export const f = (a: A | A[]) => Array.isArray(a) ? 1 : 2;",
    "renamed", "renamed"],
  ["compared as text", "export const f = (a: A, b: A) => JSON.stringify(a) === JSON.stringify(b);",
    "renamed", "renamed"],
  ["compared with another text", "export const f = (a: A, b: string) => JSON.stringify(a) === b;",
    "kept", "kept"],
  ["of a parameter",
    "class C { constructor(private readonly deep: A) {} f() { return this.deep; } }" +
    "export const f = (a: A) => new C(a).f().inner;", "renamed", "renamed"],
  ["beside what a guard finds",
    "interface E { e: string } const g = (x: A | E): x is E => 'e' in x;" +
    "export const f = (x: A | E) => g(x) ? JSON.stringify(x) : x.inner;", "renamed", "renamed"],
  ["in what a guard finds",
    "interface E { e: string } const g = (x: A | E): x is A => 'inner' in x;" +
    "export const f = (x: A | E) => g(x) ? JSON.stringify(x) : x.e;", "kept", "kept"],
  ["behind a guard", "export const g = (u: unknown): u is B => u === 1;", "renamed", "kept"],
];

for (const [name, text, inner, deep] of CASES) {
  test(`a name ${name}`, () => {
    const result = renamed(type + text);
    const fate = (one: string): string =>
      result.includes(`readonly ${one}:`) || result.includes(`{ ${one}:`) ? "kept" : "renamed";
    assert.is(fate("inner"), inner, result);
    assert.is(fate("deep"), deep, result);
  });
}

/** The names in the interfaces of a renamed source. */
function namesOf(text: string): (string | undefined)[] {
  return [...text.matchAll(/(?<=interface . \{ )[\w$]+|(?<=; )[\w$]+(?=\??: number)/g)]
    .map(([name]) => name);
}

test("values that flow into one another are spelled alike", () => {
  const [a, b] = namesOf(renamed(
    "interface A { inner: number } interface B { inner: number }\n" +
    "export const f = (a: A): B => a;"));
  assert.is(a, b);
});

test("what one value may have is spelled differently", () => {
  const [a, b] = namesOf(renamed("interface A { inner: number; other: number }\n" +
    "export const f = (a: A) => a.inner + a.other;"));
  assert.is.not(a, b);
});

const strangers = "interface A { inner?: number; c: number } " +
  "interface B { other: number; c: number }\n";

for (const [name, text] of [
  ["be taken for the other type", "export const f = (b: B): A => b;"],
  ["be of either type", 'export const f = (e: A | B) => "other" in e ? 1 : e.inner;'],
  ["be of both types", "export const f = (e: A & B) => e;"],
] as const) {
  test(`types are spelled differently if a value may ${name}`, () => {
    const [a, , b] = namesOf(renamed(strangers + text));
    assert.is.not(a, b);
  });
}

test("types that never meet share the shortest names", () => {
  const types = Array.from({ length: 70 }, (_, i) => `interface T${i} { p${i}: number }\n`);
  const uses = types.map((_, i) => `export const f${i} = (t: T${i}) => t.p${i};\n`);
  const names = [...renamed([...types, ...uses].join("")).matchAll(/\{ (\S+): number/g)];
  assert.is(names.length, types.length);
  assert.ok(names.every(([, name]) => name?.length === 1));
});

test("a source that does not fit its neighbours ends the build", () => {
  const text = "interface A { inner: number } export const f = (a: A) => a.inner;";
  const found = analyse(["a.ts"], options, hostOf(text));
  const broken = new Map([["a.ts", text.replace("{ inner", "{ inner$$7")]]);
  assert.throws(() => checkRenamed(found.program, broken), /inner/);
});

test("what it cannot follow ends the build", () => {
  assert.throws(() => renamed("export async function f() { await 1; }"), /AwaitExpression/);
  assert.throws(() => renamed("export const f = (a: any) => a;"), /AnyKeyword/);
});

test("the most frequent gets the shortest name that nothing public has", () => {
  const text = renamed("interface A { rare: number; often: number }\n" +
    "export const f = (x: A) => x.often + x.often + x.rare;" +
    "export const g = (x: { a: number }) => JSON.stringify(x);");
  assert.match(text, /x\.b \+ x\.b \+ x\.c;/);
});

test.run();
