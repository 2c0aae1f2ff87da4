// Finding the file behind the name of a package, as an ES module importer would.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isFile, realPath } from "./files.mjs";

const CONDITIONS = ["import", "module", "default"];

/** The file of `specifier` as seen from a folder or any folder above it, or undefined. */
export function findPackageFile(specifier, fromFolder) {
  const { name, subpath } = splitSpecifier(specifier);
  const folder = findPackageFolder(name, fromFolder);
  if (folder === undefined) return undefined;
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const target = manifest.exports === undefined
    ? (subpath === "." ? manifest.module ?? manifest.main ?? "index.js" : subpath)
    : targetOf(manifest.exports, subpath);
  const file = target === undefined ? undefined : join(folder, target);
  return file !== undefined && isFile(file) ? realPath(file) : undefined;
}

/** The folder of a package in the nearest node_modules, links followed, or undefined. */
export function findPackageFolder(name, fromFolder) {
  for (let folder = fromFolder; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realPath(candidate);
    if (dirname(folder) === folder) return undefined;
  }
}

function splitSpecifier(specifier) {
  const parts = specifier.split("/");
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return { name, subpath: `.${specifier.slice(name.length)}` };
}

/** `exports` is either the target of "." or a table of subpaths; patterns are not looked at. */
function targetOf(exports, subpath) {
  const isTable = typeof exports === "object" && Object.keys(exports).every((key) =>
    key.startsWith("."));
  const entry = isTable ? exports[subpath] : subpath === "." ? exports : undefined;
  return conditional(entry);
}

function conditional(entry) {
  if (typeof entry !== "object" || entry === null) return entry;
  const condition = Object.keys(entry).find((key) => CONDITIONS.includes(key));
  return condition === undefined ? undefined : conditional(entry[condition]);
}
