// Bundles what was compiled from ts/main.ts into the one module that aditd evaluates, and from
// ts/main-cli.ts into that of the command line client, both minified; and a second copy of the
// first with names and a source map kept, for tests and stack traces.
import { compiled, minifier, onwarn, sizes } from "./scripts/bundle.mjs";

const NATIVE_MODULE = "adit:host";

function bundle(input, sourceMap, output) {
  return {
    input,
    external: [NATIVE_MODULE],
    plugins: [compiled],
    output: { format: "es", sourcemap: sourceMap, ...output },
    onwarn,
  };
}

const minified = (input, name) => bundle(input, false, {
  file: `build/${name}.mjs`,
  plugins: [minifier, sizes(`build/${name}.sizes.json`)],
});

export default [
  bundle("build/js/ts/main.js", true, { file: "build/adit.debug.mjs" }),
  minified("build/js/ts/main.js", "adit"),
  minified("build/js/ts/main-cli.js", "adit-cli"),
];
