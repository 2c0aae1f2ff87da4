// A rollup output plugin that comes behind the minifier: methods that say `this` often get it as
// the default of one more parameter, for `this` is the one word that no renaming makes shorter.
// Our methods are called with as many arguments as they declare; TypeScript has checked that.
import { parseAst } from "rollup/parseAst";
import { applyEdits } from "./rollup-edits.mjs";
import { walk } from "./rollup-walk.mjs";

/** A name that the bundle does not have; the last step makes it one letter. */
const name = "$this";
const usesMin = 3;

/** The same program with `this` in a parameter where that is shorter. */
export function nameThis(code) {
  const edits = [];
  walk(parseAst(code), (node) => {
    if (node.type !== "ClassBody") return;
    for (const { kind, value } of node.body) {
      if (kind === "method") edits.push(...editsOf(code, value));
    }
  });
  if (edits.length > 0 && code.includes(name)) throw new Error(`the bundle has the name ${name}`);
  return applyEdits(code, edits);
}

function editsOf(code, { params, body }) {
  const uses = usesOf(body, []);
  if (uses.length < usesMin || params.some(({ type }) => type === "RestElement")) return [];
  const text = `${params.length > 0 ? "," : ""}${name}=this`;
  const at = params.at(-1)?.end ?? code.lastIndexOf(")", body.start);
  const named = uses.map(({ start, end }) => ({ start, end, text: name }));
  return [{ start: at, end: at, text }, ...named];
}

/** Where a function says `this` and means its own: arrow functions in it are included. */
function usesOf(node, uses) {
  if (node === null || typeof node !== "object") return uses;
  if (["FunctionDeclaration", "FunctionExpression", "ClassBody"].includes(node.type)) return uses;
  if (node.type === "ThisExpression") uses.push(node);
  for (const part of Object.values(node)) usesOf(part, uses);
  return uses;
}

export function namedThis() {
  return { name: "named-this", renderChunk: (code) => ({ code: nameThis(code), map: null }) };
}
