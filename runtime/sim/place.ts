/** Where a packet ends up, in words. */
import type { Machine } from "./machine.js";
import type { Outcome } from "./resolve.js";
import { isUplink, locations, TUN } from "./topology.js";

/** `uplink`, a location's name, `nowhere`, or the interface or slot in words. */
export function placeOf(machine: Machine, outcome: Outcome): string {
  if (outcome.kind !== "out") return "nowhere";
  if (isUplink(outcome.oif)) return "uplink";
  const tunnels = machine.mover?.tunnels;
  const index = machine.kernel.linkNamed(outcome.oif)?.index;
  // Whatever it is called, what leaves by our device comes to the mover.
  if (index !== tunnels?.tunIndex) return outcome.oif === TUN ? "an impostor" : outcome.oif;
  const slot = tunnels?.slotOf(outcome.source) ?? 0;
  const started = slot === 0 ? undefined : tunnels?.sessionFor(slot, false);
  return started === undefined ? "nowhere" : (locations[slot - 1]?.name ?? `slot ${slot}`);
}
