/**
 * Signed scripts: detached Ed25519 signatures and public keys in the file format of usign and
 * signify, over the very bytes that are evaluated. The script's first line is part of them and
 * names a target and a version.
 */
import type { Native } from "../host/native.js";
import type { Module } from "../model/slots.js";
import { base64Bytes, hexText } from "./base64.js";

export interface SignedScript {
  readonly module: Module;
  readonly bytes: Uint8Array;
  /** Content of the signature file; undefined if none came along. */
  readonly signature: string | undefined;
}

/** What is asked of a script; without keys a signature is not looked at. */
export interface Trust {
  /** Base64 of public keys, as in the second line of a key file. */
  readonly keys: readonly string[];
  /** "" takes a script for any target. */
  readonly target: string;
  /** The highest version that was confirmed. */
  readonly versionMax: number;
}

/** What the first line says; version 0 and no target without such a line. */
export interface Header {
  readonly target: string;
  readonly version: number;
}

/** "Ed", the number of the key, then the key or the signature. */
const headBytes = 10;
const keyText = /^[A-Za-z0-9+/]{56}$/;
/** 74 bytes; the last digit has two bits that belong to none, which must be 0. */
const signatureText = /^untrusted comment: [^\n]*\n([A-Za-z0-9+/]{98}[AEIMQUYcgkosw048]=)\n?$/;
const headerBytesMax = 200;

/** The header of a script that may run, or a sentence that says why it may not. */
export function checkSigned(native: Native, script: SignedScript, trust: Trust): Header | string {
  const { module, bytes, signature } = script;
  if (trust.keys.length === 0) return readHeader(module, bytes) ?? { target: "", version: 0 };
  if (signature === undefined) return "expected a signature, policy.public_keys asks for one";
  const refusal = checkSignature(native, bytes, signature, trust.keys);
  if (refusal !== "") return refusal;
  const header = readHeader(module, bytes);
  const { target, versionMax } = trust;
  if (header === undefined) {
    return `expected the first line // adit-${module} target=NAME version=N in a signed script`;
  }
  if (target !== "" && header.target !== target) {
    return `expected target=${target} (policy.target), not target=${header.target}`;
  }
  if (header.version <= versionMax) {
    return `expected a version above ${versionMax}, which was confirmed, not ${header.version}`;
  }
  return header;
}

/** True for the base64 of a public key. */
export function isPublicKey(text: string): boolean {
  return keyText.test(text) && isEd(base64Bytes(text));
}

function checkSignature(
  native: Native,
  bytes: Uint8Array,
  text: string,
  keys: readonly string[],
): string {
  const signature = base64Bytes(signatureText.exec(text)?.[1] ?? "");
  if (!isEd(signature)) return "expected a signature file of usign or signify";
  const known = keys.filter(isPublicKey).map(base64Bytes);
  const key = known.find((one) => numberOf(one) === numberOf(signature));
  if (key === undefined) {
    const expected = known.map(numberOf).join(" or ");
    return `expected a signature by key ${expected}, not by ${numberOf(signature)}`;
  }
  const good = native.verifyEd25519(key.slice(headBytes), signature.slice(headBytes), bytes);
  return good ? "" : `expected bytes that key ${numberOf(key)} signed, these are others`;
}

function readHeader(module: Module, bytes: Uint8Array): Header | undefined {
  let line = "";
  for (const byte of bytes.subarray(0, headerBytesMax)) {
    if (byte === 10) break;
    line += String.fromCharCode(byte);
  }
  const pattern = /^\/\/ adit-(policy|control) target=([\w.-]{1,64}) version=([1-9]\d{0,14})\r?$/;
  const [, kind, target = "", version] = pattern.exec(line) ?? [];
  return kind === module ? { target, version: Number(version) } : undefined;
}

function isEd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x45 && bytes[1] === 0x64;
}

function numberOf(bytes: Uint8Array): string {
  return hexText(bytes.subarray(2, headBytes));
}
