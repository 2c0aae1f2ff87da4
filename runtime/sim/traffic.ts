/** Packets of the devices now and then; flows are tracked, and lazy tunnels hear of them. */
import type { Machine } from "./machine.js";
import type { Random } from "./random.js";
import { resolve } from "./resolve.js";
import type { Device } from "./topology.js";
import { packetsOf, TUN } from "./topology.js";

const PORTS = [53, 443];

/** One packet of each device, to where chance says. */
export function sendPackets(router: Machine, devices: readonly Device[], random: Random): void {
  for (const device of devices) {
    const packet = random.pick(packetsOf(device));
    const dport = random.pick(PORTS);
    const outcome = resolve(router.kernel, { ...packet, dport }, { track: true });
    const tunnels = router.mover?.tunnels;
    if (outcome.kind !== "out" || outcome.oif !== TUN || tunnels === undefined) continue;
    const slot = tunnels.slotOf(outcome.source);
    if (slot !== 0) tunnels.sessionFor(slot, true);
  }
}
