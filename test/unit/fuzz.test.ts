/**
 * Any bytes for the parsers of outside bytes. Goal: none throws, loops or lets through what breaks
 * its promise. Method: files of test/corpus are mutated by seeded chance, FUZZ_RUNS inputs for each
 * parser; a failure prints the input, which then belongs into the corpus.
 */
import assert from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import { createHttpReader, feedHttp } from "../../ts/api/http.js";
import { parseConfig } from "../../ts/config/parse.js";
import { decodeAnswer } from "../../ts/host/dns.js";
import { decodeUtf8, encodeUtf8 } from "../../ts/host/utf8.js";
import { httpBodyBytesMax } from "../../ts/model/limits.js";
import type { Random } from "../../ts/model/random.js";
import { randomBelow } from "../../ts/model/random.js";
import { readGatewayAnswer } from "../../ts/tunnel/welcome.js";
import { seededRandom } from "./support/random.js";

const test = suite("fuzz");
const folder = fileURLToPath(new URL("../../../../test/corpus/", import.meta.url));
const runs = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const changesMax = 6;

/** Pieces that parsers look for; they make mutations reach deeper. */
const pieces = [
  "\r\n", "\n", "\0", ":", "/", "::", "255", "256", "-1", "1e9", "null", "true", "{", "}", "[", "]",
  '"', ",", "Content-Length: 1\r\n", "Host: b\r\n", "HTTP/1.1", "GET ", "\xc0\x0c", "\xff", "0x7f",
].map((text) => Buffer.from(text, "latin1"));

function mutate(seed: Buffer, other: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(seed);
  const changes = randomBelow(random, changesMax);
  for (let change = 0; change <= changes; change++) {
    const at = randomBelow(random, bytes.length + 1);
    const end = Math.min(bytes.length, at + randomBelow(random, 16));
    const piece = pieces[randomBelow(random, pieces.length)] ?? Buffer.alloc(0);
    const middle = [
      Buffer.of(randomBelow(random, 256)),
      Buffer.alloc(0),
      piece,
      Buffer.concat([bytes.subarray(at, end), bytes.subarray(at, end)]),
      other.subarray(0, randomBelow(random, other.length + 1)),
    ][randomBelow(random, 5)];
    bytes = Buffer.concat([bytes.subarray(0, at), middle ?? piece, bytes.subarray(end)]);
  }
  return bytes;
}

function fuzz(name: string, feed: (bytes: Uint8Array) => void): void {
  test(`${name}: ${runs} inputs`, () => {
    const corpus = readdirSync(`${folder}${name}`).map((file) => {
      return readFileSync(`${folder}${name}/${file}`);
    });
    assert.ok(corpus.length > 1);
    const random = seededRandom(20_250_426);
    const any = (): Buffer => corpus[randomBelow(random, corpus.length)] ?? Buffer.alloc(0);
    for (let run = 0; run < runs; run++) {
      const bytes = run < corpus.length ? (corpus[run] as Buffer) : mutate(any(), any(), random);
      try {
        feed(Uint8Array.from(bytes));
      } catch (error) {
        throw new Error(`${name} with ${JSON.stringify(bytes.toString("latin1"))}`, {
          cause: error,
        });
      }
    }
  });
}

fuzz("http", (bytes) => {
  const outcome = feedHttp(createHttpReader(), bytes);
  if (outcome.kind === "refused") assert.ok(outcome.status >= 400 && outcome.status < 600);
  if (outcome.kind !== "request") return;
  const { path, body } = outcome.request;
  assert.ok(path.startsWith("/") && body.length <= httpBodyBytesMax);
  // Whatever is accepted ends where the bytes end, so nothing can hide behind it.
  assert.deepStrictEqual(body, bytes.slice(bytes.length - body.length));
});

fuzz("config", (bytes) => {
  const text = Buffer.from(bytes).toString();
  const { config, issues } = parseConfig(text);
  assert.strictEqual(config === undefined, issues.length > 0);
  for (const { path, expected } of issues) assert.ok(typeof path === "string" && expected !== "");
  const isJson = text.trimStart().startsWith("{");
  if (config !== undefined && isJson) assert.ok(typeof JSON.parse(text) === "object");
});

fuzz("dns", (bytes) => {
  const answer = decodeAnswer(bytes, 0x1234, "gateway.example", 4);
  if (answer.kind !== "addresses") return;
  for (const address of answer.addresses) assert.strictEqual(address.length, 4);
});

fuzz("control", (bytes) => {
  const text = decodeUtf8(bytes);
  if (text !== undefined) assert.deepStrictEqual(Uint8Array.from(encodeUtf8(text)), bytes);
  const answer = readGatewayAnswer(text);
  if (answer.kind === "welcome") assert.ok(answer.welcome.mtu >= 1_280);
  if (answer.kind === "refused") assert.match(answer.error + answer.text, /^[ -~]*$/);
});

test.run();
