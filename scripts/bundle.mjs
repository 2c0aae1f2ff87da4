// What the bundles ask of rollup and terser: adit's own and the prelude of policies.
//
// terser does the minifying: it is plain JavaScript and so runs wherever Node does, while the
// faster minifiers are native programs that would have to exist for every build machine. Its
// assumptions about code (`unsafe`, `pure_getters`) are left off: together they save 0.2 KB of
// flash, and `unsafe` takes the members of an object that a function returns for constants.
import terser from "@rollup/plugin-terser";
import { readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";

/**
 * What the compiler wrote, with its maps. It runs before rollup and compiles only what changed: one
 * second of processor time where the plugin for rollup takes twenty.
 */
export const compiled = {
  name: "compiled",
  load: (id) => ({
    code: readFileSync(id, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""),
    map: JSON.parse(readFileSync(`${id}.map`, "utf8")),
  }),
};

/** What the build has, by name; whatever is not named is left out of the bundles. */
const features = (process.env.FEATURES ?? "gateway").split(" ");

/** ts/model/features.ts, as this build has it. */
export const chosen = {
  name: "chosen",
  load: (id) => id !== resolve("build/js/ts/model/features.js") ? null : {
    code: `export const hasGateway = ${features.includes("gateway")};`,
    map: { mappings: "" },
  },
};

/** Short names for variables, no blanks, no comments; properties keep their names. */
export const minifier = terser({
  ecma: 2020,
  module: true,
  compress: { passes: 2 },
  format: { comments: false },
});

/** A warning about the module graph is a mistake in it: cycles, unresolved names end the build. */
export function onwarn(warning) {
  throw new Error(`rollup: ${warning.code ?? "warning"}: ${warning.message}`);
}

/** Notes for `make size` what each module of a bundle takes, the largest first. */
export function sizes(file) {
  return {
    name: "sizes",
    generateBundle(_options, bundle) {
      const [{ code, modules }] = Object.values(bundle);
      writeFileSync(file, JSON.stringify(moduleSizes(modules, code.length), null, 1));
    },
  };
}

/** Shares of the text before it is minified, scaled to the whole: `[{ name, bytes }]`. */
function moduleSizes(modules, whole) {
  const entries = Object.entries(modules);
  const all = entries.reduce((sum, [, { renderedLength }]) => sum + renderedLength, 0);
  return entries.map(([file, { renderedLength }]) => ({
    name: relative("build/js", file),
    bytes: Math.round(renderedLength * whole / all),
  })).sort((left, right) => right.bytes - left.bytes);
}
