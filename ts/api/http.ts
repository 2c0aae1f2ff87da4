/**
 * A strict reader of HTTP/1.1 requests (RFC 9112), one for each connection: GET, HEAD, POST, PUT
 * and DELETE with a body measured by Content-Length. Everything that two readers could understand
 * differently is refused. Pure: bytes go in, a request or a refusal comes out, however they are cut
 * into pieces.
 */
import {
  httpBodyBytesMax,
  httpHeaderBytesMax,
  httpScriptBodyBytesMax,
} from "../model/limits.js";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface HttpRequest {
  /** HEAD is GET of which only the head is sent (RFC 9110 section 9.3.2). */
  readonly method: Method;
  readonly headOnly: boolean;
  /** Path without the query. */
  readonly path: string;
  /** Decoded parameters of the query. */
  readonly query: ReadonlyMap<string, string>;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export type HttpOutcome =
  | { readonly kind: "more" }
  | { readonly kind: "request"; readonly request: HttpRequest }
  | { readonly kind: "refused"; readonly status: number; readonly why: string };

export interface HttpReader {
  /** Grows with the request; only the first `length` bytes count. */
  bytes: Uint8Array;
  length: number;
  /** Bytes that were looked at and are no reason to refuse; what comes in crumbs is read once. */
  checked: number;
  head: (Head & { readonly end: number }) | undefined;
}

interface Head {
  readonly method: Method;
  readonly headOnly: boolean;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
}

type Refusal = Extract<HttpOutcome, { kind: "refused" }>;

const requestBytesMax = httpHeaderBytesMax + httpScriptBodyBytesMax;
/** The resources that take scripts, or whole configurations. */
const scriptPattern = /^\/v1\/(policy\/(try|diff|swap)|check)$/;
/** Room that most requests do with. */
const readerBytesFirst = 1_024;
const methods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "DELETE"];
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const valuePattern = /^[\t -~]*$/;
/** A path and a query of RFC 3986, nothing that needs an escape. */
const originPattern = /^\/[\w.~%!$&'()*+,;=:@/?-]*$/;
/** The form for proxies, which every server has to take as well (RFC 9112 section 3.2.2). */
const absolutePattern = /^http:\/\/[A-Za-z0-9.:[\]_-]+(?=\/|\?|$)/i;
const lengthPattern = /^[0-9]{1,9}$/;
const hostPattern = /^[A-Za-z0-9.:[\]_-]*$/;
/** Headers that may come once only, because it matters which of two is believed. */
const singles: readonly string[] = ["host", "content-length", "transfer-encoding", "content-type"];

export function createHttpReader(): HttpReader {
  return { bytes: new Uint8Array(readerBytesFirst), length: 0, checked: 0, head: undefined };
}

/** True for a request that only scripts need; a small machine has memory for few of them. */
export function isLong({ length }: HttpReader): boolean {
  return length > httpHeaderBytesMax + httpBodyBytesMax;
}

/** Takes the next bytes. After "request" or "refused" the reader is used up. */
export function feedHttp(reader: HttpReader, chunk: Uint8Array): HttpOutcome {
  append(reader, chunk);
  if (reader.head === undefined) {
    const outcome = feedHead(reader);
    if (outcome !== undefined) return outcome;
  }
  return readBody(reader);
}

/** What comes of bytes that do not complete the head; undefined when it is complete. */
function feedHead(reader: HttpReader): HttpOutcome | undefined {
  const end = findHeadEnd(reader);
  const complete = end >= 0 && end <= httpHeaderBytesMax;
  const checked = complete ? end : Math.min(reader.length, httpHeaderBytesMax);
  const broken = checkBytes(reader, checked);
  if (broken !== undefined) return broken;
  if (!complete) {
    reader.checked = checked;
    const tooLong = reader.length > httpHeaderBytesMax;
    return tooLong ? refusal(431, "headers are too long") : { kind: "more" };
  }
  const head = readHead(asciiText(reader.bytes.subarray(blankBytes(reader), end - 4)));
  if ("kind" in head) return head;
  reader.head = { ...head, end };
  return undefined;
}

/** One empty line before the request is ignored (RFC 9112 section 2.2). */
function blankBytes({ bytes }: HttpReader): number {
  return bytes[0] === 13 && bytes[1] === 10 ? 2 : 0;
}

/** Keeps at most one byte more than any request may have. */
function append(reader: HttpReader, chunk: Uint8Array): void {
  const taken = Math.min(chunk.length, requestBytesMax + 1 - reader.length);
  const needed = reader.length + taken;
  if (needed > reader.bytes.length) {
    const grown = new Uint8Array(Math.min(requestBytesMax + 1, needed * 2));
    grown.set(reader.bytes.subarray(0, reader.length));
    reader.bytes = grown;
  }
  reader.bytes.set(chunk.subarray(0, taken), reader.length);
  reader.length = needed;
}

function refusal(status: number, why: string): Refusal {
  return { kind: "refused", status, why };
}

/** Offset behind the empty line, -1 while it has not come. */
function findHeadEnd({ bytes, length, checked }: HttpReader): number {
  for (let index = Math.max(3, checked); index < length; index++) {
    if (bytes[index] !== 10 || bytes[index - 1] !== 13) continue;
    if (bytes[index - 2] === 10 && bytes[index - 3] === 13) return index + 1;
  }
  return -1;
}

/** What can never become a request is refused at once, wherever the pieces were cut. */
function checkBytes({ bytes, checked }: HttpReader, length: number): Refusal | undefined {
  // A return at the very end waits for what follows it.
  for (let index = Math.max(0, checked - 1); index < length; index++) {
    const byte = bytes[index] as number;
    if (byte === 10 && bytes[index - 1] !== 13) return refusal(400, "line feed without return");
    const returns = byte === 13 && index + 1 < length && bytes[index + 1] !== 10;
    if (returns) return refusal(400, "return without line feed");
    const control = byte < 32 && byte !== 9 && byte !== 10 && byte !== 13;
    if (control || byte > 126) return refusal(400, "bytes that are no text");
  }
  return undefined;
}

function readHead(text: string): Head | Refusal {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const line = readRequestLine(requestLine);
  if ("kind" in line) return line;
  const headers = readHeaders(lines);
  if ("kind" in headers) return headers;
  const wrong = checkHeaders(headers.values);
  return wrong ?? { ...line, headers: headers.values };
}

function readRequestLine(line: string): Omit<Head, "headers"> | Refusal {
  const parts = line.split(" ");
  const [method = "", target = "", version = ""] = parts;
  if (parts.length !== 3 || !tokenPattern.test(method)) return refusal(400, "broken request line");
  if (version !== "HTTP/1.1") {
    const known = /^HTTP\/[0-9]\.[0-9]$/.test(version);
    return known ? refusal(505, "only HTTP/1.1 is spoken") : refusal(400, "broken request line");
  }
  if (!methods.includes(method)) return refusal(501, "method is not spoken");
  const path = absolutePattern.test(target) ? originOf(target) : target;
  if (!originPattern.test(path)) return refusal(400, "the target must be a path");
  const headOnly = method === "HEAD";
  return { method: headOnly ? "GET" : (method as Method), headOnly, target: path };
}

/** The path and query of an absolute target; an empty path is the root. */
function originOf(target: string): string {
  return target.replace(absolutePattern, "").replace(/^(?=\?|$)/, "/");
}

function readHeaders(lines: readonly string[]): { values: Map<string, string> } | Refusal {
  const values = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1);
    if (!tokenPattern.test(name)) return refusal(400, "broken header name");
    if (!valuePattern.test(value)) return refusal(400, `broken value of ${name}`);
    if (values.has(name) && singles.includes(name)) return refusal(400, `${name} stands twice`);
    values.set(name, value.replace(/^[ \t]+|[ \t]+$/g, ""));
  }
  return { values };
}

function checkHeaders(headers: ReadonlyMap<string, string>): Refusal | undefined {
  const host = headers.get("host");
  if (host === undefined || !hostPattern.test(host)) return refusal(400, "one host is needed");
  const length = headers.get("content-length");
  if (headers.has("transfer-encoding")) {
    const both = length !== undefined;
    return both ? refusal(400, "two kinds of length") : refusal(501, "no transfer encodings");
  }
  if (length !== undefined && !lengthPattern.test(length)) {
    return refusal(400, "broken content-length");
  }
  if (headers.has("expect")) return refusal(417, "no expectations");
  if (headers.has("upgrade")) return refusal(400, "no upgrades");
  if (headers.has("origin")) return refusal(403, "no requests of web pages");
  return undefined;
}

function readBody({ bytes, length: received, head }: HttpReader): HttpOutcome {
  if (head === undefined) return { kind: "more" };
  const { method, headOnly, target, headers } = head;
  const length = Number(headers.get("content-length") ?? "0");
  const most = scriptPattern.test(target) ? httpScriptBodyBytesMax : httpBodyBytesMax;
  if (length > most) return refusal(413, `at most ${most} bytes of body`);
  if (method === "GET" && length > 0) return refusal(400, "GET has no body");
  const end = head.end + length;
  if (received > end) return refusal(400, "bytes behind the request");
  if (received < end) return { kind: "more" };
  const [path = "", ...rest] = target.split("?");
  const query = readQuery(rest.join("?"));
  const decoded = decodePercent(path);
  if (decoded === undefined) return refusal(400, "broken percent encoding");
  if ("kind" in query) return query;
  const contentType = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const body = bytes.slice(head.end, end);
  const request = { method, headOnly, path: decoded, query, contentType, body };
  return { kind: "request", request };
}

function readQuery(text: string): ReadonlyMap<string, string> | Refusal {
  const query = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const [name = "", ...rest] = pair.split("=");
    const key = decodePercent(name.replace(/\+/g, " "));
    const value = decodePercent(rest.join("=").replace(/\+/g, " "));
    if (key === undefined || value === undefined) return refusal(400, "broken percent encoding");
    if (query.has(key)) return refusal(400, `parameter ${key.slice(0, 40)} stands twice`);
    query.set(key, value);
  }
  return query;
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
