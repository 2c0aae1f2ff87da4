// Bundles the policy interface and its dispatcher into the one module that a cage loads before the
// script, minified, and into a second copy with names kept, for tests and stack traces.
import { fileURLToPath } from "node:url";
import { compiler, minifier, onwarn } from "../../scripts/bundle.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

const build = (sourceMap, output) => ({
  input: file("src/cage.ts"),
  plugins: [
    compiler(file("tsconfig.json"), { sourceMap, declaration: false, outDir: undefined }),
  ],
  output: { format: "es", sourcemap: sourceMap, ...output },
  onwarn,
});

export default [
  build(true, { file: "build/policy.debug.mjs" }),
  build(false, { file: "build/policy.mjs", plugins: [minifier] }),
];
