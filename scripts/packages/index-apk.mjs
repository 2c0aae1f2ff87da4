// Writes packages.adb for the .apk files of a folder: what apk reads of a feed.
//
//   node scripts/packages/index-apk.mjs FOLDER [KEY]        KEY, a PEM file, signs it

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA, decode, encode, pack, unpack } from "./adb.mjs";

const [folder, keyFile] = process.argv.slice(2);
const FIELD = { name: 0, hashes: 2, fileSize: 12 };

process.on("uncaughtException", (error) => {
  console.error(`index-apk: ${[folder, keyFile].join(" ").trim()}: ${error.message}`);
  process.exit(1);
});
const entries = readdirSync(folder).filter((name) => name.endsWith(".apk"))
  .map((name) => entryOf(readFileSync(join(folder, name))))
  .sort((a, b) => Buffer.compare(a.object[FIELD.name], b.object[FIELD.name]));
const key = keyFile === undefined ? undefined : readFileSync(keyFile);
const index = encode({ object: [null, { array: entries }] });
writeFileSync(join(folder, "packages.adb"), pack(SCHEMA.index, index, { key }));

/** What a package says of itself, with its size and the digest by which apk knows it again. */
function entryOf(file) {
  const database = unpack(SCHEMA.package, file);
  const info = decode(database).object[0];
  info.object[FIELD.fileSize] = file.length;
  info.object[FIELD.hashes] = createHash("sha256").update(database).digest();
  return info;
}
