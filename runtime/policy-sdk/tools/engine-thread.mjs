// The thread of one job, see engine.mjs. Time limits are counted in the engine's own steps and not
// by a clock, so that the same script ends at the same place on every machine: QuickJS asks every
// 10,000 steps whether to go on, which takes about a millisecond here.

import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten";
import { parentPort, workerData } from "node:worker_threads";

const KIB = 1024;

/** Code that is not the policy's own, such as a test, may take longer than a call of the policy. */
const ASKS_OUTSIDE = 5_000;

parentPort.postMessage({ type: "ended", ...await run(workerData) });

async function run(job) {
  const wasm = await newQuickJSWASMModuleFromVariant(
    import("@jitl/quickjs-wasmfile-release-sync"),
  );
  const runtime = wasm.newRuntime();
  runtime.setMaxStackSize(job.limits.stackKib * KIB);
  runtime.setModuleLoader((name) => sourceOf(job, name), (_base, name) => name);
  const budget = countSteps(runtime, job.limits.callMs);
  const context = runtime.newContext();
  const base = memoryOf(runtime, context);
  openDoor(context, budget);
  runtime.setMemoryLimit(base + (job.limits.memoryKib + (job.overheadKib ?? 0)) * KIB);
  const failed = evaluate(runtime, context, job);
  const error = failed === undefined ? undefined : judge(failed, budget);
  return { error, memoryKib: Math.ceil((memoryOf(runtime, context) - base) / KIB) };
}

/** A module whose name is not known is an import that the cage would refuse as well. */
function sourceOf(job, name) {
  const text = job.modules[name];
  return text ?? { error: new Error(`no module "${name}" on the router`) };
}

function memoryOf(runtime, context) {
  return runtime.computeMemoryUsage().consume((usage) => context.dump(usage).memory_used_size);
}

function countSteps(runtime, callMs) {
  const budget = { inCall: false, left: ASKS_OUTSIDE, isSpent: false, callMs };
  runtime.setInterruptHandler(() => {
    budget.left -= 1;
    budget.isSpent = budget.left < 0;
    return budget.isSpent;
  });
  return budget;
}

function enter(budget, inCall) {
  budget.inCall = inCall;
  budget.isSpent = false;
  budget.left = inCall ? budget.callMs : ASKS_OUTSIDE;
}

function openDoor(context, budget) {
  const door = context.newFunction("aditTell", (handle) => {
    const message = JSON.parse(context.getString(handle));
    if (message.type === "enter" || message.type === "leave") {
      enter(budget, message.type === "enter");
    } else if (budget.isSpent) {
      // A test that was cut off says so itself, and the next one begins with a new budget.
      parentPort.postMessage({ ...message, message: `Limit: ${limitText(budget)}` });
      enter(budget, false);
    } else {
      parentPort.postMessage(message);
    }
  });
  context.setProp(context.global, "aditTell", door);
  door.dispose();
}

/** Evaluates the main module and all jobs that it leaves; the first failure, or undefined. */
function evaluate(runtime, context, job) {
  const text = job.modules[job.main];
  const result = context.evalCode(text, job.main, { type: "module" });
  const failed = take(context, result);
  if (failed !== undefined) return failed;
  const jobs = runtime.executePendingJobs();
  if (jobs.error !== undefined) return take(context, jobs);
  return rejection(context, result.value);
}

/** The module's own promise, if something in it is awaited. */
function rejection(context, handle) {
  if (handle === undefined || context.typeof(handle) !== "object") return undefined;
  const state = context.getPromiseState(handle);
  return state.type === "rejected" ? describe(context, state.error) : undefined;
}

function take(context, result) {
  return result.error === undefined ? undefined : describe(context, result.error);
}

function describe(context, handle) {
  const dumped = context.dump(handle);
  if (typeof dumped !== "object" || dumped === null) {
    return { name: "Error", message: `thrown: ${String(dumped)}`, stack: "" };
  }
  const { name = "Error", message = "", stack = "" } = dumped;
  return { name: String(name), message: String(message), stack: String(stack) };
}

/** Says what kind of end it was: the engine has one error for several limits. */
function judge(error, budget) {
  const isInternal = error.name === "InternalError";
  if (isInternal && budget.isSpent) {
    return { ...error, kind: "limit", name: "Limit", message: limitText(budget) };
  }
  if (isInternal && /out of memory/.test(error.message)) return { ...error, kind: "memory" };
  if (isInternal && /stack overflow/.test(error.message)) return { ...error, kind: "stack" };
  if (error.name === "SyntaxError") return { ...error, kind: "syntax" };
  return { ...error, kind: /no module "/.test(error.message) ? "import" : "throw" };
}

function limitText({ inCall, callMs }) {
  return inCall ? `a call of the policy took more than ${callMs} ms of a router's time`
    : "code outside of the policy ran too long";
}
