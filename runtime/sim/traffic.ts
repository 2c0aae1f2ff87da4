/** Packets of the devices now and then; flows are tracked, and lazy tunnels hear of them. */
import type { Machine } from "./machine.js";
import type { Random } from "./random.js";
import type { Packet } from "./resolve.js";
import { resolve } from "./resolve.js";
import type { Device } from "./topology.js";
import { packetsOf, TUN } from "./topology.js";

const PORTS = [53, 443];
const onPorts = new WeakMap<Packet, readonly Packet[]>();

/** One packet of each device, to where chance says. */
export function sendPackets(router: Machine, devices: readonly Device[], random: Random): void {
  for (const device of devices) {
    const packet = random.pick(withPorts(random.pick(packetsOf(device))));
    const outcome = resolve(router.kernel, packet, { track: true });
    const tunnels = router.mover?.tunnels;
    if (outcome.kind !== "out" || outcome.oif !== TUN || tunnels === undefined) continue;
    const slot = tunnels.slotOf(outcome.source);
    if (slot !== 0) tunnels.sessionFor(slot, true);
  }
}

/** The same objects each time, so that resolve() knows them again. */
function withPorts(packet: Packet): readonly Packet[] {
  const known = onPorts.get(packet) ?? PORTS.map((dport) => ({ ...packet, dport }));
  onPorts.set(packet, known);
  return known;
}
