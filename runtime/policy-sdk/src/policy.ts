/** What a script exports by default. */
import { expect, freeze, mistake, show } from "./check.js";
import { apiVersion, scriptVersionMax } from "./limits.js";
import type { Policy, PolicyFunctions, Vars } from "./types.js";

/** The functions that a policy may have. */
export const functionNames = ["route", "selectPeer", "bypass", "onEvent"] as const;

/**
 * Makes a policy, to be exported by default. Its functions may be left out, each by itself; what
 * has none is left to the configuration.
 *
 * @typeParam V - the shape of `policy.vars` in the configuration
 *
 * @example
 * ```ts
 * import { byName, definePolicy, direct, fastest, via } from "adit:policy";
 *
 * export default definePolicy({
 *   route(device) {
 *     if (device.iface === "br-guest") return via("de", { whenDown: "block" });
 *     if (byName(device, "tv-*")) return via(fastest("us", "ca"));
 *     return direct();
 *   },
 * });
 * ```
 */
export function definePolicy<V = Vars>(definition: PolicyFunctions<V>): Policy<V> {
  const isObject = typeof definition === "object" && definition !== null;
  expect(isObject, "policy", definition, "an object with route, selectPeer, bypass or onEvent");
  const { api = apiVersion, version = 0 } = definition;
  for (const [name, value] of Object.entries(definition)) checkKey(name, value);
  expect(isCount(version, scriptVersionMax), "version", version, `0 to ${scriptVersionMax}`);
  if (!isCount(api, apiVersion)) throw mistake("api", api, `at most ${apiVersion} on this router`);
  return freeze({ ...definition, version });
}

function checkKey(name: string, value: unknown): void {
  if (name === "version" || name === "api") return;
  const known: readonly string[] = functionNames;
  expect(known.includes(name), "policy", name, `only ${known.join(", ")}, version and api`);
  if (typeof value !== "function" && value !== undefined) {
    throw new TypeError(`policy: ${name} is ${show(value)}, expected a function`);
  }
}

const isCount = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && value as number >= 0 && value as number <= max;
