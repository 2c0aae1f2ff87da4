// Signs a file as OpenWrt's usign does, which opkg checks feeds by: FILE.sig.
//
//   node scripts/packages/usign.mjs FILE KEY        KEY is a secret key of usign's

import { createPrivateKey, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const [ALGORITHM, ROUNDS_AT, KEY_ID_AT, SEED_AT] = ["Ed", 4, 32, 40];
const [SECRET_KEY_BYTES, KEY_ID_BYTES, SEED_BYTES] = [104, 8, 32];
// The frame in which Node takes an Ed25519 key.
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

const [file, keyFile] = process.argv.slice(2);
process.on("uncaughtException", (error) => {
  console.error(`usign: ${error.message}`);
  process.exit(1);
});
const secret = readSecretKey(keyFile);
const id = secret.subarray(KEY_ID_AT, KEY_ID_AT + KEY_ID_BYTES);
const seed = secret.subarray(SEED_AT, SEED_AT + SEED_BYTES);
const key = createPrivateKey({
  key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8",
});
const signature = Buffer.concat([Buffer.from(ALGORITHM), id, sign(null, readFileSync(file), key)]);
writeFileSync(`${file}.sig`,
  `untrusted comment: signed by key ${id.toString("hex")}\n${signature.toString("base64")}\n`);

function readSecretKey(path) {
  const bytes = Buffer.from(readFileSync(path, "utf8").split("\n")[1] ?? "", "base64");
  if (bytes.length !== SECRET_KEY_BYTES || bytes.toString("latin1", 0, 2) !== ALGORITHM) {
    throw new Error(`${path}: expected a secret key made by usign -G`);
  }
  if (bytes.readUInt32BE(ROUNDS_AT) !== 0) {
    throw new Error(`${path}: has a password, expected a key without one`);
  }
  return bytes;
}
