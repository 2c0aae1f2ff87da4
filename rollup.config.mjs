// Bundles ts/main.ts into the one module that aditd evaluates, minified, and into a second copy
// with names and a source map kept, for tests and stack traces; and ts/main-cli.ts into that of
// the command line client.
import typescript from "@rollup/plugin-typescript";
import { arrows } from "./scripts/rollup-arrows.mjs";
import { minifier, onwarn } from "./scripts/rollup-minify.mjs";
import { parameters } from "./scripts/rollup-parameters.mjs";
import { privateNames } from "./scripts/rollup-private-names.mjs";
import { sharedValues } from "./scripts/rollup-shared-values.mjs";
import { bundleReport } from "./scripts/rollup-report.mjs";
import { shortVariables } from "./scripts/rollup-short-variables.mjs";
import { namedThis } from "./scripts/rollup-this.mjs";
import { addedTexts } from "./scripts/rollup-templates.mjs";
import { walk } from "./scripts/rollup-walk.mjs";

const NATIVE_MODULE = "adit:host";

/**
 * Spells `const` as `let`, which saves 1.5 KB once terser has joined declarations. The compiler has
 * already refused assignments to constants. The width stays, so positions and maps stay as well.
 */
const shortDeclarations = {
  name: "short-declarations",
  renderChunk(code) {
    const starts = [];
    walk(this.parse(code), (node) => {
      if (node.type === "VariableDeclaration" && node.kind === "const") starts.push(node.start);
    });
    const text = [...code];
    if (text.length !== code.length) throw new Error("the bundle has characters beyond 16 bits");
    for (const start of starts) text.fill(" ", start, start + 5).splice(start, 3, ..."let");
    return { code: text.join(""), map: null };
  },
};

const common = { external: [NATIVE_MODULE], onwarn };

function minified(input, file) {
  const names = privateNames("./tsconfig.json", input);
  const report = bundleReport(file.replace(".mjs", ".sizes"), names.kept);
  const plugins = [
    arrows(), shortDeclarations, minifier, namedThis(), parameters(), addedTexts(),
    sharedValues({ properties: true }), shortVariables(), report,
  ];
  return { ...common, input, plugins: [names], output: { file, format: "es", plugins } };
}

export default [
  {
    ...common,
    input: "ts/main.ts",
    plugins: [
      typescript({
        tsconfig: "./tsconfig.json",
        compilerOptions: { sourceMap: true },
        noEmitOnError: true,
      }),
    ],
    output: { file: "build/adit.debug.mjs", format: "es", sourcemap: true },
  },
  minified("ts/main.ts", "build/adit.mjs"),
  minified("ts/main-cli.ts", "build/adit-cli.mjs"),
];
