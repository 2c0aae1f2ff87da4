/**
 * The module `adit:cage`, the door between a caged script and its host: the names of
 * `adit:policy`, and two more that scripts do not get. The host loads it before the script, gives
 * the script's default export to `adopt` and every call to `handle`.
 */
import { expect, mistake } from "./check.js";
import { decide } from "./decide.js";
import { hear } from "./events.js";
import { apiVersion } from "./limits.js";
import { definePolicy, functionNames } from "./policy.js";
import type { Policy, PolicyFunctions } from "./types.js";
import type { AdoptAnswer, WireCall } from "./wire.js";
import { createViewer } from "./world.js";

export { block, direct, notify, reconnect, redecide, via } from "./answers.js";
export { byMac, byName, isRandomized, vendor } from "./device.js";
export { log, warn } from "./log.js";
export { balance, fastest, firstUp, leastLoaded, sticky } from "./picks.js";
export { inPrefix } from "./prefix.js";
export { during, schedule } from "./schedule.js";
export { definePolicy };

let policy: Policy | undefined;
let viewWorld = createViewer();

/**
 * Takes the default export of a script as the policy; returns an `AdoptAnswer` as JSON.
 * Throws a TypeError that names what is wrong with it.
 */
export function adopt(definition: unknown): string {
  expect(definition !== undefined, "export default", definition, "definePolicy({…})");
  policy = definePolicy(definition as PolicyFunctions);
  viewWorld = createViewer();
  const { version } = policy;
  const functions = functionNames.filter((name) => policy?.[name] !== undefined);
  const answer: AdoptAnswer = { api: apiVersion, version, functions };
  return JSON.stringify(answer);
}

/** Answers one call; both are JSON. Throws only for what is no fault of the script. */
export function handle(json: string): string {
  const call = JSON.parse(json) as WireCall;
  if (policy === undefined) throw new TypeError("a call came before a policy");
  switch (call.call) {
    case "decide":
      return decide(policy, viewWorld(call.world));
    case "event":
      return hear(policy, call.event, viewWorld(call.world));
    default:
      throw mistake("call", (call as { call: unknown }).call, '"decide" or "event"');
  }
}
