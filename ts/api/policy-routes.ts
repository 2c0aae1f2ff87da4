/** The routes under /v1/policy (docs/api.md): bodies are checked here, the engine does the rest. */
import type { Issue } from "../model/config.js";
import type { Module } from "../model/slots.js";
import { confirmSecondsMax, confirmSecondsMin } from "../model/limits.js";
import { checkBody, isTextOrNone } from "./body.js";

/** A script or control module on its way in, checked in form only. */
export interface ScriptRequest {
  readonly script: string;
  readonly signature: string | undefined;
  readonly module: Module;
  /** Length of the probation, undefined for the configured one. */
  readonly confirmS: number | undefined;
}

export type PolicyResult =
  | { readonly kind: "done"; readonly result: object }
  /** `more` goes along with the cause. */
  | { readonly kind: "refused"; readonly status: number; readonly cause: string; more?: object };

export type PolicyDone = (result: PolicyResult) => void;

/** What can be asked with GET. */
export const policyViews = ["", "history", "log", "limits"] as const;
export type PolicyView = (typeof policyViews)[number];
export const policyVerbs = ["try", "diff", "swap", "confirm", "rollback", "remove"] as const;
export type PolicyVerb = (typeof policyVerbs)[number];

/** What the engine offers under /v1/policy. */
export interface PolicyService {
  readonly view: (view: PolicyView) => object;
  readonly act: (verb: PolicyVerb, request: ScriptRequest, done: PolicyDone) => void;
}

/** Reads the body of a request for a script, or of one that names a module only. */
export function readScriptRequest(
  body: Readonly<Record<string, unknown>>,
  needsScript: boolean,
): ScriptRequest | readonly Issue[] {
  const keys = ["module", ...(needsScript ? ["script", "signature", "confirm_s"] : [])];
  const { script = "", signature, module = "policy", confirm_s: confirmS } = body;
  const { issues, expect } = checkBody(body, keys);
  expect(typeof script === "string" && needsScript === (script !== ""), "script", "a text");
  expect(isTextOrNone(signature), "signature", "a text");
  expect(module === "policy" || module === "control", "module", "policy or control");
  const seconds = confirmS === undefined ? confirmSecondsMin : Number(confirmS);
  const fits = seconds >= confirmSecondsMin && seconds <= confirmSecondsMax;
  const range = `${confirmSecondsMin} to ${confirmSecondsMax} whole seconds`;
  expect(Number.isInteger(confirmS ?? seconds) && fits, "confirm_s", range);
  return issues.length > 0 ? issues : ({ script, signature, module, confirmS } as ScriptRequest);
}
