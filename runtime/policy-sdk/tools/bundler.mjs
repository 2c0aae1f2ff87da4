// One ES module out of a script and the files it imports, with a source map. Types are taken away
// file by file; whether they are right is for check.mjs to say.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rollup } from "rollup";
import ts from "typescript";
import { SourceError, fileError } from "./errors.mjs";
import { isFile, readText, realPath } from "./files.mjs";
import { finding, placeAt, shownPath } from "./findings.mjs";
import { findPackageFile } from "./packages.mjs";

export const POLICY_MODULE = "adit:policy";
export const CAGE_MODULE = "adit:cage";

/** The place of this package, from which its own dependencies are found. */
export const SDK_FOLDER = realPath(fileURLToPath(new URL("../", import.meta.url)));

/** What the cage evaluates before any script; the tools' own modules share it with the policy. */
export const CAGE_FILE = join(SDK_FOLDER, "src/cage.ts");

const CONSOLE_FILE = join(SDK_FOLDER, "tools/engine/console.ts");

const ENDINGS = ["", ".ts", ".mjs", ".js", "/index.ts"];
const EXTERNAL = [POLICY_MODULE, CAGE_MODULE];
const ONLY_OWN = `import only "${POLICY_MODULE}" and files in the policy's own folder`;

const DEFAULTS = {
  external: EXTERNAL, alias: {}, packages: false, virtual: {}, replace: {}, paths: {},
};

/**
 * Bundles `entry`. Options: `root`, the policy's own folder; `external`, names that stay imports;
 * `paths`, other names for these; `alias`, names to files; `replace`, files to other files;
 * `virtual`, names to texts; `packages`, whether packages may be imported; `banner`, a first line;
 * `fileName`, where it will be, for its map. Returns { code, map, root, exports, files }; mistakes
 * in the sources are thrown as one SourceError.
 */
export async function bundle(entry, options = {}) {
  const root = realPath(options.root ?? dirname(realPath(resolve(entry))));
  const context = { ...DEFAULTS, ...options, root };
  if (!isVirtual(context, entry) && !isFile(entry)) {
    throw fileError(`${entry}: cannot be read: there is no such file`);
  }
  const graph = await build(entry, context);
  const { output } = await graph.generate({
    format: "es",
    sourcemap: true,
    banner: context.banner,
    paths: context.paths,
    file: resolve(root, context.fileName ?? "policy.mjs"),
    generatedCode: "es2015",
  });
  await graph.close();
  const [chunk] = output;
  return {
    root,
    exports: chunk.exports,
    code: chunk.code.replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"),
    map: chunk.map,
    files: graph.watchFiles.filter((file) => isFile(file)).sort(),
  };
}

const isVirtual = (context, name) => Object.hasOwn(context.virtual, name);

async function build(entry, context) {
  try {
    return await rollup({
      input: isVirtual(context, entry) ? entry : realPath(resolve(entry)),
      plugins: [resolver(context), stripper(context)],
      external: context.external,
      // Rollup takes loops without an effect away, and they would only be missed on the router.
      treeshake: false,
      onwarn(warning) {
        if (warning.code === "CIRCULAR_DEPENDENCY") throw new SourceError([circular(warning)]);
      },
    });
  } catch (error) {
    throw asSourceError(error);
  }
}

const circular = ({ ids, message }) => finding("import", message,
  "move what both files need into a third one", { file: ids?.[0] ?? "" });

function resolver(context) {
  return {
    name: "resolver",
    resolveId(specifier, importer) {
      if (importer === undefined || isVirtual(context, specifier)) return specifier;
      if (context.external.includes(specifier)) return { id: specifier, external: true };
      const alias = context.alias[specifier];
      if (alias !== undefined && alias !== importer) return alias;
      return /^[./]/.test(specifier) ? ownFile(specifier, importer, context)
        : packageFile(specifier, importer, context);
    },
    load: (id) => (isVirtual(context, id) ? context.virtual[id] : null),
  };
}

function ownFile(specifier, importer, { root, packages, external, replace }) {
  const base = resolve(dirname(importer), specifier);
  const names = [...ENDINGS.map((ending) => base + ending), base.replace(/\.m?js$/, ".ts")];
  const found = names.find(isFile);
  const file = replace[found] ?? found;
  if (file === undefined) refuse(importer, specifier, "there is no such file", "correct the path");
  if (realPath(file) === CAGE_FILE && external.includes(CAGE_MODULE)) {
    return { id: CAGE_MODULE, external: true };
  }
  const isOutside = !realPath(file).startsWith(`${root}/`) && !importerIsPackage(importer, root);
  if (isOutside && !packages) {
    refuse(importer, specifier, `is outside of ${shownPath(root, process.cwd())}/`, ONLY_OWN);
  }
  return realPath(file);
}

const importerIsPackage = (importer, root) => !importer.startsWith(`${root}/`);

function packageFile(specifier, importer, { packages }) {
  if (!packages) refuse(importer, specifier, "is no file of the policy", ONLY_OWN);
  const isNode = specifier.startsWith("node:");
  const file = isNode ? undefined : findPackageFile(specifier, dirname(importer)) ??
    findPackageFile(specifier, SDK_FOLDER);
  if (file === undefined) {
    const why = isNode ? "is part of Node" : "is no package that is installed here";
    refuse(importer, specifier, why, "tests run in the router's engine: use its own functions");
  }
  return file;
}

/** Names the import with its place, which rollup does not tell when it resolves. */
function refuse(importer, specifier, why, remedy) {
  const text = isFile(importer) ? readText(importer) : "";
  const quoted = [`"${specifier}"`, `'${specifier}'`].map((part) => text.indexOf(part));
  const at = Math.max(...quoted);
  const place = at < 0 ? { file: importer } : placeAt(importer, text, at);
  throw new SourceError([finding("import", `"${specifier}" ${why}`, remedy, place)]);
}

function stripper({ virtual, packages }) {
  return {
    name: "types away",
    transform(text, id) {
      if (Object.hasOwn(virtual, id)) return null;
      const isScript = id.endsWith(".ts");
      if (!isScript && id.includes("/node_modules/")) return withGlobals(text);
      const isTest = packages && !id.startsWith(`${SDK_FOLDER}/`);
      const given = isTest && /\bconsole\b/.test(text) ? GIVE_CONSOLE : "";
      if (!isScript) return given === "" ? null : { code: given + text };
      const { outputText, sourceMapText, diagnostics } = ts.transpileModule(given + text, {
        fileName: id,
        reportDiagnostics: true,
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          sourceMap: true,
          verbatimModuleSyntax: true,
        },
      });
      if (diagnostics.length > 0) throw new SourceError(diagnostics.map(syntaxFinding));
      return { code: outputText, map: sourceMapText };
    },
  };
}

/** On the same line as the first of the file, so that places stay what they are. */
const GIVE_CONSOLE = `import { console } from ${JSON.stringify(CONSOLE_FILE)}; `;

/**
 * What packages of tests take for granted, as names of their own modules: the realm has none of it.
 * Nothing is a Date; uvu's queue is handed out instead of being found in the global object.
 */
const GLOBALS = {
  Date: "class Date { static now() { return 0; } }",
  process: `const process = {
    env: { NO_COLOR: "1" }, argv: [], stdout: { write() {} }, hrtime: () => [0, 0], on() {},
  };`.replaceAll(/\n */g, " "),
  ArrayBuffer: "class ArrayBuffer { static isView() { return false; } }",
  DataView: "class DataView {}",
  console: "const console = { log() {} };",
  UVU_QUEUE: "export const UVU_QUEUE = [[null]]; const globalThis = { UVU_QUEUE, UVU_DEFER: 1 };",
};

function withGlobals(text) {
  const needed = Object.keys(GLOBALS).filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  const given = needed.map((name) => GLOBALS[name]).join(" ");
  return given === "" ? null : { code: `${given} ${text}` };
}

/** A diagnostic of the compiler as a finding. */
export function diagnosticFinding(diagnostic, rule, remedy) {
  const { file, start, messageText, code } = diagnostic;
  const message = `${ts.flattenDiagnosticMessageText(messageText, "\n  ")} (TS${code})`;
  const place = file === undefined ? {} : placeAt(file.fileName, file.text, start);
  return finding(rule, message, remedy, place);
}

const syntaxFinding = (diagnostic) =>
  diagnosticFinding(diagnostic, "syntax", "correct the syntax");

/** What rollup throws wraps what our plugins threw, and tells places in a form of its own. */
function asSourceError(error) {
  for (let cause = error; cause !== undefined; cause = cause.cause) {
    if (cause.findings !== undefined) return new SourceError(cause.findings);
  }
  const at = error.loc ?? {};
  const { file = error.id ?? "", line = 0, column = -1 } = at;
  const place = { file, line, column: column + 1 };
  if (error.code === undefined && place.file === "") return error;
  return new SourceError([finding("bundle", error.message, "correct the source", place)]);
}
