/** HTTP over the listening descriptor: connections, time limits, answers and the event stream. */
import { EAGAIN } from "../host/errno.js";
import type { Core } from "../engine/core.js";
import { afterMs } from "../engine/core.js";
import {
  httpBacklogBytesMax,
  httpConnectionsMax,
  httpRequestMsMax,
  httpStreamsMax,
  httpWaitingBytesMax,
} from "../model/limits.js";
import type { HttpReader, HttpRequest } from "./http.js";
import { createHttpReader, feedHttp, isLong } from "./http.js";

const readBytesMax = 16_384;
/** Time to take an answer; streams are bounded by their backlog instead. */
const answerMsMax = 5_000;
/** A change waits this long for the kernel, so a request may take longer than its reading. */
export const settleMsMax = 5_000;

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** How a route answers: once, or by opening a stream of lines. */
export interface Responder {
  readonly answer: (answer: HttpAnswer) => void;
  /**
   * Sends the head of a stream; `onClose` is called once when the reader is gone. Undefined if
   * there is nobody to write to: then all is said.
   */
  readonly stream: (onClose: () => void) => StreamWriter | undefined;
}

/** Sends one JSON line. A reader whose backlog is full is dropped. */
export type StreamWriter = (line: unknown) => void;

export type RequestHandler = (request: HttpRequest, responder: Responder) => void;

export interface HttpServer {
  readonly core: Core;
  readonly onRequest: RequestHandler;
  readonly connections: Map<number, Connection>;
  /** -1 while nothing is listened on. */
  listener: number;
}

interface Connection {
  readonly fd: number;
  readonly reader: HttpReader;
  phase: "reading" | "working" | "answering" | "streaming";
  headOnly: boolean;
  /** What the kernel has not taken yet. */
  backlog: Uint8Array[];
  backlogBytes: number;
  /** The peer has sent all that it will. */
  ended: boolean;
  onClose: () => void;
}

/** The kinds of failure that a program tells apart; the cause is for people. */
const descriptions: Readonly<Record<number, string>> = {
  200: "OK",
  400: "bad request",
  403: "forbidden",
  404: "not found",
  405: "HTTP method not allowed",
  409: "not now",
  504: "not settled in time",
};

export function createHttpServer(core: Core, onRequest: RequestHandler): HttpServer {
  return { core, onRequest, connections: new Map(), listener: -1 };
}

/** Takes a listening descriptor over. */
export function serveHttp(server: HttpServer, listener: number): void {
  closeListener(server);
  server.listener = listener;
  server.core.descriptors.open(listener, () => acceptAll(server));
}

export function closeListener(server: HttpServer): void {
  if (server.listener >= 0) server.core.descriptors.close(server.listener);
  server.listener = -1;
}

/** The object that describes a failure, as every answer but a success carries it. */
export function failure(status: number, cause: string, more: object = {}): HttpAnswer {
  const description = descriptions[status] ?? "refused";
  return { status, body: { code: status, description, cause, ...more } };
}

function acceptAll(server: HttpServer): void {
  const { core } = server;
  for (let count = 0; count < httpConnectionsMax; count++) {
    const fd = core.native.accept(server.listener);
    if (fd < 0) return;
    const connection: Connection = {
      fd,
      reader: createHttpReader(),
      phase: "reading",
      headOnly: false,
      backlog: [],
      backlogBytes: 0,
      ended: false,
      onClose: () => undefined,
    };
    if (server.connections.size >= httpConnectionsMax) evictOne(server);
    const full = server.connections.size >= httpConnectionsMax;
    server.connections.set(fd, connection);
    core.descriptors.open(fd, (readable, writable) => {
      onReady(server, connection, readable, writable);
    });
    limit(server, connection, httpRequestMsMax, () => {
      answer(server, connection, failure(408, `a request takes at most ${httpRequestMsMax} ms`));
    });
    if (full) answer(server, connection, failure(503, `${httpConnectionsMax} connections already`));
  }
}

/** Whoever has said nothing for longest makes room; a user says all at once. */
function evictOne(server: HttpServer): void {
  const silent = [...server.connections.values()].find(
    ({ phase, reader }) => phase === "reading" && reader.head === undefined,
  );
  if (silent !== undefined) answer(server, silent, failure(503, "others wait for this place"));
}

function limit(server: HttpServer, { fd }: Connection, delayMs: number, run: () => void): void {
  afterMs(server.core, `http ${fd}`, delayMs, "limit of a connection", run);
}

function onReady(
  server: HttpServer,
  connection: Connection,
  readable: boolean,
  writable: boolean,
): void {
  if (writable) flush(server, connection);
  if (readable && server.connections.get(connection.fd) === connection) {
    receive(server, connection);
  }
}

function receive(server: HttpServer, connection: Connection): void {
  const chunk = server.core.native.read(connection.fd, readBytesMax);
  if (chunk === -EAGAIN) return;
  if (typeof chunk === "number" || chunk.length === 0) return onEnd(server, connection);
  if (connection.phase !== "reading") return;
  const outcome = feedHttp(connection.reader, chunk);
  const long = [...server.connections.values()].filter(({ reader }) => isLong(reader));
  if (isLong(connection.reader) && long.length > 1) {
    return answer(server, connection, failure(503, "another script is being taken"));
  }
  if (outcome.kind === "more") return;
  if (outcome.kind === "refused") {
    return answer(server, connection, failure(outcome.status, outcome.why));
  }
  connection.headOnly = outcome.request.headOnly;
  if (waitingBytes(server) > httpWaitingBytesMax) {
    return answer(server, connection, failure(503, "other answers wait to be taken"));
  }
  connection.phase = "working";
  limit(server, connection, settleMsMax * 2, () => {
    answer(server, connection, failure(504, "no answer in time"));
  });
  server.onRequest(outcome.request, responderOf(server, connection));
}

function waitingBytes({ connections }: HttpServer): number {
  return [...connections.values()].reduce((sum, { backlogBytes }) => sum + backlogBytes, 0);
}

/** A peer may end its side and still wait for the answer; told twice, it is gone altogether. */
function onEnd(server: HttpServer, connection: Connection): void {
  const waits = connection.phase === "working" || connection.phase === "answering";
  if (!waits || connection.ended) return close(server, connection);
  connection.ended = true;
  flush(server, connection);
}

function responderOf(server: HttpServer, connection: Connection): Responder {
  return {
    answer: (result) => {
      if (connection.phase === "working") answer(server, connection, result);
    },
    stream: (onClose) => {
      if (connection.phase !== "working") return undefined;
      return openStream(server, connection, onClose);
    },
  };
}

function openStream(
  server: HttpServer,
  connection: Connection,
  onClose: () => void,
): StreamWriter | undefined {
  if (streamCount(server) >= httpStreamsMax) {
    answer(server, connection, failure(503, `${httpStreamsMax} readers of events already`));
    return undefined;
  }
  const head = headText(200, { "Content-Type": "application/x-ndjson" });
  if (connection.headOnly) {
    connection.phase = "answering";
    send(server, connection, head);
    return undefined;
  }
  connection.phase = "streaming";
  connection.onClose = onClose;
  server.core.deadlines.clear(`http ${connection.fd}`);
  send(server, connection, head);
  return (line) => sendLine(server, connection, line);
}

function streamCount({ connections }: HttpServer): number {
  return [...connections.values()].filter(({ phase }) => phase === "streaming").length;
}

function sendLine(server: HttpServer, connection: Connection, line: unknown): void {
  if (server.connections.get(connection.fd) !== connection) return;
  send(server, connection, `${JSON.stringify(line)}\n`);
  if (connection.backlogBytes > httpBacklogBytesMax) close(server, connection);
}

function answer(server: HttpServer, connection: Connection, result: HttpAnswer): void {
  const { status, headers, body } = result;
  if (server.connections.get(connection.fd) !== connection) return;
  connection.phase = "answering";
  limit(server, connection, answerMsMax, () => close(server, connection));
  const content = server.core.native.utf8Encode(`${JSON.stringify(body)}\n`);
  const head = headText(status, {
    "Content-Type": "application/json",
    "Content-Length": String(content.length),
    ...headers,
  });
  enqueue(connection, server.core.native.utf8Encode(head));
  if (!connection.headOnly) enqueue(connection, content);
  flush(server, connection);
}

function headText(status: number, headers: Readonly<Record<string, string>>): string {
  const all = { ...headers, "Cache-Control": "no-store", Connection: "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${descriptions[status] ?? ""}\r\n${lines.join("")}\r\n`;
}

function send(server: HttpServer, connection: Connection, text: string): void {
  enqueue(connection, server.core.native.utf8Encode(text));
  flush(server, connection);
}

function enqueue(connection: Connection, bytes: Uint8Array): void {
  connection.backlog.push(bytes);
  connection.backlogBytes += bytes.length;
}

function flush(server: HttpServer, connection: Connection): void {
  const { native } = server.core;
  const { fd, backlog } = connection;
  while (backlog.length > 0) {
    const first = backlog[0] as Uint8Array;
    const taken = native.write(fd, first);
    if (taken === -EAGAIN) break;
    if (taken < 0) return close(server, connection);
    connection.backlogBytes -= taken;
    if (taken === first.length) backlog.shift();
    else backlog[0] = first.subarray(taken);
  }
  if (backlog.length === 0 && connection.phase === "answering") return close(server, connection);
  native.watch(fd, !connection.ended, backlog.length > 0);
}

function close(server: HttpServer, connection: Connection): void {
  const { core, connections } = server;
  if (connections.get(connection.fd) !== connection) return;
  connections.delete(connection.fd);
  core.deadlines.clear(`http ${connection.fd}`);
  core.descriptors.close(connection.fd);
  connection.onClose();
}
