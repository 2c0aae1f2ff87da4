/** Payloads that exceed one message: files and the text of the firewall. */
import type { Channel } from "./channel.js";
import { asResult, request } from "./channel.js";
import type { Judgement } from "../model/operation.js";
import type { FileFacts } from "../model/file.js";
import { answerText } from "./errno.js";

/** Bytes in one part, as the contract bounds them. */
const partBytesMax = 49_152;
/** Largest file that the mover reads for us. */
const fileBytesMax = 1_048_576;
const scriptBytesMax = 4_194_304;

export interface TransferError {
  readonly error: number;
  readonly text: string;
}

/**
 * `facts` are of the file even where its content is refused, which that of a private key is; with a
 * mode of 0 nothing is known.
 */
type FileDone = (result: Uint8Array | TransferError, facts: FileFacts) => void;

/** Reads a whole file, part by part. A file that changes while it is read may come out mixed. */
export function readFile(channel: Channel, path: string, done: FileDone): void {
  readParts(channel, path, [], 0, done);
}

function readParts(
  channel: Channel,
  path: string,
  parts: Uint8Array[],
  offset: number,
  done: FileDone,
): void {
  request(channel, { type: "file_read", path, offset }, (answer) => {
    if (answer.type !== "file_data") throw new Error(`answer ${answer.type} to file_read`);
    if (answer.error !== 0) {
      done({ error: answer.error, text: `${path}: ${answerText(answer.error, "")}` }, answer);
      return;
    }
    const next = offset + answer.data.length;
    parts.push(answer.data);
    const complete = answer.data.length === 0 || next >= answer.total || next > fileBytesMax;
    if (complete) done(joinBytes(parts), answer);
    else readParts(channel, path, parts, next, done);
  });
}

/** Replaces a file atomically. `done` gets an empty text on success. */
export function writeFile(
  channel: Channel,
  path: string,
  content: string,
  done: (problem: string) => void,
): void {
  writePart(channel, path, channel.native.utf8Encode(content), 0, done);
}

function writePart(
  channel: Channel,
  path: string,
  whole: Uint8Array,
  offset: number,
  done: (problem: string) => void,
): void {
  const { data, end, last } = partFrom(whole, offset);
  request(channel, { type: "file_write", path, mode: 0o600, offset, last, data }, (answer) => {
    const { error, text } = asResult(answer);
    if (error !== 0) done(`${path}: ${answerText(error, text)}`);
    else if (last) done("");
    else writePart(channel, path, whole, end, done);
  });
}

/** Commits an nftables script as one transaction; the parts are sent one after another. */
export function applyFirewall(
  channel: Channel,
  script: string,
  done: (result: TransferError) => void,
): void {
  const data = channel.native.utf8Encode(script);
  if (data.length > scriptBytesMax) throw new Error(`firewall script of ${data.length} bytes`);
  applyPart(channel, data, 0, done);
}

/** Rows in one message, as the contract bounds them. */
const flowRowsPart = 1_536;

/** Forgets flows that are not where they belong; the rows are sent in parts. */
export function deleteFlows(
  channel: Channel,
  judgement: Judgement,
  done: (error: number) => void,
): void {
  const { tunnels, aside, past, rows } = judgement;
  const part = rows.slice(0, flowRowsPart);
  const last = part.length === rows.length;
  const lists = { tunnels, aside, past: past.map((destination) => ({ destination })) };
  const message = { type: "conntrack_delete", last, ...lists, rows: part } as const;
  request(channel, message, (answer) => {
    if (answer.type !== "conntrack_deleted") {
      throw new Error(`answer ${answer.type} to conntrack_delete`);
    }
    if (last || answer.error !== 0) return done(answer.error);
    deleteFlows(channel, { ...judgement, rows: rows.slice(flowRowsPart) }, done);
  });
}

function applyPart(
  channel: Channel,
  data: Uint8Array,
  offset: number,
  done: (result: TransferError) => void,
): void {
  const { data: script, end, last } = partFrom(data, offset);
  request(channel, { type: "nft_apply", last, script }, (answer) => {
    const result = asResult(answer);
    if (result.error !== 0 || last) done(result);
    else applyPart(channel, data, end, done);
  });
}

/** Reads our table back: JSON text, undefined if there is no table, or an error. */
export function listFirewall(
  channel: Channel,
  done: (result: Uint8Array | TransferError) => void,
): void {
  const parts: Uint8Array[] = [];
  request(channel, { type: "nft_list" }, (answer) => {
    if (answer.type !== "nft_text") throw new Error(`answer ${answer.type} to nft_list`);
    if (answer.error !== 0) {
      done({ error: answer.error, text: answerText(answer.error, "") });
      return false;
    }
    parts.push(answer.data);
    if (!answer.last) return true;
    done(joinBytes(parts));
    return false;
  });
}

/** The part that begins at `offset`, and where the next one does. */
export function partFrom(
  whole: Uint8Array,
  offset: number,
): { readonly data: Uint8Array; readonly end: number; readonly last: boolean } {
  const end = offset + partBytesMax;
  return { data: whole.slice(offset, end), end, last: end >= whole.length };
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
