/**
 * UCI text is read as libuci reads it, and means what the JSON of the same configuration means.
 * Method: a table of grammar, the corpus with every issue that it has, a property over random
 * configurations written as UCI in three ways of quoting, and mutations of the corpus.
 */
import assert from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import { dumpConfig } from "../../ts/config/dump.js";
import { parseConfig } from "../../ts/config/parse.js";
import { readUci } from "../../ts/config/uci.js";
import { issueLines } from "../../ts/engine/issues.js";
import { routerJson } from "./support/configs.js";
import { makeDice, mutated } from "./support/mutate.js";
import { doubleQuote, noQuote, singleQuote, uciText } from "./support/uci-text.js";

const runs = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const folder = "test/unit/corpus/uci";
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

/** `type name: option=value list=[a,b]`, and `!line` for what is wrong. */
function outline(text: string): string {
  const faults: string[] = [];
  const sections = readUci(text, ({ line }) => faults.push(`!${line}`));
  const lines = sections.map(({ type, name, options }) => {
    const values = [...options].map(([key, { isList, entries }]) => {
      const texts = entries.map((entry) => entry.text).join(",");
      return `${key}=${isList ? `[${texts}]` : texts}`;
    });
    return [`${type} ${name}:`, ...values].join(" ");
  });
  return [...lines, ...faults].join(" | ");
}

const grammar = suite("uci: grammar");
const GRAMMAR: readonly (readonly [text: string, outline: string])[] = [
  ["", ""],
  ["# nothing\n\n \t\n", ""],
  ["config a", "a :"],
  ["config a 'b'\n", "a b:"],
  ["package p\nconfig a b\n\toption c d\n", "a b: c=d"],
  ["p p\nc a b\no c d\nl e f\nl e g", "a b: c=d e=[f,g]"],
  ["config a b;option c d ; option e f", "a b: c=d e=f"],
  ["config a # b\noption c d#e", "a : c=d"],
  ["config a\noption c 'd # e'", "a : c=d # e"],
  ["config a\noption c d'e f'\"g h\"i", "a : c=de fg hi"],
  ["config a\noption c 'd\\e'", "a : c=d\\e"],
  ["config a\noption c \"d\\\"\\e\\\\\"", 'a : c=d"e\\'],
  ["config a\noption c d\\ e\\#\\'", "a : c=d e#'"],
  ["config a\noption c 'd\ne'\noption f g", "a : c=d\ne f=g"],
  ["config a\noption c \"d\\\ne\"\noption f g", "a : c=de f=g"],
  ["config a\r\noption c d\\\r\ne\r\n", "a : c=de"],
  ["config a\noption c d\noption c e", "a : c=e"],
  ["config a\noption c d\noption c ''", "a : c=d"],
  ["config a\noption c d\noption c", "a : c=d"],
  ["config a\noption c d\nlist c e", "a : c=[d,e]"],
  ["config a\nlist c d\noption c e", "a : c=e"],
  ["config a\nlist c ''", "a : c=[]"],
  ["config a b\noption c d\nconfig e\nconfig a b\noption f g", "a b: c=d f=g | e :"],
  ["config a b\nconfig e b\noption f g", "a b: | !2"],
  ["config a b\nconfig a b c\noption f g", "a b: f=g | !2"],
  ["config a-b.c b\nconfig a b-c", "a-b.c b: | !2"],
  ["config \u00e4", "!1"],
  ["config", "!1"],
  ["config ''", "!1"],
  ["option a b", "!1"],
  ["list a b\nconfig a\nlist a", "a : a=[] | !1"],
  ["config a\noption b-c d\noption", "a : | !2 | !3"],
  ["config a\noption b c d", "a : | !2"],
  ["packages a\npackage\npackage a-b", "!1 | !2"],
  ["config a\noption b 'c\noption d e", "a : | !2"],
  ["config a\noption b \"c\\", "a : | !2"],
  ["config a\noption b c\\", "a : b=c"],
  ["config a\noption b'c", "a : | !2"],
  ["config a\noption b \0c", "a : | !2"],
];
for (const [text, expected] of GRAMMAR) {
  grammar(JSON.stringify(text), () => assert.strictEqual(outline(text), expected));
}
grammar.run();

const meaning = suite("uci: meaning");
const boolean = (word: string): unknown =>
  parseConfig(uciText({ ...routerJson, default_gateway: word }));

meaning("booleans are those of OpenWrt", () => {
  for (const word of ["1", "on", "yes", "true", "enabled"]) {
    assert.deepStrictEqual(boolean(word), boolean("1"), word);
  }
  for (const word of ["0", "off", "no", "false", "disabled"]) {
    assert.deepStrictEqual(boolean(word), boolean("0"), word);
  }
});
meaning("a file that begins with a brace is JSON, whatever is before it", () => {
  const [first] = parseConfig("# {\n\n {").issues;
  assert.strictEqual(first?.path, "1:1");
  assert.strictEqual(parseConfig("\ufeff\n{}").issues[0]?.path, "tun_ifname");
  assert.match(parseConfig("").issues[0]?.path ?? "", /^1: adit 'main', option/);
});
meaning("only an enabled file is for running", () => {
  const text = uciText(routerJson);
  assert.strictEqual(parseConfig(text).isEnabled, true);
  for (const word of ["0", "off", ""]) {
    const other = parseConfig(text.replace("enabled '1'", `enabled '${word}'`));
    assert.strictEqual(other.isEnabled, false, word);
    assert.ok(other.config !== undefined);
  }
  assert.strictEqual(parseConfig(JSON.stringify(routerJson)).isEnabled, true);
});
meaning("the corpus: a router, a gateway, and everything that is wrong", () => {
  const [router, gateway] = [parseConfig(read("router")), parseConfig(read("gateway"))];
  assert.deepStrictEqual([router.issues, router.warnings], [[], []]);
  assert.deepStrictEqual([gateway.issues, gateway.warnings], [[], []]);
  assert.ok(router.config?.role === "router" && gateway.config?.role === "gateway");
  assert.strictEqual(router.config.locations[1]?.token, "two%20words");
  assert.deepStrictEqual(router.config.policy.vars, { late: 22 });
  assert.deepStrictEqual(gateway.config.clients.map(({ name }) => name), ["home", "the.office"]);
  const { issues, warnings } = parseConfig(read("wrong"));
  const lines = [...issueLines(issues, "/etc/config/adit"), "", ...issueLines(warnings, "file")];
  assert.strictEqual(`${lines.join("\n")}\n`, readFileSync("test/golden/uci-issues.txt", "utf8"));
});
meaning("every example of docs/uci.md is valid", () => {
  const blocks = readFileSync("docs/uci.md", "utf8").split("```uci\n").slice(1);
  const examples = blocks.map((block) => block.split("```")[0] ?? "");
  assert.ok(examples.length >= 3);
  for (const text of examples) {
    const { issues, warnings, isEnabled } = parseConfig(text);
    assert.deepStrictEqual([issues, warnings, isEnabled], [[], [], true], text);
  }
});
meaning.run();

const same = suite("uci: the same as JSON");
const jsonWords = ['"direct"', '"when_down": "de",', '"default_gateway": 1,', '"vl": "direct",'];
const jsonFolder = "test/unit/corpus/config";
const jsonCorpus = readdirSync(jsonFolder)
  .map((name) => readFileSync(join(jsonFolder, name), "utf8"));

same("a configuration written as UCI is the same configuration", () => {
  let configs = 0;
  for (let run = 0; run < Math.min(runs, 20_000); run++) {
    const input = jsonCorpus[run] ?? mutated(jsonCorpus, jsonWords, makeDice(run));
    const { config } = parseConfig(input);
    if (config === undefined) continue;
    configs += 1;
    const json = JSON.parse(dumpConfig(config)) as Record<string, unknown>;
    for (const quote of [singleQuote, doubleQuote, noQuote]) {
      const text = uciText(json, quote);
      const again = parseConfig(text);
      assert.deepStrictEqual(again.issues, [], text);
      assert.strictEqual(JSON.stringify(again.config), JSON.stringify(config), text);
    }
  }
  assert.ok(configs >= Math.floor(runs / 100), `only ${configs} configurations`);
});
same.run();

const fuzz = suite("uci: fuzz");
const corpus = readdirSync(folder).sort().map(read);
const words = [
  "config location ", "option location us\n", "list lan_ifnames ", "'", '"', "\\\n", ";", "#",
  "config adit main\n", "option enabled 1\n", "option __proto__ 1\n", "list __proto__ x\n",
  "option role gateway\n", "\0", "\ud800", "config peer\n", "option policy_", "{",
];
fuzz(`${runs} mutations are a configuration or have issues`, () => {
  for (let run = 0; run < runs; run++) {
    const text = mutated(corpus, words, makeDice(run));
    try {
      const { config, issues } = parseConfig(text);
      assert.strictEqual(config === undefined, issues.length > 0);
      const lines = text.split("\n").length;
      for (const { path, expected } of issues) {
        assert.ok(expected !== "" && Number.parseInt(path, 10) <= lines, `${path}: ${expected}`);
      }
    } catch (error) {
      assert.fail(`input ${run} ${JSON.stringify(text)}: ${String(error)}`);
    }
  }
});
fuzz.run();
