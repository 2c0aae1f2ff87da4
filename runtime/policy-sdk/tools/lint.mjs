// The rules of a policy, on the syntax tree with types: no clock, no chance, no code from texts,
// nothing from outside, nothing kept between calls.

import ts from "typescript";
import { finding, placeAt } from "./findings.mjs";
import {
  FORBIDDEN_GLOBALS, FORBIDDEN_MEMBERS, FORBIDDEN_PROPERTIES, OTHER_GLOBAL, REMEDIES,
  ROUTER_GLOBALS,
} from "./lint-rules.mjs";

/** All findings in one source file of a program. */
export function lint(source, checker) {
  const found = [];
  const report = (node, rule, message, remedy, severity = "error") => {
    const place = { ...placeAt(source.fileName, source.text, node.getStart(source)), severity };
    found.push(finding(rule, message, remedy, place));
  };
  const visit = (node) => {
    for (const judge of JUDGES) judge(node, { source, checker, report });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const JUDGES = [
  forbiddenGlobal, forbiddenMember, foreignImport, dynamicImport, asynchronous, changedPrototype,
  keptState,
];

function forbiddenGlobal(node, { checker, report }) {
  if (!ts.isIdentifier(node) || !isRead(node)) return;
  const known = FORBIDDEN_GLOBALS.get(node.text) ?? otherGlobal(node, checker);
  if (known === undefined || !isGlobal(node, checker)) return;
  report(node, known[0], `${node.text} is not there on a router`, known[1]);
}

/** A value that the language declares and a cage does not have. */
function otherGlobal(node, checker) {
  if (ROUTER_GLOBALS.has(node.text) || !ts.isExpression(node)) return undefined;
  const declared = checker.getSymbolAtLocation(node)?.declarations ?? [];
  const isOfLanguage = declared.some((declaration) =>
    /\/lib\.[^/]*\.d\.ts$/.test(declaration.getSourceFile().fileName));
  return isOfLanguage ? OTHER_GLOBAL : undefined;
}

/** Names in types cost nothing; a member or a key is not the global of that name. */
function isRead(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return false;
  return !isInType(node) && !ts.isMethodDeclaration(parent) && !ts.isPropertySignature(parent);
}

function isInType(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isTypeNode(at) && !ts.isExpressionWithTypeArguments(at)) return true;
    if (ts.isStatement(at) || ts.isExpressionStatement(at)) return false;
  }
  return false;
}

/** Declared by the language or by nobody: a name of the script's own is not meant. */
function isGlobal(node, checker) {
  const isShort = ts.isShorthandPropertyAssignment(node.parent);
  const symbol = isShort ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  const declared = symbol?.declarations ?? [];
  return declared.every((declaration) => declaration.getSourceFile().isDeclarationFile);
}

function forbiddenMember(node, { checker, report }) {
  const name = memberName(node);
  if (name === undefined) return;
  const whole = `${node.expression.getText()}.${name}`;
  const known = FORBIDDEN_MEMBERS.get(whole);
  if (known !== undefined && isGlobal(node.expression, checker)) {
    report(node, known[0], `${whole} is not there on a router`, known[1]);
  }
  const property = FORBIDDEN_PROPERTIES.get(name);
  if (property === undefined) return;
  report(node, property[0], `.${name} is not there on a router`, property[1]);
}

/** `a.name` and `a["name"]` alike. */
function memberName(node) {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (!ts.isElementAccessExpression(node)) return undefined;
  const { argumentExpression } = node;
  return ts.isStringLiteralLike(argumentExpression) ? argumentExpression.text : undefined;
}

function foreignImport(node, { report }) {
  const isImport = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
  const from = isImport ? node.moduleSpecifier : undefined;
  if (from === undefined || from.text === "adit:policy" || from.text.startsWith(".")) return;
  report(from, "import", `"${from.text}" is not there on a router`, REMEDIES.foreignImport);
}

function dynamicImport(node, { report }) {
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  if (isCall) report(node, "import", "import() is not there on a router", REMEDIES.dynamicImport);
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
    report(node, "import", "import.meta is not there on a router", REMEDIES.dynamicImport);
  }
}

function asynchronous(node, { report }) {
  const isAsync = ts.isFunctionLike(node) && ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword);
  if (isAsync) report(node, "async", "an async function gives no answer", REMEDIES.async);
  if (ts.isAwaitExpression(node)) report(node, "async", "await never ends", REMEDIES.async);
}

/** `Array.prototype.last = …` and its like. */
function changedPrototype(node, { report }) {
  const target = assignedTo(node);
  if (target === undefined || !ts.isPropertyAccessExpression(target)) return;
  if (!/\.prototype\b/.test(target.getText())) return;
  report(node, "prototype", `${target.getText()} cannot be changed`, REMEDIES.prototype);
}

function assignedTo(node) {
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    const isAssignment = kind >= ts.SyntaxKind.FirstAssignment &&
      kind <= ts.SyntaxKind.LastAssignment;
    return isAssignment ? node.left : undefined;
  }
  const isStep = (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
    [ts.SyntaxKind.PlusPlusToken, ts.SyntaxKind.MinusMinusToken].includes(node.operator);
  return isStep ? node.operand : undefined;
}

/** A variable of the module that a function assigns makes the answer depend on calls before. */
function keptState(node, { checker, report }) {
  const target = assignedTo(node);
  if (target === undefined || !ts.isIdentifier(target) || !isInFunction(node)) return;
  const declaration = checker.getSymbolAtLocation(target)?.valueDeclaration;
  if (declaration === undefined || !isOfModule(declaration)) return;
  const message = `${target.text} is kept from call to call`;
  report(node, "state", message, REMEDIES.state, "warning");
}

function isInFunction(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionLike(at)) return true;
  }
  return false;
}

const isOfModule = (declaration) => ts.isVariableDeclaration(declaration) &&
  ts.isVariableStatement(declaration.parent.parent) &&
  ts.isSourceFile(declaration.parent.parent.parent);
