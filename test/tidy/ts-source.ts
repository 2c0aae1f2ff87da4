/** TypeScript and JavaScript taken apart with the compiler's own parser. */
import ts from "typescript";
import type { Span } from "./c-source.js";
import type { SourceFile } from "./tree.js";

export interface ScriptFunction {
  readonly line: number;
  readonly length: number;
}

export interface Import extends Span {
  readonly names: readonly string[];
  /** `import * as x`, `import()` and the like: any name may be used. */
  readonly whole: boolean;
  readonly typeOnly: boolean;
}

const parsed = new WeakMap<SourceFile, ts.SourceFile>();

export function parse(file: SourceFile): ts.SourceFile {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const kind = file.path.endsWith(".ts") ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true, kind);
  parsed.set(file, tree);
  return tree;
}

/** Calls `visit` for every node of the file, outer ones first. */
export function walk(tree: ts.SourceFile, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(tree);
}

export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** Functions with a body in braces; short arrows would only flatter the median. */
export function functionsOf(file: SourceFile): ScriptFunction[] {
  const tree = parse(file);
  const found: ScriptFunction[] = [];
  walk(tree, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node)) return;
    const body = node.body as ts.Node | undefined;
    if (body === undefined || !ts.isBlock(body)) return;
    const line = lineOf(tree, node);
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
    found.push({ line, length: last - line + 1 });
  });
  return found;
}

export function commentsOf(file: SourceFile): Span[] {
  const tree = parse(file);
  const seen = new Map<number, Span>();
  const note = (range: ts.CommentRange): void => {
    const line = tree.getLineAndCharacterOfPosition(range.pos).line + 1;
    seen.set(range.pos, { line, text: file.text.slice(range.pos, range.end) });
  };
  const visit = (node: ts.Node): void => {
    ts.getLeadingCommentRanges(file.text, node.getFullStart())?.forEach(note);
    ts.getTrailingCommentRanges(file.text, node.getEnd())?.forEach(note);
    for (const child of node.getChildren(tree)) visit(child);
  };
  visit(tree);
  return [...seen.values()];
}

/** Everything that the file takes from other modules, re-exports and `import()` types included. */
export function importsOf(file: SourceFile): Import[] {
  const tree = parse(file);
  const found: Import[] = [];
  walk(tree, (node) => {
    const taken = takenBy(node);
    if (taken?.from === undefined || !ts.isStringLiteral(taken.from)) return;
    const { names, typeOnly } = taken;
    const whole = names === undefined;
    const line = lineOf(tree, node);
    found.push({ line, text: taken.from.text, names: names ?? [], whole, typeOnly });
  });
  return found;
}

interface Taken {
  readonly from: ts.Node | undefined;
  /** Undefined for all of them. */
  readonly names: readonly string[] | undefined;
  readonly typeOnly: boolean;
}

function takenBy(node: ts.Node): Taken | undefined {
  if (ts.isImportDeclaration(node)) {
    const bindings = node.importClause?.namedBindings;
    const isWhole = bindings !== undefined && ts.isNamespaceImport(bindings);
    const elements = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
    const names = elements.map((element) => (element.propertyName ?? element.name).text);
    const typeOnly = node.importClause?.isTypeOnly === true;
    return { from: node.moduleSpecifier, names: isWhole ? undefined : names, typeOnly };
  }
  if (ts.isExportDeclaration(node)) {
    return { from: node.moduleSpecifier, names: undefined, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { from: node.argument.literal, names: undefined, typeOnly: true };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { from: node.arguments[0], names: undefined, typeOnly: false };
  }
  return undefined;
}

/** Exported functions, classes and constants: what has an existence at run time. */
export function exportedValues(file: SourceFile): Span[] {
  const tree = parse(file);
  return tree.statements.flatMap((statement) => {
    const isExported = ts.canHaveModifiers(statement) &&
      (ts.getModifiers(statement) ?? []).some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) return [];
    return valueNames(statement).map((text) => ({ line: lineOf(tree, statement), text }));
  });
}

function valueNames(statement: ts.Statement): string[] {
  if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) {
    return statement.name === undefined ? [] : [statement.name.text];
  }
  if (!ts.isVariableStatement(statement)) return [];
  return statement.declarationList.declarations
    .flatMap((declaration) => (ts.isIdentifier(declaration.name) ? [declaration.name.text] : []));
}
