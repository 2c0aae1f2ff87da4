/**
 * Packets now and then: of the devices, of ourselves, and from outside. Flows are tracked, and lazy
 * tunnels hear of them.
 */
import type { Machine } from "./machine.js";
import { familyOf, hostOf } from "./net.js";
import type { Random } from "./random.js";
import type { Packet } from "./resolve.js";
import { resolve } from "./resolve.js";
import type { Device } from "./topology.js";
import { LANS, packetsOf, TUN, UPLINK } from "./topology.js";

const PORTS = [53, 443];
const LOCAL_PERCENT = 10;
const INBOUND_PERCENT = 10;
/** Mark of the sockets of tunnels. */
const OWN_MARK = 0x7f000000;
const STRANGER = "198.51.100.77";
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
  if (random.chance(INBOUND_PERCENT)) receive(router, random.pick(devices));
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
  const index = kernel.linkNamed(UPLINK)?.index;
  const own = kernel.addresses.filter((item) => item.index === index).map(({ prefix }) => prefix);
  for (const { peer: dst, port: dport } of mover?.tunnels.sessions.values() ?? []) {
    const prefix = own.find((one) => familyOf(one) === familyOf(dst) && !one.startsWith("fe80"));
    if (prefix === undefined) continue;
    const from = { iif: "", mac: "", src: hostOf(prefix), mark: OWN_MARK };
    resolve(kernel, { ...from, dst, protocol: "tcp", dport }, { track: true });
  }
}

/** A stranger connects to a port that the owner forwarded to a device. */
function receive({ kernel }: Machine, { addr4 }: Device): void {
  const index = kernel.linkNamed(UPLINK)?.index;
  const own = kernel.addresses.find((item) => item.index === index && item.prefix.includes("."));
  const isKnown = kernel.flows.some(({ src, answerer }) => src === STRANGER && answerer === addr4);
  if (own === undefined || isKnown) return;
  const ends = { src: STRANGER, dst: hostOf(own.prefix), answerer: addr4, answered: STRANGER };
  kernel.flows.push({ ...ends, ports: "tcp 443", mark: 0 });
}

/** The same objects each time, so that resolve() knows them again. */
function withPorts(packet: Packet): readonly Packet[] {
  const known = onPorts.get(packet) ?? PORTS.map((dport) => ({ ...packet, dport }));
  onPorts.set(packet, known);
  return known;
}
