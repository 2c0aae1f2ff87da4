// Writes po/templates/adit.pot of the LuCI app: every text that its scripts and those of the
// protocol pass to `_`, the titles of its menu and the descriptions of its access lists, as LuCI's
// own i18n-scan.pl finds them. With
// --check it writes nothing and fails if the file on disk differs.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { writeGenerated } from "./write-generated.mjs";

const feed = join(dirname(fileURLToPath(import.meta.url)), "../openwrt-feed");
const head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n';

function filesIn(folder, ending) {
  return readdirSync(join(feed, folder), { recursive: true })
    .filter((name) => name.endsWith(ending)).map((name) => join(folder, name)).sort();
}

/** Texts of a script as [text, line]; what is put together at run time is an error. */
function textsOfScript(file) {
  const source = ts.createSourceFile(file, readFileSync(join(feed, file), "utf8"),
    ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.getText() === "_") {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const [text] = node.arguments;
      found.push([plainText(text, `${file}:${line}`), line]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The value of a literal, or of several that are only joined because lines are short. */
function plainText(node, where) {
  if (ts.isStringLiteral(node)) return node.text;
  if (!ts.isBinaryExpression(node)) throw new Error(`${where}: not a plain text`);
  return plainText(node.left, where) + plainText(node.right, where);
}

function textsOfJson(file) {
  return readFileSync(join(feed, file), "utf8").split("\n").flatMap((line, index) => {
    const text = /^\s*"(?:title|description)": "(.*)",?$/.exec(line)?.[1];
    return text === undefined ? [] : [[text, index + 1]];
  });
}

function generate() {
  const places = new Map();
  const collect = (file, texts) => texts.forEach(([text, line]) => {
    places.set(text, [...(places.get(text) ?? []), `#: ${file}:${line}\n`]);
  });
  for (const file of [...filesIn("luci-app-adit/htdocs", ".js"),
    ...filesIn("luci-proto-adit/htdocs", ".js")]) collect(file, textsOfScript(file));
  for (const file of filesIn("luci-app-adit/root", ".json")) collect(file, textsOfJson(file));
  const entries = [...places].sort(([left], [right]) => (left < right ? -1 : 1));
  const quote = (text) => JSON.stringify(text);
  return head + entries.map(([text, where]) =>
    `\n${where.join("")}msgid ${quote(text)}\nmsgstr ""\n`).join("");
}

const texts = { "openwrt-feed/luci-app-adit/po/templates/adit.pot": generate() };
process.exitCode = writeGenerated(texts, "the texts of the LuCI app");
