/** What TypeScript may say and take from where. */
import { posix } from "node:path";
import ts from "typescript";
import { inFolder, isGenerated, isScript, type Finding, type SourceFile } from "./tree.js";
import { exportedValues, importsOf, lineOf, parse, walk } from "./ts-source.js";

const NATIVE_MODULE = "adit:host";
const NATIVE_IMPORTER = "ts/host/native.ts";
/** The contract's messages are nouns that pure code folds; only their types, so nothing is run. */
const CONTRACT_TYPES = "ts/host/contract.gen.ts";
const PURE_FOLDERS = ["model", "config", "policy", "reconcile", "render"];
const CLOCK_NAMES = ["Date", "performance", "setTimeout", "setInterval", "setImmediate"];
const CLOCK_ALLOWED = ["ts/host/", "ts/engine.ts"];

const product = (files: readonly SourceFile[]): SourceFile[] =>
  files.filter((file) => inFolder(file.path, "ts") && file.path.endsWith(".ts"));

function finding(file: SourceFile, node: ts.Node, rule: string, remedy: string): Finding {
  return { path: file.path, line: lineOf(parse(file), node), rule, remedy };
}

/** Reports each node for which `judge` gives a rule and a remedy. */
function judgeNodes(
  files: readonly SourceFile[],
  judge: (node: ts.Node, file: SourceFile) => readonly [string, string] | undefined,
): Finding[] {
  const found: Finding[] = [];
  for (const file of files) {
    walk(parse(file), (node) => {
      const judged = judge(node, file);
      if (judged !== undefined) found.push(finding(file, node, ...judged));
    });
  }
  return found;
}

/** A clock or a die in decisions makes them impossible to repeat. */
export function timeAndChance(files: readonly SourceFile[]): Finding[] {
  const timeless = product(files).filter((file) =>
    !CLOCK_ALLOWED.some((allowed) => file.path.startsWith(allowed)));
  return judgeNodes(timeless, (node) => {
    if (isMathRandom(node)) return ["Math.random", "take a Random as an argument"];
    if (!ts.isIdentifier(node) || !CLOCK_NAMES.includes(node.text) || isMember(node)) {
      return undefined;
    }
    return [node.text, "take `now` as an argument, or name a deadline"];
  });
}

const isMathRandom = (node: ts.Node): boolean =>
  ts.isPropertyAccessExpression(node) && node.name.text === "random" &&
  ts.isIdentifier(node.expression) && node.expression.text === "Math";

function isMember(node: ts.Identifier): boolean {
  const parent = node.parent;
  return (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node);
}

/** The modules that are bundled; nothing imports them. */
const ENTRIES = ["ts/main.ts", "ts/main-cli.ts"];

/** Importing a module does nothing; only the entries start things. */
export function importEffects(files: readonly SourceFile[]): Finding[] {
  return product(files).filter(({ path }) => !ENTRIES.includes(path)).flatMap((file) =>
    parse(file).statements.filter((s) => ts.isExpressionStatement(s)).map((statement) =>
      finding(file, statement, "an effect at import", "export a function, call it from main.ts")));
}

/** One door to the host, and pure folders that know neither it nor anything that does. */
export function layering(files: readonly SourceFile[]): Finding[] {
  return product(files).flatMap((file) => importsOf(file).flatMap((imported) => {
    const at = { path: file.path, line: imported.line };
    if (imported.text === NATIVE_MODULE && file.path !== NATIVE_IMPORTER) {
      return [{ ...at, rule: `imports ${NATIVE_MODULE}`, remedy: `import ${NATIVE_IMPORTER}` }];
    }
    const folder = folderOf(file.path);
    const target = targetOf(file.path, imported.text);
    if (!PURE_FOLDERS.includes(folder) || target === undefined) return [];
    if (PURE_FOLDERS.includes(folderOf(target))) return [];
    if (imported.typeOnly && target === CONTRACT_TYPES) return [];
    const rule = `pure ts/${folder} imports ${target}`;
    return [{ ...at, rule, remedy: `pure folders import only ${PURE_FOLDERS.join(", ")}` }];
  }));
}

const folderOf = (path: string): string => path.split("/").slice(1, -1)[0] ?? "";

/** The repository path of a relative import; undefined for packages. */
function targetOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}

export function exportsByName(files: readonly SourceFile[]): Finding[] {
  const scripts = files.filter((file) => isScript(file.path) && !isToolConfig(file.path));
  const named = judgeNodes(scripts, (node) => {
    if (isPolicyExport(node)) return undefined;
    const isDefault = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword &&
      !ts.isDefaultClause(node.parent);
    if (isDefault) return ["a default export", "export it by name"];
    const isStar = ts.isExportDeclaration(node) && node.exportClause === undefined;
    return isStar ? ["export *", "import from the file that defines it"] : undefined;
  });
  const ours = scripts.filter((file) => !isPackageFace(file.path));
  const barrels = ours.filter(isBarrel).map((file) => ({
    path: file.path, line: 1, rule: "a barrel", remedy: "import from the files that define things",
  }));
  return [...named, ...barrels];
}

/** A policy script has one export without a name: the policy. */
const isPolicyExport = (node: ts.Node): boolean =>
  ts.isExportAssignment(node) && ts.isCallExpression(node.expression) &&
  node.expression.expression.getText() === "definePolicy";

/** Tools prescribe a default export for their configuration. */
const isToolConfig = (path: string): boolean => /\.config\.(mjs|ts)$/.test(path);

/** The face of a package for others: there the names belong together. */
const isPackageFace = (path: string): boolean => /^runtime\/[^/]+\/src\/index\.ts$/.test(path);

function isBarrel(file: SourceFile): boolean {
  const { statements } = parse(file);
  return statements.length > 0 && statements.every((statement) =>
    ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) &&
    statements.some((statement) => ts.isExportDeclaration(statement));
}

/** Enums have code of their own; unions and constant objects serve without. */
export function noEnums(files: readonly SourceFile[]): Finding[] {
  return judgeNodes(files.filter((file) => isScript(file.path)), (node) =>
    (ts.isEnumDeclaration(node) ? ["an enum", "use a union of literals"] : undefined));
}

/** A new kind must not pass through a switch unseen. */
export function exhaustiveSwitches(files: readonly SourceFile[]): Finding[] {
  return judgeNodes(product(files), (node, file) => {
    if (!ts.isSwitchStatement(node) || !/\.kind$/.test(node.expression.getText())) return undefined;
    if (isExhaustive(node, namesTakingNever(file))) return undefined;
    return ["a switch on kind that may miss one", "end in a default that takes `never`"];
  });
}

/**
 * Either a default that the compiler or the run time lets nobody reach, or every case returns a
 * value, when the compiler itself refuses a missing one.
 */
function isExhaustive(node: ts.SwitchStatement, takingNever: readonly string[]): boolean {
  const { clauses } = node.caseBlock;
  const last = clauses.find((clause) => ts.isDefaultClause(clause));
  if (last !== undefined) {
    const text = last.getText();
    return /\bnever\b|\bthrow\b/.test(text) ||
      takingNever.some((name) => text.includes(`${name}(`));
  }
  return clauses.every((clause) => clause.statements.length === 0 || endsWithValue(clause));
}

/** Functions of a file whose parameter or result is `never`. */
function namesTakingNever(file: SourceFile): string[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isFunctionDeclaration(statement) || statement.name === undefined) return [];
    const types = [...statement.parameters.map((parameter) => parameter.type), statement.type];
    const isNever = types.some((type) => type?.kind === ts.SyntaxKind.NeverKeyword);
    return isNever ? [statement.name.text] : [];
  });
}

function endsWithValue(clause: ts.CaseOrDefaultClause): boolean {
  let last = clause.statements.at(-1);
  while (last !== undefined && ts.isBlock(last)) last = last.statements.at(-1);
  if (last === undefined) return false;
  return ts.isThrowStatement(last) || (ts.isReturnStatement(last) && last.expression !== undefined);
}

/** Values that nobody imports and files that nothing leads to. */
export function deadExports(files: readonly SourceFile[]): Finding[] {
  const used = usedNames(files);
  return product(files).flatMap((file) => {
    const names = used.get(file.path);
    if (isExempt(file.path)) return [];
    if (names === undefined) return [deadFile(file.path)];
    if (names.has("*")) return [];
    return exportedValues(file).filter((value) => !names.has(value.text)).map((value) => ({
      path: file.path,
      line: value.line,
      rule: `nobody imports ${value.text}`,
      remedy: "remove it, or its export",
    }));
  });
}

const isExempt = (path: string): boolean =>
  ENTRIES.includes(path) || path.endsWith(".d.ts") || isGenerated(path);

const deadFile = (path: string): Finding => ({
  path, line: 1, rule: "nobody imports this file", remedy: "remove it",
});

/** Path of a module to the names taken from it; "*" stands for all. */
function usedNames(files: readonly SourceFile[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const file of files.filter((candidate) => candidate.path.endsWith(".ts"))) {
    for (const imported of importsOf(file)) {
      const target = targetOf(file.path, imported.text);
      if (target === undefined) continue;
      const names = used.get(target) ?? new Set<string>();
      for (const name of imported.names) names.add(name);
      if (imported.whole) names.add("*");
      used.set(target, names);
    }
  }
  return used;
}
