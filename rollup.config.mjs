// Bundles ts/main.ts into the one module that aditd evaluates, minified, and into a second copy
// with names and a source map kept, for tests and stack traces.
//
// terser does the minifying: it is plain JavaScript and so runs wherever Node does, while the
// faster minifiers are native programs that would have to exist for every build machine.
import terser from "@rollup/plugin-terser";
import typescript from "@rollup/plugin-typescript";

const NATIVE_MODULE = "adit:host";

export default {
  input: "ts/main.ts",
  external: [NATIVE_MODULE],
  plugins: [
    typescript({
      tsconfig: "./tsconfig.json",
      compilerOptions: { sourceMap: true },
      noEmitOnError: true,
    }),
  ],
  treeshake: { moduleSideEffects: true },
  output: [
    {
      file: "build/adit.mjs",
      format: "es",
      sourcemap: "hidden",
      plugins: [
        terser({
          ecma: 2020,
          module: true,
          compress: { passes: 3 },
          format: { comments: false },
        }),
      ],
    },
    { file: "build/adit.debug.mjs", format: "es", sourcemap: true },
  ],
  // A warning about the module graph is a mistake in it: cycles and unresolved names end the build.
  onwarn(warning) {
    throw new Error(`rollup: ${warning.code ?? "warning"}: ${warning.message}`);
  },
};
