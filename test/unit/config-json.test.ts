/** The JSON reader takes what JSON.parse takes, and says where it stopped otherwise. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { readJson } from "../../ts/config/json.js";

const json = suite("config: JSON with positions");

const broken: readonly [text: string, line: number, column: number, expected: RegExp][] = [
  ["", 1, 1, /JSON value/],
  ["{", 1, 2, /key in quotes/],
  ['{"a":1,}', 1, 8, /key in quotes/],
  ['{"a":1\n,"a":2}', 2, 2, /"a" only once/],
  ['{"a" 1}', 1, 6, /":"/],
  ["[1 2]", 1, 4, /"\]"/],
  ["[1,]", 1, 4, /JSON value/],
  ["01", 1, 2, /nothing after/],
  ['"open', 1, 1, /closed string/],
  ['"bad\\x"', 1, 1, /closed string/],
  ['"tab\there"', 1, 1, /closed string/],
  ["{'a':1}", 1, 2, /key in quotes/],
  ["[".repeat(40), 1, 34, /32 levels/],
  ["true false", 1, 6, /nothing after/],
];

for (const [text, line, column, expected] of broken) {
  json(`refuses ${JSON.stringify(text.slice(0, 20))} at ${line}:${column}`, () => {
    const read = readJson(text);
    assert.ok("error" in read);
    assert.deepStrictEqual([read.error.line, read.error.column], [line, column]);
    assert.match(read.error.text, expected);
  });
}

json("reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const read = readJson(text);
      assert.ok("value" in read, text);
      assert.strictEqual(JSON.stringify(read.value), JSON.stringify(JSON.parse(text)));
    }),
  );
});

json("refuses what JSON.parse refuses", () => {
  const pieces = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', "1", "-", "tru", "e", "\n");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      const read = readJson(text);
      try {
        JSON.parse(text);
      } catch {
        assert.ok("error" in read, text);
        return;
      }
      assert.ok("value" in read || /only once/.test(read.error.text), text);
    }),
  );
});

json("reads a long string without a deep stack", () => {
  const text = JSON.stringify("x\\".repeat(200_000));
  const read = readJson(text);
  assert.ok("value" in read && read.value === JSON.parse(text));
});

json.run();
