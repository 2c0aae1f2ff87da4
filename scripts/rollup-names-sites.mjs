// The places in the sources where a value goes from one type to another, or is read by name.
import ts from "typescript";

/**
 * Tells `flows` of everything in this file. Where `byTable` is set, assertions tell only the names
 * of the outermost properties: what is inside is read by the names in a table that is renamed too.
 */
export function visitSites(file, flows, byTable) {
  const { checker } = flows;
  const typeOf = (node) => checker.getTypeAtLocation(node);
  const visit = (node) => {
    const why = () => `${file.fileName.replace(/^.*\/ts\//, "ts/")}:${lineOf(file, node)}`;
    const stranger = strangerIn(node);
    if (stranger !== "") throw new Error(`${why()}: private names know nothing of ${stranger}`);
    if (ts.isExpression(node)) visitExpression(node);
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) flows.see(typeOf(node));
    handlers.get(node.kind)?.(node, { flows, checker, typeOf, why: why(), byTable });
    ts.forEachChild(node, visit);
  };
  const visitExpression = (node) => {
    flows.see(typeOf(node));
    const { parent } = node;
    if (isName(node) || isVoid(node) || isHarmless(parent)) return;
    if (byTable && ts.isAsExpression(parent)) return;
    if (isTakenApart(node)) return;
    const wanted = checker.getContextualType(node);
    if (wanted !== undefined) {
      const why = `${file.fileName.replace(/^.*\/ts\//, "ts/")}:${lineOf(file, node)}`;
      flows.flow(typeOf(node), wanted, why);
    }
  };
  ts.forEachChild(file, visit);
}

function lineOf(file, node) {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}

/** An identifier that is no expression, though the compiler calls every identifier one. */
function isName(node) {
  const { parent } = node;
  if (!ts.isIdentifier(node)) return false;
  return parent.name === node || parent.propertyName === node || ts.isTypeNode(parent);
}

/** What a pattern takes apart: the compiler says that it wants anything, but it wants its names. */
function isTakenApart(node) {
  const { parent } = node;
  if (parent.initializer === node) return ts.isBindingPattern(parent.name ?? node);
  const isChosen = ts.isParenthesizedExpression(parent) ||
    ts.isConditionalExpression(parent) && parent.condition !== node ||
    ts.isBinaryExpression(parent) && choosing.has(parent.operatorToken.kind);
  return isChosen && isTakenApart(parent);
}

/** What the analysis does not follow. None of it is in use. */
const refused = new Set([
  ts.SyntaxKind.YieldExpression, ts.SyntaxKind.AwaitExpression, ts.SyntaxKind.Decorator,
  ts.SyntaxKind.TaggedTemplateExpression, ts.SyntaxKind.EnumDeclaration,
  ts.SyntaxKind.WithStatement, ts.SyntaxKind.AnyKeyword,
]);

const refusedFunctions = new Set([
  "Object.assign", "Object.create", "Object.defineProperties", "Object.defineProperty",
]);

function strangerIn(node) {
  if (refused.has(node.kind)) return ts.SyntaxKind[node.kind];
  if (!ts.isPropertyAccessExpression(node)) return "";
  const text = `${node.expression.text}.${node.name.text}`;
  return refusedFunctions.has(text) ? text : "";
}

const kind = ts.SyntaxKind;
const handlers = new Map([
  [kind.VariableDeclaration, initialised],
  [kind.Parameter, initialised],
  [kind.PropertyDeclaration, initialised],
  [kind.BindingElement, initialised],
  [kind.BinaryExpression, binary],
  [kind.ConditionalExpression, (node, at) => {
    flowTo(at, [node.whenTrue, node.whenFalse], at.typeOf(node));
  }],
  [kind.ArrayLiteralExpression, arrayLiteral],
  [kind.ObjectLiteralExpression, objectLiteral],
  [kind.CallExpression, call],
  [kind.NewExpression, call],
  [kind.ReturnStatement, (node, at) => returned(functionOf(node), node.expression, at)],
  [kind.ArrowFunction, (node, at) => {
    if (!ts.isBlock(node.body)) returned(node, node.body, at);
  }],
  [kind.AsExpression, asserted],
  [kind.SatisfiesExpression, asserted],
  [kind.TypeAssertionExpression, asserted],
  [kind.TypePredicate, predicate],
  [kind.ClassDeclaration, heritage],
  [kind.InterfaceDeclaration, heritage],
  [kind.TypeReference, typeReference],
  [kind.ElementAccessExpression, elementAccess],
  [kind.ForInStatement, ({ expression }, at) => {
    at.flows.publish(at.typeOf(expression), at.why);
  }],
  [kind.ForOfStatement, ({ expression, initializer }, at) => {
    if (!ts.isVariableDeclarationList(initializer)) {
      at.flows.flow(at.typeOf(expression).getNumberIndexType(), at.typeOf(initializer), at.why);
    }
  }],
]);

function flowTo({ flows, typeOf, why }, nodes, target) {
  for (const node of nodes) if (!isVoid(node)) flows.flow(typeOf(node), target, why);
}

/** `new Map()`: the compiler says that it holds anything, but it holds nothing. */
function isVoid(node) {
  return ts.isNewExpression(node) && (node.arguments ?? []).length === 0;
}

/** What a pattern takes apart it names by itself. */
function initialised(node, at) {
  if (ts.isBindingPattern(node.name)) return;
  if (node.initializer !== undefined) flowTo(at, [node.initializer], at.typeOf(node.name));
}

const assigning = new Set([
  kind.EqualsToken, kind.BarBarEqualsToken, kind.QuestionQuestionEqualsToken,
  kind.AmpersandAmpersandEqualsToken,
]);
const choosing = new Set([kind.BarBarToken, kind.QuestionQuestionToken]);
const second = new Set([kind.AmpersandAmpersandToken, kind.CommaToken]);

function binary(node, at) {
  const { left, right, operatorToken } = node;
  const operator = operatorToken.kind;
  if (assigning.has(operator)) flowTo(at, [right], at.typeOf(left));
  if (choosing.has(operator)) flowTo(at, [left, right], at.typeOf(node));
  if (second.has(operator)) flowTo(at, [right], at.typeOf(node));
  if (operator === kind.InKeyword && !ts.isStringLiteral(left)) {
    at.flows.publish(at.typeOf(right), at.why);
  }
}

function arrayLiteral(node, at) {
  const element = at.typeOf(node).getNumberIndexType();
  for (const one of node.elements) {
    if (ts.isSpreadElement(one)) flowTo(at, [one.expression], at.typeOf(node));
    else flowTo(at, [one], element);
  }
}

function objectLiteral(node, at) {
  const whole = at.typeOf(node);
  for (const one of node.properties) {
    if (ts.isSpreadAssignment(one)) flowTo(at, [one.expression], whole);
    const symbol = one.name && at.checker.getPropertyOfType(whole, one.name.text ?? "");
    if (symbol === undefined) continue;
    const target = at.checker.getTypeOfSymbol(symbol);
    if (ts.isPropertyAssignment(one)) flowTo(at, [one.initializer], target);
    if (!ts.isShorthandPropertyAssignment(one)) continue;
    const value = at.checker.getShorthandAssignmentValueSymbol(one);
    at.flows.flow(at.checker.getTypeOfSymbolAtLocation(value, one.name), target, at.why);
  }
}

/** Functions of the language that read no property of ours from what they are given. */
const harmless = new Set(["Array.isArray", "Number.isInteger", "Number.isSafeInteger"]);
const comparing = new Set([kind.EqualsEqualsEqualsToken, kind.ExclamationEqualsEqualsToken]);

/** A call whose arguments nobody sees; two texts made only to be compared are not seen either. */
function isHarmless(node) {
  if (!ts.isCallExpression(node)) return false;
  if (harmless.has(node.expression.getText())) return true;
  const { parent } = node;
  return ts.isBinaryExpression(parent) && comparing.has(parent.operatorToken.kind) &&
    [parent.left, parent.right].every((side) => isStringify(side));
}

function isStringify(node) {
  return ts.isCallExpression(node) && node.expression.getText() === "JSON.stringify" &&
    node.arguments.length === 1;
}

function call(node, at) {
  if (isHarmless(node)) return;
  const signature = at.checker.getResolvedSignature(node);
  if (signature === undefined) return;
  const { declaration } = signature;
  const lists = [signature];
  if (declaration !== undefined && at.flows.isOwn(declaration)) {
    lists.push(at.checker.getSignatureFromDeclaration(declaration));
  }
  for (const one of lists) {
    for (const [index, argument] of (node.arguments ?? []).entries()) {
      for (const target of parameterTypes(one, index, ts.isSpreadElement(argument), at)) {
        if (!ts.isSpreadElement(argument)) flowTo(at, [argument], target);
        else at.flows.flow(at.typeOf(argument.expression).getNumberIndexType(), target, at.why);
      }
    }
  }
}

/** The type of the parameter that takes this argument; of all further ones for a spread. */
function parameterTypes(signature, index, spread, { checker }) {
  const parameters = signature.getParameters();
  const wanted = spread ? parameters.slice(index) : parameters.slice(index, index + 1);
  const last = parameters.at(-1);
  if (wanted.length === 0 && last !== undefined) wanted.push(last);
  return wanted.flatMap((one) => {
    const type = checker.getTypeOfSymbol(one);
    const isRest = one === last && one.valueDeclaration?.dotDotDotToken !== undefined;
    return isRest ? checker.getTypeArguments(type) : [type];
  });
}

function functionOf(node) {
  let at = node.parent;
  while (!ts.isFunctionLike(at)) at = at.parent;
  return at;
}

function returned(owner, expression, at) {
  if (expression === undefined) return;
  const signature = at.checker.getSignatureFromDeclaration(owner);
  flowTo(at, [expression], signature?.getReturnType());
}

function asserted(node, at) {
  if (at.byTable) {
    at.flows.publish(at.typeOf(node), at.why);
    if (node.type.kind !== kind.UnknownKeyword) {
      at.flows.publish(at.typeOf(node.expression), at.why);
    }
  } else if (!ts.isConstTypeReference(node.type)) flowTo(at, [node.expression], at.typeOf(node));
}

function predicate(node, at) {
  if (node.type === undefined || !ts.isIdentifier(node.parameterName)) return;
  const { text } = node.parameterName;
  const parameter = node.parent.parameters.find(({ name }) => name.text === text);
  at.flows.flow(at.typeOf(parameter), at.typeOf(node.type), at.why);
}

function heritage(node, at) {
  for (const clause of node.heritageClauses ?? []) {
    for (const type of clause.types) at.flows.flow(at.typeOf(node), at.typeOf(type), at.why);
  }
}

/** `Extract<T, U>` and its kin compare types without any value. */
function typeReference(node, at) {
  const [whole, part] = node.typeArguments ?? [];
  if (!["Extract", "Exclude"].includes(node.typeName.text)) return;
  at.flows.flow(at.typeOf(whole), at.typeOf(part), at.why);
}

function elementAccess({ expression, argumentExpression }, { flows, checker, typeOf, why }) {
  const key = typeOf(argumentExpression);
  const object = checker.getApparentType(checker.getNonNullableType(typeOf(expression)));
  const keys = key.isUnion() ? key.types : [key];
  if (keys.every((one) => one.flags & ts.TypeFlags.NumberLike)) return;
  const isKnown = keys.every((one) => one.isStringLiteral());
  flows.publish(object, why, isKnown ? keys.map((one) => one.value) : undefined);
}
