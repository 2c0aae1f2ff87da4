/**
 * The cycle that makes the kernel what is desired: read back, plan, apply, fold the results, again,
 * until the plan is empty. It is started by changes and by named deadlines, never by a period.
 */
import { executePlan } from "../host/execute.js";
import type { Outcome } from "../host/execute.js";
import { request } from "../host/channel.js";
import { ENOENT, answerText } from "../host/errno.js";
import { listFirewall } from "../host/transfer.js";
import type { Desired } from "../model/desired.js";
import { replanDelayMsMax, replanDelayMsMin } from "../model/limits.js";
import type { Plan, PlannedOperation } from "../model/operation.js";
import { foldFirewall, foldResult, foldSettled, foldSysctl } from "../reconcile/fold.js";
import { planChanges } from "../reconcile/plan.js";
import { backoffMs } from "../tunnel/backoff.js";
import type { Core } from "./core.js";
import { nowMs } from "./core.js";

/** Changes that arrive within this time share one plan. */
const gatherMs = 5;
/**
 * Notices about the firewall within this time share one reading; our own transactions cause some.
 */
const readBackMs = 25;
/** Pause between two bursts of repair, so that a fight with another program stays bounded. */
const repairPauseMs = 100;
/** Plans in a row without an error and without an end; more mean that somebody works against us. */
const roundsMax = 10;

export interface SettleHooks {
  readonly desire: () => Desired;
  /** Called before a plan is applied; `done` gets what of it may be, and why not all. */
  readonly beforeApply: (plan: Plan, done: (plan: Plan, problem: string) => void) => void;
  /** The plan is empty. */
  readonly onSettled: () => void;
  readonly onRepaired: (plan: Plan) => void;
}

interface Waiter {
  readonly revision: number;
  /** Gets "" when the plan is empty, or why it is not. */
  readonly done: (problem: string) => void;
  /** True to be told of the first failure instead of waiting for a later success. */
  readonly impatient: boolean;
}

type Activity = "idle" | "reading" | "applying";

export interface Settler {
  readonly core: Core;
  readonly hooks: SettleHooks;
  readonly waiters: Set<Waiter>;
  activity: Activity;
  /** Counts changes of what is wanted, as opposed to changes of the kernel by others. */
  revision: number;
  settledRevision: number;
  /** False while something may differ from the last empty plan. */
  clean: boolean;
  /** A turn was due while another was under way. */
  missed: boolean;
  firewallStale: boolean;
  firewallProblem: string;
  rounds: number;
  failures: number;
  retryAtMs: number;
  repairedAtMs: number;
  lastProblem: string;
}

export function createSettler(core: Core, hooks: SettleHooks): Settler {
  return {
    core,
    hooks,
    waiters: new Set(),
    activity: "idle",
    revision: 1,
    settledRevision: 0,
    clean: false,
    missed: false,
    firewallStale: true,
    firewallProblem: "",
    rounds: 0,
    failures: 0,
    retryAtMs: 0,
    repairedAtMs: -Infinity,
    lastProblem: "",
  };
}

/** What is wanted changed. Returns the revision that `whenSettled` takes. */
export function noteIntent(settler: Settler, why: string): number {
  settler.revision += 1;
  noteKernel(settler, why);
  return settler.revision;
}

/** The kernel changed, perhaps by somebody else. */
export function noteKernel(settler: Settler, why: string): void {
  settler.clean = false;
  const atMs = Math.max(nowMs(settler.core) + gatherMs, settler.retryAtMs);
  settler.core.deadlines.setEarlier("plan", atMs, why, () => turn(settler));
}

/** Somebody, perhaps we, committed a firewall transaction. */
export function noteFirewall(settler: Settler): void {
  settler.firewallStale = true;
  settler.clean = false;
  const atMs = nowMs(settler.core) + readBackMs;
  settler.core.deadlines.setEarlier("firewall", atMs, "read it back", () => turn(settler));
}

/** True if the kernel is what the present revision wants, as far as is known. */
export function isSettled(settler: Settler): boolean {
  return settler.clean && settler.settledRevision === settler.revision;
}

/** Tells when the kernel has what the revision wants. */
export function whenSettled(
  settler: Settler,
  revision: number,
  impatient: boolean,
  done: (problem: string) => void,
): Waiter | undefined {
  if (isSettled(settler) && revision <= settler.settledRevision) {
    done("");
    return undefined;
  }
  const waiter = { revision, done, impatient };
  settler.waiters.add(waiter);
  return waiter;
}

/** Ends a waiting; returns what stands in the way. */
export function stopWaiting(settler: Settler, waiter: Waiter): string {
  settler.waiters.delete(waiter);
  return settler.lastProblem === "" ? "the plan is not applied yet" : settler.lastProblem;
}

/** What would be done now, empty when nothing differs; undefined while that is not known. */
export function presentPlan({ core, hooks }: Settler): Plan | undefined {
  const { complete, firewall } = core.store;
  if (!complete || firewall.kind === "unread") return undefined;
  return planChanges(hooks.desire(), core.store);
}

function turn(settler: Settler): void {
  const { core } = settler;
  settler.missed = settler.activity !== "idle";
  if (settler.missed || !core.store.complete || core.config === undefined) return;
  core.deadlines.clear("plan");
  if (settler.firewallStale) return readFirewall(settler);
  const desired = settler.hooks.desire();
  if (readSysctls(settler, desired)) return;
  const plan = planChanges(desired, core.store);
  if (plan.length === 0) return onEmpty(settler, desired);
  if (settler.rounds >= roundsMax) {
    const first = plan[0] as PlannedOperation;
    return onFailed(settler, `still to do after ${roundsMax} plans: ${first.why}`);
  }
  const repairs = settler.revision === settler.settledRevision && settler.rounds === 0;
  const pauseEndMs = settler.repairedAtMs + repairPauseMs;
  if (repairs && nowMs(core) < pauseEndMs) {
    core.deadlines.set("plan", pauseEndMs, "pause between repairs", () => turn(settler));
    return;
  }
  apply(settler, plan, repairs);
}

function readFirewall(settler: Settler): void {
  const { core } = settler;
  core.deadlines.clear("firewall");
  settler.activity = "reading";
  settler.firewallStale = false;
  listFirewall(core.channel, (result) => {
    settler.activity = "idle";
    if (result instanceof Uint8Array) {
      const text = core.native.utf8Decode(result);
      settler.firewallProblem = text === undefined ? "nft answers no UTF-8" : "";
      if (text !== undefined) foldFirewall(core.store, text);
    } else if (result.error === -ENOENT) {
      settler.firewallProblem = "";
      foldFirewall(core.store, undefined);
    } else {
      settler.firewallProblem = `the firewall cannot be read back: ${result.text}`;
    }
    turn(settler);
  });
}

/** Asks for the values of keys that are wanted and not known; true if it did. */
function readSysctls(settler: Settler, desired: Desired): boolean {
  const { core } = settler;
  const missing = [...desired.sysctls.keys()].filter((key) => !core.store.sysctls.has(key));
  let pending = missing.length;
  let problem = "";
  if (pending === 0) return false;
  settler.activity = "reading";
  for (const key of missing) {
    request(core.channel, { type: "sysctl_get", key }, (answer) => {
      if (answer.type !== "sysctl_value") throw new Error(`answer ${answer.type} to sysctl_get`);
      // An unread value must not be taken for the one to restore.
      if (answer.error === 0 || answer.error === -ENOENT) {
        foldSysctl(core.store, key, answer.value);
      } else problem = `${key} cannot be read: ${answerText(answer.error, "")}`;
      if (--pending > 0) return;
      settler.activity = "idle";
      if (problem === "") turn(settler);
      else onFailed(settler, problem);
    });
  }
  return true;
}

function apply(settler: Settler, plan: Plan, repairs: boolean): void {
  const { core, hooks } = settler;
  const problems: string[] = [];
  settler.activity = "applying";
  settler.rounds += 1;
  core.counters.plans += 1;
  const onOutcome = (planned: PlannedOperation, outcome: Outcome): void => {
    const problem = foldOutcome(core, planned, outcome);
    if (problem !== "") problems.push(problem);
    if (planned.operation.kind === "firewall") settler.firewallStale = true;
  };
  const onDone = (): void => {
    settler.activity = "idle";
    if (repairs) settler.repairedAtMs = nowMs(core);
    if (repairs && problems.length === 0) hooks.onRepaired(plan);
    if (problems.length > 0) onFailed(settler, problems[0] as string);
    else turn(settler);
  };
  hooks.beforeApply(plan, (allowed, problem) => {
    if (problem !== "") problems.push(problem);
    executePlan(core.channel, allowed, { onOutcome, onDone });
  });
}

function foldOutcome(core: Core, planned: PlannedOperation, outcome: Outcome): string {
  core.counters.operations += 1;
  const { answer } = outcome;
  const tunIndex = answer?.type === "tun_opened" ? answer.index : 0;
  foldResult(core.store, planned.operation, outcome.error, tunIndex);
  if (outcome.error === 0) return "";
  const problem = `${planned.why}: ${answerText(outcome.error, outcome.text)}`;
  core.log.writeOnce("error", `apply ${problem}`, problem);
  return problem;
}

function onEmpty(settler: Settler, desired: Desired): void {
  const { core, firewallProblem } = settler;
  const unsure = firewallProblem !== "" && desired.firewall !== undefined;
  if (unsure) return onFailed(settler, firewallProblem);
  settler.rounds = 0;
  settler.failures = 0;
  settler.retryAtMs = 0;
  settler.lastProblem = "";
  settler.settledRevision = settler.revision;
  settler.clean = true;
  core.log.forget("apply ");
  foldSettled(core.store, desired);
  for (const waiter of [...settler.waiters]) {
    if (waiter.revision > settler.settledRevision) continue;
    settler.waiters.delete(waiter);
    waiter.done("");
  }
  settler.hooks.onSettled();
}

function onFailed(settler: Settler, problem: string): void {
  const { core } = settler;
  core.log.writeOnce("error", `apply ${problem}`, problem);
  settler.lastProblem = problem;
  settler.rounds = 0;
  const delayMs = backoffMs(settler.failures, replanDelayMsMin, replanDelayMsMax, core.random);
  settler.failures += 1;
  settler.retryAtMs = nowMs(core) + Math.min(delayMs, replanDelayMsMin);
  const atMs = settler.missed ? settler.retryAtMs : nowMs(core) + delayMs;
  settler.missed = false;
  if (settler.firewallProblem !== "") settler.firewallStale = true;
  core.deadlines.set("plan", atMs, `retry: ${problem}`, () => turn(settler));
  for (const waiter of [...settler.waiters]) {
    if (!waiter.impatient) continue;
    settler.waiters.delete(waiter);
    waiter.done(problem);
  }
}
