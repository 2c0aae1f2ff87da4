/** Realms in QuickJS compiled to WebAssembly, with a router's limits of memory, stack and time. */
import type { QuickJSContext, QuickJSHandle, QuickJSWASMModule } from "quickjs-emscripten";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten";
import type { Realm, RealmEngine, RealmLimits, ScriptErrorKind } from "./realm.js";
import {
  exportsOf, hardenSource, hostNames, MemoryExceeded, overran, refusedImport, scriptError,
  scriptName,
} from "./realm.js";

const START = `import * as cage from "adit:cage";
import { harden } from "harden";
harden(globalThis, Object.values(cage));
export { adopt, handle } from "adit:cage";`;
const OUT_OF_MEMORY = "InternalError: out of memory";
/** A call is cut by count, not by time, so that the same run cuts at the same place. */
const INTERRUPTS_MAX = 2_000;

export async function quickjsRealms(prelude: string): Promise<RealmEngine> {
  const wasm = await newQuickJSWASMModuleFromVariant(
    import("@jitl/quickjs-wasmfile-release-sync"),
  );
  return { name: "quickjs", open: (limits) => new QuickjsRealm(wasm, prelude, limits) };
}

class QuickjsRealm implements Realm {
  readonly #context: QuickJSContext;
  readonly #handles: QuickJSHandle[] = [];
  readonly #adopt: QuickJSHandle;
  readonly #handle: QuickJSHandle;
  #source = "";
  #interrupts = 0;
  #refused: string | undefined;

  constructor(
    wasm: QuickJSWASMModule,
    prelude: string,
    readonly limits: RealmLimits,
  ) {
    const runtime = wasm.newRuntime();
    runtime.setMemoryLimit(limits.memoryKib * 1024);
    runtime.setMaxStackSize(limits.stackKib * 1024);
    runtime.setInterruptHandler(() => ++this.#interrupts > INTERRUPTS_MAX);
    const names = exportsOf(prelude).map(([, exported]) => exported);
    const own = names.filter((name) => !hostNames.includes(name));
    const sources = new Map([
      ["adit:cage", prelude],
      ["harden", hardenSource()],
      ["adit:policy", `export { ${own.join(", ")} } from "adit:cage";`],
    ]);
    runtime.setModuleLoader(
      (name) => (name === scriptName ? this.#source : (sources.get(name) ?? "")),
      (base, name) => this.#resolve(base, name),
    );
    this.#context = runtime.newContext();
    const start = this.#evaluate(START, "start");
    this.#adopt = this.#keep(this.#context.getProp(start, "adopt"));
    this.#handle = this.#keep(this.#context.getProp(start, "handle"));
    start.dispose();
  }

  load(source: string): string {
    this.#source = source;
    this.#interrupts = 0;
    const text = `export { default } from "${scriptName}";`;
    const exported = this.#unwrap("load", this.#context.evalCode(text, "load", { type: "module" }));
    const definition = this.#keep(this.#context.getProp(exported, "default"));
    exported.dispose();
    return this.#call("load", this.#adopt, definition);
  }

  call(json: string): string {
    this.#interrupts = 0;
    const argument = this.#context.newString(json);
    try {
      return this.#call("throw", this.#handle, argument);
    } finally {
      argument.dispose();
    }
  }

  dispose(): void {
    for (const handle of this.#handles) handle.dispose();
    const { runtime } = this.#context;
    this.#context.dispose();
    runtime.dispose();
  }

  /** Only the two modules of ours reach the one behind adit:policy. */
  #resolve(base: string, name: string): string {
    const isOurs = base !== scriptName;
    if (name === "adit:policy" || isOurs) return name;
    this.#refused = name;
    throw refusedImport(name);
  }

  #evaluate(text: string, name: string): QuickJSHandle {
    return this.#unwrap("load", this.#context.evalCode(text, name, { type: "module" }));
  }

  #keep(handle: QuickJSHandle): QuickJSHandle {
    this.#handles.push(handle);
    return handle;
  }

  #call(kind: ScriptErrorKind, called: QuickJSHandle, argument: QuickJSHandle): string {
    const context = this.#context;
    const result = context.callFunction(called, context.undefined, argument);
    const text = this.#unwrap(kind, result).consume((handle) => context.getString(handle));
    // In aditd the first refusal ends the process; here the prelude has caught it already.
    if (text.includes(OUT_OF_MEMORY)) throw new MemoryExceeded(OUT_OF_MEMORY);
    return text;
  }

  #unwrap(
    kind: ScriptErrorKind,
    result: ReturnType<QuickJSContext["evalCode"]>,
  ): QuickJSHandle {
    if (result.error === undefined) return result.value;
    const context = this.#context;
    const { name = "Error", message = "" } = result.error.consume(
      (handle) => context.dump(handle) as { name?: string; message?: string },
    );
    throw this.#explain(kind, name, message);
  }

  #explain(kind: ScriptErrorKind, name: string, message: string): Error {
    if (message === "out of memory") return new MemoryExceeded(message);
    if (this.#refused !== undefined) return refusedImport(this.#refused);
    if (message === "interrupted") return overran(this.limits.callMs);
    if (message === "stack overflow") return scriptError("limit", name, message);
    if (name === "SyntaxError" && kind === "load") return scriptError("syntax", name, message);
    return scriptError(kind, name, message);
  }
}
