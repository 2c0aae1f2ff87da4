/** Questions and answers of the domain name system: our questions, any answers. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { AddressFamily, DnsAnswer } from "../../ts/host/dns.js";
import { decodeAnswer, encodeQuestion } from "../../ts/host/dns.js";

const test = suite("dns");
const name = "gateway.example";
const id = 0x1234;

interface Record {
  readonly owner: readonly number[];
  readonly type: number;
  readonly data: readonly number[];
}

function labels(text: string): number[] {
  const parts = text.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return [...parts, 0];
}

function recordBytes({ owner, type, data }: Record): number[] {
  return [...owner, 0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255, ...data];
}

/** The answer of a server to our question, with these records. */
function answer(records: readonly Record[], family: AddressFamily = 4, flags = 0x8180): Uint8Array {
  const question = encodeQuestion(id, name, family);
  const bytes = [...question, ...records.flatMap(recordBytes)];
  bytes[2] = flags >> 8;
  bytes[3] = flags & 255;
  bytes[7] = records.length;
  return Uint8Array.from(bytes);
}

function decode(bytes: Uint8Array, family: AddressFamily = 4): DnsAnswer {
  return decodeAnswer(bytes, id, name, family);
}

function found(...addresses: readonly (readonly number[])[]): DnsAnswer {
  return { kind: "addresses", addresses: addresses.map((one) => Uint8Array.from(one)) };
}

/** A pointer to the question's name. */
const same = [0xc0, 12];
const one = [192, 0, 2, 1];
const six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

test("a question has the form of RFC 1035", () => {
  const expected = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels(name), 0, 28, 0, 1];
  assert.deepStrictEqual([...encodeQuestion(id, `${name.toUpperCase()}.`, 6)], expected);
});

test("addresses of the name come out, of the family that was asked for", () => {
  const records = [
    { owner: same, type: 1, data: one },
    { owner: same, type: 28, data: six },
    { owner: labels("other.example"), type: 1, data: [1, 1, 1, 1] },
    { owner: labels("GATEWAY.example"), type: 1, data: [192, 0, 2, 2] },
    { owner: same, type: 1, data: [1, 2, 3] },
  ];
  assert.deepStrictEqual(decode(answer(records)), found(one, [192, 0, 2, 2]));
  assert.deepStrictEqual(decode(answer(records, 6), 6), found(six));
});

test("aliases are followed, a circle of them is not", () => {
  const alias = { owner: same, type: 5, data: labels("b.example") };
  const target = { owner: labels("b.example"), type: 1, data: one };
  assert.deepStrictEqual(decode(answer([alias, target])), found(one));
  assert.deepStrictEqual(decode(answer([target, alias])), found(one));
  const back = { owner: labels("b.example"), type: 5, data: same };
  assert.deepStrictEqual(decode(answer([alias, back])), found());
});

test("what is no answer to this question is foreign", () => {
  const good = answer([{ owner: same, type: 1, data: one }]);
  const foreign = [
    new Uint8Array(0),
    good.slice(0, 11),
    withOtherId(good),
    encodeQuestion(id, name, 4),
  ];
  for (const bytes of foreign) assert.deepStrictEqual(decode(bytes), { kind: "foreign" });
  assert.strictEqual(decodeAnswer(good, id, "other.example", 4).kind, "foreign");
  assert.strictEqual(decodeAnswer(good, id, name, 6).kind, "foreign");
});

/** The same bytes with another id. */
function withOtherId(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed[0] = (changed[0] ?? 0) ^ 1;
  return changed;
}

test("a missing name is final, a failing server is not", () => {
  const missing = { kind: "refused", why: "no such name", final: true };
  assert.deepStrictEqual(decode(answer([], 4, 0x8183)), missing);
  const failed = decode(answer([], 4, 0x8182));
  assert.ok(failed.kind === "refused" && !failed.final);
});

test("pointers that go forward or in circles end the reading", () => {
  const self = answer([]).length;
  for (const owner of [[0xc0, self], [0xc0, self + 2, 0xc0, self], [0xff, 0xff]]) {
    assert.deepStrictEqual(decode(answer([{ owner, type: 1, data: one }])), found());
  }
});

test("any bytes are safe", () => {
  const good = answer([
    { owner: same, type: 5, data: labels("b.example") },
    { owner: labels("b.example"), type: 1, data: one },
  ]);
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  const property = fc.property(fc.array(change), fc.nat(good.length), (changes, length) => {
    const bytes = good.slice(0, length);
    for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
    const decoded = decode(bytes);
    if (decoded.kind !== "addresses") return;
    for (const address of decoded.addresses) assert.strictEqual(address.length, 4);
  });
  fc.assert(property, { numRuns: 10_000 });
  const noise = fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    decodeAnswer(bytes, ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), name, 4);
  });
  fc.assert(noise, { numRuns: 5_000 });
});

test("host names are letters, digits, hyphens and underscores", () => {
  for (const good of ["a", "gateway.example", "x_y.z-1.example.", "1.2"]) {
    encodeQuestion(id, good, 4);
  }
  const long = "a".repeat(64);
  for (const bad of ["", ".", "a..b", "a b", "ä", `${long}.b`, `${"a.".repeat(127)}b`, "a/b"]) {
    assert.throws(() => encodeQuestion(id, bad, 4), TypeError, bad);
  }
});

test.run();
