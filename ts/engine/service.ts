/** What the engine offers to users of the API; see ts/api/routes.ts. */
import type { PolicyDone, PolicyVerb, ScriptRequest } from "../api/policy-routes.js";
import type { ChangeResult, Service, TestHook } from "../api/routes.js";
import { settleMsMax } from "../api/server.js";
import { request } from "../host/channel.js";
import type { MoverMessage } from "../host/contract.gen.js";
import type { Issue } from "../model/config.js";
import type { PlannedOperation } from "../model/operation.js";
import { devicesOf } from "../policy/device.js";
import { explain } from "../render/explain.js";
import { explainPath } from "../render/explain-path.js";
import { applyChange } from "./configuration.js";
import { afterMs, logInfo } from "./core.js";
import type { Engine } from "./engine-state.js";
import { routerInForce } from "./in-force.js";
import { reload } from "./life.js";
import { machineOf } from "./machine.js";
import { reportMoves } from "./moves.js";
import type { RuleChange } from "./runtime-rules.js";
import { noteIntent, presentPlan, stopWaiting, whenSettled } from "./settle.js";
import { stateWord, statusOf } from "./status.js";
import { confirmScript, refuse, rollBackScript, swapScript, tryScript } from "./swap.js";
import { removeScript, returnScript } from "./swap-return.js";
import { confirmControl, rollBackControl, swapControl } from "./swap-control.js";
import { viewOf } from "./swap-view.js";
import { locationStates } from "./tunnels.js";

/** A test hook waits until its answer was sent. */
const hookDelayMs = 50;
/** Bytes that the allocation hook asks for at a time. */
const hookBytes = 1_048_576;

export function createService(engine: Engine): Service {
  const { core, tunnels } = engine;
  return {
    status: (done) => readStatus(engine, done),
    devices: () => {
      const config = routerInForce(engine);
      if (config === undefined) return [];
      return devicesOf(config, core.store, locationStates(tunnels));
    },
    explain: (subject, destination) => explainSubject(engine, subject, destination),
    plan: () => presentPlan(engine.settler)?.map(describe),
    state: () => stateWord(engine.phase),
    machine: () => machineOf(core),
    recentEvents: () => core.events.recent(),
    followEvents: (onEvent) => core.events.follow(onEvent),
    change: (change, done) => changeRules(engine, change, done),
    reload: (done) => reloadAll(engine, done),
    policy: {
      view: (view) => viewOf(engine, view),
      act: (verb, script, done) => actOnPolicy(engine, verb, script, done),
    },
    runTestHook: (hook) => runTestHook(engine, hook),
  };
}

function actOnPolicy(
  engine: Engine,
  verb: PolicyVerb,
  script: ScriptRequest,
  done: PolicyDone,
): void {
  const user = "by the user";
  const isPolicy = script.module === "policy";
  const isOnProbation = engine.swap.slots.policy.pending !== "";
  switch (verb) {
    case "try":
    case "diff":
      return tryScript(engine, script, verb === "diff", done);
    case "swap":
      return (isPolicy ? swapScript : swapControl)(engine, script, done);
    case "confirm":
      return (isPolicy ? confirmScript : confirmControl)(engine, user, done);
    case "rollback":
      if (!isPolicy) return rollBackControl(engine, user, done);
      return (isOnProbation ? rollBackScript : returnScript)(engine, user, done);
    case "remove":
      if (isPolicy) return removeScript(engine, user, done);
      return done(refuse(400, "module: expected policy; a rollback leaves a control module"));
  }
}

/** Asks the mover for its counters first, so that round trips are of this moment. */
function readStatus(engine: Engine, done: (status: object) => void): void {
  const { core, tunnels } = engine;
  request(core.channel, { type: "stats_get" }, (answer: MoverMessage) => {
    if (answer.type !== "stats") throw new Error(`answer ${answer.type} to stats_get`);
    for (const { slot, rttUs } of answer.sessions) {
      if (rttUs > 0) tunnels.rttMs.set(slot, rttUs / 1_000);
    }
    done(statusOf(engine, answer));
  });
}

function explainSubject(
  engine: Engine,
  subject: string,
  destination: string,
): object | readonly Issue[] {
  const { core, tunnels } = engine;
  const config = routerInForce(engine);
  if (config === undefined) {
    return [{ path: "role", value: '"gateway"', expected: "a router, gateways have no devices" }];
  }
  const states = locationStates(tunnels);
  const result =
    destination === ""
      ? explain(config, core.store, states, subject)
      : explainPath(config, core.store, states, subject, destination);
  return "reasons" in result ? result : [result];
}

function describe({ operation, phase, why }: PlannedOperation): object {
  return { phase, why, kind: operation.kind };
}

function changeRules(
  engine: Engine,
  change: RuleChange,
  done: (result: ChangeResult) => void,
): void {
  applyChange(engine.configuration, change, (answer) => {
    if (answer.kind !== "changed") return done(answer);
    const { kind, subject, vl, whenDown } = change;
    const verb = vl === undefined ? "unprotect" : "protect";
    const words = vl === undefined ? {} : { vl, when_down: whenDown ?? "block" };
    logInfo(engine.core, `${verb} by ${kind}`);
    engine.core.log.write("debug", `${verb} ${kind} ${subject} ${vl ?? ""}`);
    reportMoves(engine, `${verb} ${kind} ${subject}`);
    return answerWhenSettled(engine, verb, { kind, subject, ...words }, done);
  });
}

function reloadAll(engine: Engine, done: (result: ChangeResult) => void): void {
  reload(engine, (issues) => {
    if (issues.length > 0) return done({ kind: "invalid", issues });
    return answerWhenSettled(engine, "reload", { reloaded: true }, done);
  });
}

/** Success is what the kernel has; what it does not have in time is told as such. */
function answerWhenSettled(
  engine: Engine,
  why: string,
  result: object,
  done: (result: ChangeResult) => void,
): void {
  const { core, settler } = engine;
  const revision = noteIntent(settler, why);
  const name = `answer ${revision}`;
  const waiter = whenSettled(settler, revision, false, () => {
    core.deadlines.clear(name);
    done({ kind: "done", result });
  });
  if (waiter === undefined) return;
  afterMs(core, name, settleMsMax, `answer to ${why}`, () => {
    done({ kind: "pending", why: stopWaiting(settler, waiter) });
  });
}

/** Failures on demand, to prove that they cost no packet; the mover must have allowed them. */
function runTestHook(engine: Engine, hook: TestHook): boolean {
  const { core } = engine;
  if (!core.facts.testHooks) return false;
  afterMs(core, "test hook", hookDelayMs, hook, () => fail(hook));
  return true;
}

function fail(hook: TestHook): void {
  const kept: Uint8Array[] = [];
  for (;;) {
    if (hook === "throw") throw new Error("thrown by the test hook");
    if (hook === "alloc") kept.push(new Uint8Array(hookBytes).fill(kept.length));
  }
}
