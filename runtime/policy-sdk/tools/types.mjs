// Type checking with the compiler's own interface: the user's tsconfig.json if there is one, with
// `adit:policy` and the testing module found in this package.

import { dirname, join } from "node:path";
import ts from "typescript";
import { SDK_FOLDER, diagnosticFinding } from "./bundler.mjs";
import { isFile } from "./files.mjs";
import { findPackageFolder } from "./packages.mjs";

const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  noImplicitReturns: false,
  noFallthroughCasesInSwitch: true,
};

/** What a policy can rely on, whatever the user's own settings are. */
const FIXED = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts"],
  types: [],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  allowImportingTsExtensions: true,
  allowJs: true,
  checkJs: true,
  noEmit: true,
  skipLibCheck: true,
  incremental: false,
  composite: false,
};

/** { program, findings }: findings are the compiler's, in the user's own files. */
export function checkTypes(entry) {
  const program = ts.createProgram([entry], { ...STRICT, ...userOptions(entry), ...fixed() });
  const own = ownSources(program, entry);
  const diagnostics = own.flatMap((source) => [
    ...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source),
  ]);
  const findings = [...program.getOptionsDiagnostics(), ...diagnostics]
    .filter(({ category }) => category === ts.DiagnosticCategory.Error)
    .map((diagnostic) => diagnosticFinding(diagnostic, "types", "correct the types"));
  return { program, sources: own, findings };
}

function fixed() {
  const uvu = findPackageFolder("uvu", SDK_FOLDER);
  const paths = {
    "adit:policy": [join(SDK_FOLDER, "src/index.ts")],
    "adit-policy/testing": [join(SDK_FOLDER, "tools/engine/testing.ts")],
    ...(uvu === undefined ? {} : { uvu: [uvu], "uvu/*": [`${uvu}/*`] }),
  };
  return { ...FIXED, paths };
}

function userOptions(entry) {
  const file = join(dirname(entry), "tsconfig.json");
  if (!isFile(file)) return {};
  const { config } = ts.readConfigFile(file, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config ?? {}, ts.sys, dirname(entry)).options;
}

/** Files of the policy itself: neither the language's nor this package's. */
function ownSources(program, entry) {
  return program.getSourceFiles().filter((source) => !source.isDeclarationFile &&
    !source.fileName.startsWith(`${SDK_FOLDER}/`) || source.fileName === entry);
}
