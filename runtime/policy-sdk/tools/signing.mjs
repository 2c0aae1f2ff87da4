// Keys and signatures in the form of usign and signify: two lines, a comment and base64. The key
// number ties a signature to its key; it is no secret and proves nothing.

import {
  createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify,
} from "node:crypto";
import { fileError } from "./errors.mjs";

const ALGORITHM = "Ed";
const KDF = "BK";
const NUMBER_BYTES = 8;
const SEED_BYTES = 32;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Algorithm, key derivation, rounds, salt, checksum, key number, seed, public key. */
const SECRET_BYTES = 2 + 2 + 4 + 16 + 8 + NUMBER_BYTES + SEED_BYTES + KEY_BYTES;
const ROUNDS_AT = 4;
const CHECKSUM_AT = 24;
const NUMBER_AT = 32;
const SEED_AT = 40;
/** What DER has before the bytes of an Ed25519 seed (RFC 8410). */
const DER_SEED = Buffer.from("302e020100300506032b657004220420", "hex");

/** A new pair as { publicText, secretText, number }, the secret without a passphrase. */
export function makeKeys() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-SEED_BYTES);
  const open = publicKey.export({ format: "der", type: "spki" }).subarray(-KEY_BYTES);
  const number = randomBytes(NUMBER_BYTES);
  const both = Buffer.concat([seed, open]);
  const checksum = createHash("sha512").update(both).digest().subarray(0, 8);
  const secret = Buffer.concat([
    Buffer.from(ALGORITHM + KDF), Buffer.alloc(4), randomBytes(16), checksum, number, both,
  ]);
  const shown = number.toString("hex");
  return {
    number: shown,
    secretText: wrap(`private key ${shown}`, secret),
    publicText: wrap(`public key ${shown}`, Buffer.concat([Buffer.from(ALGORITHM), number, open])),
  };
}

/** The text of a detached signature of `bytes`. `name` is the file of the key, for errors. */
export function signBytes(bytes, secretText, name) {
  const secret = readSecret(secretText, name);
  const key = createPrivateKey({
    key: Buffer.concat([DER_SEED, secret.seed]), format: "der", type: "pkcs8",
  });
  const signature = Buffer.concat([
    Buffer.from(ALGORITHM), secret.number, sign(null, bytes, key),
  ]);
  return wrap(`signed by key ${secret.number.toString("hex")}`, signature);
}

/** Whether a signature is of these bytes by this key. */
export function isSignedBy(bytes, signatureText, publicText) {
  const signature = unwrap(signatureText);
  const open = unwrap(publicText);
  const isWhole = signature?.length === 2 + NUMBER_BYTES + SIGNATURE_BYTES &&
    open?.length === 2 + NUMBER_BYTES + KEY_BYTES;
  if (!isWhole || !signature.subarray(0, 10).equals(open.subarray(0, 10))) return false;
  const jwk = { kty: "OKP", crv: "Ed25519", x: open.subarray(10).toString("base64url") };
  const key = createPublicKey({ key: jwk, format: "jwk" });
  return verify(null, bytes, key, signature.subarray(10));
}

/** The one line that `policy.public_keys` of the configuration takes. */
export const keyLine = (publicText) => publicText.split("\n")[1];

function readSecret(text, name) {
  const bytes = unwrap(text);
  const isKey = bytes?.length === SECRET_BYTES &&
    bytes.toString("latin1", 0, ROUNDS_AT) === ALGORITHM + KDF;
  if (!isKey) throw fileError(`${name}: is no secret key of usign, signify or adit-policy keygen`);
  if (bytes.readUInt32BE(ROUNDS_AT) !== 0) {
    throw fileError(`${name}: has a passphrase, which only signify can ask for`);
  }
  const both = bytes.subarray(SEED_AT);
  const checksum = createHash("sha512").update(both).digest().subarray(0, 8);
  if (!checksum.equals(bytes.subarray(CHECKSUM_AT, NUMBER_AT))) {
    throw fileError(`${name}: is damaged, its checksum does not fit`);
  }
  return { number: bytes.subarray(NUMBER_AT, SEED_AT), seed: both.subarray(0, SEED_BYTES) };
}

const wrap = (comment, bytes) => `untrusted comment: ${comment}\n${bytes.toString("base64")}\n`;

function unwrap(text) {
  const [comment, line = ""] = text.split("\n");
  const isForm = comment.startsWith("untrusted comment:") && /^[A-Za-z0-9+/]+=*$/.test(line.trim());
  return isForm ? Buffer.from(line.trim(), "base64") : undefined;
}
