// The translations. Goal: every message says the same in every language, with everything that is
// put into it, and LuCI finds it. Method: compare .po files with what the scripts say; read .lmo
// files as LuCI does, by the hash of the message.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hashOf, makeLmo, readPo } from "../../scripts/packages/make-lmo.mjs";
import { APP } from "./load.mjs";

const LANGUAGES = readdirSync(join(APP, "po")).filter((name) => name !== "templates").sort();
const entriesOf = (file) => readPo(readFileSync(join(APP, "po", file), "utf8"))
  .filter(([original]) => original !== "");
const MESSAGES = entriesOf("templates/adit.pot").map(([original]) => original);
/** What the scripts put in, in this order. */
const parts = (text) => text.match(/%[sd%]/g) ?? [];
/** Words that are the same everywhere: units, names, abbreviations. */
const SAME_MAX = 60;

const texts = suite("luci: translations");

texts("there are five languages", () => {
  assert.equal(LANGUAGES, ["de", "es", "fr", "pt_BR", "zh_Hans"]);
});

for (const language of LANGUAGES) {
  const entries = entriesOf(`${language}/adit.po`);

  texts(`${language}: every message is translated, and no other`, () => {
    assert.equal(entries.map(([original]) => original), MESSAGES);
    for (const [original, said] of entries) assert.ok(said.trim() === said && said, original);
    const same = entries.filter(([original, said]) => original === said);
    assert.ok(same.length < SAME_MAX, `${same.length} as in English`);
  });

  texts(`${language}: everything that is put into a message has its place`, () => {
    for (const [original, said] of entries) assert.equal(parts(said), parts(original), said);
  });

  texts(`${language}: no message brings markup along`, () => {
    for (const [, said] of entries) assert.not.match(said, /[<>\\]|&(?!amp;)|\s\s/);
  });

  texts(`${language}: LuCI finds every message`, () => {
    const lmo = makeLmo(entries);
    for (const [original, said] of entries) assert.is(find(lmo, original) ?? original, said);
    assert.is(find(lmo, "no such message"), undefined);
  });
}

/** As lmo.c does: the index stands at the end and is sorted, so it is searched by halves. */
function find(lmo, message) {
  const start = lmo.readUInt32BE(lmo.length - 4);
  const wanted = hashOf(message);
  let [low, high] = [0, (lmo.length - 4 - start) / 16 - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = start + 16 * middle;
    const hash = lmo.readUInt32BE(at);
    if (hash === wanted) {
      const [from, length] = [lmo.readUInt32BE(at + 8), lmo.readUInt32BE(at + 12)];
      return lmo.toString("utf8", from, from + length);
    }
    if (hash < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

texts("hashes are those of LuCI", () => {
  const known = { a: 0x115ea782, ab: 0x516b8b44, abc: 0xd2be198a, abcd: 0xdad8b8db,
    "größe…": 0x17c76947 };
  for (const [text, hash] of Object.entries(known)) assert.is(hashOf(text), hash, text);
});

texts.run();
