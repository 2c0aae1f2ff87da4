/** The configuration file's way into the engine: read, check, lay the run-time rules over it. */
import { readFile } from "../host/transfer.js";
import { parseConfig } from "../config/parse.js";
import type { Config, Issue } from "../model/config.js";
import type { Core } from "./core.js";
import { logError, logWarning } from "./core.js";
import { issueLines } from "./issues.js";
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

const disabled: Issue = {
  path: "",
  value: "",
  expected: "option enabled '1' in the section adit, or nothing runs",
};

export interface Configuration {
  readonly core: Core;
  changes: RuleChanges;
  /** What the file said when it was last taken. */
  file: Config | undefined;
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
    const { config, issues, warnings, isEnabled } = parseConfig(text);
    for (const line of issueLines(warnings, core.facts.configPath)) logWarning(core, line);
    if (!isEnabled) return done([disabled, ...issues], false);
    if (config === undefined) return done(issues, true);
    const role = core.config?.role ?? config.role;
    if (config.role !== role) return done([otherRole(role, config.role)], true);
    takeConfiguration(configuration, withSocket(core, config));
    return done([], true);
  });
}

/** Why a change was refused, or the configuration that it makes. */
export type ChangeAnswer =
  /** It holds; `notKept` says why the next start will not know it, "" if it will. */
  | { readonly kind: "changed"; readonly notKept: string }
  | { readonly kind: "absent" }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/** Adds or removes a rule at run time; kept in run_dir before it is answered. */
export function applyChange(
  configuration: Configuration,
  change: RuleChange,
  done: (answer: ChangeAnswer) => void,
): void {
  const { core } = configuration;
  const { config } = core;
  if (config?.role !== "router") return done(invalid("role", "gateway", "a router"));
  const outcome = changeRule(config, change);
  if (outcome.kind !== "changed") return done(outcome);
  const changes = remember(configuration.changes, change);
  if (changes === undefined) {
    const expected = `at most ${runtimeRulesMax} rules made at run time, edit the file instead`;
    return done(invalid("subject", change.subject, expected));
  }
  keepChanges(configuration, changes, (problem) => done(takeChange(core, change, problem)));
}

function keepChanges(
  configuration: Configuration,
  changes: RuleChanges,
  done: (problem: string) => void,
): void {
  const { core } = configuration;
  configuration.changes = changes;
  saveState(core, "rules", changesToJson(changes), (problem) => {
    if (problem !== "") logError(core, `run-time rules cannot be kept: ${problem}`);
    done(problem);
  });
}

/** The configuration may have changed meanwhile, so the change is applied to what is in force. */
function takeChange(core: Core, change: RuleChange, notKept: string): ChangeAnswer {
  const { config } = core;
  if (config?.role !== "router") throw new Error("the role changed while running");
  const outcome = changeRule(config, change);
  if (outcome.kind !== "changed") return outcome;
  core.config = outcome.config;
  return { kind: "changed", notKept };
}

function takeConfiguration(configuration: Configuration, file: Config): void {
  const { core, changes, file: before = file } = configuration;
  const held = stillHolding(changes, before, file);
  configuration.file = file;
  if (held.size < changes.size) keepChanges(configuration, held, () => undefined);
  const { config, issues } = layOver(file, held);
  for (const line of issueLines(issues)) logWarning(core, `run-time rule: ${line}`);
  core.config = config;
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

function invalid(path: string, value: string, expected: string): ChangeAnswer {
  return { kind: "invalid", issues: [{ path, value: JSON.stringify(value), expected }] };
}
