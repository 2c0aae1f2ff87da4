/** One HTTP request over the daemon's socket; the answer whole, or line by line as it comes. */
import { EAGAIN, ECONNREFUSED, ECONNRESET, ENOENT, EPIPE, errnoText } from "../host/errno.js";
import type { Native } from "../host/native.js";

const readBytesMax = 65_536;
/** An answer that does not come is a daemon that is not reachable. */
const answerMsMax = 15_000;
const answerBytesMax = 16_777_216;

export interface ClientHooks {
  readonly onAnswer: (status: number, body: string) => void;
  /** For streams: every line of a successful answer, instead of the whole. */
  readonly onLine?: (line: string) => void;
  readonly onFailure: (why: string) => void;
}

export interface Client {
  readonly native: Native;
  readonly fd: number;
  readonly hooks: ClientHooks;
  request: Uint8Array;
  parts: Uint8Array[];
  bytes: number;
  deadlineMs: number;
}

export function openClient(
  native: Native,
  socket: string,
  { target, body }: { readonly target: string; readonly body?: object | undefined },
  hooks: ClientHooks,
): Client | undefined {
  const fd = native.connectUnix(socket);
  if (fd < 0) {
    hooks.onFailure(`the daemon is not reachable at ${socket}: ${unreachableText(fd)}`);
    return undefined;
  }
  const content = body === undefined ? "" : JSON.stringify(body);
  const length = native.utf8Encode(content).length;
  const method = body === undefined ? "GET" : "POST";
  const type = body === undefined ? "" : "Content-Type: application/json\r\n";
  const lines = `${method} ${target} HTTP/1.1\r\nHost: adit\r\n${type}`;
  const request = native.utf8Encode(`${lines}Content-Length: ${length}\r\n\r\n${content}`);
  const deadlineMs = native.monotonicMs() + answerMsMax;
  const client: Client = { native, fd, hooks, request, parts: [], bytes: 0, deadlineMs };
  native.watch(fd, true, true);
  return client;
}

function unreachableText(error: number): string {
  const runs = error === -ENOENT || error === -ECONNREFUSED ? "; is aditd running?" : "";
  return `${errnoText(error)}${runs}`;
}

export function onClientReady(client: Client, readable: boolean, writable: boolean): void {
  const { native, fd } = client;
  if (writable && client.request.length > 0) {
    const taken = native.write(fd, client.request);
    const isRefused = taken === -EPIPE || taken === -ECONNRESET;
    if (taken < 0 && taken !== -EAGAIN && !isRefused) return fail(client, errnoText(taken));
    // A daemon that wants no more of it has said why.
    const done = isRefused ? client.request.length : Math.max(0, taken);
    client.request = client.request.subarray(done);
    native.watch(fd, true, client.request.length > 0);
  }
  if (readable) receive(client);
}

export function onClientTime(client: Client): void {
  if (client.native.monotonicMs() >= client.deadlineMs) fail(client, "the daemon does not answer");
}

function receive(client: Client): void {
  const chunk = client.native.read(client.fd, readBytesMax);
  if (chunk === -EAGAIN) return;
  // What was not read of the request resets the connection behind the answer.
  if (chunk === -ECONNRESET) return takeAnswer(client, true);
  if (typeof chunk === "number") return fail(client, errnoText(chunk));
  client.parts.push(chunk);
  client.bytes += chunk.length;
  if (client.bytes > answerBytesMax) return fail(client, "the answer is too long");
  const ended = chunk.length === 0;
  if (ended || client.hooks.onLine !== undefined) takeAnswer(client, ended);
}

function takeAnswer(client: Client, ended: boolean): void {
  const { hooks } = client;
  const whole = joinParts(client);
  const text = client.native.utf8Decode(whole);
  const found = /^HTTP\/1\.1 (\d{3}) [^]*?\r\n\r\n/.exec(text ?? "");
  if (text === undefined || found === null) {
    if (ended) fail(client, "the daemon answered nonsense");
    return;
  }
  const status = Number(found[1]);
  if (hooks.onLine !== undefined && status === 200) giveLines(client, text, found[0].length);
  if (!ended) return;
  const length = /\ncontent-length: (\d+)\r/i.exec(found[0])?.[1];
  if (length !== undefined && whole.length < found[0].length + Number(length)) {
    return fail(client, "the daemon's answer was cut off");
  }
  finish(client);
  hooks.onAnswer(status, text.slice(found[0].length));
}

/** Gives out complete lines and keeps the head and what is left. */
function giveLines(client: Client, text: string, headLength: number): void {
  client.deadlineMs = Infinity;
  const lines = text.slice(headLength).split("\n");
  const rest = text.slice(0, headLength) + (lines.pop() ?? "");
  client.parts = [client.native.utf8Encode(rest)];
  client.bytes = client.parts[0]?.length ?? 0;
  for (const line of lines) client.hooks.onLine?.(line);
}

function joinParts(client: Client): Uint8Array {
  const whole = new Uint8Array(client.bytes);
  let offset = 0;
  for (const part of client.parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  client.parts = [whole];
  return whole;
}

function fail(client: Client, why: string): void {
  finish(client);
  client.hooks.onFailure(why);
}

function finish(client: Client): void {
  client.deadlineMs = Infinity;
  client.native.close(client.fd);
}
