// Bundles the policy interface and its dispatcher into the one module that a cage loads before the
// script, minified, and into a second copy with names kept, for tests and stack traces.
import { compiled, minifier, onwarn } from "../../scripts/bundle.mjs";

const build = (sourceMap, output) => ({
  input: "build/js-policy/cage.js",
  plugins: [compiled],
  output: { format: "es", sourcemap: sourceMap, ...output },
  onwarn,
});

export default [
  build(true, { file: "build/policy.debug.mjs" }),
  build(false, { file: "build/policy.mjs", plugins: [minifier] }),
];
