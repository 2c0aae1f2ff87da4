/** Rules at run time: made from words, added to and taken from a configuration. */
import type { Issue, RouterConfig, Rule, RuleMatch } from "../model/config.js";
import { checkRule, subjectOf } from "./checks.js";
import { rulesMax } from "../model/limits.js";
import { matchOf, targetOf, whenDownOf } from "./router.js";
import { types } from "./types.js";
import { addIssue } from "./walk.js";
import { wayWord } from "./words.js";

const subjectTypes: Readonly<Record<RuleMatch["kind"], string>> = {
  mac: "mac",
  address: "prefix",
  iface: "iface",
};
/** The word `ip` is what the API and the command line say for an address. */
const kinds: Readonly<Record<string, RuleMatch["kind"]>> = {
  mac: "mac",
  ip: "address",
  address: "address",
  iface: "iface",
};

/** The match of `kind` (mac, ip, address, iface) and `subject`, or what is wrong with them. */
export function parseMatch(kind: string, subject: string): RuleMatch | Issue[] {
  const issues: Issue[] = [];
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined) {
    addIssue(issues, "kind", kind, "mac, ip or iface");
    return issues;
  }
  const type = types[subjectTypes[known]];
  const value = type?.read(subject) as string | undefined;
  if (value === undefined) {
    addIssue(issues, "subject", subject, type?.expected ?? "");
    return issues;
  }
  return matchOf(known, value);
}

/** The rule of four words, or every issue. Whether its locations exist is told by `ruleIssues`. */
export function parseRule(
  kind: string,
  subject: string,
  vl: string,
  whenDown: string | undefined,
): Rule | Issue[] {
  const match = parseMatch(kind, subject);
  const issues = Array.isArray(match) ? match : [];
  const words = { vl, when_down: whenDown ?? "block" };
  for (const [key, type] of [["vl", types["vl"]] as const, ["when_down", types["when"]] as const]) {
    if (type?.read(words[key]) === undefined)
      addIssue(issues, key, words[key], type?.expected ?? "");
  }
  if (Array.isArray(match) || issues.length > 0) return issues;
  return { match, target: targetOf(vl), whenDown: whenDownOf(words.when_down) };
}

/**
 * What stands against a rule in this configuration: unknown locations, cycles, outward interfaces.
 */
export function ruleIssues(config: RouterConfig, rule: Rule): Issue[] {
  const issues: Issue[] = [];
  const known = new Set(["", ...config.locations.map((location) => location.name)]);
  checkRule(rule, "rule", config, known, issues);
  const isNew = !config.rules.some(sameSubject(rule.match));
  if (isNew && config.rules.length >= rulesMax) {
    addIssue(issues, "rule", config.rules.length, `at most ${rulesMax} rules`);
  }
  return issues;
}

/** The configuration with the rule, in place of an earlier one of the same subject. */
export function addRule(config: RouterConfig, rule: Rule): RouterConfig {
  const isSame = sameSubject(rule.match);
  const at = config.rules.findIndex((old) => isSame(old));
  if (at < 0) return { ...config, rules: [...config.rules, rule] };
  // Words say nothing about answers to connections from outside, nor about whole devices: what the
  // rule said before goes on.
  const replace = ({ inbound, wholeDevice }: Rule): Rule => ({
    ...rule,
    ...(inbound !== undefined && { inbound }),
    ...(wholeDevice !== undefined && { wholeDevice }),
  });
  return {
    ...config,
    rules: config.rules.map((old, index) => (index === at ? replace(old) : old)),
  };
}

/** The words of the rule of that subject, "" if there is none. */
export function wordsOf(config: RouterConfig, match: RuleMatch): string {
  const rule = config.rules.find(sameSubject(match));
  return rule ? `${wayWord(rule.target)} ${wayWord(rule.whenDown)}` : "";
}

/** The configuration without that rule, undefined if there is none. */
export function removeRule(config: RouterConfig, match: RuleMatch): RouterConfig | undefined {
  const isSame = sameSubject(match);
  const rules = config.rules.filter((rule) => !isSame(rule));
  return rules.length === config.rules.length ? undefined : { ...config, rules };
}

function sameSubject(match: RuleMatch): (rule: Rule) => boolean {
  const subject = subjectOf({ match, target: { kind: "direct" }, whenDown: { kind: "block" } });
  return (rule) => rule.match.kind === match.kind && subjectOf(rule) === subject;
}
