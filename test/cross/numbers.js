// Prints what the engine computes, one line for each question, for a line by line comparison of
// engines: "name = value" must be the same everywhere; "name ~ number" may differ in the last bit,
// because the language leaves the rounding of such functions to the C library.
//
// Nothing is asked that the engine of 2025-04-26 is known to answer wrongly on every machine: text
// of BigInt in radices that are powers of two, BigInt.asUintN of small negatives, "1." as JSON, and
// groups of a repeated alternative.
"use strict";

const view = new DataView(new ArrayBuffer(8));
const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** The bits of a double; all NaN are one. */
function bits(x) {
  if (x !== x) return "NaN";
  view.setFloat64(0, x);
  return hex(view.getUint32(0), 8) + hex(view.getUint32(4), 8);
}

function ofBits(high, low) {
  view.setUint32(0, high);
  view.setUint32(4, low);
  return view.getFloat64(0);
}

const say = (name, value) => print(`${name} = ${value}`);
const sayAbout = (name, x) => print(`${name} ~ ${x}`);

/** xorshift32 with 32-bit integers only. */
function makeRandom(seed) {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** FNV-1a over texts. */
function makeHash() {
  let hash = 0x811c9dc5 | 0;
  return {
    add(text) {
      for (let i = 0; i < text.length; i++) {
        hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
      }
    },
    text: () => hex(hash >>> 0, 8),
  };
}

const EDGES = [0, -0, 1, -1, 0.5, -1.5, 2.5, 3, 10, 0.1, -0.3, 1 / 3, 5e-324, -5e-324,
  2.2250738585072014e-308, 2.225073858507201e-308, 1e-7, 123456789.125, 2147483647, 2147483648,
  -2147483648, -2147483649, 4294967295, 4294967296, 4294967297.5, 9007199254740991,
  9007199254740992, 9007199254740994, -9007199254740993, 1e15, 123456789012345680000, 1e21, 1e22,
  9223372036854775807, -9223372036854775808, 18446744073709551615, 1.7976931348623157e308,
  Infinity, -Infinity, NaN];

const BINARY = {
  "+": (x, y) => x + y, "-": (x, y) => x - y, "*": (x, y) => x * y, "/": (x, y) => x / y,
  "%": (x, y) => x % y, "<": (x, y) => x < y, "<=": (x, y) => x <= y, "==": (x, y) => x == y,
  "is": (x, y) => Object.is(x, y), "<<": (x, y) => x << y, ">>": (x, y) => x >> y,
  ">>>": (x, y) => x >>> y, "&": (x, y) => x & y, "^": (x, y) => x ^ y, "imul": Math.imul,
  "min": Math.min, "max": Math.max,
};

const UNARY = {
  "|0": (x) => x | 0, ">>>0": (x) => x >>> 0, "~": (x) => ~x, "-": (x) => -x,
  "floor": Math.floor, "ceil": Math.ceil, "round": Math.round, "trunc": Math.trunc,
  "sqrt": Math.sqrt, "fround": Math.fround, "abs": Math.abs, "sign": Math.sign,
  "clz32": Math.clz32, "text": String, "back": (x) => Number(String(x)),
  "fixed": (x) => x.toFixed(3), "precise": (x) => x.toPrecision(9),
  "exponent": (x) => x.toExponential(6), "integer": Number.isSafeInteger,
  "int8": (x) => Int8Array.of(x)[0], "uint8c": (x) => Uint8ClampedArray.of(x)[0],
  "uint16": (x) => Uint16Array.of(x)[0], "int32": (x) => Int32Array.of(x)[0],
  "float32": (x) => Float32Array.of(x)[0],
};

const show = (value) => (typeof value === "number" ? bits(value) : String(value));

function edges() {
  for (const [name, operate] of Object.entries(UNARY)) {
    for (const x of EDGES) say(`${name} ${x}`, show(operate(x)));
  }
  for (const [name, operate] of Object.entries(BINARY)) {
    for (const x of EDGES) {
      say(`${x} ${name}`, EDGES.map((y) => show(operate(x, y))).join(" "));
    }
  }
}

function randomDoubles() {
  const random = makeRandom(1);
  for (let round = 0; round < 50; round++) {
    const hashes = Object.values(BINARY).map(makeHash);
    const texts = makeHash();
    for (let i = 0; i < 40; i++) {
      const x = ofBits(random(), random());
      // Every other pair is of similar size, where sums and remainders are interesting.
      const y = i % 2 === 0 ? ofBits(random(), random()) : x * (random() / 4096);
      Object.values(BINARY).forEach((operate, at) => hashes[at].add(show(operate(x, y))));
      texts.add(`${x} ${Number(`${x}`) === x} ${x.toExponential(17)} ${Math.fround(y)}`);
    }
    say(`random ${round}`, `${hashes.map((hash) => hash.text()).join(" ")} ${texts.text()}`);
  }
}

/** Conversions between 64-bit integers and doubles, where a target may go wrong unnoticed. */
function integers64() {
  const random = makeRandom(2);
  const list = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 53n + 3n, 2n ** 63n - 1n,
    2n ** 63n, 2n ** 63n + 1024n, 2n ** 63n + 1025n, 2n ** 64n - 1024n, 2n ** 64n - 1025n,
    2n ** 64n - 1n];
  for (let i = 0; i < 200; i++) {
    list.push(((BigInt(random()) << 32n) | BigInt(random())) >> BigInt(random() % 64));
  }
  for (const n of list) {
    const signed = BigInt.asIntN(64, n);
    view.setBigUint64(0, n, true);
    say(`integer ${n}`, [bits(Number(n)), bits(Number(signed)), view.getBigInt64(0, true), bits(
      view.getFloat64(0)), BigInt(Number(signed)), Number(n) | 0, Number(n) % 1000,
    Date.UTC(1970, 0, 1, 0, 0, 0, Number(signed) % 1e15), new Date(Number(signed)).getTime(),
    Number(n >> 11n).toString(36)].join(" "));
  }
}

function bigInts() {
  const random = makeRandom(3);
  const draw = (words) => {
    let n = 0n;
    for (let i = 0; i < words; i++) n = (n << 32n) | BigInt(random());
    return random() % 2 === 0 ? n : -n;
  };
  for (let i = 0; i < 100; i++) {
    const a = draw(1 + i % 13);
    const b = draw(1 + i % 7) || 1n;
    const shift = BigInt(random() % 200);
    say(`big ${i}`, [a * b, a / b, a % b, a + b, a - b, a & b, a | b, a ^ b, ~a, a << shift,
      a >> shift, BigInt.asIntN(77, a), BigInt.asUintN(20, a), a < b, a == b, bits(Number(a)),
      a.toString(7), BigInt(`0x${(a < 0n ? -a : a).toString(16)}`)].join(" "));
  }
  say("power", 3n ** 500n);
  say("mixed", [1n < 1.5, 2n == 2, 2n > NaN, 2n ** 64n > 1e19, 10n < Infinity].join(" "));
}

function numbersInText() {
  const texts = ["0x1F", "0b101", "0o17", " 12 ", "1e-400", "1e400", "12e", "", ".5", "5.", "-0",
    "+Infinity", "0.1e-6", "123456789012345678901234567890", "2.2250738585072011e-308",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "9007199254740992.5",
    "9007199254740993", "9007199254740993.0000000000000001", "1.7976931348623158e308",
    "1.7976931348623159e308", "8.5e-1", "1_000", "٣"];
  for (const text of texts) {
    say(`'${text}'`, [bits(Number(text)), bits(parseFloat(text)), bits(parseInt(text)),
      bits(parseInt(text, 16))].join(" "));
  }
  for (const radix of [2, 3, 7, 16, 36]) say(`radix ${radix}`, (-4294967297).toString(radix));
  for (let digits = 0; digits <= 20; digits += 4) {
    say(`digits ${digits}`, [0.000123456789, 1.005, 123.456, 1e20, 0.5, 2.5].flatMap((x) =>
      [x.toFixed(digits), x.toExponential(digits), x.toPrecision(digits + 1)]).join(" "));
  }
}

function dates() {
  const random = makeRandom(4);
  const list = [0, -1, 1, 951782400000, 951868799999, 1e12, -62198755200000, 253402300800000,
    8.64e15, -8.64e15, 8.64e15 + 1, 1 / 0];
  for (let i = 0; i < 100; i++) list.push((random() - 2147483648) * 1000 + random() % 1000);
  for (const time of list) {
    const date = new Date(time);
    const iso = Math.abs(time) <= 8.64e15 ? date.toISOString() : "none";
    say(`date ${time}`, [iso, date.getUTCDay(), date.getUTCFullYear(), date.getUTCMilliseconds(),
      Date.parse(iso), date.setUTCMonth(date.getUTCMonth() + 13),
      date.setUTCDate(31), date.setUTCHours(25, 61, 61, 1001), date.toJSON()].join(" "));
  }
  say("Date.UTC", [Date.UTC(2000, 1, 29), Date.UTC(99, 0), Date.UTC(275760, 8, 13),
    Date.UTC(275760, 8, 13, 0, 0, 0, 1), Date.UTC(2020, -1, -1, -1)].join(" "));
  say("Date.parse", ["2020-02-30", "2020-02-29T24:00:00Z", "2020-01-01T00:00:00+05:30", "x",
    "+012345-01-01T00:00:00.001Z"].map(Date.parse).join(" "));
}

function arrays() {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 255);
  const at = new DataView(bytes.buffer);
  const kinds = ["Int8", "Uint8", "Int16", "Uint16", "Int32", "Uint32", "Float32", "Float64",
    "BigInt64", "BigUint64"];
  for (const kind of kinds) {
    for (const little of [false, true]) {
      const values = [0, 1, 7, 13, 50].map((offset) => at[`get${kind}`](offset, little));
      const copy = new DataView(new ArrayBuffer(8));
      const back = values.map((value) => {
        copy[`set${kind}`](0, value, !little);
        return copy[`get${kind}`](0, !little) === value;
      });
      say(`${kind} ${little ? "little" : "big"}`, `${values.join(" ")} ${back.join(" ")}`);
    }
  }
  // The order of bytes is the machine's own here, but one that both kinds of access share.
  const words = new Uint32Array(bytes.buffer.slice(0, 16));
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  say("words", [...words].map((word, i) => word === at.getUint32(i * 4, little)).join(" "));
  const floats = Float64Array.of(...EDGES);
  say("floats", [...floats.toSorted()].map(bits).join(" "));
  say("halves", [...new Float32Array(floats)].map(bits).join(" "));
  say("sorted", Int16Array.of(5, -3, 32767, -32768, 0).sort().join(" "));
  say("moved", bytes.copyWithin(3, 17, 29).subarray(0, 24).join(" "));
  say("found", [bytes.indexOf(48), bytes.lastIndexOf(48), floats.includes(NaN)].join(" "));
}

function json() {
  const value = { a: [1, -0, 1e21, 1.5e-9, null, true, { "": "\u2028\ud800\"\\\n\u0007é😀" }],
    d: new Date(86400000), u: undefined, f() {}, n: { toJSON: (key) => `<${key}>` } };
  const text = JSON.stringify(value);
  say("stringify", text);
  say("indented", JSON.stringify(value, ["a", "n", ""], 2).replaceAll("\n", "/"));
  say("again", JSON.stringify(JSON.parse(text)));
  say("revived", JSON.stringify(JSON.parse(text, (key, x) => (Number.isInteger(x) ? x + 1 : x))));
  for (const bad of ["", "{", "[1,]", "01", "'a'", "\"\t\"", "{\"a\":1,}", "nul", "-"]) {
    let outcome = "taken";
    try {
      JSON.parse(bad);
    } catch (error) {
      outcome = error.name;
    }
    say(`parse ${bad}`, outcome);
  }
  say("numbers", JSON.parse("[1e3,-0,0.1,123456789012345678,5e-324,1E-400]").map(bits).join(" "));
}

function regExps() {
  const tries = [[/(?<y>\d{4})-(?<m>\d\d)/gu, "on 2024-05 and 1999-12"], [/(?<=\$)\d+(?!\d|€)/g,
    "$12 $34€ 56"], [/^\p{Lu}\p{L}*$/u, "Ärger"], [/(a+)+b\1/, "aaabaaa"], [/[^\W_]+/gi, "a_B-c9"],
  [/\u{1F600}./su, "x😀\n"], [/(?:(x)|(y))+$/, "xx"], [/ſ/iu, "S"], [/\bfoo\b/y, "foo"],
  [/[\d-z]/g, "a-5z"], [/a{2,3}?/g, "aaaaa"], [/(z)((a+)?(b+)?(c))*/, "zaacbbbcac"]];
  for (const [pattern, text] of tries) {
    const all = pattern.global ? [...text.matchAll(pattern)] : [pattern.exec(text)];
    say(`${pattern}`, JSON.stringify(all.map((m) => m && [...m, m.index, m.groups ?? null])));
  }
  say("replaced", "a1b22".replace(/(?<l>[a-z])(\d+)/g, "[$2$<l>$$$`]"));
  say("with", "x-y-z".replace(/-(.)/g, (_, c, at) => c.toUpperCase() + at));
  say("split", JSON.stringify("a1b2c".split(/(\d)/)));
  say("cased", "ǅ İ ß ς ﬁ".toUpperCase() + "ÀÉ ΑΣ".toLowerCase());
  say("normal", [..."e\u0301 ﬁ Å 한".normalize("NFKD")].map((c) => c.codePointAt(0)).join(" "));
}

function functions() {
  const names = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh", "exp", "expm1", "log", "log1p", "log2", "log10", "cbrt"];
  const points = [0.1, 0.5, 0.999, 1, 1.5, 2.75, -0.25, 1e-10, 10.5, 100, 1e5, 700.25, 1e22];
  for (const name of names) {
    for (const x of points) sayAbout(`${name}(${x})`, Math[name](x));
    say(`${name} at the edges`, [0, -0, Infinity, NaN].map((x) => bits(Math[name](x))).join(" "));
  }
  for (const x of points) {
    sayAbout(`pow ${x}`, Math.pow(Math.abs(x), 1.25));
    sayAbout(`atan2 ${x}`, Math.atan2(x, -3));
    sayAbout(`hypot ${x}`, Math.hypot(x, 4, 1));
  }
  say("whole powers", [2 ** 10, 2 ** -1074, 10 ** 15, (-2) ** 31, 0 ** 0, NaN ** 0].map(bits));
}

function language() {
  class Counter {
    #count = 0;
    static made = [];
    constructor() { Counter.made.push(this); }
    get count() { return this.#count; }
    add(...values) { for (const { by = 1 } of values) this.#count += by; return this; }
    static has(x) { return #count in x; }
  }
  say("class", [new Counter().add({}, { by: 4 }).count, Counter.has({}), Counter.made.length]);
  function* walk(tree) { if (tree) { yield* walk(tree[0]); yield tree[1]; yield* walk(tree[2]); } }
  say("generator", [...walk([[null, 1, null], 2, [[null, 3, null], 4, null]])].join(" "));
  const { a, ...rest } = { a: 1, b: 2, [`c${1}`]: 3 };
  say("rest", JSON.stringify([a, rest, rest?.d?.e ?? "none"]));
  const seen = [];
  outer: for (let i = 0; i < 3; i++) {
    try {
      for (const j of [0, 1, 2]) { if (j === i) continue outer; seen.push(`${i}${j}`); }
    } finally { seen.push(`f${i}`); }
  }
  say("flow", seen.join(" "));
  const order = new Map([[NaN, 1], [0, 2], ["0", 3]]).set(-0, 4);
  say("map", [...order].join(" "));
  const trapped = new Proxy({}, { get: (_, key) => `got ${String(key)}`, has: () => true });
  say("proxy", [trapped.x, "y" in trapped, Reflect.ownKeys({ b: 1, 2: 1, a: 1, 1: 1 })].join(" "));
  say("sort", [5, 25, 100, 1].sort().join(" ") + [..."hello"].sort((x, y) => (x < y ? 1 : -1)));
  say("tag", ((parts, ...values) => parts.raw.join("|") + values)`a\n${1}b${2}`);
  say("depth", (function depth(n) { return n === 0 ? 0 : 1 + depth(n - 1); })(500));
  (async () => {
    const later = await Promise.allSettled([1, Promise.reject(new RangeError("no"))]);
    for await (const x of [Promise.resolve("last")]) say(x, later.map((l) => l.status).join(" "));
  })();
}

/** Equal elements keep their order, however many there are. What compares them is consistent. */
function sorts() {
  const random = makeRandom(5);
  const byKey = (a, b) => a.key - b.key;
  const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  for (const size of [2, 3, 7, 16, 33, 100, 500, 1500]) {
    const list = Array.from({ length: size }, (_, at) => {
      const key = random() % 7;
      return { key, at, name: "aeiou\u00e9\u{1f600}".slice(key), toString: () => `${key % 3}` };
    });
    for (const [how, compare] of [["key", byKey], ["name", byName], ["text", undefined]]) {
      const sorted = list.toSorted(compare);
      const hash = makeHash();
      for (const { key, at } of sorted) hash.add(`${key}.${at} `);
      const isStable = compare === undefined || sorted.every((one, i) => i === 0 ||
        compare(sorted[i - 1], one) < 0 || sorted[i - 1].at < one.at);
      say(`${size} by ${how}`, `${hash.text()} ${isStable}`);
    }
  }
}

[edges, randomDoubles, integers64, bigInts, numbersInText, dates, arrays, json, regExps, functions,
  sorts, language].forEach((section) => section());
