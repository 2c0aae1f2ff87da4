/**
 * Packets now and then: of the devices, of ourselves, and from outside. Flows are tracked, and lazy
 * tunnels hear of them.
 */
import { arrive, callerBy } from "./inbound.js";
import type { Machine } from "./machine.js";
import type { Random } from "./random.js";
import type { Packet } from "./resolve.js";
import { resolve } from "./resolve.js";
import type { Device } from "./topology.js";
import { addressAt, LANS, packetsOf, SECOND, TUN, UPLINK, UPLINKS } from "./topology.js";

const PORTS = [53, 443];
const LOCAL_PERCENT = 10;
const INBOUND_PERCENT = 10;
/** Of what strangers ask, what is for the router itself. */
const OWN_PERCENT = 20;
const onPorts = new WeakMap<Packet, readonly Packet[]>();

/** One packet of each device, to where chance says. */
export function sendPackets(router: Machine, devices: readonly Device[], random: Random): void {
  for (const device of devices) {
    const isLocal = random.chance(LOCAL_PERCENT);
    const one = isLocal ? localPacket(device, devices, random) : random.pick(packetsOf(device));
    const packet = random.pick(withPorts(one));
    const outcome = resolve(router.kernel, packet, { track: true });
    const tunnels = router.mover?.tunnels;
    if (outcome.kind !== "out" || outcome.oif !== TUN || tunnels === undefined) continue;
    const slot = tunnels.slotOf(outcome.source);
    if (slot !== 0) tunnels.sessionFor(slot, true);
  }
  sendOwn(router);
  if (random.chance(INBOUND_PERCENT)) receive(router, random.pick(devices), random);
}

/** To the router itself, or to a neighbour in whichever of our networks. */
function localPacket(device: Device, devices: readonly Device[], random: Random): Packet {
  const { iface: iif, mac, addr4: src } = device;
  const net = LANS.indexOf(iif as (typeof LANS)[number]) + 1;
  const dst = random.pick([`192.168.${net}.1`, ...devices.map(({ addr4 }) => addr4)]);
  return { iif, mac, src, dst: dst === src ? `192.168.${net}.1` : dst };
}

/** What carries tunnels. */
function sendOwn({ kernel, mover }: Machine): void {
  for (const session of mover?.tunnels.sessions.values() ?? []) {
    const { peer: dst, port: dport, mark, source: src } = session;
    if (src === "") continue;
    const from = { iif: "", mac: "", src, mark };
    resolve(kernel, { ...from, dst, protocol: "tcp", dport }, { track: true });
  }
}

/** A stranger connects to a port that the owner forwarded to a device, or to the router. */
function receive({ kernel }: Machine, { addr4 }: Device, random: Random): void {
  const hasSecond = kernel.linkNamed(SECOND) !== undefined;
  const via = hasSecond ? random.pick(UPLINKS) : UPLINK;
  const own = addressAt(kernel, 4, via);
  const to = hasSecond && random.chance(OWN_PERCENT) ? own : addr4;
  const caller = callerBy(kernel, via, to);
  const isKnown = kernel.flows.some((flow) => flow.via === via && flow.answerer === to);
  const flow = caller === undefined || isKnown ? undefined : arrive(kernel, caller);
  if (flow !== undefined) kernel.flows.push(flow);
}

/** The same objects each time, so that resolve() knows them again. */
function withPorts(packet: Packet): readonly Packet[] {
  const known = onPorts.get(packet) ?? PORTS.map((dport) => ({ ...packet, dport }));
  onPorts.set(packet, known);
  return known;
}
