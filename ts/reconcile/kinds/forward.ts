import type { Desired, DesiredForward } from "../../model/desired.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";

/** Canonical text of a forward table; the order of entries means nothing to the mover. */
export function forwardText(forward: DesiredForward): string {
  const rows = forward.entries.map(({ prefix, slot }) => `${prefix}=${slot}`).sort();
  return [forward.byDestination ? "destination" : "source", forward.hairpin, ...rows].join(" ");
}

export function planForward(desired: Desired, observed: Observed): PlannedOperation[] {
  const { forward } = desired;
  if (forwardText(forward) === observed.forward) return [];
  const why = `forward ${forward.entries.length} inner addresses`;
  return [{ operation: { kind: "forward", forward }, phase: phases.tunSettings, why }];
}
