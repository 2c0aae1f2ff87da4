/**
 * Realms in Node's own engine, cheap enough for thousands of days: a context of node:vm each, in
 * which the prelude and the script are functions. Scripts must be as the bundler writes them, with
 * one import of adit:policy at most and a default export. There is no limit of memory here.
 */
import { createContext, Script } from "node:vm";
import type { Context } from "node:vm";
import type { Realm, RealmEngine, ScriptErrorKind } from "./realm.js";
import {
  exportsOf, hardenSource, overran, refusedImport, scriptError, ScriptError, scriptName,
} from "./realm.js";

interface Prelude {
  readonly adopt: (definition: unknown) => string;
  readonly handle: (json: string) => string;
}

/** Far above what a script needs here, whatever else this machine does. */
const CALL_MS_MAX = 2_000;
/** Without any of these a script ends by itself, by the depth of its stack at the latest. */
const LOOPS = /\b(?:for|while|do)\b/;
const HIDDEN = ["Date", "Function", "WeakRef", "Atomics", "SharedArrayBuffer", "Proxy"];

/** What stands for globalThis: Node refuses to freeze the global object of a context. */
const GLOBALS = `Object.fromEntries(["Object", "Function", "Array", "String", "Number", "Boolean",
  "Symbol", "BigInt", "Math", "JSON", "Map", "Set", "WeakMap", "WeakSet", "RegExp", "Promise",
  "Error", "TypeError", "RangeError", "Reflect", "Uint8Array"].map((n) => [n, globalThis[n]]))`;

export function nodeRealms(prelude: string): RealmEngine {
  const names = exportsOf(prelude);
  const returned = names.map(([local, exported]) => `${exported}: ${local}`).join(", ");
  const body = prelude.replace(/export\s*\{[^}]*\};?\s*$/, `return { ${returned} };`);
  const script = new Script(
    `((globalThis) => { "use strict";
const prelude = (() => {\n${body}\n})();
${hardenSource().replace(/^export /gm, "")}
harden(globalThis, Object.values(prelude));
return prelude;\n})(${GLOBALS})`,
    { filename: "adit:cage" },
  );
  return { name: "node", open: ({ callMs }) => new NodeRealm(script, callMs) };
}

class NodeRealm implements Realm {
  readonly #context: Context;
  readonly #prelude: Prelude;
  /** Whether calls need a clock beside them, which costs more than most calls. */
  #mayLoop = true;

  constructor(
    prelude: Script,
    readonly callMs: number,
  ) {
    const options = { codeGeneration: { strings: false, wasm: false } };
    this.#context = createContext({}, options);
    this.#prelude = prelude.runInContext(this.#context) as Prelude;
    Object.assign(this.#context, { __prelude: this.#prelude });
  }

  load(source: string): string {
    const script = compile(source);
    this.#mayLoop = LOOPS.test(source);
    const definition = this.#guard("load", () => this.#run(script)) as { default?: unknown };
    Object.assign(this.#context, { __definition: definition.default });
    return String(this.#guard("load", () => this.#run(ADOPT)));
  }

  call(json: string): string {
    if (!this.#mayLoop) return String(this.#guard("throw", () => this.#prelude.handle(json)));
    Object.assign(this.#context, { __json: json });
    return String(this.#guard("throw", () => this.#run(HANDLE)));
  }

  dispose(): void {}

  #run(script: Script): unknown {
    return script.runInContext(this.#context, { timeout: CALL_MS_MAX });
  }

  #guard(kind: ScriptErrorKind, run: () => unknown): unknown {
    try {
      return run();
    } catch (error) {
      throw this.#explain(kind, error);
    }
  }

  #explain(kind: ScriptErrorKind, error: unknown): Error {
    if (error instanceof ScriptError) return error;
    const { name = "Error", message = String(error), code } = error as NodeJS.ErrnoException;
    if (code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return overran(this.callMs);
    if (message === "Maximum call stack size exceeded") {
      return scriptError("limit", "InternalError", "stack overflow");
    }
    return scriptError(kind, name, message);
  }
}

const ADOPT = new Script("__prelude.adopt(__definition)");
const HANDLE = new Script("__prelude.handle(__json)");

/** A module becomes a function: imports are taken out of the prelude, exports returned. */
function compile(source: string): Script {
  for (const [, name = ""] of source.matchAll(/^\s*import\b[^"']*["']([^"']*)["']/gm)) {
    if (name !== "adit:policy") throw refusedImport(name);
  }
  const body = source
    .replace(
      /^\s*import\s*\{([^}]*)\}\s*from\s*["']adit:policy["'];?/gm,
      (_all, names: string) => `const {${names.replace(/\s+as\s+/g, ": ")}} = __prelude;`,
    )
    .replace(/^\s*export\s+default\b/m, "__exports.default =");
  const text = `((__exports, globalThis, ${HIDDEN.join(", ")}) => {
"use strict";\n${body}\nreturn __exports;\n})({}, Object.freeze({}))`;
  try {
    return new Script(text, { filename: scriptName });
  } catch (error) {
    throw scriptError("syntax", (error as Error).name, (error as Error).message);
  }
}
