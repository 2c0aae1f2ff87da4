// The modules that a script finds on a router: the dispatcher of the cage, and adit:policy.

import { join } from "node:path";
import { CAGE_FILE, CAGE_MODULE, POLICY_MODULE, SDK_FOLDER, bundle } from "./bundler.mjs";
import { ROUTER_GLOBALS } from "./lint-rules.mjs";

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

/** What this copy of the engine has beyond the router's, which is older and leaves parts out. */
const NEWER = {
  Error: ["isError"],
  Math: ["f16round", "sumPrecise"],
  RegExp: ["escape"],
  "RegExp.prototype": ["unicodeSets"],
  "Map.prototype": ["getOrInsert", "getOrInsertComputed"],
  "WeakMap.prototype": ["getOrInsert", "getOrInsertComputed"],
  "Set.prototype": [
    "difference", "intersection", "isDisjointFrom", "isSubsetOf", "isSupersetOf",
    "symmetricDifference", "union",
  ],
  "String.prototype": ["localeCompare", "normalize"],
};

/** A module that takes from the realm what the cage takes; it stands before the policy. */
export const HARDEN = `import { harden } from ${JSON.stringify(join(SDK_FOLDER, "src/harden.ts"))};
import * as cage from "${CAGE_MODULE}";
const present = ${JSON.stringify([...ROUTER_GLOBALS, "aditTell"])};
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (!present.includes(name)) delete globalThis[name];
}
for (const [path, names] of Object.entries(${JSON.stringify(NEWER)})) {
  const owner = path.split(".").reduce((at, name) => at[name], globalThis);
  for (const name of names) delete owner[name];
}
const promise = Object.getPrototypeOf((async () => 0)());
delete promise.constructor;
for (const hidden of [promise, Object.getPrototypeOf("".matchAll(/x/g))]) {
  for (const key of Reflect.ownKeys(hidden)) Object.freeze(hidden[key]);
  Object.freeze(hidden);
}
const iterator = Object.getPrototypeOf(Object.getPrototypeOf([].values()));
for (const key of Reflect.ownKeys(iterator)) {
  if (key !== Symbol.iterator) delete iterator[key];
}
harden(globalThis, Object.values(cage));
`;
