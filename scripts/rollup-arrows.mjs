// A rollup output plugin: top-level function declarations become arrow functions at the top of the
// chunk. That is what hoisting does with them anyway, and the minifier makes less text of an arrow.
// Functions that use `this`, `arguments` or `new.target`, generators, async ones stay as they are.
import { parseAst } from "rollup/parseAst";

const ownScope = new Set(["FunctionDeclaration", "FunctionExpression", "ClassBody"]);

/** True if an arrow function in its place would mean something else. */
function needsFunction(declaration) {
  if (declaration.async || declaration.generator) return true;
  const parts = [...declaration.params, declaration.body];
  return parts.some(usesOwnScope);
}

function usesOwnScope(node) {
  if (Array.isArray(node)) return node.some(usesOwnScope);
  if (node === null || typeof node !== "object") return false;
  if (ownScope.has(node.type)) return false;
  if (node.type === "ThisExpression" || node.type === "MetaProperty") return true;
  if (node.type === "Identifier" && node.name === "arguments") return true;
  return Object.values(node).some(usesOwnScope);
}

function arrowOf(code, { id, params, body }) {
  const list = params.length === 0 ? "" : code.slice(params[0].start, params.at(-1).end);
  return `const ${id.name} = (${list}) => ${code.slice(body.start, body.end)};\n`;
}

/** What the minifier puts in place if it stands before its use: literals, and objects of them. */
function isConstant({ type, kind, declarations }) {
  if (type !== "VariableDeclaration" || kind !== "const") return false;
  return declarations.every(({ init }) => isLiteral(init) || isLiteralObject(init));
}

function isLiteral(node) {
  return node?.type === "Literal" && node.regex === undefined;
}

function isLiteralObject(node) {
  if (node?.type !== "ObjectExpression") return false;
  return node.properties.every(({ type, value }) => type === "Property" && isLiteral(value));
}

/** The same chunk: imports first, then constants, then arrows, then the rest in its order. */
export function hoistArrows(code) {
  const { body } = parseAst(code);
  const parts = [[], [], [], []];
  for (const node of body) {
    const text = `${code.slice(node.start, node.end)}\n`;
    if (node.type === "ImportDeclaration") parts[0].push(text);
    else if (isConstant(node)) parts[1].push(text);
    else if (node.type === "FunctionDeclaration" && !needsFunction(node)) {
      parts[2].push(arrowOf(code, node));
    } else parts[3].push(text);
  }
  return parts.flat().join("");
}

/** The map of the result is empty: the readable copy of the bundle has one. */
export function arrows() {
  return {
    name: "arrows",
    renderChunk: (code) => ({ code: hoistArrows(code), map: { mappings: "" } }),
  };
}
