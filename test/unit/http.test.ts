/**
 * The reader of requests. Goal: what is not exactly one plain request is refused, and the verdict
 * depends on the bytes alone, not on how they were cut. The table follows the classes of
 * Http11Probe and HTTP Garden: lengths, line ends, folding, hosts, encodings, trailing bytes.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { HttpOutcome } from "../../ts/api/http.js";
import { createHttpReader, feedHttp } from "../../ts/api/http.js";
import { httpBodyBytesMax, httpHeaderBytesMax } from "../../ts/model/limits.js";

const test = suite("http");
const host = "Host: adit\r\n";

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

const get = `GET / HTTP/1.1\r\n${host}`;
const post = `POST / HTTP/1.1\r\n${host}`;

const table: readonly (readonly [name: string, text: string, status: number])[] = [
  ["plain", `${get}\r\n`, 200],
  ["post without a body", `${post}\r\n`, 200],
  ["post with a body", `${post}Content-Length: 2\r\n\r\n{}`, 200],
  ["put", `PUT /x HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`, 200],
  ["delete", `DELETE /x HTTP/1.1\r\n${host}\r\n`, 200],
  ["header without a space", "GET / HTTP/1.1\r\nHost:adit\r\n\r\n", 200],
  ["empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200],
  ["unknown header", `${get}X-Any: thing\r\n\r\n`, 200],
  ["unknown header twice", `${get}X-Any: 1\r\nX-Any: 2\r\n\r\n`, 200],
  ["incomplete head", get, 0],
  ["incomplete body", `${post}Content-Length: 3\r\n\r\n{}`, 0],
  ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two hosts", `${get}Host: other\r\n\r\n`, 400],
  ["host with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
  ["host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["bare line feeds", "GET / HTTP/1.1\nHost: adit\n\n", 400],
  ["one bare line feed", "GET / HTTP/1.1\r\nHost: adit\n\r\n", 400],
  ["bare return in a value", `${get}X: a\rb\r\n\r\n`, 400],
  ["bare return at a line's end", `${get}X: a\r\r\n\r\n`, 400],
  ["empty line first", `\r\n${get}\r\n`, 200],
  ["two empty lines first", `\r\n\r\n${get}\r\n`, 400],
  ["nothing but an empty line", "\r\n", 0],
  ["head", `HEAD / HTTP/1.1\r\n${host}\r\n`, 200],
  ["head with a body", `HEAD / HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`, 400],
  ["a parameter twice", `GET /?a=1&a=2 HTTP/1.1\r\n${host}\r\n`, 400],
  ["a parameter twice, once escaped", `GET /?a=1&%61=2 HTTP/1.1\r\n${host}\r\n`, 400],
  ["null byte", `${get}X: \0\r\n\r\n`, 400],
  ["escape byte", `${get}X: \x1b\r\n\r\n`, 400],
  ["delete byte", `${get}X: \x7f\r\n\r\n`, 400],
  ["high byte", `${get}X: \xff\r\n\r\n`, 400],
  ["folded header", `${get}X: a\r\n b\r\n\r\n`, 400],
  ["folded with a tab", `${get}X: a\r\n\tb\r\n\r\n`, 400],
  ["space before the colon", "GET / HTTP/1.1\r\nHost : adit\r\n\r\n", 400],
  ["space before a name", `GET / HTTP/1.1\r\n ${host}\r\n`, 400],
  ["no colon", `${get}X\r\n\r\n`, 400],
  ["empty name", `${get}: x\r\n\r\n`, 400],
  ["name with a slash", `${get}a/b: x\r\n\r\n`, 400],
  ["name with a bracket", `${get}a[b: x\r\n\r\n`, 400],
  ["transfer encoding", `${post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 501],
  ["transfer encoding identity", `${post}Transfer-Encoding: identity\r\n\r\n`, 501],
  ["encoding in odd case", `${post}tRANSFER-eNCODING: xchunked\r\n\r\n`, 501],
  ["both lengths", `${post}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
  ["both lengths reversed", `${post}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`, 400],
  ["two equal lengths", `${post}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`, 400],
  ["two lengths", `${post}Content-Length: 0\r\nContent-Length: 1\r\n\r\n`, 400],
  ["list of lengths", `${post}Content-Length: 0, 0\r\n\r\n`, 400],
  ["plus length", `${post}Content-Length: +2\r\n\r\n{}`, 400],
  ["minus length", `${post}Content-Length: -1\r\n\r\n`, 400],
  ["hexadecimal length", `${post}Content-Length: 0x2\r\n\r\n{}`, 400],
  ["length with an underscore", `${post}Content-Length: 1_0\r\n\r\n`, 400],
  ["length with a space", `${post}Content-Length: 1 0\r\n\r\n`, 400],
  ["empty length", `${post}Content-Length:\r\n\r\n`, 400],
  ["exponent length", `${post}Content-Length: 1e1\r\n\r\n`, 400],
  ["fractional length", `${post}Content-Length: 2.0\r\n\r\n{}`, 400],
  ["overlong length", `${post}Content-Length: 99999999999999999999\r\n\r\n`, 400],
  ["too large a body", `${post}Content-Length: ${httpBodyBytesMax + 1}\r\n\r\n`, 413],
  ["body of a get", `${get}Content-Length: 2\r\n\r\n{}`, 400],
  ["bytes behind a get", `${get}\r\nX`, 400],
  ["second request behind", `${get}\r\n${get}\r\n`, 400],
  ["bytes behind a body", `${post}Content-Length: 2\r\n\r\n{}x`, 400],
  ["old version", `GET / HTTP/1.0\r\n${host}\r\n`, 505],
  ["newer version", `GET / HTTP/2.0\r\n${host}\r\n`, 505],
  ["version in small letters", `GET / http/1.1\r\n${host}\r\n`, 400],
  ["version of many digits", `GET / HTTP/1.10\r\n${host}\r\n`, 400],
  ["no version", "GET /\r\n\r\n", 400],
  ["two spaces", `GET  / HTTP/1.1\r\n${host}\r\n`, 400],
  ["space at the end", `GET / HTTP/1.1 \r\n${host}\r\n`, 400],
  ["tab between", `GET\t/\tHTTP/1.1\r\n${host}\r\n`, 400],
  ["space in the target", `GET /a b HTTP/1.1\r\n${host}\r\n`, 400],
  ["absolute target", `GET http://adit/ HTTP/1.1\r\n${host}\r\n`, 200],
  ["absolute target without a path", `GET http://adit HTTP/1.1\r\n${host}\r\n`, 200],
  ["absolute target with a query only", `GET http://adit?a HTTP/1.1\r\n${host}\r\n`, 200],
  ["absolute target with userinfo", `GET http://a@adit/ HTTP/1.1\r\n${host}\r\n`, 400],
  ["no target between two spaces", `GET  HTTP/1.1\r\n${host}\r\n`, 400],
  ["a query without a path", `GET ?a HTTP/1.1\r\n${host}\r\n`, 400],
  ["absolute target of another scheme", `GET ftp://adit/ HTTP/1.1\r\n${host}\r\n`, 400],
  ["authority target", `GET adit:80 HTTP/1.1\r\n${host}\r\n`, 400],
  ["asterisk target", `GET * HTTP/1.1\r\n${host}\r\n`, 400],
  ["fragment", `GET /#x HTTP/1.1\r\n${host}\r\n`, 400],
  ["backslash", `GET /a\\b HTTP/1.1\r\n${host}\r\n`, 400],
  ["broken percent", `GET /%zz HTTP/1.1\r\n${host}\r\n`, 400],
  ["percent of no text", `GET /%ff HTTP/1.1\r\n${host}\r\n`, 400],
  ["broken percent in the query", `GET /?a=% HTTP/1.1\r\n${host}\r\n`, 400],
  ["small method", `get / HTTP/1.1\r\n${host}\r\n`, 501],
  ["options", `OPTIONS / HTTP/1.1\r\n${host}\r\n`, 501],
  ["connect", `CONNECT /x HTTP/1.1\r\n${host}\r\n`, 501],
  ["method with a bracket", `G[T / HTTP/1.1\r\n${host}\r\n`, 400],
  ["expectation", `${post}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n`, 417],
  ["upgrade", `${get}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n`, 400],
  ["a web page's request", `${post}Origin: https://evil.example\r\n\r\n`, 403],
  ["endless header", `${get}X: ${"a".repeat(httpHeaderBytesMax)}`, 431],
  ["long header that ends", `${get}X: ${"a".repeat(httpHeaderBytesMax)}\r\n\r\n`, 431],
  ["many headers", `${get}${"a:b\r\n".repeat(httpHeaderBytesMax)}\r\n`, 431],
];

for (const [name, text, status] of table) {
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

// Bytes behind a request are seen only if they come along with it; the connection ends either way.
const whole = table.filter(([name]) => !name.includes("behind"));

test("the verdict does not depend on the pieces", () => {
  const cuts = fc.array(fc.nat(10_000), { maxLength: 8 });
  const property = fc.property(fc.constantFrom(...whole), cuts, ([, text], places) => {
    assert.deepStrictEqual(feedPieces(text, places), read(text));
  });
  fc.assert(property, { numRuns: 3_000 });
});

test("nor byte by byte", () => {
  for (const [name, text] of whole) {
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
