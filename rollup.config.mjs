// Bundles what was compiled from ts/main.ts into the one module that aditd evaluates, and from
// ts/main-cli.ts into that of the command line client, both minified; and a second copy of the
// first with names and a source map kept, for tests and stack traces. FEATURES says what the build
// has, BUILD_FOLDER where it goes.
import { chosen, compiled, minifier, onwarn, sizes } from "./scripts/bundle.mjs";

const { BUILD_FOLDER: folder = "build" } = process.env;
const NATIVE_MODULE = "adit:host";

function bundle(input, sourceMap, output) {
  return {
    input,
    external: [NATIVE_MODULE],
    plugins: [chosen, compiled],
    output: { format: "es", sourcemap: sourceMap, ...output },
    onwarn,
  };
}

const minified = (input, name) => bundle(input, false, {
  file: `${folder}/${name}.mjs`,
  plugins: [minifier, sizes(`${folder}/${name}.sizes.json`)],
});

export default [
  bundle("build/js/ts/main.js", true, { file: `${folder}/adit.debug.mjs` }),
  minified("build/js/ts/main.js", "adit"),
  minified("build/js/ts/main-cli.js", "adit-cli"),
];
