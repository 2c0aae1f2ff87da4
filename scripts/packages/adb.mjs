// The database format of apk-tools 3, which its packages and indices are made of: values of 32 bits
// that hold a small number or say where something larger lies.
//
// A value here is null, a number, a string, bytes, { object: [...] } or { array: [...] }, whose
// first element is field 1. What is written twice lies in the file once, as apk does it.

import { spawnSync } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { inflateRawSync } from "node:zlib";

const TYPE = {
  int: 0x1, int32: 0x2, blob8: 0x8, blob16: 0x9, blob32: 0xa, array: 0xd, object: 0xe,
};
const BLOCK = { adb: 0, signature: 1, data: 2 };
const ROOT_AT = 4;
const HEADER_BYTES = 8;
const ALIGNMENT = 8;
const SMALL_INT_END = 0x1000_0000;
const SIGNATURE_VERSION = 0;
const DIGEST_SHA512 = 4;
const KEY_ID_BYTES = 16;
const [GZIP_HEAD_BYTES, GZIP_TAIL_BYTES, GZIP_MORE_BYTES_MAX] = [10, 8, 65_536];

export const SCHEMA = { package: "pckg", index: "indx" };

const u32 = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number >>> 0);
  return bytes;
};

/** The bytes of a database whose root is `root`. */
export function encode(root) {
  const parts = [Buffer.alloc(HEADER_BYTES)];
  const known = new Map();
  let length = HEADER_BYTES;

  function place(bytes, alignment) {
    const key = bytes.toString("latin1");
    const found = known.get(key);
    if (found !== undefined && found % alignment === 0) return found;
    const padding = -length & (alignment - 1);
    parts.push(Buffer.alloc(padding), bytes);
    known.set(key, length + padding);
    length += padding + bytes.length;
    return length - bytes.length;
  }

  const value = (type, payload) => ((type << 28) | payload) >>> 0;

  function blob(bytes) {
    if (bytes.length === 0) return 0;
    const [type, size] = bytes.length > 0xffff ? [TYPE.blob32, 4]
      : bytes.length > 0xff ? [TYPE.blob16, 2] : [TYPE.blob8, 1];
    return value(type, place(Buffer.concat([u32(bytes.length).subarray(0, size), bytes]), size));
  }

  function slots(type, items) {
    const values = items.map(write);
    while (values.at(-1) === 0) values.pop();
    if (values.length === 0) return 0;
    return value(type, place(Buffer.concat([values.length + 1, ...values].map(u32)), 4));
  }

  function write(item) {
    if (item === null || item === undefined) return 0;
    if (typeof item === "string" || Buffer.isBuffer(item)) return blob(Buffer.from(item));
    if (typeof item !== "number") {
      return item.array === undefined ? slots(TYPE.object, item.object)
        : slots(TYPE.array, item.array);
    }
    return item < SMALL_INT_END ? value(TYPE.int, item) : value(TYPE.int32, place(u32(item), 4));
  }

  const rootValue = write(root);
  const bytes = Buffer.concat(parts);
  bytes.writeUInt32LE(rootValue, ROOT_AT);
  return bytes;
}

/** The root of a database, with blobs as bytes. */
export function decode(bytes) {
  function read(word) {
    const at = word & 0x0fff_ffff;
    switch (word >>> 28) {
      case 0: return null;
      case TYPE.int: return at;
      case TYPE.int32: return bytes.readUInt32LE(at);
      case TYPE.blob8: return bytes.subarray(at + 1, at + 1 + bytes[at]);
      case TYPE.blob16: return bytes.subarray(at + 2, at + 2 + bytes.readUInt16LE(at));
      case TYPE.blob32: return bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at));
      case TYPE.array: return { array: items(at) };
      case TYPE.object: return { object: items(at) };
      default: throw new Error(`a value of type ${word >>> 28}`);
    }
  }

  function items(at) {
    return Array.from({ length: bytes.readUInt32LE(at) - 1 }, (_, index) =>
      read(bytes.readUInt32LE(at + 4 + 4 * index)));
  }

  return read(bytes.readUInt32LE(ROOT_AT));
}

/** A file: the database, a signature if there is a key, blocks of data, all compressed. */
export function pack(schema, database, { key, data = [] } = {}) {
  const blocks = [
    block(BLOCK.adb, database),
    ...(key === undefined ? [] : [block(BLOCK.signature, signature(schema, database, key))]),
    ...data.map((bytes) => block(BLOCK.data, bytes)),
  ];
  const whole = Buffer.concat([Buffer.from(`ADB.${schema}`), ...blocks]);
  return Buffer.concat([Buffer.from("ADBd"), deflate(whole)]);
}

// Node's own deflate packs worse, and differs from one release of Node to the next.
function deflate(bytes) {
  const options = { input: bytes, maxBuffer: bytes.length + GZIP_MORE_BYTES_MAX };
  const { status, stdout } = spawnSync("gzip", ["-n9"], options);
  if (status !== 0) throw new Error("gzip failed");
  return stdout.subarray(GZIP_HEAD_BYTES, -GZIP_TAIL_BYTES);
}

/** The bytes of the database in a file that `pack` made. */
export function unpack(schema, file) {
  const isOurs = file.toString("latin1", 0, 4) === "ADBd";
  const whole = isOurs ? inflateRawSync(file.subarray(4)) : Buffer.alloc(0);
  if (whole.toString("latin1", 0, 8) !== `ADB.${schema}`) {
    throw new Error(`expected a compressed file of schema ${schema}`);
  }
  return whole.subarray(12, 8 + whole.readUInt32LE(8));
}

function block(type, bytes) {
  const size = bytes.length + 4;
  return Buffer.concat([u32((type << 30) | size), bytes, Buffer.alloc(-size & (ALIGNMENT - 1))]);
}

function signature(schema, database, pem) {
  const key = createPrivateKey(pem);
  const id = createHash("sha512").update(publicBytes(key)).digest().subarray(0, KEY_ID_BYTES);
  const head = Buffer.concat([Buffer.from([SIGNATURE_VERSION, DIGEST_SHA512]), id]);
  const digest = createHash("sha512").update(database).digest();
  const signed = Buffer.concat([Buffer.from(schema), head, digest]);
  return Buffer.concat([head, sign("sha512", signed, key)]);
}

// What apk knows a key by: the point of an elliptic key, both numbers of an RSA key.
function publicBytes(key) {
  if (key.asymmetricKeyType === "rsa") {
    return createPublicKey(key).export({ type: "pkcs1", format: "der" });
  }
  if (key.asymmetricKeyType !== "ec") {
    throw new Error(`the key is of type ${key.asymmetricKeyType}, expected ec or rsa`);
  }
  const { x, y } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}
