/**
 * The manners of STYLE.md as a program. Goal: each rule holds for the whole tree, and each rule is
 * able to fail. Method: read the tree once and run every rule on it; then run every rule on a small
 * file that breaks it and on one that does not.
 */
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as cRules from "../tidy/c-rules.js";
import * as scriptRules from "../tidy/script-rules.js";
import * as shape from "../tidy/shape-rules.js";
import * as text from "../tidy/text-rules.js";
import { inFolder, isC, readTree, show, type Rule, type SourceFile } from "../tidy/tree.js";

// This file runs from build/test/test/unit.
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url)).replace(/\/$/, "");
const FILES_MIN = 20;

const RULES: Readonly<Record<string, Rule>> = {
  functionLength: shape.functionLength,
  fileLength: (files) => shape.fileLength(files),
  lineLength: shape.lineLength,
  fileNames: shape.fileNames,
  timeAndChance: scriptRules.timeAndChance,
  importEffects: scriptRules.importEffects,
  layering: scriptRules.layering,
  exportsByName: scriptRules.exportsByName,
  noEnums: scriptRules.noEnums,
  exhaustiveSwitches: scriptRules.exhaustiveSwitches,
  deadExports: scriptRules.deadExports,
  bannedCalls: cRules.bannedCalls,
  processStarts: cRules.processStarts,
  boundaries: cRules.boundaries,
  leftovers: text.leftovers,
  commentedOutCode: text.commentedOutCode,
  changeWords: text.changeWords,
  machinePaths: (files) => text.machinePaths(files, text.machineFolders(ROOT)),
  registryNames: (files) => text.registryNames(files, text.registryHosts()),
  foreignSource: text.foreignSource,
  bytes: text.bytes,
};

const file = (path: string, content: string): SourceFile => ({ path, text: content });
const lines = (count: number, line = "x();"): string => `${line}\n`.repeat(count);

const tree = readTree(ROOT);
const onTree = suite("tidy: the tree");

onTree("is there to be read", () => {
  assert.ok(tree.length >= FILES_MIN, `only ${tree.length} files found below the repository`);
});

for (const [name, rule] of Object.entries(RULES)) {
  onTree(name, () => {
    const findings = rule(tree);
    if (findings.length > 0) console.log(`\n${show(findings)}`);
    assert.is(findings.length, 0, `${findings.length} findings`);
  });
}

for (const folder of ["ts", "c"]) {
  onTree(`median length of functions in ${folder}/`, () => {
    const functions = shape.measureFunctions(tree.filter((f) => inFolder(f.path, folder)));
    const median = shape.medianLength(functions);
    console.log(`${folder}/: ${functions.length} functions, median ${median} lines`);
    assert.ok(median <= shape.FUNCTION_LINES_MEDIAN_MAX, `median ${median}`);
  });
}

onTree.run();

/** Rule, a file that breaks it, and a file that keeps it. */
const CASES: readonly (readonly [keyof typeof RULES & string, SourceFile, SourceFile])[] = [
  ["functionLength",
    file("ts/a.ts", `export function f() {\n${lines(70)}}\n`),
    file("ts/a.ts", `export function f() {\n${lines(68)}}\n`)],
  ["functionLength",
    file("c/a.c", `/* { */\nstatic int f(void)\n{\n${lines(68)}}\n`),
    file("c/a.c", `#define X {\nstatic int f(void)\n{\n${lines(67, "g(\"{\");")}}\n`)],
  ["fileLength", file("ts/a.ts", lines(401)), file("ts/a.ts", lines(400))],
  ["fileLength", file("c/a.c", lines(801)), file("c/a.gen.c", lines(801))],
  ["lineLength", file("c/a.c", `\t${"x".repeat(93)}\n`), file("c/a.c", `\t${"x".repeat(92)}\n`)],
  ["fileNames", file("ts/aB.ts", ""), file("ts/a-b.ts", "")],
  ["fileNames", file("c/a-b.c", ""), file("c/a_b.c", "")],
  ["timeAndChance",
    file("ts/a.ts", "export const f = () => Date.now();"),
    file("ts/a.ts", "export const f = (x: X) => x.Date;")],
  ["timeAndChance",
    file("ts/a.ts", "export const f = () => Math.random();"),
    file("ts/host/a.ts", "export const f = () => setTimeout(g, 1);")],
  ["importEffects", file("ts/a.ts", "start();"), file("ts/main.ts", "start();")],
  ["layering",
    file("ts/policy/a.ts", 'import { b } from "../host/b.js";'),
    file("ts/policy/a.ts", 'import { b } from "../model/b.js";')],
  ["layering",
    file("ts/host/a.ts", 'import * as host from "adit:host";'),
    file("ts/host/native.ts", 'import * as host from "adit:host";')],
  ["layering",
    file("ts/model/a.ts", 'export type A = import("../engine/b.js").B;'),
    file("ts/engine/a.ts", 'import { b } from "../host/b.js";')],
  ["exportsByName", file("ts/a.ts", "export default 1;"), file("ts/a.ts", "export const a = 1;")],
  ["exportsByName",
    file("ts/a.ts", "export default function f() {}"),
    file("ts/a.ts", "export function f(x: 1) { switch (x) { default: return; } }")],
  ["exportsByName", file("ts/a.ts", 'export * from "./b.js";'), file("rollup.config.mjs",
    "export default {};")],
  ["exportsByName",
    file("ts/a.ts", 'export { b } from "./b.js";'),
    file("ts/a.ts", "const a = 1;\nexport { a };")],
  ["exportsByName",
    file("runtime/sdk/src/b.ts", 'export { b } from "./b.js";'),
    file("runtime/sdk/src/index.ts", 'export { b } from "./b.js";')],
  ["noEnums", file("ts/a.ts", "enum A { B }"), file("ts/a.ts", 'type A = "b";')],
  ["exhaustiveSwitches",
    file("ts/a.ts", 'function f(x: X) { switch (x.kind) { case "a": g(); break; } }'),
    file("ts/a.ts", 'function f(x: X) { switch (x.kind) { case "a": return 1; } }')],
  ["layering",
    file("ts/model/a.ts", 'import { B } from "../host/contract.gen.js";'),
    file("ts/model/a.ts", 'import type { B } from "../host/contract.gen.js";')],
  ["exhaustiveSwitches",
    file("ts/a.ts", 'function f(x: X) { switch (x.kind) { case "a": g(); break; default: h() } }'),
    file("ts/a.ts",
      'function f(x: X) { switch (x.kind) { case "a": g(); break; default: no(x); } }\n' +
      "function no(x: never) { return x; }")],
  ["deadExports",
    file("ts/a.ts", "export const a = 1;"),
    file("ts/main.ts", "export const a = 1;")],
  ["bannedCalls",
    file("c/a.c", "int f(void) { return strcpy(a, b); }"),
    file("c/a.c", "/* strcpy(a) */ int f(void) { return x.system(1) + my_atoi(2); }")],
  ["processStarts", file("c/a.c", "int f(void) { return fork(); }"), file("c/sys/exec.c",
    "int f(void) { return fork(); }")],
  ["boundaries", file("c/mover/a.c", "#include <quickjs.h>\n"), file("c/vm/a.c",
    "#include <quickjs.h>\n")],
  ["boundaries", file("c/mover/a.c", '#include "vm/vm.h"\n'), file("c/main.c",
    '#include "vm/vm.h"\n')],
  ["boundaries", file("c/vm/a.c", '#include "mover/mover.h"\n'), file("c/vm/a.c",
    '/* #include "mover/mover.h" */\n')],
  ["boundaries", file("c/sys/a.c", '#include "mover/mover.h"\n'), file("c/sys/a.c",
    '#include "loop.h"\n')],
  ["leftovers", file("c/a.c", "/* TODO: finish */\n"), file("c/a.c", "/* All is done. */\n")],
  ["leftovers", file("ts/a.ts", "console.log(1);"), file("scripts/a.mjs", "console.log(1);")],
  ["leftovers",
    file("test/unit/a.test.ts", 'test.only("x", f);'),
    file("test/unit/a.test.ts", 'test("x", f);')],
  ["commentedOutCode",
    file("ts/a.ts", "// const a = f(1);\nexport {};"),
    file("ts/a.ts", "// A constant of 1; see f(1) for why.\nexport {};")],
  ["commentedOutCode",
    file("ts/a.ts", "/**\n * ```\n * const a = f(1);\n */\nexport {};"),
    file("ts/a.ts", "/**\n * ```\n * const a = f(1);\n * ```\n */\nexport {};")],
  ["commentedOutCode",
    file("c/a.c", "/*\n * if (x) {\n */\n"),
    file("c/a.c", "/* Returns 0 (if x holds), -EINVAL otherwise. */\n")],
  ["changeWords",
    file("c/a.c", "/* This is no longer used. */\n"),
    file("c/a.c", 'const char *a = "no longer";\n')],
  ["changeWords",
    file("ts/a.ts", "// Formerly b.\nexport {};"),
    file("ts/a.ts", "// Takes `now` in milliseconds.\nexport {};")],
  ["machinePaths", file("a.md", `see ${ROOT}/x\n`), file("a.md", "see ./x\n")],
  ["registryNames",
    file("package-lock.json", '{ "resolved": "x" }'),
    file("package-lock.json", '{ "integrity": "x" }')],
  ["foreignSource", file("c/vm/quickjs.c", ""), file("c/vm/vm.c", "")],
  ["bytes", file("a.c", "int a; \n"), file("a.c", "int a;\n")],
  ["bytes", file("a.c", "int a;\r\n"), file("a.md", "two blanks  \n")],
];

const onSnippets = suite("tidy: the rules");

onSnippets("each rule has a case that breaks it", () => {
  const shown = new Set(CASES.map(([name]) => name));
  assert.equal(Object.keys(RULES).filter((name) => !shown.has(name)), []);
});

for (const [index, [name, bad, good]] of CASES.entries()) {
  onSnippets(`${name}, case ${index}`, () => {
    const rule = RULES[name];
    assert.ok(rule !== undefined);
    assert.ok(rule([bad]).length > 0, "the bad file passes");
    assert.equal(rule([good]), [], "the good file fails");
  });
}

onSnippets("a listed file may only shrink", () => {
  const files = [file("c/a.c", lines(810))];
  assert.is(shape.fileLength(files, { "c/a.c": 810 }).length, 0);
  assert.is(shape.fileLength(files, { "c/a.c": 809 }).length, 1);
  assert.is(shape.fileLength(files, { "c/a.c": 811 }).length, 1);
  assert.is(shape.fileLength([file("c/a.c", lines(8))], { "c/a.c": 8 }).length, 1);
  assert.is(shape.fileLength([], { "c/a.c": 810 }).length, 1);
});

onSnippets("a registry's host is found wherever it stands", () => {
  const bad = [file("a.md", "from https://mirror.example/debian\n")];
  assert.is(text.registryNames(bad, ["mirror.example"]).length, 1);
});

onSnippets("an import keeps an export alive", () => {
  const used = file("ts/a.ts", "export const a = 1;");
  const user = file("ts/main.ts", 'import { a } from "./a.js";');
  assert.is(scriptRules.deadExports([used, user]).length, 0);
});

onSnippets("functions are found where they begin", () => {
  const source = file("c/a.c", "int x = 1;\n\nstatic int\nf(int a)\n{\n\treturn a;\n}\n");
  const [found] = shape.measureFunctions([source]);
  assert.ok(isC(source.path));
  assert.equal([found?.line, found?.length], [3, 5]);
});

onSnippets.run();
