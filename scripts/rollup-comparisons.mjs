// Shorter comparisons for the minified bundle, where the types say that they mean the same: an
// object is undefined if it is not true, a text is empty if it is not, and `==` converts nothing
// where both sides are of one kind.
import ts from "typescript";

const { SyntaxKind: kind, TypeFlags: flag } = ts;
const strict = { [kind.EqualsEqualsEqualsToken]: "==", [kind.ExclamationEqualsEqualsToken]: "!=" };
const families = [
  [flag.StringLike, "text"],
  [flag.NumberLike, "number"],
  [flag.BooleanLike, "boolean"],
  [flag.BigIntLike, "bigint"],
  [flag.Undefined | flag.Void, "undefined"],
  [flag.Null, "null"],
  [flag.Object | flag.NonPrimitive, "object"],
];
const simple = new Set([
  kind.Identifier, kind.PropertyAccessExpression, kind.ElementAccessExpression,
  kind.CallExpression, kind.ParenthesizedExpression, kind.ThisKeyword,
]);

/** Edits {start, end, text} of the file's text; none of them touches a name. */
export function comparisonEdits(file, checker) {
  const edits = [];
  const visit = (node) => {
    if (ts.isBinaryExpression(node)) edits.push(...editsOf(file, node, checker));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return edits;
}

function editsOf(file, node, checker) {
  const { left, operatorToken, right } = node;
  const isOperator = operatorToken.kind in strict || isMore(node);
  if (!isOperator) return [];
  const types = [left, right].map((side) => constituents(checker.getTypeAtLocation(side)));
  if (meansFalse(right, left, types[0])) return shortened(file, node);
  if (isMore(node) || !areComparable(...types)) return [];
  const [start, end] = [operatorToken.getStart(file), operatorToken.getEnd()];
  return [{ start, end, text: strict[operatorToken.kind] }];
}

function isMore({ operatorToken, right }) {
  return operatorToken.kind === kind.GreaterThanToken && right.getText() === "0";
}

function constituents(type) {
  return type.isUnion() ? type.types : [type];
}

/** True if the value is false, as a condition, exactly if it equals what it is compared with. */
function meansFalse(other, value, types) {
  if (other.getText() === "undefined") return types.every(isUndefinedOrTrue);
  if (other.getText() === '""') return types.every((type) => type.flags & flag.StringLike);
  if (other.getText() !== "0" || !ts.isPropertyAccessExpression(value)) return false;
  return ["length", "size"].includes(value.name.text);
}

function isUndefinedOrTrue(type) {
  if (type.isStringLiteral()) return type.value !== "";
  if (type.isNumberLiteral()) return type.value !== 0 && !Number.isNaN(type.value);
  return ["undefined", "object"].includes(familyOf(type)) || type.intrinsicName === "true";
}

function familyOf(type) {
  if (type.isIntersection()) {
    return type.types.map(familyOf).find((one) => one !== "object") ?? "object";
  }
  return families.find(([flags]) => type.flags & flags)?.[1];
}

/** Both sides have known types, and no pair of different ones is equal to `==`. */
function areComparable(left, right) {
  const [from, to] = [left.map(familyOf), right.map(familyOf)];
  const isNone = (one) => one === "undefined" || one === "null";
  const differ = (one, other) => one === other || isNone(one) !== isNone(other);
  const known = [...from, ...to].every((one) => one !== undefined);
  return known && from.every((one) => to.every((other) => differ(one, other)));
}

/** `value === undefined` becomes `!value`; `value !== undefined` is `value` in a condition. */
function shortened(file, node) {
  const { left } = node;
  const isNegative = node.operatorToken.kind === kind.EqualsEqualsEqualsToken;
  const sign = isNegative ? "!" : isCondition(node) ? "" : "!!";
  const [open, close] = sign === "" || simple.has(left.kind) ? ["", ""] : ["(", ")"];
  const start = left.getStart(file);
  return [
    { start, end: start, text: sign + open },
    { start: left.getEnd(), end: node.getEnd(), text: close },
  ];
}

/** True if nobody sees more of the value than whether it is true. */
function isCondition(node) {
  const { parent } = node;
  switch (parent.kind) {
    case kind.ParenthesizedExpression:
      return isCondition(parent);
    case kind.PrefixUnaryExpression:
      return parent.operator === kind.ExclamationToken;
    case kind.IfStatement:
    case kind.WhileStatement:
      return parent.expression === node;
    case kind.ForStatement:
    case kind.ConditionalExpression:
      return parent.condition === node || (node === parent.whenTrue || node === parent.whenFalse) &&
        isCondition(parent);
    case kind.BinaryExpression: {
      const { operatorToken } = parent;
      const joins = [kind.AmpersandAmpersandToken, kind.BarBarToken].includes(operatorToken.kind);
      return joins && isCondition(parent);
    }
    default:
      return false;
  }
}
