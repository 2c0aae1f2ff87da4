// The generated contract holds a table of its field names as text, by which codec.ts reads and
// writes messages. The names in it are renamed with the properties they stand for.
import ts from "typescript";

/** The one name that codec.ts itself spells, the type of a message, is the same in all of them. */
export function joinTypes(files, flows) {
  const symbols = [];
  const visit = (node) => {
    if (ts.isPropertySignature(node) && node.name.text === "type") symbols.push(node.symbol);
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(file);
  flows.join(symbols);
}

/** Arrays, what the names of their interfaces end in, and where their lines have the name. */
const tables = [["structs", "", 0], ["ofDecider", "message", 1], ["ofMover", "message", 1]];

/** Edits of the tables. */
export function tableEdits(file, nameOf) {
  const interfaces = new Map(file.statements
    .filter((node) => ts.isInterfaceDeclaration(node))
    .map((node) => [node.name.text.toLowerCase(), node]));
  const edits = [];
  for (const [array, ending, at] of tables) {
    for (const element of elementsOf(file, array)) {
      const words = textOf(element).split(" ");
      const owner = interfaces.get(words[at].replaceAll("_", "").toLowerCase() + ending);
      if (owner === undefined) throw new Error(`no interface for ${words[at]}`);
      const fields = words.slice(at + 1).map((word) => renameField(word, owner, nameOf));
      const text = JSON.stringify([...words.slice(0, at + 1), ...fields].join(" "));
      edits.push({ start: element.getStart(file), end: element.getEnd(), text });
    }
  }
  return edits;
}

function elementsOf(file, name) {
  for (const node of file.statements) {
    if (!ts.isVariableStatement(node)) continue;
    const [declaration] = node.declarationList.declarations;
    if (declaration.name.text === name) return declaration.initializer.elements;
  }
  return [];
}

function textOf(node) {
  return ts.isBinaryExpression(node) ? textOf(node.left) + textOf(node.right) : node.text;
}

function renameField(word, owner, nameOf) {
  const [name, ...rest] = word.split(":");
  const member = owner.members.find((one) => one.name.text === name);
  if (member === undefined) throw new Error(`${owner.name.text} has no ${name}`);
  return [nameOf([member.symbol]) ?? name, ...rest].join(":");
}
