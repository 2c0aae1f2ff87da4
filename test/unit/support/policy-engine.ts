/**
 * The module of the cage as it is shipped, in QuickJS with a cage's memory and stack, in a realm
 * that is hardened as on a PC.
 */
import { readFileSync } from "node:fs";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten";

const stackBytes = 128 * 1024;

/** From a compiled test to the repository's build folder. */
const PRELUDE = new URL("../../../../policy.mjs", import.meta.url);
const HARDEN = new URL("../../../runtime/policy-sdk/src/harden.js", import.meta.url);

export interface PolicyEngine {
  /** Evaluates a script that may import adit:policy and adopts its default export. */
  load(script: string): unknown;
  /** Hands a call to the dispatcher. */
  call(call: object): unknown;
  close(): void;
}

export async function openPolicyEngine(memoryBytes = 2 << 20): Promise<PolicyEngine> {
  const wasm = await newQuickJSWASMModuleFromVariant(
    import("@jitl/quickjs-wasmfile-release-sync"),
  );
  const runtime = wasm.newRuntime();
  runtime.setMaxStackSize(stackBytes);
  const sources: Record<string, string> = {
    "adit:cage": readFileSync(PRELUDE, "utf8"),
    harden: readFileSync(HARDEN, "utf8"),
  };
  runtime.setModuleLoader((name) => sources[name] ?? { error: new Error(`no module ${name}`) },
    (_base, name) => name);
  const context = runtime.newContext();
  const run = (source: string, name: string): string => {
    const result = context.evalCode(source, name, { type: "module" });
    const module = context.unwrapResult(result);
    const text = context.getProp(module, "result").consume((handle) => context.dump(handle));
    module.dispose();
    return text as string;
  };
  const names = run('import * as cage from "adit:cage"; import { harden } from "harden";' +
    "harden(globalThis, Object.values(cage)); export const result =" +
    " Object.keys(cage).filter((name) => name !== 'adopt' && name !== 'handle').join();", "names");
  sources["adit:policy"] = `export { ${names} } from "adit:cage";`;
  runtime.setMemoryLimit(memoryBytes);
  return {
    load(script) {
      sources["policy.mjs"] = script;
      return JSON.parse(run('import policy from "policy.mjs"; import { adopt } from "adit:cage";' +
        "export const result = adopt(policy);", "load"));
    },
    call: (call) => JSON.parse(run('import { handle } from "adit:cage";' +
      `export const result = handle(${JSON.stringify(JSON.stringify(call))});`, "call")),
    close() {
      context.dispose();
      runtime.dispose();
    },
  };
}
