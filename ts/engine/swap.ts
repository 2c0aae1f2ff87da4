/**
 * Trying policy scripts and swapping them: a script is asked in a cage of its own before anything
 * else happens, then put on probation, and kept or taken back. What decided before stays loaded
 * until then, so that the way back is as short as the way there.
 */
import type { PolicyDone, PolicyResult, ScriptRequest } from "../api/policy-routes.js";
import type { Advice, World } from "../model/advice.js";
import { scriptBytesMax } from "../model/advice.js";
import type { RouterConfig } from "../model/config.js";
import { routerOf } from "../model/config.js";
import { confirmSecondsMax } from "../model/limits.js";
import type { Boot, Module, Slots, Transition } from "../model/slots.js";
import {
  beginSwap,
  bootPolicy,
  confirmSwap,
  emptySlots,
  freeSlot,
  record,
  rollBackSwap,
} from "../model/slots.js";
import { holdAdvice, nothingHeld } from "../policy/advise.js";
import type { Probe } from "../policy/probe.js";
import { probeWorld } from "../policy/probe.js";
import type { FormerScript } from "./advice.js";
import { startPolicy } from "./advice-file.js";
import { hexText } from "./base64.js";
import type { Cage, CageError, Script } from "./cage.js";
import { cageErrorText, isCageError, openCage } from "./cage.js";
import type { Core } from "./core.js";
import { afterMs, logError, logInfo, logWarning } from "./core.js";
import type { Engine } from "./engine-state.js";
import { checkSigned } from "./signature.js";
import { loadSlots, readSlot, writeAll } from "./slot-files.js";
import { healthOf, movesOf, shareText, warningsOf } from "./swap-view.js";

export interface Swap {
  readonly slots: Record<Module, Slots>;
  /** What decided before the script on probation, while that is on probation. */
  former: FormerScript | undefined;
  /** What is under way, "" for nothing; one thing at a time. */
  busy: string;
}

/** A script that was loaded and asked, without effect so far. */
interface Asked {
  readonly cage: Cage;
  /** About the devices of the probe. */
  readonly advice: Advice;
  readonly probe: Probe;
  readonly world: World;
}

const recordRetryMs = 10_000;
const probation = "policy probation";

export function createSwap(): Swap {
  const slots = { policy: emptySlots, control: emptySlots };
  return { slots, former: undefined, busy: "the records are being read" };
}

/** Loads the script that the last life left, a pending one only if the mover still lives. */
export function startScripts(engine: Engine, done: () => void): void {
  const { core, swap, advice } = engine;
  if (routerOf(core.config) === undefined) {
    swap.busy = "";
    return done();
  }
  advice.onFailure = (error) => onFailure(engine, error);
  loadSlots(core, "policy", (slots) => {
    const { slots: after, writes } = bootPolicy(slots, bootOf(core));
    const ended = slots.pending !== "" && after.pending === "";
    if (ended) logWarning(core, `policy script rolled back: ${after.history.at(-1)?.why ?? ""}`);
    swap.slots.policy = after;
    writeAll(core, writes, (problem) => {
      if (problem !== "") logError(core, problem);
      runRecorded(engine, done);
    });
  });
}

/** Asks a script where it would send every device, and forgets it again. */
export function tryScript(
  engine: Engine,
  request: ScriptRequest,
  onlyMoves: boolean,
  done: PolicyDone,
): void {
  if (request.module !== "policy") return done(refuse(400, "module: only a policy can be tried"));
  return askScript(engine, request, done, ({ cage, advice, probe }) => {
    const result = movesOf(engine, cage, { advice, probe }, onlyMoves);
    cage.close();
    engine.swap.busy = "";
    done({ kind: "done", result });
  });
}

export function swapScript(engine: Engine, request: ScriptRequest, done: PolicyDone): void {
  const { swap } = engine;
  const { policy } = swap.slots;
  if (policy.pending !== "") return done(refuse(409, "a script is on probation already"));
  return askScript(engine, request, done, ({ cage, advice, probe, world }) => {
    const fail = (cause: string, more: object): void => {
      cage.close();
      swap.busy = "";
      done(refuse(400, cause, more));
    };
    const warnings = warningsOf(advice, probe.labels);
    if (warnings[0] !== undefined) return fail(warnings[0], { warnings });
    // Made-up devices are nobody's, so what is to hold is asked of those that are there.
    return cage.decide(world, (present) => {
      if (isCageError(present)) return fail(cageErrorText(present), { error: present });
      const wrong = warningsOf(present, probe.labels);
      if (wrong[0] !== undefined) return fail(wrong[0], { warnings: wrong });
      const moves = movesOf(engine, cage, { advice, probe }, true);
      return putOnProbation(engine, request, { cage, advice: present, world, moves }, done);
    });
  });
}

interface Shadowed extends Omit<Asked, "probe"> {
  readonly moves: object;
}

function putOnProbation(
  engine: Engine,
  request: ScriptRequest,
  { cage, advice, world, moves }: Shadowed,
  done: PolicyDone,
): void {
  const { core, swap } = engine;
  const { policy } = swap.slots;
  const seconds = request.confirmS ?? (core.config as RouterConfig).policy.confirmS;
  const begun = beginSwap("policy", policy, cage.script, windowOf(engine, seconds));
  return commit(engine, "policy", begun, (problem) => {
    swap.busy = "";
    if (problem !== "") {
      cage.close();
      return done(refuse(500, problem));
    }
    const former = engine.advice.release();
    swap.former = former;
    engine.advice.adopt(cage, holdAdvice(former.held ?? nothingHeld, advice, world.devices));
    watch(engine, seconds);
    tellLast(core, begun.slots);
    const { pending: slot } = begun.slots;
    return done({ kind: "done", result: { ...moves, slot, confirm_s: seconds } });
  });
}

/** Keeps the script on probation. */
export function confirmScript(engine: Engine, why: string, done: PolicyDone): void {
  const { core, swap } = engine;
  if (swap.slots.policy.pending === "") return done(refuse(409, "no script is on probation"));
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  swap.busy = "a script is being confirmed";
  const confirmed = confirmSwap("policy", swap.slots.policy, nowS(core), why);
  return commit(engine, "policy", confirmed, (problem) => {
    swap.busy = "";
    // It may have failed meanwhile; then the record that was written last says so.
    if (swap.slots.policy !== confirmed.slots) return done(refuse(500, problem || "rolled back"));
    endWatch(engine);
    swap.former?.cage?.close();
    swap.former = undefined;
    tellLast(core, confirmed.slots);
    return done({ kind: "done", result: confirmed.slots.history.at(-1) ?? {} });
  });
}

/** Takes the script on probation back, whatever the disk says to it. */
export function rollBackScript(engine: Engine, why: string, done: PolicyDone): void {
  const { core, swap } = engine;
  const { slots, former } = swap;
  if (slots.policy.pending === "") return done(refuse(409, "no script is on probation"));
  const { slots: after } = rollBackSwap("policy", slots.policy, nowS(core), why);
  slots.policy = after;
  endWatch(engine);
  swap.former = undefined;
  if (former?.cage?.isOpen === true) engine.advice.adopt(former.cage, former.held);
  else {
    // Whatever becomes of loading the one before: this one decides no more.
    engine.advice.release().cage?.close();
    engine.advice.script = undefined;
    if (former?.held !== undefined) engine.advice.hold(former.held);
    runRecorded(engine, () => undefined);
  }
  tellLast(core, after);
  return keepRecord(engine, (problem) => {
    if (problem !== "") done(refuse(500, problem));
    else done({ kind: "done", result: after.history.at(-1) ?? {} });
  });
}

/** Writes a transition and takes it over; if that fails, the record is put back as it was. */
export function commit(
  engine: Engine,
  module: Module,
  { slots, writes }: Transition,
  done: (problem: string) => void,
): void {
  const { core, swap } = engine;
  const before = swap.slots[module];
  writeAll(core, writes, (problem) => {
    // A script that failed meanwhile was taken back, and that is what holds.
    const holds = swap.slots[module] === before;
    if (problem === "" && holds) swap.slots[module] = slots;
    if (problem === "" && holds) return done("");
    logError(core, problem || "overtaken by a roll back");
    return keepRecord(engine, () => done(problem || "rolled back meanwhile"), module);
  });
}

export function windowOf(engine: Engine, seconds: number): Parameters<typeof beginSwap>[3] {
  const { core } = engine;
  const now = nowS(core);
  const health = healthOf(engine);
  return { life: core.facts.life, nowS: now, health, deadline_unix_s: now + seconds };
}

export function refuse(status: number, cause: string, more: object = {}): PolicyResult {
  return { kind: "refused", status, cause, more };
}

export function nowS(core: Core): number {
  return Math.floor(core.native.wallMs() / 1_000);
}

export function bootOf(core: Core): Boot {
  const { life, module, trial, lastDeath } = core.facts;
  return { life, module, trial, lastDeath, nowS: nowS(core) };
}

/** One line and one event about what just happened. */
export function tellLast(core: Core, { history }: Slots, module: Module = "policy"): void {
  const { action = "", slot = "", why = "" } = history.at(-1) ?? {};
  const text = `${module} ${action} of slot ${slot}: ${why}`;
  if (action === "rollback" || action === "remove") logWarning(core, text);
  else logInfo(core, text);
  core.events.publish({ event: "policy_swap", module, action, slot, why });
}

/** The bytes and their header, or why they may not run. */
export function checkScript(
  engine: Engine,
  { script: text, signature, module }: ScriptRequest,
): { readonly script: Omit<Script, "origin"> } | PolicyResult {
  const { core, swap } = engine;
  const { native, config } = core;
  const bytes = native.utf8Encode(text);
  const most = module === "policy" ? scriptBytesMax : moduleBytesMax;
  if (bytes.length > most) return refuse(413, `script: expected at most ${most} bytes`);
  if (native.utf8Decode(bytes) !== text) return refuse(400, "script: expected well-formed text");
  const { publicKeys: keys = [], target = "" } = routerOf(config)?.policy ?? {};
  const trust = { keys, target, versionMax: swap.slots[module].script_version_max };
  const header = checkSigned(native, { module, bytes, signature }, trust);
  if (typeof header === "string") return refuse(403, header);
  return { script: { text, sha256: hexText(native.sha256(bytes)), version: header.version } };
}

const moduleBytesMax = 524_288;

function askScript(
  engine: Engine,
  request: ScriptRequest,
  done: PolicyDone,
  onAsked: (asked: Asked) => void,
): void {
  const { core, swap, advice: runner } = engine;
  if (routerOf(core.config) === undefined) return done(refuse(400, "only a router has a policy"));
  if (swap.busy !== "") return done(refuse(409, swap.busy));
  const checked = checkScript(engine, request);
  if (!("script" in checked)) return done(checked);
  swap.busy = "another script is being asked";
  const fail = (error: CageError): void => {
    swap.busy = "";
    const hint = error.kind === "import" ? "; adit-policy bundle puts all into one file" : "";
    done(refuse(400, cageErrorText(error) + hint, { error }));
  };
  const script: Script = { ...checked.script, origin: freeSlot(swap.slots.policy) };
  return openCage(core, script, (cage) => {
    if (isCageError(cage)) return fail(cage);
    return runner.freshWorld((world) => {
      const probe = probeWorld(core.config as RouterConfig, world, runner.facts.names);
      cage.decide(probe.world, (advice) => {
        if (!isCageError(advice)) return onAsked({ cage, advice, probe, world });
        cage.close();
        return fail(advice);
      });
    });
  });
}

/** Runs what the record names, else the configured file, else nothing. */
function runRecorded(engine: Engine, done: () => void): void {
  const { core, swap, advice } = engine;
  const { policy } = swap.slots;
  const slot = policy.pending || policy.confirmed;
  swap.busy = "";
  if (slot === "") return runFile(engine, done);
  return readSlot(core, policy, slot, (script) => {
    if (typeof script !== "string") {
      advice.run(script);
      if (policy.pending !== "") watch(engine, policy.deadline_unix_s - nowS(core));
      return done();
    }
    logError(core, script);
    if (policy.pending === "") return runFile(engine, done);
    return rollBackScript(engine, script, done);
  });
}

function runFile(engine: Engine, done: () => void): void {
  startPolicy(engine, true);
  done();
}

/** The clock may have jumped while nobody looked. */
function watch(engine: Engine, seconds: number): void {
  const delayMs = Math.min(Math.max(seconds, 0), confirmSecondsMax) * 1_000;
  afterMs(engine.core, probation, delayMs, "the probation of a policy script ends", () => {
    judge(engine);
  });
}

function endWatch({ core }: Engine): void {
  core.deadlines.clear(probation);
}

function judge(engine: Engine): void {
  const before = engine.swap.slots.policy.health;
  const now = healthOf(engine);
  const share = shareText(now, before);
  const again: PolicyDone = (result) => {
    if (result.kind === "refused") watch(engine, recordRetryMs / 1_000);
  };
  if (now < before) rollBackScript(engine, share, () => undefined);
  else confirmScript(engine, share, again);
}

function onFailure(engine: Engine, error: CageError): void {
  const { pending } = engine.swap.slots.policy;
  if (pending === "" || engine.advice.script?.origin !== pending) return;
  rollBackScript(engine, cageErrorText(error), () => undefined);
}

/** Writes the record as it is; tried until it is kept. */
function keepRecord(
  engine: Engine,
  done: (problem: string) => void,
  module: Module = "policy",
): void {
  const { core, swap } = engine;
  const name = `${module} record`;
  writeAll(core, [record(module, swap.slots[module])], (problem) => {
    if (problem === "") core.deadlines.clear(name);
    else {
      core.log.writeOnce("error", `${name} ${problem}`, problem);
      afterMs(core, name, recordRetryMs, problem, () => {
        keepRecord(engine, () => undefined, module);
      });
    }
    done(problem);
  });
}
