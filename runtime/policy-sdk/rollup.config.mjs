// Bundles the policy interface and its dispatcher into the one module that a cage loads before the
// script, minified, and into a second copy with names kept, for tests and stack traces.
import typescript from "@rollup/plugin-typescript";
import { fileURLToPath } from "node:url";
import { arrows } from "../../scripts/rollup-arrows.mjs";
import { minifier, onwarn } from "../../scripts/rollup-minify.mjs";
import { sharedValues } from "../../scripts/rollup-shared-values.mjs";
import { shortVariables } from "../../scripts/rollup-short-variables.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

const build = (sourceMap, output) => ({
  input: file("src/cage.ts"),
  plugins: [
    typescript({
      tsconfig: file("tsconfig.json"),
      compilerOptions: { sourceMap, declaration: false, outDir: undefined },
      noEmitOnError: true,
    }),
  ],
  output: { format: "es", sourcemap: sourceMap, ...output },
  onwarn,
});

export default [
  build(true, { file: "build/policy.debug.mjs" }),
  build(false, {
    file: "build/policy.mjs",
    plugins: [arrows(), minifier, sharedValues(), shortVariables()],
  }),
];
