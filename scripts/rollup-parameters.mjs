// A rollup output plugin that comes behind the minifier: a function that only declares variables
// and returns something gets them as parameters with a default, and no body. All its calls must be
// known and leave those parameters out.
import { parseAst } from "rollup/parseAst";
import { applyEdits } from "./rollup-edits.mjs";
import { findVariables } from "./rollup-scopes.mjs";
import { walk } from "./rollup-walk.mjs";

/** The same program with variables in parameters where nobody can tell. */
export function useParameters(code) {
  const tree = parseAst(code);
  const edits = [];
  for (const { fn, calls } of functionsOf(tree)) {
    const fits = (call) => call.arguments.length <= fn.params.length &&
      call.arguments.every(({ type }) => type !== "SpreadElement");
    if (isShort(code, fn) && calls.every(fits)) edits.push(...editsOf(code, fn));
  }
  return applyEdits(code, edits);
}

/** Arrow functions that are called in place, or by a name that is used for nothing else. */
function functionsOf(tree) {
  const callOf = new Map();
  const initOf = new Map();
  const found = [];
  walk(tree, (node) => {
    if (node.type === "CallExpression" && !node.optional) callOf.set(node.callee, node);
    if (node.type === "VariableDeclarator") initOf.set(node.id, node.init);
  });
  for (const [callee, call] of callOf) {
    if (callee.type === "ArrowFunctionExpression") found.push({ fn: callee, calls: [call] });
  }
  for (const { places } of findVariables(tree).variables) {
    const nodes = places.map(({ node }) => node);
    const fn = nodes.map((node) => initOf.get(node)).find((init) => init != null);
    if (fn?.type !== "ArrowFunctionExpression") continue;
    const uses = nodes.filter((node) => !initOf.has(node));
    if (uses.every((node) => callOf.has(node))) {
      found.push({ fn, calls: uses.map((node) => callOf.get(node)) });
    }
  }
  return found;
}

/** A parameter with a default could mean a name that becomes a parameter. */
function isShort(code, { async, body, params }) {
  if (async || body.type !== "BlockStatement" || body.body.length !== 2) return false;
  const [first, last] = body.body;
  return first.type === "VariableDeclaration" && last.type === "ReturnStatement" &&
    last.argument !== null && isConstant(body, first) && params.every(({ type, start, end }) =>
      type !== "RestElement" && !code.slice(start, end).includes("="));
}

/**
 * Nothing declared is assigned later: QuickJS gives functions in the defaults of parameters another
 * copy of a parameter than those in the body.
 */
function isConstant(body, { declarations }) {
  const assigned = new Set();
  walk(body, ({ type, left, argument }) => {
    if (type === "AssignmentExpression") assigned.add(left.name);
    if (type === "UpdateExpression") assigned.add(argument.name);
  });
  return declarations.every(({ id, init }) => init !== null &&
    (id.type === "Identifier" ? !assigned.has(id.name) : assigned.size === 0));
}

/** `a=>{let b=1;return c}` becomes `(a,b=1)=>c`. */
function editsOf(code, { start, params, body }) {
  const [{ declarations }, { argument }] = body.body;
  const head = params.length === 0 ? { start, text: "(" }
    : { start: params.at(-1).end, text: "," };
  const isPlain = argument.type !== "SequenceExpression" && code[argument.start] !== "{";
  const [open, close] = isPlain ? ["", ""] : ["(", ")"];
  const edits = [
    { ...head, end: declarations[0].start },
    { start: declarations.at(-1).end, end: argument.start, text: `)=>${open}` },
    { start: argument.end, end: body.end, text: close },
  ];
  return code[start] === "(" ? edits : [{ start, end: start, text: "(" }, ...edits];
}

export function parameters() {
  return { name: "parameters", renderChunk: (code) => ({ code: useParameters(code), map: null }) };
}
