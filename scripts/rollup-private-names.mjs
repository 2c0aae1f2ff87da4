// Compiles ts/ for the minified bundle with short names for all properties that nobody outside the
// bundle sees. What counts as seen: scripts/rollup-names-flows.mjs. The renamed sources are
// checked by the compiler again, so a place that was overlooked ends the build.
import { resolve } from "node:path";
import ts from "typescript";
import { parseAst } from "rollup/parseAst";
import { Flows } from "./rollup-names-flows.mjs";
import { applyEdits, renameFile, visitNames } from "./rollup-names-rename.mjs";
import { visitSites } from "./rollup-names-sites.mjs";
import { publishTypes, tableEdits } from "./rollup-names-tables.mjs";
import { walk } from "./rollup-walk.mjs";

const isTable = (file) => /\/host\/(codec|contract\.gen)\.ts$/.test(file.fileName);

/** Program, its own files, and the flows between the types in them. */
export function analyse(fileNames, options, host) {
  const program = ts.createProgram(fileNames, options, host);
  const checker = program.getTypeChecker();
  const files = program.getSourceFiles().filter((file) => !file.isDeclarationFile);
  const own = new Set(files);
  const flows = new Flows(checker, (node) => own.has(node.getSourceFile()));
  for (const file of files) {
    if (isTable(file)) publishTypes(file, flows);
    visitSites(file, flows, isTable(file));
    visitNames(file, checker, (_node, symbols) => flows.join(symbols));
  }
  return { program, checker, files, flows };
}

/** File name to text, with marked names for private properties. */
export function renameAll({ checker, files, flows }) {
  const numbers = new Map();
  const nameOf = (symbols) => {
    const declaration = flows.join(symbols);
    if (declaration === undefined || flows.whyPublic(declaration) !== undefined) return undefined;
    const root = flows.root(declaration);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return `${declaration.name.text}$$${numbers.get(root)}`;
  };
  return new Map(files.map((file) => {
    const edits = renameFile(file, checker, nameOf);
    if (isTable(file)) edits.push(...tableEdits(file, nameOf));
    return [file.fileName, applyEdits(file.text, edits)];
  }));
}

/** Throws if the renamed sources do not fit together. */
export function checkRenamed(program, renamed) {
  const options = program.getCompilerOptions();
  const host = ts.createCompilerHost(options);
  const getFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    const text = renamed.get(name);
    if (text === undefined) return program.getSourceFile(name) ?? getFile(name, ...rest);
    return ts.createSourceFile(name, text, options.target, true);
  };
  const again = ts.createProgram(program.getRootFileNames(), options, host);
  const faults = [...again.getSyntacticDiagnostics(), ...again.getSemanticDiagnostics()];
  if (faults.length > 0) throw new Error(ts.formatDiagnostics(faults, host));
}

/** Short names for marked ones, the most frequent first; names in use elsewhere are not taken. */
export function shortNames(code) {
  const counts = new Map();
  for (const [name] of code.matchAll(/[A-Za-z_]\w*\$\$\d+/g)) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const groups = new Map();
  for (const [name, count] of counts) {
    const group = name.slice(name.indexOf("$"));
    groups.set(group, (groups.get(group) ?? 0) + count);
  }
  const taken = new Set();
  walk(parseAst(code), (node) => {
    const key = node.type === "MemberExpression" ? node.property : node.key;
    if (key?.type === "Identifier") taken.add(key.name);
  });
  const names = nextNames(taken);
  const sorted = [...groups].sort((left, right) => right[1] - left[1]);
  const short = new Map(sorted.map(([group]) => [group, names.next().value]));
  return code.replace(/[A-Za-z_]\w*(\$\$\d+)/g, (_all, group) => short.get(group));
}

const first = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$";
const later = `${first}0123456789`;

function* nextNames(taken) {
  const words = new Set(["as", "do", "if", "in", "is", "of"]);
  for (const one of first) if (!taken.has(one)) yield one;
  for (const one of first) {
    for (const two of later) if (!taken.has(one + two) && !words.has(one + two)) yield one + two;
  }
  throw new Error("more properties than short names");
}

/** The plugin that takes the place of the compiler's, and the one that shortens in its output. */
export function privateNames(tsconfig) {
  let renamed;
  return {
    name: "private-names",
    buildStart() {
      const parsed = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, {
        ...ts.sys,
        onUnRecoverableConfigFileDiagnostic: (fault) => this.error(fault.messageText),
      });
      const found = analyse(parsed.fileNames, parsed.options);
      renamed = renameAll(found);
      checkRenamed(found.program, renamed);
      for (const name of renamed.keys()) this.addWatchFile(name);
    },
    resolveId(source, importer) {
      if (importer === undefined || !source.startsWith(".")) return null;
      return resolve(importer, "..", source.replace(/\.js$/, ".ts"));
    },
    load(id) {
      const text = renamed.get(id);
      if (text === undefined) return null;
      const { compilerOptions } = ts.readConfigFile(tsconfig, ts.sys.readFile).config;
      const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: id });
      return { code: outputText, map: null };
    },
  };
}
