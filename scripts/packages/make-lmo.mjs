// Makes the file that LuCI reads translations from (.lmo) of one that people write (.po), byte for
// byte as LuCI's po2lmo does for files without contexts and plurals.
//
//   node scripts/packages/make-lmo.mjs FILE.po FILE.lmo
//
// It holds the translations, each filled up to four bytes; then an index, sorted by the hash of the
// original, of hash, number of forms, place and length; last the place of the index. Numbers have
// 32 bits, the most significant first.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const FORMS = 1;

/** Originals and translations, [msgid, msgstr]; a text may go on in more lines. */
export function readPo(text) {
  const entries = [];
  let open;
  for (const line of text.split("\n")) {
    const [, word, quoted] = /^(?:(msgid|msgstr) )?(".*")$/.exec(line) ?? [];
    if (quoted === undefined) continue;
    if (word === "msgid") entries.push(["", ""]);
    if (word !== undefined) open = word === "msgid" ? 0 : 1;
    entries.at(-1)[open] += JSON.parse(quoted);
  }
  return entries;
}

/** Paul Hsieh's SuperFastHash, seeded with the length, over UTF-8. */
export function hashOf(text) {
  const bytes = Buffer.from(text);
  const whole = bytes.length & ~3;
  let hash = bytes.length >>> 0;
  for (let at = 0; at < whole; at += 4) {
    hash = (hash + bytes.readUInt16LE(at)) >>> 0;
    const mixed = ((bytes.readUInt16LE(at + 2) << 11) ^ hash) >>> 0;
    hash = ((hash << 16) ^ mixed) >>> 0;
    hash = (hash + (hash >>> 11)) >>> 0;
  }
  hash = addRest(hash, bytes, whole);
  for (const [left, right] of [[3, 5], [4, 17], [25, 6]]) {
    hash = (hash ^ (hash << left)) >>> 0;
    hash = (hash + (hash >>> right)) >>> 0;
  }
  return hash;
}

function addRest(before, bytes, at) {
  let hash = before;
  switch (bytes.length - at) {
    case 3:
      hash = (hash + bytes.readUInt16LE(at)) >>> 0;
      hash = (hash ^ (hash << 16)) >>> 0;
      hash = (hash ^ (bytes.readInt8(at + 2) << 18)) >>> 0;
      return (hash + (hash >>> 11)) >>> 0;
    case 2:
      hash = (hash + bytes.readUInt16LE(at)) >>> 0;
      hash = (hash ^ (hash << 11)) >>> 0;
      return (hash + (hash >>> 17)) >>> 0;
    case 1:
      hash = (hash + bytes.readInt8(at)) >>> 0;
      hash = (hash ^ (hash << 10)) >>> 0;
      return (hash + (hash >>> 1)) >>> 0;
    default:
      return hash;
  }
}

const numbers = (...list) => {
  const bytes = Buffer.alloc(4 * list.length);
  list.forEach((number, index) => bytes.writeUInt32BE(number, 4 * index));
  return bytes;
};

export function makeLmo(entries) {
  const texts = [];
  const index = [];
  let offset = 0;
  for (const [original, translation] of entries) {
    const bytes = Buffer.from(translation);
    const hash = hashOf(original);
    if (original === "" || bytes.length === 0 || hash === hashOf(translation)) continue;
    index.push([hash, FORMS, offset, bytes.length]);
    texts.push(bytes, Buffer.alloc(-bytes.length & 3));
    offset += bytes.length + (-bytes.length & 3);
  }
  index.sort(([left], [right]) => left - right);
  return Buffer.concat([...texts, ...index.map((row) => numbers(...row)), numbers(offset)]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , from, to] = process.argv;
  writeFileSync(to, makeLmo(readPo(readFileSync(from, "utf8"))));
}
