// Compiles ts/ for the minified bundle with short names for all properties that nobody outside the
// bundle sees. What counts as seen: scripts/rollup-names-flows.mjs. The renamed sources are
// checked by the compiler again, so a place that was overlooked ends the build.
import { resolve } from "node:path";
import ts from "typescript";
import { comparisonEdits } from "./rollup-comparisons.mjs";
import { applyEdits } from "./rollup-edits.mjs";
import { Flows, ofOthers } from "./rollup-names-flows.mjs";
import { renameFile, visitNames } from "./rollup-names-rename.mjs";
import { visitSites } from "./rollup-names-sites.mjs";
import { joinTypes, tableEdits } from "./rollup-names-tables.mjs";

const isTable = (file) => /\/host\/(codec|contract\.gen)\.ts$/.test(file.fileName);

/** Program, its own files, and the flows between the types in them. */
export function analyse(fileNames, options, host) {
  const program = ts.createProgram(fileNames, options, host);
  const checker = program.getTypeChecker();
  const files = program.getSourceFiles().filter((file) => !file.isDeclarationFile);
  const own = new Set(files);
  const flows = new Flows(checker, (node) => own.has(node.getSourceFile()));
  joinTypes(files.filter(isTable), flows);
  for (const file of files) {
    visitSites(file, flows, isTable(file));
    visitNames(file, checker, (_node, symbols) => flows.join(symbols));
  }
  return { program, checker, files, flows };
}

/** File name to text, with short names for private properties, and with further edits. */
export function renameAll({ checker, files, flows }, editsOf = () => []) {
  const names = chooseNames(checker, files, flows);
  const nameOf = (symbols) => {
    const declaration = flows.join(symbols);
    return declaration === undefined ? undefined : names.get(flows.root(declaration));
  };
  return new Map(files.map((file) => {
    const edits = [...editsOf(file, checker), ...renameFile(file, checker, nameOf)];
    if (isTable(file)) edits.push(...tableEdits(file, nameOf));
    return [file.fileName, applyEdits(file.text, edits)];
  }));
}

/**
 * The most frequent first: the shortest name that no property of the same family has. Properties
 * that the sources name alike are named alike again, because then one variable suits both of them.
 */
function chooseNames(checker, files, flows) {
  const { counts, taken } = countNames(checker, files, flows);
  const families = new Map();
  for (const family of flows.families()) {
    for (const root of family) families.set(root, [...families.get(root) ?? [], family]);
  }
  const free = shortNames.filter((name) => !taken.has(name));
  const wishes = spread(counts, free.filter((name) => name.length === 1));
  const names = new Map();
  for (const [root] of byCount(counts)) {
    const others = (families.get(root) ?? []).flatMap((family) => [...family]);
    const used = new Set(others.map((other) => names.get(other)));
    const list = [wishes.get(root.name.text), ...free];
    names.set(root, list.find((name) => !used.has(name)));
  }
  return names;
}

const byCount = (counts) => [...counts].sort((left, right) => right[1] - left[1]);

/** One letter for every word of the sources, so that frequent words have different ones. */
function spread(counts, list) {
  const words = new Map();
  for (const [{ name }, count] of counts) {
    words.set(name.text, (words.get(name.text) ?? 0) + count);
  }
  return new Map(byCount(words).map(([word], at) => [word, list[at % list.length]]));
}

/** How often each private group is spelled, and short words that stand for something else. */
function countNames(checker, files, flows) {
  const counts = new Map();
  const taken = new Set(["as", "do", "if", "in", "is", "of"]);
  for (const file of files) {
    visitNames(file, checker, (node, symbols) => {
      const declaration = flows.join(symbols);
      if (declaration === undefined || flows.whyPublic(declaration) !== undefined) {
        taken.add(node.text);
        return;
      }
      const root = flows.root(declaration);
      const count = ts.isTypeElement(node.parent) ? 0 : 1;
      counts.set(root, (counts.get(root) ?? 0) + count);
    });
    for (const [word] of file.text.matchAll(/(?<=["'])\w\w?(?=["'])/g)) taken.add(word);
  }
  return { counts, taken };
}

/** `{ name, why, bytes }` of names that outsiders see through our own types. */
function keptNames({ checker, files, flows }) {
  const rows = new Map();
  for (const file of files) {
    visitNames(file, checker, (node, symbols) => {
      const why = flows.whyPublic(flows.join(symbols));
      if (why === undefined || why === ofOthers || ts.isTypeElement(node.parent)) return;
      const row = rows.get(`${node.text} ${why}`) ?? { name: node.text, why, bytes: 0 };
      rows.set(`${node.text} ${why}`, row);
      row.bytes += node.text.length;
    });
  }
  return [...rows.values()];
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

const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"];
const shortNames = [...letters, ...letters.flatMap((one) => letters.map((two) => one + two))];

/** The plugin that takes the place of the compiler's. */
export function privateNames(tsconfig, input) {
  let renamed;
  const kept = [];
  return {
    name: "private-names",
    /** Filled by the build: names that stay. */
    kept,
    buildStart() {
      const parsed = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, {
        ...ts.sys,
        onUnRecoverableConfigFileDiagnostic: (fault) => this.error(fault.messageText),
      });
      // Only what this bundle imports: another one's sources show other names.
      const ambient = parsed.fileNames.filter((name) => name.endsWith(".d.ts"));
      const found = analyse([resolve(input), ...ambient], parsed.options);
      renamed = renameAll(found, comparisonEdits);
      checkRenamed(found.program, renamed);
      kept.push(...keptNames(found));
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
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { ...compilerOptions, removeComments: true },
        fileName: id,
      });
      return { code: outputText, map: null };
    },
  };
}
