// Bundles the policy interface and its dispatcher into the one module that a cage loads before the
// script, minified, and into a second copy with names kept, for tests and stack traces.
import terser from "@rollup/plugin-terser";
import typescript from "@rollup/plugin-typescript";
import { fileURLToPath } from "node:url";

const source = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

/**
 * The module of the cage, and the realm hardened once it is there. An effect at import has its
 * place in a bundle and not among the sources, which tests import one by one.
 */
const entry = {
  name: "entry",
  resolveId: (id) => (id === "entry" ? id : null),
  load: (id) => (id === "entry" ? `
    import { harden } from ${JSON.stringify(source("harden.ts"))};
    import * as cage from ${JSON.stringify(source("cage.ts"))};
    export * from ${JSON.stringify(source("cage.ts"))};
    harden(globalThis, Object.values(cage));
  ` : null),
};

/** Both assumptions hold here: only classes are called with `new`, and getters have no effects. */
const minifier = terser({
  ecma: 2020,
  module: true,
  compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
  format: { comments: false },
});

export default {
  input: "entry",
  plugins: [
    entry,
    typescript({
      tsconfig: fileURLToPath(new URL("tsconfig.json", import.meta.url)),
      compilerOptions: { sourceMap: true, declaration: false, outDir: undefined },
      noEmitOnError: true,
    }),
  ],
  output: [
    { file: "build/policy.mjs", format: "es", sourcemap: "hidden", plugins: [minifier] },
    { file: "build/policy.debug.mjs", format: "es", sourcemap: true },
  ],
  // A warning about the module graph is a mistake in it: cycles and unresolved names end the build.
  onwarn(warning) {
    throw new Error(`rollup: ${warning.code ?? "warning"}: ${warning.message}`);
  },
};
