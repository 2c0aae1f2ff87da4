// A rollup output plugin behind the minifier: a template literal becomes a sum of texts where that
// is shorter, `${a}: ${b}` for example. Both make the same text of everything but symbols and
// objects with a valueOf of their own, and there are none of these.
import { parseAst } from "rollup/parseAst";
import { applyEdits } from "./rollup-edits.mjs";
import { walk } from "./rollup-walk.mjs";

/** Where a sum needs no parentheses around it: child of what, under which name. */
const calm = {
  ArrayExpression: ["elements"],
  ArrowFunctionExpression: ["body"],
  AssignmentExpression: ["right"],
  AssignmentPattern: ["right"],
  CallExpression: ["arguments"],
  ConditionalExpression: ["test", "consequent", "alternate"],
  LogicalExpression: ["left", "right"],
  NewExpression: ["arguments"],
  Property: ["value"],
  ReturnStatement: ["argument"],
  SequenceExpression: ["expressions"],
  SpreadElement: ["argument"],
  SwitchCase: ["test"],
  TemplateLiteral: ["expressions"],
  VariableDeclarator: ["init"],
};
/** What may stand in a sum as it is. */
const simple = new Set([
  "CallExpression", "Identifier", "Literal", "MemberExpression", "NewExpression", "ThisExpression",
]);

/** The same program; innermost templates first, until nothing gets shorter. */
export function addTexts(code) {
  const edits = [];
  walk(parseAst(code), (node) => {
    for (const name of calm[node.type] ?? []) {
      for (const child of [node[name]].flat()) {
        if (child?.type !== "TemplateLiteral") continue;
        const text = sumOf(code, child);
        if (text !== undefined && text.length < child.end - child.start) {
          edits.push({ start: child.start, end: child.end, text });
        }
      }
    }
  });
  const inner = edits.filter((edit) => !edits.some((other) => contains(edit, other)));
  if (inner.length === 0) return code;
  return addTexts(applyEdits(code, inner.map((edit) => spaced(code, edit))));
}

function contains(outer, inner) {
  return outer !== inner && outer.start <= inner.start && inner.end <= outer.end;
}

/** Undefined if the first two parts are not texts for certain, or a part is not simple. */
function sumOf(code, { quasis, expressions }) {
  const isSimple = expressions.every(({ type }) => simple.has(type));
  if (expressions.length === 0 || !isSimple) return undefined;
  const parts = quasis.flatMap(({ value }, at) => [
    ...(value.cooked === "" ? [] : [JSON.stringify(value.cooked)]),
    ...expressions.slice(at, at + 1).map(({ start, end }) => code.slice(start, end)),
  ]);
  const startsWithText = quasis[0].value.cooked !== "" || quasis[1].value.cooked !== "";
  return startsWithText ? parts.join("+") : undefined;
}

/** Keeps what begins with a letter apart from the letter before it. */
function spaced(code, { start, end, text }) {
  const touches = /[\w$]/.test(code[start - 1] ?? "") && /[\w$]/.test(text[0]);
  return { start, end, text: touches ? ` ${text}` : text };
}

export function addedTexts() {
  return { name: "templates", renderChunk: (code) => ({ code: addTexts(code), map: null }) };
}
