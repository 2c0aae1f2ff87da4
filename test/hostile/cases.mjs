// The hostile corpus: annotated texts of corpus/, and scripts that are better made than written.
//
// In a text each case begins with a line `//// name | ends`: `ends` are the outcomes that are
// right, words of run.mjs. A case without `export` or `import` at the start of a line is the body
// of route(), with the names of adit:policy in reach.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SCRIPT_BYTES_MAX = 262_144;
const BODY = "import { balance, block, direct, firstUp, log, via } from 'adit:policy';\n" +
  "export default { route(device, world) {\n";

/** Every case as { name, ends, bytes }. */
export function readCases(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".txt")).sort();
  return [...files.flatMap((file) => readText(join(folder, file), file)), ...madeCases()];
}

function readText(path, file) {
  const topic = file.replace(".txt", "");
  return readFileSync(path, "utf8").split(/^\/\/\/\/ /m).slice(1).map((part) => {
    const lineEnd = part.indexOf("\n");
    const [name, ends] = part.slice(0, lineEnd).split(" | ");
    if (ends === undefined) throw new Error(`${path}: "${name}" does not say how it ends`);
    const bytes = script(topic, part.slice(lineEnd + 1));
    return { name: `${topic}: ${name}`, ends: ends.split(" "), bytes };
  });
}

function script(topic, text) {
  const long = text.replace("NAME10000", "n".repeat(10_000));
  const isModule = topic === "syntax" || /^(import|export)\b(?![(.])/m.test(long);
  return Buffer.from(isModule ? long : `${BODY}${long}\n} };\n`);
}

/** A route that answers `direct`, after `head`. */
const harmless = (head) =>
  `${head}\nimport { direct } from "adit:policy";\nexport default { route: () => direct() };\n`;

/** `text` filled up with blanks to exactly `size` bytes. */
const filled = (text, size) => text + " ".repeat(size - Buffer.byteLength(text));

const nested = (open, middle, close, depth) =>
  `export default ${open.repeat(depth)}${middle}${close.repeat(depth)};\n`;

const many = (count, piece) => Array.from({ length: count }, (_, i) => piece(i)).join("");

function madeCases() {
  return [...sizes(), ...bytes(), ...depths(), ...floods()].map(([name, ends, text]) => ({
    name: `made: ${name}`, ends: ends.split(" "), bytes: Buffer.from(text),
  }));
}

const sizes = () => [
  ["a script of the largest size", "answer", filled(harmless(""), SCRIPT_BYTES_MAX)],
  ["a script that is a byte too large", "syntax", filled(harmless(""), SCRIPT_BYTES_MAX + 1)],
  ["a script of half a megabyte", "syntax", filled(harmless(""), 524_288)],
  ["a script of a full frame", "syntax", filled(harmless(""), 1_048_575)],
  ["256 KiB of one comment", "answer", harmless(`/*${"x".repeat(262_000)}*/`)],
  ["256 KiB of one text", "answer memory", harmless(`const x = "${"x".repeat(262_000)}";`)],
  ["256 KiB of one name", "answer memory", harmless(`const ${"x".repeat(262_000)} = 1;`)],
  ["256 KiB of line ends", "answer", harmless("\n".repeat(262_000))],
  ["256 KiB of semicolons", "answer memory", harmless(";".repeat(262_000))],
  ["256 KiB of one template", "answer memory", harmless(`const x = \`${"x".repeat(262_000)}\`;`)],
  ["256 KiB of one expression", "answer memory load throw syntax",
    harmless(`const x = /${"x".repeat(262_000)}/;`)],
  ["256 KiB of digits", "answer memory", harmless(`const x = ${"9".repeat(262_000)};`)],
  ["256 KiB of a big integer", "answer memory limit stuck",
    harmless(`const x = ${"9".repeat(200_000)}n;`)],
  ["256 KiB of functions", "answer memory",
    harmless(many(9000, (i) => `function f${i}() {}\n`))],
  ["256 KiB of exports", "answer memory syntax",
    harmless(many(7000, (i) => `export let e${i};\n`))],
  ["256 KiB of imports", "answer memory", harmless(
    many(4000, (i) => `import { via as v${i} } from "adit:policy";\n`))],
  ["thousands of modules", "import", harmless(many(6000, (i) => `import "./module${i}.mjs";\n`))],
  ["a statement of 60,000 sums", "answer memory limit syntax",
    harmless(`const x = ${"1+".repeat(60_000)}1;`)],
];

const withByte = (byte, text = harmless("const x = 'BYTE';")) =>
  Buffer.concat([Buffer.from(text.split("BYTE")[0]), Buffer.from(byte),
    Buffer.from(text.split("BYTE")[1])]);

const bytes = () => [
  ["no bytes", "load", ""],
  ["a NUL alone", "syntax load", [0]],
  ["a NUL at the end", "syntax answer", withByte([0], `${harmless("")}BYTE`)],
  ["a NUL between statements", "syntax", withByte([0], harmless("BYTE"))],
  ["a NUL in a text", "answer syntax", withByte([0])],
  ["a NUL in a comment", "answer syntax", withByte([0], harmless("// BYTE"))],
  ["a byte order mark", "answer syntax", withByte([0xef, 0xbb, 0xbf], harmless("BYTE"))],
  ["UTF-16", "syntax", Buffer.from(harmless(""), "utf16le")],
  ["0xff in a text", "syntax", withByte([0xff])],
  ["an overlong slash", "syntax", withByte([0xc0, 0xaf])],
  ["a lone surrogate in bytes", "syntax", withByte([0xed, 0xa0, 0x80])],
  ["a code point that is too large", "syntax", withByte([0xf4, 0x90, 0x80, 0x80])],
  ["a sequence that is cut", "syntax", withByte([0xe2, 0x82], `${harmless("")}//BYTE`)],
  ["a continuation alone", "syntax", withByte([0x80])],
  ["control characters", "syntax", withByte([0x1b, 0x07], harmless("BYTE"))],
  ["marks that turn the direction", "answer", harmless("const x = '\u202e\u2066 direct';")],
  ["line separators as line ends", "answer", harmless("const x = 1\u2028const y = 2\u2029")],
  ["letters beyond 16 bits as a name", "answer", harmless("const \u{1d4d0}\u{1d4d1} = 1;")],
  ["random bytes", "syntax",
    Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * i * 31) >> 3))],
  ["what a compiled module begins with", "syntax", [0x05, 0x01, 0x00, 0x0c, 0x01]],
];

const depths = () => [
  ["100,000 brackets", "limit syntax memory", nested("[", "", "]", 100_000)],
  ["100,000 parentheses", "limit syntax memory stuck", nested("(", "1", ")", 100_000)],
  ["30,000 objects", "limit syntax memory", nested("{a:", "1", "}", 30_000)],
  ["30,000 arrows", "limit syntax memory stuck", nested("()=>", "1", "", 30_000)],
  ["20,000 functions", "limit syntax memory", nested("function(){return ", "1", "}", 10_000)],
  ["30,000 templates", "limit syntax memory", nested("`${", "1", "}`", 30_000)],
  ["60,000 negations", "limit syntax memory", nested("!", "1", "", 60_000)],
  ["60,000 prefixes", "limit syntax memory", nested("- ", "1", "", 60_000)],
  ["20,000 conditionals", "limit syntax memory", nested("1?", "1", ":1", 20_000)],
  ["20,000 assignments", "limit syntax memory load", `let a;\n${nested("a=", "1", "", 20_000)}`],
  ["20,000 awaits", "limit syntax memory", nested("await ", "1", "", 20_000)],
  ["20,000 classes", "limit syntax memory", nested("class extends ", "Object", "{}", 10_000)],
  ["20,000 calls", "limit syntax memory load throw", nested("f(", "", ")", 20_000)],
  ["20,000 news", "limit syntax memory load throw", nested("new ", "f", "()", 20_000)],
  ["20,000 powers", "limit syntax memory answer load", nested("1**", "1", "", 20_000)],
  ["20,000 patterns", "limit syntax memory load", `const ${"[".repeat(20_000)}a${
    "]".repeat(20_000)} = 1;`],
  ["20,000 blocks", "limit syntax memory", "{".repeat(20_000) + "}".repeat(20_000)],
  ["20,000 ifs", "limit syntax memory", `${"if(1)".repeat(20_000)};`],
  ["20,000 labels", "limit syntax memory", `${many(20_000, (i) => `a${i}:`)};`],
  ["20,000 chains", "limit syntax memory load answer throw",
    `export default ${"x?.".repeat(20_000)}x;`],
  ["5,000 groups in an expression", "syntax limit memory load",
    `export default /${"(".repeat(5000)}${")".repeat(5000)}/;`],
  ["5,000 look-aheads in an expression", "syntax limit memory load",
    `export default /${"(?=".repeat(5000)}${")".repeat(5000)}/;`],
  ["5,000 fors", "limit syntax memory", `${"for(;;)".repeat(5000)};`],
  ["5,000 generators", "limit syntax memory", nested("function*(){yield ", "1", "}", 5000)],
];

const floods = () => [
  ["70,000 locals", "answer memory syntax limit stuck",
    harmless(`{let ${many(30_000, (i) => `a${i},`)}z;}`)],
  ["70,000 constants", "answer memory syntax limit",
    harmless(`[${many(40_000, (i) => `${i}.5,`)}];`)],
  ["70,000 arguments", "answer memory syntax load throw limit",
    harmless(`Math.max(${"1,".repeat(70_000)}1);`)],
  ["70,000 parameters", "answer memory syntax limit",
    harmless(`const f = (${many(30_000, (i) => `a${i},`)}z) => 0;`)],
  ["40,000 cases", "answer memory syntax limit",
    harmless(`switch (1) {${many(15_000, (i) => `case ${i}:`)}}`)],
  ["40,000 keys", "answer memory",
    harmless(`const x = {${many(20_000, (i) => `k${i}:1,`)}};`)],
  ["40,000 fields", "answer memory limit",
    harmless(`class A {${many(15_000, (i) => `f${i}=1;`)}}`)],
  ["40,000 private fields", "answer memory limit stuck",
    harmless(`class A {${many(15_000, (i) => `#f${i}=1;`)}}`)],
  ["40,000 names in an expression", "answer memory syntax limit",
    harmless(`const x = /${many(5000, (i) => `(?<n${i}>a)`)}/;`)],
  ["60,000 alternatives", "answer memory syntax limit stuck",
    harmless(`const x = /${"a|".repeat(60_000)}/;`)],
];
