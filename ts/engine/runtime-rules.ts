/**
 * Rules that were made or removed at run time, laid over the configuration file. They last until
 * the daemon is stopped: a crash or a reload must not unprotect a device. What the file says anew
 * of the same subject is the later word and ends them too.
 */
import {
  addRule,
  parseMatch,
  parseRule,
  removeRule,
  ruleIssues,
  wordsOf,
} from "../config/rules.js";
import type { Config, Issue, Rule, RouterConfig } from "../model/config.js";
import { routerOf } from "../model/config.js";

/** Changes that are remembered; they have to fit into one state file. */
export const runtimeRulesMax = 300;

export type RuleKind = "mac" | "ip" | "iface";

/** What a user asked for, by the words of the request. */
export interface RuleChange {
  readonly kind: RuleKind;
  readonly subject: string;
  /** Undefined removes the rule. */
  readonly vl: string | undefined;
  readonly whenDown: string | undefined;
}

/** The last change for each subject, in the order of the requests. */
export type RuleChanges = ReadonlyMap<string, RuleChange>;

export type RuleOutcome =
  | { readonly kind: "changed"; readonly config: RouterConfig; readonly rule: Rule }
  | { readonly kind: "absent" }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/** Applies one change to a configuration. */
export function changeRule(config: RouterConfig, change: RuleChange): RuleOutcome {
  const rule = parseRule(change.kind, change.subject, change.vl ?? "", change.whenDown);
  if (isIssues(rule)) return { kind: "invalid", issues: rule };
  if (change.vl === undefined) {
    const removed = removeRule(config, rule.match);
    return removed === undefined ? { kind: "absent" } : { kind: "changed", config: removed, rule };
  }
  const issues = ruleIssues(config, rule);
  if (issues.length > 0) return { kind: "invalid", issues };
  return { kind: "changed", config: addRule(config, rule), rule };
}

/** Lays all changes over what the file says; those that do not fit are returned as issues. */
export function layOver(
  config: Config,
  changes: RuleChanges,
): { readonly config: Config; readonly issues: readonly Issue[] } {
  let result = routerOf(config);
  if (result === undefined) return { config, issues: [] };
  const issues: Issue[] = [];
  for (const change of changes.values()) {
    const outcome = changeRule(result, change);
    if (outcome.kind === "changed") result = outcome.config;
    if (outcome.kind === "invalid") issues.push(...outcome.issues);
  }
  return { config: result, issues };
}

/** The changes of whose subjects both files say the same. */
export function stillHolding(changes: RuleChanges, before: Config, after: Config): RuleChanges {
  const [old, fresh] = [routerOf(before), routerOf(after)];
  if (old === undefined || fresh === undefined) return changes;
  const held = new Map(changes);
  for (const [key, { kind, subject }] of changes) {
    const match = parseMatch(kind, subject);
    const isKnown = !Array.isArray(match);
    if (isKnown && wordsOf(old, match) !== wordsOf(fresh, match)) held.delete(key);
  }
  return held;
}

/** Remembers a change, the latest last; undefined if there are too many. */
export function remember(changes: RuleChanges, change: RuleChange): RuleChanges | undefined {
  const key = `${change.kind} ${change.subject.toLowerCase()}`;
  const result = new Map(changes);
  result.delete(key);
  if (result.size >= runtimeRulesMax) return undefined;
  return result.set(key, change);
}

export function changesToJson(changes: RuleChanges): object {
  const list = [...changes.values()].map(({ kind, subject, vl, whenDown }) => {
    return { kind, subject, vl, when_down: whenDown };
  });
  return { changes: list };
}

/** Reads what `changesToJson` wrote; anything that is no change is left out. */
export function changesFromJson(content: Readonly<Record<string, unknown>>): RuleChanges {
  let changes: RuleChanges = new Map();
  const list = content["changes"];
  if (!Array.isArray(list)) return changes;
  for (const item of list as unknown[]) {
    const change = readChange(item);
    if (change !== undefined) changes = remember(changes, change) ?? changes;
  }
  return changes;
}

function readChange(item: unknown): RuleChange | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const { kind, subject, vl, when_down: whenDown } = item as Record<string, unknown>;
  const optional = [vl, whenDown].every((one) => one === undefined || typeof one === "string");
  const known = ["mac", "ip", "iface"].includes(String(kind)) && typeof subject === "string";
  return known && optional ? ({ kind, subject, vl, whenDown } as RuleChange) : undefined;
}

function isIssues(result: Rule | readonly Issue[]): result is readonly Issue[] {
  return Array.isArray(result);
}
