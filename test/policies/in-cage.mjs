// Runs tests of policies with the policies in real cages: a test itself runs here, and where it
// would ask the dispatcher in its own engine, a frame goes to the cage.
//
//   [PROGRAM=aditd] [EMULATOR=qemu-mips] node test/policies/in-cage.mjs FILE.test.ts...

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "../../runtime/policy-sdk/tools/bundler.mjs";
import { openCage } from "./cage.mjs";

const { PROGRAM, EMULATOR } = process.env;
/** An emulated processor takes ten times as long for a call, and longer on a busy machine. */
const LIMITS = EMULATOR === undefined ? {} : { callMs: 1000 };
const FOLDER = resolve("build/test/policies");
const TESTING = resolve("runtime/policy-sdk/tools/engine/testing.ts");

/** The dispatcher's two functions, at the other end of a cage's socket. */
function remoteDispatcher(script) {
  let cage;
  return {
    adopt() {
      cage?.close();
      cage = openCage({ program: PROGRAM, emulator: EMULATOR, limits: LIMITS });
      return JSON.stringify(cage.load(script).result);
    },
    handle: (json) => JSON.stringify(cage.call(json).result),
  };
}

async function bundleTest(test, index) {
  const policy = `${basename(test, ".test.ts")}.policy.ts`;
  const { code } = await bundle(test, {
    external: ["uvu", "uvu/assert"],
    alias: {
      "adit-policy/testing": TESTING, "../../src/cage.js": "\0cage", [`./${policy}`]: "\0policy",
    },
    virtual: {
      "\0cage": `export const { adopt, handle } = globalThis.aditDispatchers[${index}];`,
      "\0policy": "export default {};",
    },
  });
  const file = join(FOLDER, basename(test).replace(/\.ts$/, ".mjs"));
  writeFileSync(file, code);
  return file;
}

globalThis.aditDispatchers = [];
mkdirSync(FOLDER, { recursive: true });
for (const [index, test] of process.argv.slice(2).entries()) {
  const script = await bundle(test.replace(/\.test\.ts$/, ".policy.ts"));
  globalThis.aditDispatchers.push(remoteDispatcher(script.code));
  await import(pathToFileURL(await bundleTest(test, index)));
}
