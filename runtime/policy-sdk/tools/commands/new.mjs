// adit-policy new: a folder to begin with. From a checkout of adit the packages are linked instead
// of installed, so that it works without a registry.

import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { SDK_FOLDER } from "../bundler.mjs";
import { EXIT, fileError, usageError } from "../errors.mjs";
import { readText, realPath, writeWhole } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { findPackageFolder } from "../packages.mjs";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Where `make lab` is, unless this package was installed from a tarball. */
const CHECKOUT = resolve(SDK_FOLDER, "../..");

/** npm leaves a .gitignore out of packages, so the template's has another name. */
const RENAMED = { gitignore: ".gitignore" };

export const command = {
  usage: "FOLDER [OPTION...]",
  about: "Writes a policy with its test and a scenario into a new folder. README.md there goes on.",
  options: {},
  run,
};

async function run({ positionals, folder }) {
  if (positionals.length !== 1) throw usageError("new: one folder is expected");
  const target = resolve(folder, positionals[0]);
  const name = basename(target);
  if (!NAME.test(name)) {
    throw usageError(`new: "${name}", expected small letters, digits, dots and dashes`);
  }
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw fileError(`${target}: is there already and is not empty`);
  }
  const template = templateFolder();
  const names = readdirSync(template).sort();
  for (const file of names) writeWhole(join(target, RENAMED[file] ?? file), fill(file));
  const linked = isCheckout() ? linkPackages(target) : [];
  const shown = shownPath(target, folder);
  return {
    code: EXIT.ok,
    report: { ok: true, folder: shown, files: names.map((file) => RENAMED[file] ?? file), linked },
    text: `${shown}: ${names.map((file) => RENAMED[file] ?? file).join(" ")}\n\n` +
      `  cd ${shown}\n${linked.length > 0 ? "" : "  npm install\n"}` +
      "  npm run check\n  npm test\n  npm run sim\n\nREADME.md there goes on.\n",
  };

  function fill(file) {
    const text = readText(join(template, file));
    if (file === "package.json") return fillManifest(text, name, target);
    return text.replaceAll("ADIT_CHECKOUT", isCheckout() ? CHECKOUT : "PATH/TO/adit");
  }
}

/** In a checkout the starter has a folder of its own; a packed tarball brings it along. */
function templateFolder() {
  const places = [join(SDK_FOLDER, "starter"), join(SDK_FOLDER, "../policy-starter")];
  const found = places.find((place) => existsSync(join(place, "package.json")));
  if (found === undefined) throw fileError(`${places[0]}: the starter is missing`);
  return found;
}

const isCheckout = () => !SDK_FOLDER.includes("/node_modules/");

function fillManifest(text, name, target) {
  const manifest = JSON.parse(text);
  const own = JSON.parse(readFileSync(join(SDK_FOLDER, "package.json"), "utf8"));
  const source = isCheckout() ? realPath(SDK_FOLDER) : tarball(own.name);
  manifest.name = name;
  manifest.devDependencies["adit-policy"] = source === undefined ? own.version
    : `file:${relative(realTarget(target), source)}`;
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** What this package was installed from, undefined if that was a registry. */
function tarball(name) {
  const home = resolve(SDK_FOLDER, "../..");
  const file = join(home, "package.json");
  if (!existsSync(file)) return undefined;
  const { dependencies, devDependencies } = JSON.parse(readFileSync(file, "utf8"));
  const from = { ...devDependencies, ...dependencies }[name] ?? "";
  return from.startsWith("file:") ? realPath(join(home, from.slice("file:".length))) : undefined;
}

/** Links are relative to where the folder really is. */
const realTarget = (target) => join(realPath(dirname(target)), basename(target));

/** What `npm install` would make of a `file:` dependency, for the packages that are here. */
function linkPackages(target) {
  const modules = join(realTarget(target), "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  const link = (from, to) => symlinkSync(relative(dirname(to), from), to);
  link(realPath(SDK_FOLDER), join(modules, "adit-policy"));
  symlinkSync("../adit-policy/bin/adit-policy.mjs", join(modules, ".bin/adit-policy"));
  const uvu = findPackageFolder("uvu", SDK_FOLDER);
  if (uvu === undefined) throw fileError("uvu is missing: run make in the checkout of adit first");
  link(uvu, join(modules, "uvu"));
  return ["adit-policy", "uvu"];
}
