/** UTF-8 (RFC 3629) without an engine's help: QuickJS has no TextEncoder. */

/** A lone surrogate has no encoding; U+FFFD stands for it. */
const replacement = 0xfffd;

export function encodeUtf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) pushCodePoint(bytes, character.codePointAt(0) ?? 0);
  return bytes;
}

/** Undefined if the bytes are not well-formed: over-long forms and surrogates are refused. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (bytes.every(isAscii)) return fromAscii(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const point = length === 0 ? -1 : codePointAt(bytes, at, length);
    if (point < 0) return undefined;
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

function isAscii(byte: number): boolean {
  return byte < 0x80;
}

/** Arguments of one call; engines bound them by their stack. */
const argumentsMax = 1_024;

function fromAscii(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += argumentsMax) {
    text += String.fromCharCode(...bytes.subarray(at, at + argumentsMax));
  }
  return text;
}

function pushCodePoint(bytes: number[], given: number): void {
  const point = given >= 0xd800 && given <= 0xdfff ? replacement : given;
  if (point < 0x80) bytes.push(point);
  else if (point < 0x800) bytes.push(0xc0 | (point >> 6), continuation(point, 0));
  else if (point < 0x10000) {
    bytes.push(0xe0 | (point >> 12), continuation(point, 6), continuation(point, 0));
  } else {
    bytes.push(0xf0 | (point >> 18), continuation(point, 12));
    bytes.push(continuation(point, 6), continuation(point, 0));
  }
}

function continuation(point: number, shift: number): number {
  return 0x80 | ((point >> shift) & 0x3f);
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/** Smallest code point that needs that many bytes. */
const smallest = [0, 0, 0x80, 0x800, 0x10000];

function codePointAt(bytes: Uint8Array, at: number, length: number): number {
  let point = length === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) & (0x7f >> length);
  for (let i = 1; i < length; i += 1) {
    const byte = bytes[at + i] ?? 0;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return point < (smallest[length] ?? 0) || point > 0x10ffff || isSurrogate ? -1 : point;
}
