import type { Desired, DesiredRule } from "../../model/desired.js";
import { priorityMax, priorityMin, protocolOurs, tableMain } from "../../model/kernel.js";
import type { Observed, ObservedRule } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";
import { difference, keyedBy } from "./keyed.js";

export function planRules(desired: Desired, observed: Observed): PlannedOperation[] {
  const present = [...observed.rules.values()].filter(isOurs).map(asDesired);
  const { added, removed } = difference(
    keyedBy(desired.rules, identity),
    keyedBy(present, identity),
  );
  return [
    ...added.map((rule) => operation(rule, false, addPhase(rule, desired))),
    ...removed.map((rule) => operation(rule, true, phases.removeRules)),
  ];
}

function isOurs(rule: ObservedRule): boolean {
  const { protocol, priority } = rule;
  return protocol === protocolOurs && priority >= priorityMin && priority <= priorityMax;
}

function asDesired(rule: ObservedRule): DesiredRule {
  const { family, priority, src, dst, iif, fwmark, fwmask, table, action, invert } = rule;
  const why = "no rule asks for it";
  return { family, priority, src, dst, iif, fwmark, fwmask, table, action, invert, why };
}

function identity(rule: DesiredRule): string {
  const { family, priority, src, dst, iif, fwmark, fwmask, table, action, invert } = rule;
  return [family, priority, src, dst, iif, fwmark, fwmask, table, action, invert].join(" ");
}

/** A table with an unreachable end blocks; every other one lets through. */
function addPhase(rule: DesiredRule, desired: Desired): number {
  const blocks =
    rule.table !== tableMain &&
    desired.routes.some((route) => route.table === rule.table && route.oif === "");
  return blocks ? phases.tunnelRules : phases.otherRules;
}

function operation(rule: DesiredRule, remove: boolean, phase: number): PlannedOperation {
  const mark = rule.fwmask === 0 ? "" : ` mark 0x${rule.fwmark.toString(16)}`;
  const src = rule.src === "" ? "" : ` from ${rule.src}`;
  const iif = rule.iif === "" ? "" : ` iif ${rule.iif}`;
  const what = `IPv${rule.family} rule ${rule.priority}${src}${iif}${mark} to table ${rule.table}`;
  const why = `${remove ? "remove" : "add"} ${what}: ${rule.why}`;
  return { operation: { kind: "rule", remove, rule }, phase, why };
}
