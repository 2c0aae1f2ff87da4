/** Undoing what was confirmed: back to the script before it, or to what the configuration names. */
import type { PolicyDone } from "../api/policy-routes.js";
import type { Transition } from "../model/slots.js";
import { returnTo, slotBefore } from "../model/slots.js";
import { startPolicy } from "./advice-file.js";
import { cageErrorText, isCageError, openCage } from "./cage.js";
import type { Engine } from "./engine-state.js";
import { readSlot } from "./slot-files.js";
import { commit, nowS, refuse, tellLast } from "./swap.js";

/** Leaves a confirmed script for the one that was confirmed before it, or for none of a slot. */
export function returnScript(engine: Engine, why: string, done: PolicyDone): void {
  const { core, swap } = engine;
  const { policy } = swap.slots;
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  const before = slotBefore(policy);
  if (before === undefined) return done(refuse(409, "there is no script to return to"));
  if (before === "") return leaveScript(engine, "rollback", why, done);
  swap.busy = "the script before it is being loaded";
  const fail = (cause: string): void => {
    swap.busy = "";
    done(refuse(500, `the script of slot ${before} does not load: ${cause}`));
  };
  return readSlot(core, policy, before, (script) => {
    if (typeof script === "string") return fail(script);
    return openCage(core, script, (cage) => {
      if (isCageError(cage)) return fail(cageErrorText(cage));
      const back = returnTo(policy, before, { action: "rollback", time: nowS(core), why });
      return commit(engine, "policy", back, (problem) => {
        swap.busy = "";
        if (problem !== "") {
          cage.close();
          return done(refuse(500, problem));
        }
        engine.advice.adopt(cage);
        return tellReturned(engine, back, done);
      });
    });
  });
}

/** Leaves the slots for what the configuration names, a file or nothing. */
export function removeScript(engine: Engine, why: string, done: PolicyDone): void {
  const { swap } = engine;
  const { confirmed, pending } = swap.slots.policy;
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  if (pending !== "") return done(refuse(409, "a script is on probation, roll it back first"));
  if (confirmed === "") return done(refuse(409, "no script was swapped in"));
  return leaveScript(engine, "remove", why, done);
}

function leaveScript(
  engine: Engine,
  action: "rollback" | "remove",
  why: string,
  done: PolicyDone,
): void {
  const { core, swap } = engine;
  const left = returnTo(swap.slots.policy, "", { action, time: nowS(core), why });
  swap.busy = "a script is being removed";
  return commit(engine, "policy", left, (problem) => {
    swap.busy = "";
    if (problem !== "") return done(refuse(500, problem));
    startPolicy(engine, true);
    return tellReturned(engine, left, done);
  });
}

function tellReturned({ core }: Engine, { slots }: Transition, done: PolicyDone): void {
  tellLast(core, slots);
  done({ kind: "done", result: slots.history.at(-1) ?? {} });
}
