// The job that takes a bundled policy over and tells what it is.

import { join } from "node:path";
import { SDK_FOLDER, bundle } from "./bundler.mjs";
import { HARDEN, routerModules } from "./runtime.mjs";

const ENGINE = join(SDK_FOLDER, "tools/engine");

/** A job of engine.mjs that evaluates `text`, runs `code` with it, and tells the result. */
export async function policyJob(text, { imports, code, limits, secondsMax }) {
  const names = Object.keys(imports);
  const exports = Object.entries(imports).map(([name, file]) =>
    `export { ${name} } from ${JSON.stringify(join(ENGINE, file))};\n`);
  const driver = await bundleText(exports.join(""));
  const harden = await bundleText(HARDEN);
  const all = [...Object.keys(imports), "tell"];
  const run = `import { ${names.join(", ")} } from "driver.mjs";\n` +
    'import "harden.mjs";\nimport * as module from "policy.mjs";\n' +
    `tell({ type: "result", result: ${code} });\n`;
  return {
    modules: {
      ...await routerModules(), "policy.mjs": text, "driver.mjs": driver, "harden.mjs": harden,
      "run.mjs": run,
    },
    main: "run.mjs", limits, secondsMax, overheadKib: DRIVER_KIB,
  };
}

async function bundleText(text) {
  const main = "\0main";
  const built = await bundle(main, { root: ENGINE, virtual: { [main]: text } });
  return built.code;
}

/** Memory of the household and the driver, which a router does not have. */
const DRIVER_KIB = 512;

export const inspectJob = (text) => policyJob(text, {
  imports: { inspect: "testing.ts", tell: "host.ts" },
  code: "inspect(module.default)",
});
