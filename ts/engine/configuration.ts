/** The configuration file's way into the engine: read, check, lay the run-time rules over it. */
import { readFile } from "../host/transfer.js";
import { parseConfig } from "../config/parse.js";
import type { Config, Issue } from "../model/config.js";
import { routerOf } from "../model/config.js";
import type { ApiChange } from "./api-socket.js";
import type { Core } from "./core.js";
import { logError, logWarning } from "./core.js";
import { disabled, issueLines } from "./issues.js";
import type { RuleChange, RuleChanges } from "./runtime-rules.js";
import {
  changeRule,
  changesToJson,
  layOver,
  remember,
  runtimeRulesMax,
  stillHolding,
} from "./runtime-rules.js";
import { saveState } from "./state-files.js";

/** Name of the API socket in run_dir where the configuration names none. */
const socketName = "adit.sock";

/** Makes what must exist before a configuration can be taken; an issue if that cannot be. */
export type Prepare = (config: Config, done: (change: ApiChange | Issue) => void) => void;

export interface Configuration {
  readonly core: Core;
  readonly prepare: Prepare;
  changes: RuleChanges;
  /** What the file said when it was last taken. */
  file: Config | undefined;
  /** Changes of the rules that wait for the one that is being written down. */
  readonly waiting: (() => void)[];
  writing: boolean;
}

export function createConfiguration(core: Core, prepare: Prepare): Configuration {
  return { core, prepare, changes: new Map(), file: undefined, waiting: [], writing: false };
}

/** Reads the file; `done` gets the issues, none if core.config was replaced, one if not enabled. */
export function loadConfiguration(
  configuration: Configuration,
  done: (issues: readonly Issue[], isEnabled: boolean) => void,
): void {
  const { core } = configuration;
  readFile(core.channel, core.facts.configPath, (result) => {
    if (!(result instanceof Uint8Array)) return done([unreadable(result.text)], true);
    const text = core.native.utf8Decode(result);
    if (text === undefined) return done([unreadable("not UTF-8")], true);
    const { config, role: found, issues, warnings, isEnabled } = parseConfig(text);
    for (const line of issueLines(warnings, core.facts.configPath)) logWarning(core, line);
    if (!isEnabled) return done([disabled, ...issues], false);
    const role = core.config?.role ?? found;
    // What else stands there is judged by the keys of the other role.
    if (role !== undefined && found !== undefined && role !== found) {
      return done([otherRole(role, found)], true);
    }
    if (config === undefined) return done(issues, true);
    return inTurn(configuration, (end) => {
      takeConfiguration(configuration, withSocket(core, config), (issues) => {
        end();
        done(issues, true);
      });
    });
  });
}

/** Why a change was refused, or the configuration that it makes. */
export type ChangeAnswer =
  | { readonly kind: "changed" }
  | { readonly kind: "absent" }
  /** The next decider would not know it, so it is not made. */
  | { readonly kind: "unkept"; readonly why: string }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/** Adds or removes a rule at run time; kept in run_dir before it holds. */
export function applyChange(
  configuration: Configuration,
  change: RuleChange,
  done: (answer: ChangeAnswer) => void,
): void {
  inTurn(configuration, (end) => {
    changeInTurn(configuration, change, (answer) => {
      end();
      done(answer);
    });
  });
}

/** One after another: what is written down must be what held before and one change. */
function inTurn(configuration: Configuration, run: (end: () => void) => void): void {
  const { waiting } = configuration;
  const start = (): void => {
    configuration.writing = true;
    run(() => {
      configuration.writing = false;
      waiting.shift()?.();
    });
  };
  if (configuration.writing) waiting.push(start);
  else start();
}

function changeInTurn(
  configuration: Configuration,
  change: RuleChange,
  done: (answer: ChangeAnswer) => void,
): void {
  const { core } = configuration;
  const config = routerOf(core.config);
  if (config === undefined) return done(invalid("role", "gateway", "a router"));
  const outcome = changeRule(config, change);
  if (outcome.kind !== "changed") return done(outcome);
  const changes = remember(configuration.changes, change);
  if (changes === undefined) {
    const expected = `at most ${runtimeRulesMax} rules made at run time, edit the file instead`;
    return done(invalid("subject", change.subject, expected));
  }
  keepChanges(configuration, changes, (why) => {
    if (why !== "") return done({ kind: "unkept", why });
    core.config = outcome.config;
    return done({ kind: "changed" });
  });
}

function keepChanges(
  configuration: Configuration,
  changes: RuleChanges,
  done: (problem: string) => void,
): void {
  const { core } = configuration;
  saveState(core, "rules", changesToJson(changes), (problem) => {
    if (problem === "") configuration.changes = changes;
    else logError(core, `run-time rules cannot be kept: ${problem}`);
    done(problem);
  });
}

/** At the start nothing holds yet that a missing socket could cost. */
function takeConfiguration(
  configuration: Configuration,
  file: Config,
  done: (issues: readonly Issue[]) => void,
): void {
  const { core, prepare } = configuration;
  if (core.config === undefined) return takeFile(configuration, file, done);
  prepare(file, (change) => {
    if ("path" in change) return done([change]);
    return takeFile(configuration, file, (issues) => {
      if (issues.length > 0) change.abandon();
      else change.commit();
      done(issues);
    });
  });
}

/** What a change of the file ended must not come back with the next decider. */
function takeFile(
  configuration: Configuration,
  file: Config,
  done: (issues: readonly Issue[]) => void,
): void {
  const { core, changes, file: before = file } = configuration;
  const held = stillHolding(changes, before, file);
  const take = (): void => {
    configuration.file = file;
    const { config, issues } = layOver(file, held);
    for (const line of issueLines(issues)) logWarning(core, `run-time rule: ${line}`);
    core.config = config;
    done([]);
  };
  if (held.size === changes.size) return take();
  return keepChanges(configuration, held, (problem) => {
    if (problem === "") take();
    else done([unforgettable(problem)]);
  });
}

function withSocket(core: Core, config: Config): Config {
  if (config.api.socket !== "") return config;
  return { ...config, api: { ...config.api, socket: `${core.facts.runDir}/${socketName}` } };
}

function otherRole(role: string, found: string): Issue {
  const expected = `${role} as before; a change of role needs a restart`;
  return { path: "role", value: JSON.stringify(found), expected };
}

function unreadable(why: string): Issue {
  return { path: "", value: "", expected: `a readable configuration file (${why})` };
}

function unforgettable(why: string): Issue {
  const expected = `room to write down which rules of the running time it ends (${why})`;
  return { path: "", value: "", expected };
}

function invalid(path: string, value: string, expected: string): ChangeAnswer {
  return { kind: "invalid", issues: [{ path, value: JSON.stringify(value), expected }] };
}
