/**
 * What a simulated cage evaluates its script in: a realm with the prelude build/policy.mjs and one
 * script. Node's own engine and QuickJS each make them; both answer alike, so that a run leaves the
 * same trace in either.
 */
import { readFileSync } from "node:fs";

export interface RealmLimits {
  readonly memoryKib: number;
  readonly stackKib: number;
  readonly callMs: number;
}

export interface Realm {
  /** Evaluates the script; gives what adopt() of the prelude says. Throws ScriptError. */
  load(source: string): string;
  /** Gives what handle() of the prelude answers. Throws ScriptError. */
  call(json: string): string;
  dispose(): void;
}

export interface RealmEngine {
  readonly name: string;
  open(limits: RealmLimits): Realm;
}

export type ScriptErrorKind = "syntax" | "import" | "load" | "throw" | "limit" | "rubbish";

/** What is answered to the decider. Stacks differ between engines and are left out. */
export class ScriptError extends Error {
  constructor(
    readonly kind: ScriptErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** The script asked for more memory than it may have, which ends its process. */
export class MemoryExceeded extends Error {}

export const scriptName = "policy.mjs";

/** The compiled module that makes a realm what the daemon makes of it on a router. */
export function hardenSource(): string {
  return readFileSync(new URL("../policy-sdk/src/harden.js", import.meta.url), "utf8");
}

/** Names that the prelude exports for its host, not for scripts. */
export const hostNames: readonly string[] = ["handle", "adopt"];

/** Exported names of a bundle, each with what it is called inside. */
export function exportsOf(bundle: string): [local: string, exported: string][] {
  const list = /export\s*\{([^}]*)\};?\s*$/.exec(bundle)?.[1] ?? "";
  return list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => item.split(/\s+as\s+/))
    .map(([local = "", exported = local]) => [local, exported]);
}

/** The error as c/vm tells it: the kind, and "Name: message". */
export function scriptError(kind: ScriptErrorKind, name: string, message: string): ScriptError {
  return new ScriptError(kind, message === "" ? name : `${name}: ${message}`);
}

export function overran(callMs: number): ScriptError {
  return new ScriptError("limit", `ran for more than ${callMs} ms`);
}

export function refusedImport(name: string): ScriptError {
  const text = `ReferenceError: cannot import '${name}', only 'adit:policy'`;
  return new ScriptError("import", text);
}
