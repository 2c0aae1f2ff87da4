// A rollup output plugin that finds the property names which nobody outside the bundle sees, so
// that the minifier may shorten them. Only names in camelCase count: JSON of ours, in the API and
// in files, is in snake_case or single words. A name stays if it stands in any text (the fields of
// the contract do), in the declaration of the native module, among the exports, or in the language.
import { readFileSync } from "node:fs";
import { parseAst } from "rollup/parseAst";
import { walk } from "./rollup-walk.mjs";

const camelCase = /^[a-z][a-z0-9]*[A-Z]\w*$/;
const word = /[A-Za-z_]\w*/g;

/** Names of the language's own objects, of their prototypes, and what instances have themselves. */
function languageNames() {
  const names = new Set([/x/, Error()].flatMap((one) => Object.getOwnPropertyNames(one)));
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!/^[A-Z]/.test(name)) continue;
    const value = globalThis[name];
    for (let owner of [value, value.prototype]) {
      for (; owner !== undefined && owner !== null; owner = Object.getPrototypeOf(owner)) {
        for (const own of Object.getOwnPropertyNames(owner)) names.add(own);
      }
    }
  }
  return names;
}

/** Names in camelCase that the bundle may spell as it likes. */
export function privateNames(code, declaration) {
  const used = new Set();
  const seen = new Set(declaration.match(word));
  walk(parseAst(code), (node) => {
    const key = node.type === "MemberExpression" ? node.property : node.key;
    if (key?.type === "Identifier" && !node.computed) used.add(key.name);
    const text = node.type === "TemplateElement" ? node.value.raw : node.value;
    if (node.type === "ExportSpecifier") seen.add(node.exported.name);
    if (typeof text === "string") for (const one of text.match(word) ?? []) seen.add(one);
  });
  const language = languageNames();
  const isPrivate = (name) => camelCase.test(name) && !seen.has(name) && !language.has(name);
  return [...used].filter(isPrivate);
}

/** Sets `mangle.properties` of the minifier that comes behind it. */
export function findPrivateNames(mangle, declarationFile) {
  return {
    name: "private-names",
    renderChunk(code) {
      const names = privateNames(code, readFileSync(declarationFile, "utf8"));
      mangle.properties = { keep_quoted: true, regex: new RegExp(`^(?:${names.join("|")})$`) };
      return null;
    },
  };
}
