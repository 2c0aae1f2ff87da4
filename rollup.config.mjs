// Bundles ts/main.ts into the one module that aditd evaluates, and ts/main-cli.ts into that of the
// command line client, both minified; and a second copy of the first with names and a source map
// kept, for tests and stack traces.
import { compiler, minifier, onwarn, sizes } from "./scripts/bundle.mjs";

const NATIVE_MODULE = "adit:host";

function bundle(input, sourceMap, output) {
  return {
    input,
    external: [NATIVE_MODULE],
    plugins: [compiler("./tsconfig.json", { sourceMap, removeComments: !sourceMap })],
    output: { format: "es", sourcemap: sourceMap, ...output },
    onwarn,
  };
}

const minified = (input, name) => bundle(input, false, {
  file: `build/${name}.mjs`,
  plugins: [minifier, sizes(`build/${name}.sizes.json`)],
});

export default [
  bundle("ts/main.ts", true, { file: "build/adit.debug.mjs" }),
  minified("ts/main.ts", "adit"),
  minified("ts/main-cli.ts", "adit-cli"),
];
