// Where the sources name a property, and edits that give it another name there.
import ts from "typescript";

/** Calls `use(identifier, symbols)` wherever a property is named. */
export function visitNames(file, checker, use) {
  const visit = (node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const symbol = checker.getSymbolAtLocation(node.name);
      if (isProperty(symbol)) use(node.name, [symbol]);
    } else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      visitBinding(node, checker, use);
    } else if (node.symbol !== undefined && isMember(node)) {
      use(node.name, [node.symbol]);
    } else if (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)) {
      const { members } = checker.getTypeAtLocation(node.parent.parent).symbol;
      use(node.name, [members.get(node.name.escapedText)]);
    } else if (isTextKey(node)) {
      visitTextKey(node, checker, use);
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
}

function isProperty(symbol) {
  const { Property, Method, Accessor } = ts.SymbolFlags;
  return symbol !== undefined && (symbol.flags & (Property | Method | Accessor)) !== 0;
}

function isMember(node) {
  return (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node) ||
    ts.isPropertySignature(node) || ts.isPropertyDeclaration(node) || ts.isMethodSignature(node) ||
    ts.isMethodDeclaration(node) || ts.isAccessor(node)) && ts.isIdentifier(node.name);
}

function visitBinding(node, checker, use) {
  const name = node.propertyName ?? node.name;
  if (node.dotDotDotToken !== undefined || !ts.isIdentifier(name)) return;
  const type = checker.getTypeAtLocation(node.parent);
  const symbol = checker.getPropertyOfType(checker.getApparentType(type), name.text);
  if (symbol !== undefined) use(name, [symbol]);
}

/** `"name" in value`, `T["name"]` and `Omit<T, "name">`. */
function isTextKey(node) {
  if (ts.isIndexedAccessTypeNode(node)) return true;
  if (ts.isTypeReferenceNode(node)) return ["Omit", "Pick"].includes(node.typeName.text);
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InKeyword;
}

function visitTextKey(node, checker, use) {
  const [owner, key] = ts.isBinaryExpression(node) ? [node.right, node.left]
    : node.typeArguments ?? [node.objectType, node.indexType];
  const type = checker.getTypeAtLocation(owner);
  for (const one of ts.isUnionTypeNode(key) ? key.types : [key]) {
    const literal = ts.isLiteralTypeNode(one) ? one.literal : one;
    if (!ts.isStringLiteral(literal)) continue;
    const parts = type.isUnion() ? type.types : [type];
    const symbols = parts.map((part) => checker.getPropertyOfType(part, literal.text));
    use(literal, symbols.filter((symbol) => symbol !== undefined));
  }
}

/** The text of the file with the names that `nameOf(symbols)` gives, where it gives one. */
export function renameFile(file, checker, nameOf) {
  const edits = [];
  visitNames(file, checker, (node, symbols) => {
    const name = nameOf(symbols);
    if (name !== undefined) edits.push(editOf(file, node, name));
  });
  return edits;
}

function editOf(file, node, name) {
  const { parent } = node;
  const [start, end] = [node.getStart(file), node.getEnd()];
  if (ts.isStringLiteral(node)) return { start, end, text: JSON.stringify(name) };
  const isShort = ts.isShorthandPropertyAssignment(parent) ||
    (ts.isBindingElement(parent) && parent.propertyName === undefined);
  return { start, end, text: isShort ? `${name}: ${node.text}` : name };
}
