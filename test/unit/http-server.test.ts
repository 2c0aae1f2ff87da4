/**
 * Connections of the API. Goal: each ends in time whatever its peer does, answers arrive whole, and
 * neither connections nor backlogs grow without bound.
 */
import assert from "node:assert";
import { suite } from "uvu";
import type { HttpServer, Responder } from "../../ts/api/server.js";
import { createHttpServer, failure, serveHttp } from "../../ts/api/server.js";
import type { Core } from "../../ts/engine/core.js";
import { Deadlines } from "../../ts/host/deadlines.js";
import { Descriptors } from "../../ts/host/descriptors.js";
import {
  httpBacklogBytesMax,
  httpConnectionsMax,
  httpRequestMsMax,
} from "../../ts/model/limits.js";
import type { FakePeer } from "./support/fake-mover.js";
import { FakeHost } from "./support/fake-mover.js";

const test = suite("http-server");

interface Bench {
  readonly host: FakeHost;
  readonly core: Core;
  readonly server: HttpServer;
  readonly responders: Responder[];
  readonly ready: (peer: FakePeer, writable?: boolean) => void;
  readonly wait: (delayMs: number) => void;
}

const listener = 3;
const plain = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

function serve(): Bench {
  const host = new FakeHost();
  const core = {
    native: host.native,
    deadlines: new Deadlines(),
    descriptors: new Descriptors(host.native),
  } as unknown as Core;
  const responders: Responder[] = [];
  const server = createHttpServer(core, (_request, responder) => responders.push(responder));
  serveHttp(server, listener);
  const ready = (peer: FakePeer, writable = false): void => {
    core.descriptors.onReady(listener, true, false);
    core.descriptors.onReady(host.fdOf(peer), !writable, writable);
  };
  const wait = (delayMs: number): void => {
    host.nowMs += delayMs;
    core.deadlines.runDue(host.nowMs);
  };
  return { host, core, server, responders, ready, wait };
}

function statusOf(peer: FakePeer): string {
  return peer.output.slice(0, 12);
}

test("a request is answered and the connection closed", () => {
  const { host, core, responders, ready } = serve();
  const peer = host.connect(plain);
  ready(peer);
  responders[0]?.answer({ status: 200, body: { a: 1 } });
  assert.match(peer.output, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\{"a":1\}\n$/);
  assert.ok(peer.closed);
  assert.strictEqual(core.deadlines.nextMs(), Infinity);
  responders[0]?.answer({ status: 200, body: {} });
});

test("a refused request never reaches the routes", () => {
  const { host, responders, ready } = serve();
  const peer = host.connect("GET /x HTTP/1.1\r\n\r\n");
  ready(peer);
  assert.strictEqual(statusOf(peer), "HTTP/1.1 400");
  assert.strictEqual(responders.length, 0);
  assert.ok(peer.closed);
});

test("one script is taken at a time", () => {
  const { host, core, responders, ready } = serve();
  const head = "POST /v1/policy/swap HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  const send = (): FakePeer => {
    const peer = host.connect(head + "x".repeat(99_999));
    ready(peer);
    return peer;
  };
  const [first, second] = [send(), send()];
  assert.strictEqual(statusOf(second), "HTTP/1.1 503");
  assert.strictEqual(first.output, "");
  first.input.push(new Uint8Array([120]));
  core.descriptors.onReady(host.fdOf(first), true, false);
  assert.strictEqual(responders.length, 1);
  responders[0]?.answer({ status: 200, body: {} });
  assert.strictEqual(statusOf(first), "HTTP/1.1 200");
  assert.strictEqual(send().output, "");
});

test("who sends half a request is told so and closed in time", () => {
  const { host, ready, wait } = serve();
  const peer = host.connect(plain.slice(0, 9));
  ready(peer);
  wait(httpRequestMsMax - 1);
  assert.ok(!peer.closed);
  wait(1);
  assert.strictEqual(statusOf(peer), "HTTP/1.1 408");
  assert.ok(peer.closed);
});

test("who does not take the answer is closed in time", () => {
  const { host, responders, ready, wait } = serve();
  const peer = host.connect(plain, 20);
  ready(peer);
  responders[0]?.answer({ status: 200, body: "x".repeat(100) });
  assert.ok(!peer.closed && peer.writable);
  wait(10_000);
  assert.ok(peer.closed);
});

test("an answer that the kernel takes in bits arrives whole", () => {
  const { host, responders, ready } = serve();
  const peer = host.connect(plain, 7);
  ready(peer);
  responders[0]?.answer({ status: 200, body: "y".repeat(50) });
  while (!peer.closed) {
    peer.room = 7;
    ready(peer, true);
  }
  assert.ok(peer.output.endsWith(`"${"y".repeat(50)}"\n`));
});

test("a peer that ended its side still gets its answer", () => {
  const { host, responders, ready } = serve();
  const peer = host.connect(plain);
  ready(peer);
  peer.ended = true;
  ready(peer);
  assert.ok(!peer.closed);
  responders[0]?.answer(failure(404, "nothing here"));
  assert.strictEqual(statusOf(peer), "HTTP/1.1 404");
  assert.ok(peer.closed);
});

test("one connection too many is turned away, the others go on", () => {
  const { host, server, responders, ready } = serve();
  const peers = Array.from({ length: httpConnectionsMax }, () => host.connect(plain));
  for (const peer of peers) ready(peer);
  const late = host.connect(plain);
  ready(late);
  assert.strictEqual(statusOf(late), "HTTP/1.1 503");
  assert.ok(late.closed);
  assert.strictEqual(server.connections.size, httpConnectionsMax);
  for (const responder of responders) responder.answer({ status: 200, body: {} });
  assert.ok(peers.every((peer) => statusOf(peer) === "HTTP/1.1 200"));
});

test("a stream gives lines and drops a reader that does not read", () => {
  const { host, core, responders, ready } = serve();
  const peer = host.connect(plain);
  ready(peer);
  let closed = 0;
  const write = responders[0]?.stream(() => (closed += 1));
  write?.({ event: "ready" });
  assert.ok(peer.output.endsWith('\r\n\r\n{"event":"ready"}\n'));
  assert.strictEqual(core.deadlines.nextMs(), Infinity);
  peer.room = 0;
  const line = "z".repeat(1_000);
  for (let count = 0; count * 1_000 < httpBacklogBytesMax; count++) write?.(line);
  assert.ok(peer.closed);
  assert.strictEqual(closed, 1);
  write?.(line);
});

test("a stream ends when its reader leaves", () => {
  const { host, responders, ready } = serve();
  const peer = host.connect(plain);
  ready(peer);
  let closed = 0;
  responders[0]?.stream(() => (closed += 1));
  peer.ended = true;
  ready(peer);
  assert.ok(peer.closed);
  assert.strictEqual(closed, 1);
});

test.run();
