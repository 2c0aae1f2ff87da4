/**
 * The reader of requests. Goal: what is not exactly one plain request is refused, and the verdict
 * depends on the bytes alone, not on how they were cut.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { HttpOutcome } from "../../ts/api/http.js";
import { createHttpReader, feedHttp } from "../../ts/api/http.js";
import { httpBodyBytesMax, httpHeaderBytesMax } from "../../ts/model/limits.js";
import { host, httpForms, httpFormsWhole, post } from "./support/http-forms.js";

const test = suite("http");

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 255);
}

function read(text: string): HttpOutcome {
  return feedHttp(createHttpReader(), bytesOf(text));
}

/** The status, 200 for a request, 0 if more is waited for. */
function statusOf(outcome: HttpOutcome): number {
  if (outcome.kind === "more") return 0;
  return outcome.kind === "request" ? 200 : outcome.status;
}

for (const [name, text, status] of httpForms) {
  test(`${name}: ${status}`, () => {
    const outcome = read(text);
    assert.strictEqual(statusOf(outcome), status, JSON.stringify(outcome));
  });
}

test("path, query, type and body come out decoded", () => {
  const head = `POST /v1/a%20b?x=2&y=%C3%A4+z&flag HTTP/1.1\r\n${host}`;
  const outcome = read(
    `${head}Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}`,
  );
  assert.ok(outcome.kind === "request");
  const { method, path, query, contentType, body } = outcome.request;
  assert.strictEqual(method, "POST");
  assert.strictEqual(path, "/v1/a b");
  assert.deepStrictEqual(Object.fromEntries(query), { x: "2", y: "ä z", flag: "" });
  assert.strictEqual(contentType, "application/json");
  assert.deepStrictEqual(body, bytesOf("{}"));
});

test("the form of a target does not matter, and HEAD is GET without a body to come", () => {
  const outcome = read(`HEAD http://adit:80/v1/status?x=1 HTTP/1.1\r\n${host}\r\n`);
  assert.ok(outcome.kind === "request");
  const { method, headOnly, path, query } = outcome.request;
  assert.deepStrictEqual([method, headOnly, path], ["GET", true, "/v1/status"]);
  assert.deepStrictEqual([...query], [["x", "1"]]);
});

test("a body in crumbs is not read again for each", () => {
  const size = 60_000;
  const text = `${post}Content-Length: ${size}\r\n\r\n${"x".repeat(size)}`;
  const reader = createHttpReader();
  let reads = 0;
  const counted = new Proxy(reader, {
    get: (target, key) => {
      if (key === "bytes") reads += 1;
      return Reflect.get(target, key) as unknown;
    },
  });
  for (const byte of bytesOf(text)) feedHttp(counted, Uint8Array.of(byte));
  assert.ok(reads < 8 * text.length, `${reads} looks at ${text.length} bytes`);
  assert.strictEqual(reader.checked < httpHeaderBytesMax, true);
});

/** Feeds the pieces until there is a verdict. */
function feedPieces(text: string, cuts: readonly number[]): HttpOutcome {
  const reader = createHttpReader();
  const bytes = bytesOf(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  let start = 0;
  let outcome: HttpOutcome = { kind: "more" };
  for (const end of ends.sort((left, right) => left - right)) {
    outcome = feedHttp(reader, bytes.subarray(start, end));
    start = end;
    if (outcome.kind !== "more") return outcome;
  }
  return outcome;
}

test("the verdict does not depend on the pieces", () => {
  const cuts = fc.array(fc.nat(10_000), { maxLength: 8 });
  const property = fc.property(fc.constantFrom(...httpFormsWhole), cuts, ([, text], places) => {
    assert.deepStrictEqual(feedPieces(text, places), read(text));
  });
  fc.assert(property, { numRuns: 3_000 });
});

test("nor byte by byte", () => {
  for (const [name, text] of httpFormsWhole) {
    const everywhere = [...Array(text.length).keys()];
    assert.deepStrictEqual(feedPieces(text, everywhere), read(text), name);
  }
});

test("the largest body fits, in any pieces", () => {
  const body = "x".repeat(httpBodyBytesMax);
  const text = `${post}Content-Length: ${body.length}\r\n\r\n${body}`;
  for (const cuts of [[], [10], [200, 40_000, 60_000]]) {
    const outcome = feedPieces(text, cuts);
    assert.ok(outcome.kind === "request");
    assert.strictEqual(outcome.request.body.length, httpBodyBytesMax);
  }
});

test("one changed byte never makes two requests of one", () => {
  const text = `${post}Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}`;
  const property = fc.property(fc.nat(text.length - 1), fc.nat(255), (at, byte) => {
    const bytes = bytesOf(text);
    bytes[at] = byte;
    const outcome = feedHttp(createHttpReader(), bytes);
    if (outcome.kind !== "request") return;
    assert.ok(outcome.request.body.length === 2);
  });
  fc.assert(property, { numRuns: 5_000 });
});

test("any bytes are safe", () => {
  const piece = fc.oneof(
    fc.constantFrom("\r\n", "\n", ":", " ", "GET", "/", "HTTP/1.1", "Host: a", "Content-Length: 1"),
    fc.string({ unit: "binary-ascii" }),
  );
  const property = fc.property(fc.array(piece), (pieces) => {
    const text = pieces.join("");
    const outcome = read(text);
    assert.deepStrictEqual(feedPieces(text, [3, 9]).kind === "more", outcome.kind === "more");
  });
  fc.assert(property, { numRuns: 3_000 });
});

test.run();
