// The modules that a script finds on a router: the dispatcher of the cage, and adit:policy.

import { join } from "node:path";
import { CAGE_FILE, CAGE_MODULE, POLICY_MODULE, SDK_FOLDER, bundle } from "./bundler.mjs";

/** Names of the dispatcher that are not for scripts. */
const CAGE_ONLY = ["adopt", "handle"];

/** Both modules as { name: text }, for the jobs of engine.mjs. */
export async function routerModules() {
  const { code, exports } = await bundle(CAGE_FILE, { external: [], fileName: "cage.mjs" });
  const names = exports.filter((name) => !CAGE_ONLY.includes(name)).sort();
  return {
    [CAGE_MODULE]: code,
    [POLICY_MODULE]: `export { ${names.join(", ")} } from "${CAGE_MODULE}";\n`,
  };
}

/** Runs before everything: uvu and console are given the little they need. */
export const SHIM = `
const queue = [[null]];
// An accessor, because freezing goes through values: the queue itself has to stay open.
Object.defineProperty(globalThis, "UVU_QUEUE", { get: () => queue, set() {} });
globalThis.UVU_DEFER = 1;
globalThis.process = {
  env: { NO_COLOR: "1" }, argv: [], stdout: { write() {} }, hrtime: () => [0, 0], on() {},
};
const show = (part) => (typeof part === "string" ? part : JSON.stringify(part) ?? String(part));
const print = (...parts) =>
  aditTell(JSON.stringify({ type: "print", text: parts.map(show).join(" ") }));
globalThis.console = { log: print, info: print, warn: print, error: print, debug: print };
`;

/** A module that takes from the realm what the cage takes; it stands before the policy. */
export const HARDEN = `import { harden } from ${JSON.stringify(join(SDK_FOLDER, "src/harden.ts"))};
import * as cage from "${CAGE_MODULE}";
harden(globalThis, Object.values(cage));
`;
