import type { Desired, DesiredRule } from "../../model/desired.js";
import {
  actionGoto,
  actionNothing,
  actionTable,
  priorityMax,
  priorityMin,
  protocolOurs,
  tableMain,
} from "../../model/kernel.js";
import type { Observed, ObservedRule } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";
import { difference, keyedBy } from "./keyed.js";

export function planRules(desired: Desired, observed: Observed): PlannedOperation[] {
  const present = new Map([...observed.rules].filter(([, rule]) => isOurs(rule)));
  const { added, removed } = difference<DesiredRule | ObservedRule>(
    keyedBy(desired.rules, (rule) => ruleKey(asOurs(rule))),
    present,
  );
  return [
    ...added.map((rule) => operation(rule as DesiredRule, false, addPhase(rule, desired))),
    ...removed.map((rule) => operation(asDesired(rule), true, phases.removeRules)),
  ];
}

function isOurs(rule: ObservedRule): boolean {
  const { protocol, priority } = rule;
  return protocol === protocolOurs && priority >= priorityMin && priority <= priorityMax;
}

/** The rule as the kernel reports it when it is ours. */
export function asOurs({ why: _why, ...rule }: DesiredRule): ObservedRule {
  return { ...rule, oif: "", protocol: protocolOurs, suppress: -1 };
}

/** Everything in which two rules may differ; the key of observed rules. */
export function ruleKey(rule: ObservedRule): string {
  const { family, priority, src, dst, iif, oif, fwmark, fwmask } = rule;
  const { table, action, protocol, invert, suppress } = rule;
  const match = `${family} ${priority} ${src} ${dst} ${iif} ${oif} ${fwmark} ${fwmask}`;
  return `${match} ${table} ${action} ${protocol} ${invert} ${suppress}`;
}

function asDesired(rule: Omit<DesiredRule, "why">): DesiredRule {
  const { family, priority, src, dst, iif, fwmark, fwmask, table, action, invert } = rule;
  const why = "no rule asks for it";
  return { family, priority, src, dst, iif, fwmark, fwmask, table, action, invert, why };
}

/** A table with an unreachable end blocks; every other one lets through. */
function addPhase(rule: DesiredRule | ObservedRule, desired: Desired): number {
  if (rule.action !== actionTable) return phases.tunnelRules;
  const blocks =
    rule.table !== tableMain &&
    desired.routes.some((route) => route.table === rule.table && route.oif === "");
  return blocks ? phases.tunnelRules : phases.otherRules;
}

function operation(rule: DesiredRule, remove: boolean, phase: number): PlannedOperation {
  const mark = rule.fwmask === 0 ? "" : ` mark 0x${rule.fwmark.toString(16)}`;
  const src = rule.src === "" ? "" : ` from ${rule.src}`;
  const dst = rule.dst === "" ? "" : ` to ${rule.dst}`;
  const iif = rule.iif === "" ? "" : ` iif ${rule.iif}`;
  const what = `IPv${rule.family} rule ${rule.priority}${src}${dst}${iif}${mark}`;
  const why = `${remove ? "remove" : "add"} ${what}${leadText(rule)}: ${rule.why}`;
  return { operation: { kind: "rule", remove, rule }, phase, why };
}

function leadText({ action, table }: DesiredRule): string {
  if (action === actionGoto) return ` goto ${table}`;
  if (action === actionNothing) return " nothing";
  return action === actionTable ? ` to table ${table}` : " unreachable";
}
