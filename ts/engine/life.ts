/** Beginning, reload and end of a decider's life. */
import { asResult, request, tell } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import type { Config, Issue } from "../model/config.js";
import { startPolicy } from "./advice-file.js";
import { closeApi, openApi } from "./api-socket.js";
import { openBus } from "./bus.js";
import { loadConfiguration } from "./configuration.js";
import type { Core } from "./core.js";
import { afterMs, logError, logInfo, logWarning } from "./core.js";
import type { Engine } from "./engine-state.js";
import { issueLines } from "./issues.js";
import { warnOfMachine } from "./machine.js";
import { reportMoves } from "./moves.js";
import { roleOf } from "./role.js";
import { changesFromJson } from "./runtime-rules.js";
import { isSettled, noteIntent, whenSettled } from "./settle.js";
import { startScripts } from "./swap.js";
import { startControl } from "./swap-control.js";
import type { StateTaker } from "./state-files.js";
import {
  loadStates,
  originalsFrom,
  removeState,
  takeFormerNames,
  takeHolders,
  takeLearnedUplinks,
} from "./state-files.js";

/** EX_CONFIG of sysexits.h. */
const exitConfig = 78;
const exitFailed = 1;
/** Time to put the host back as it was; what is left then is told and left. */
const stopMsMax = 5_000;
/** A decider that was restarted waits so long before it reads a broken configuration again. */
const configRetryMs = 5_000;

/** The mover has told everything about itself: state files, configuration, then the kernel. */
export function begin(engine: Engine): void {
  const { core } = engine;
  const takers: readonly StateTaker[] = [
    ["originals", (content) => (engine.originals = originalsFrom(content))],
    ["rules", (content) => (engine.configuration.changes = changesFromJson(content))],
    ["uplinks", (content) => takeLearnedUplinks(core, content)],
    ["links", (content) => takeFormerNames(core, content)],
    ["holders", (content) => takeHolders(core, content)],
  ];
  loadStates(core, takers, () => engine.advice.load(() => readFirstConfiguration(engine)));
}

/** A later life must not end the mover, which forwards by the last good decision meanwhile. */
function readFirstConfiguration(engine: Engine): void {
  const { core } = engine;
  loadConfiguration(engine.configuration, (issues, isEnabled) => {
    if (issues.length === 0 && core.config !== undefined) return takeFirst(engine, core.config);
    for (const line of issueLines(issues, core.facts.configPath)) {
      core.log.writeOnce("error", `config ${line}`, line);
    }
    if (core.facts.restarts === 0) return exit(core, isEnabled ? exitConfig : 0);
    afterMs(core, "config", configRetryMs, "read it again", () => {
      readFirstConfiguration(engine);
    });
  });
}

function takeFirst(engine: Engine, config: Config): void {
  const role = roleOf(engine.roles, config);
  role.configure(config);
  for (const session of engine.held) role.takeOver(session);
  engine.held = [];
  // Who has no rule waits for its script, so the kernel is looked at when it is known to be one.
  startControl(engine, () => {
    startScripts(engine, () => watchKernel(engine, config));
  });
}

function watchKernel(engine: Engine, config: Config): void {
  const { core } = engine;
  openApi(engine.api);
  openBus(engine, config);
  request(core.channel, { type: "watch" }, (answer) => {
    const { error, text } = asResult(answer);
    if (error !== 0) throw new Error(`the kernel cannot be watched: ${answerText(error, text)}`);
  });
}

/** The plan is empty: the first time that is readiness, while stopping it is the end. */
export function beginLife(engine: Engine): void {
  const { core } = engine;
  const { config } = core;
  if (engine.phase !== "starting" || core.stopping || config === undefined) return;
  engine.phase = "running";
  tell(core.channel, { type: "ready" });
  core.events.publish({ event: "ready" });
  logInfo(core, `ready as ${config.role}`);
  reportMoves(engine, "start");
  warnOfMachine(core);
  const role = roleOf(engine.roles, config);
  role.warn(config);
  role.start();
}

/** Reads the file again. With any issue the configuration in force stays. */
export function reload(engine: Engine, done: (issues: readonly Issue[]) => void): void {
  const { core } = engine;
  if (core.config === undefined || core.stopping) return done([]);
  loadConfiguration(engine.configuration, (issues) => {
    for (const line of issueLines(issues, core.facts.configPath)) logError(core, line);
    if (issues.length === 0 && core.config !== undefined) takeAgain(engine, core.config);
    done(issues);
  });
}

function takeAgain(engine: Engine, config: Config): void {
  const role = roleOf(engine.roles, config);
  role.configure(config);
  startPolicy(engine);
  openBus(engine, config);
  noteIntent(engine.settler, "the configuration was read again");
  if (engine.phase === "running") role.start();
  reportMoves(engine, "reload");
  warnOfMachine(engine.core);
  role.warn(config);
}

/** Takes down everything of ours, the state files last, then ends the mover. */
export function stop(engine: Engine): void {
  const { core, settler } = engine;
  if (core.stopping) return;
  core.stopping = true;
  engine.phase = "stopping";
  logInfo(core, "stopping");
  if (core.config === undefined) return exit(core, 0);
  roleOf(engine.roles, core.config).stop();
  afterMs(core, "stop", stopMsMax, "the host as it was", () => {
    logError(core, `not all could be taken down: ${settler.lastProblem}`);
    exit(core, exitFailed);
  });
  const revision = noteIntent(settler, "the daemon stops");
  whenSettled(settler, revision, false, () => finish(engine));
}

function finish(engine: Engine): void {
  const { core } = engine;
  if (!isSettled(engine.settler)) logWarning(core, "the kernel changed while stopping");
  closeApi(engine.api);
  removeState(core, () => exit(core, 0));
}

function exit(core: Core, status: number): void {
  core.deadlines.clear("stop");
  tell(core.channel, { type: "exit", status });
}
