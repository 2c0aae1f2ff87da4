import type { Desired, DesiredFirewall, FirewallElement } from "../../model/desired.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { elementsScript, removeScript, replaceScript } from "../../render/nft.js";
import { phases } from "../phases.js";

/** One transaction or none; nothing is planned against a firewall that was not read. */
export function planFirewall(desired: Desired, observed: Observed): PlannedOperation[] {
  const wanted = desired.firewall;
  const found = observed.firewall;
  if (found.kind === "unread") return [];
  if (wanted === undefined) {
    if (found.kind === "absent") return [];
    return [operation(removeScript(), "remove table inet adit", phases.removeGuard)];
  }
  if (found.kind === "absent") return [replace(wanted, "it is absent")];
  if (found.structure !== wanted.structure) return [replace(wanted, "its structure differs")];
  return planElements(wanted, found.elements);
}

function replace(wanted: DesiredFirewall, reason: string): PlannedOperation {
  const summary = `load table inet adit with ${wanted.elements.size} elements: ${reason}`;
  return operation(replaceScript(wanted), summary, phases.guard);
}

function planElements(
  wanted: DesiredFirewall,
  found: ReadonlyMap<string, string>,
): PlannedOperation[] {
  const { added, removed } = elementChanges(wanted, found);
  if (added.length + removed.length === 0) return [];
  const script = elementsScript("delete", removed) + elementsScript("add", added);
  return [operation(script, elementsSummary(added, removed), phases.guard)];
}

export interface ElementChanges {
  readonly added: readonly FirewallElement[];
  /** With the value that was found. */
  readonly removed: readonly FirewallElement[];
}

/** A changed value is a removal and an addition. */
export function elementChanges(
  wanted: DesiredFirewall,
  found: ReadonlyMap<string, string>,
): ElementChanges {
  const added = [...wanted.elements].filter(([key, { value }]) => found.get(key) !== value);
  const removed: FirewallElement[] = [];
  for (const [text, value] of found) {
    if (wanted.elements.get(text)?.value === value) continue;
    const at = text.indexOf(" ");
    removed.push({ map: text.slice(0, at), key: text.slice(at + 1), value });
  }
  return { added: added.map(([, element]) => element), removed };
}

function elementsSummary(
  added: readonly FirewallElement[],
  removed: readonly FirewallElement[],
): string {
  const first = added[0] ?? removed[0];
  const others = new Set([...added, ...removed].map(({ key }) => key)).size - 1;
  const more = others > 0 ? ` and ${others} more` : "";
  const verb = added.length > 0 ? "set" : "remove";
  const value = added.length > 0 && first?.value ? ` to ${first.value}` : "";
  return `${verb} ${first?.key ?? ""}${value} in ${first?.map ?? ""}${more}`;
}

function operation(script: string, why: string, phase: number): PlannedOperation {
  return { operation: { kind: "firewall", script }, phase, why };
}
