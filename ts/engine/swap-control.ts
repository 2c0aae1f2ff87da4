/**
 * Swapping the control module, which is this very program. The mover starts the other one on trial
 * and keeps tunnels and addresses; the other one confirms itself once it has settled and devices
 * fare as before. Whatever happens to it, the mover brings the former one back.
 */
import { asResult, request } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import type { PolicyDone, ScriptRequest } from "../api/policy-routes.js";
import type { Slot } from "../model/slots.js";
import { beginSwap, bootControl, confirmSwap, leaveSlot, rollBackSwap } from "../model/slots.js";
import { afterMs, logError } from "./core.js";
import type { Engine } from "./engine-state.js";
import { isSettled } from "./settle.js";
import { loadSlots, writeAll } from "./slot-files.js";
import { bootOf, checkScript, commit, nowS, refuse, tellLast, windowOf } from "./swap.js";
import { healthOf, shareText } from "./swap-view.js";

/** The answer leaves before the mover ends us. */
const leaveMs = 50;
/** How often a module on trial looks whether it may stay. */
const lookMs = 250;
const confirmS = 60;
/** As long as the mover lets a trial last. */
const trialSecondsMax = 600;

/** Follows what the mover decided about an earlier swap; before anything else is swapped. */
export function startControl(engine: Engine, done: () => void): void {
  const { core, swap } = engine;
  loadSlots(core, "control", (slots) => {
    const { slots: after, writes } = bootControl(slots, bootOf(core));
    swap.slots.control = after;
    if (writes.length > 0) tellLast(core, after, "control");
    if (core.facts.trial) look(engine);
    writeAll(core, writes, (problem) => {
      if (problem !== "") logError(core, problem);
      done();
    });
  });
}

export function swapControl(engine: Engine, asked: ScriptRequest, done: PolicyDone): void {
  const { core, swap } = engine;
  const why = notNow(engine);
  if (why !== "") return done(refuse(409, why));
  const checked = checkScript(engine, asked);
  if (!("script" in checked)) return done(checked);
  const script = { ...checked.script, signature: asked.signature };
  const seconds = Math.min(asked.confirmS ?? confirmS, trialSecondsMax);
  const window = windowOf(engine, seconds);
  const begun = beginSwap("control", swap.slots.control, script, window);
  const { pending } = begun.slots;
  swap.busy = "the control module is being swapped";
  return commit(engine, "control", begun, (problem) => {
    if (problem !== "") {
      swap.busy = "";
      return done(refuse(500, problem));
    }
    const { sha256, version } = script;
    tellLast(core, begun.slots, "control");
    tryModule(engine, pending as Slot, seconds);
    return done({ kind: "done", result: { slot: pending, sha256, version, confirm_s: seconds } });
  });
}

/** Keeps the module on trial, which is this one. */
export function confirmControl(engine: Engine, why: string, done: PolicyDone): void {
  const { core, swap } = engine;
  const { control } = swap.slots;
  if (!core.facts.trial) return done(refuse(409, "no control module is on trial"));
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  swap.busy = "the control module is being confirmed";
  const kept = control.pending !== "";
  const confirmed = kept ? confirmSwap("control", control, nowS(core), why) : undefined;
  return writeAll(core, confirmed?.writes ?? [], (problem) => {
    swap.busy = "";
    if (problem !== "") return done(refuse(500, problem));
    core.facts = { ...core.facts, trial: false };
    core.deadlines.clear("control trial");
    if (confirmed !== undefined) {
      swap.slots.control = confirmed.slots;
      tellLast(core, confirmed.slots, "control");
    }
    return request(core.channel, { type: "control_keep" }, (answer) => {
      const { error, text } = asResult(answer);
      if (error !== 0) logError(core, `control_keep: ${answerText(error, text)}`);
      done({ kind: "done", result: swap.slots.control.history.at(-1) ?? {} });
    });
  });
}

/** Ends a trial, or leaves a slot for the module that came with the program. */
export function rollBackControl(engine: Engine, why: string, done: PolicyDone): void {
  const { core, swap } = engine;
  const { control } = swap.slots;
  const { module, trial } = core.facts;
  if (control.pending === "" && (trial || module === "rom")) {
    return done(refuse(409, "the control module that came with the program runs"));
  }
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  const ended = control.pending !== ""
    ? rollBackSwap("control", control, nowS(core), why)
    : leaveSlot(control, module as Slot, nowS(core), why);
  swap.busy = "the control module is being replaced";
  return commit(engine, "control", ended, (problem) => {
    if (problem !== "") {
      swap.busy = "";
      return done(refuse(500, problem));
    }
    tellLast(core, ended.slots, "control");
    tryModule(engine, ended.slots.confirmed || "rom", confirmS);
    return done({ kind: "done", result: ended.slots.history.at(-1) ?? {} });
  });
}

function notNow({ core, swap }: Engine): string {
  if (core.facts.trial) return "a control module is on trial already";
  if (swap.slots.control.pending !== "") return "a control module waits for its trial";
  return swap.busy;
}

/** On success the mover ends this process. */
function tryModule(engine: Engine, slot: Slot | "rom", seconds: number): void {
  const { core, swap } = engine;
  afterMs(core, "control", leaveMs, `the control module ${slot} takes over`, () => {
    const trialMs = seconds * 1_000;
    request(core.channel, { type: "control_try", slot, trialMs }, (answer) => {
      const { error, text } = asResult(answer);
      if (error === 0) return;
      swap.busy = "";
      const why = `control module ${slot}: ${answerText(error, text)}`;
      logError(core, why);
      const { control } = swap.slots;
      if (control.pending === "") return;
      const ended = rollBackSwap("control", control, nowS(core), why);
      commit(engine, "control", ended, () => tellLast(core, ended.slots, "control"));
    });
  });
}

function look(engine: Engine): void {
  const { core, swap } = engine;
  if (!core.facts.trial) return;
  afterMs(core, "control trial", lookMs, "whether this control module may stay", () => {
    const before = swap.slots.control.health;
    const now = healthOf(engine);
    const well = engine.phase === "running" && isSettled(engine.settler) && now >= before;
    if (!well) return look(engine);
    return confirmControl(engine, shareText(now, before), (result) => {
      if (result.kind === "refused") look(engine);
    });
  });
}
