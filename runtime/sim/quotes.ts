/**
 * What the router says itself, and who borrows an address from inside a tunnel: ICMP errors quote
 * the packet that they are about, so they are as secret as that.
 */
import { iff } from "./constants.js";
import type { Checked } from "./invariants.js";
import type { Kernel } from "./kernel.js";
import type { Machine } from "./machine.js";
import type { Mover } from "./mover.js";
import { netOf } from "./net.js";
import { placeOf } from "./place.js";
import type { Outcome, Packet, ResolveOptions } from "./resolve.js";
import { resolve } from "./resolve.js";
import type { Device } from "./topology.js";
import {
  addressAt, destinations4, destinations6, isUplink, locations, TUN, UPLINK,
} from "./topology.js";
import { Violation } from "./violation.js";

const BACK = "what quotes a tunnel goes back into it or nowhere";
const HOME = "an error goes where its cause came from or nowhere";
const FORGED = "nobody borrows an address from inside a tunnel";
const ERRORS_BY_INBOUND = "net/ipv4/icmp_errors_use_inbound_ifaddr";
const PACKETS_MAX = 10_000;
/** Prefixes that the router has no route to, as those of devices that kept an old one. */
export const STALE = ["10.77.0.9", "2001:db8:dead::9"] as const;

export type Layer = NonNullable<ResolveOptions["only"]> | "both";

/** At any instant; what one layer does alone is asked only while nobody attacked that layer. */
export function checkQuotes(checked: Checked): void {
  const { machine, devices } = checked;
  const { kernel } = machine;
  const asked = [...(isWhole(checked, "firewall") ? (["both", "firewall"] as const) : [])];
  for (const packet of errorsAboutAnswers(machine)) {
    for (const layer of asked) checkBack(kernel, packet, layer);
  }
  if (isWhole(checked, "firewall")) for (const device of devices) checkHome(kernel, device);
  for (const device of devices) checkForged(checked, device);
}

/** Once all is settled the routing layer does without the firewall. */
export function checkSettledQuotes({ machine }: Checked): void {
  for (const packet of errorsAboutAnswers(machine)) checkBack(machine.kernel, packet, "routing");
}

export function isWhole(checked: Checked, layer: "routing" | "firewall"): boolean {
  const { machine, damage, ableSinceMs } = checked;
  return !damage.isOpen(layer, machine.around.clock.nowMs, ableSinceMs);
}

export function ask(kernel: Kernel, packet: Packet, layer: Layer): Outcome {
  return resolve(kernel, packet, layer === "both" ? {} : { only: layer });
}

function checkBack(kernel: Kernel, packet: Packet, layer: Layer): void {
  const outcome = ask(kernel, packet, layer);
  if (outcome.kind !== "out" || outcome.oif === TUN) return;
  const { src, dst, about = "" } = packet;
  throw new Violation(BACK, `${layer}: ${src} -> ${dst} about ${about} by ${outcome.oif}`);
}

/** One for each pair of a translated address and a far host. */
function errorsAboutAnswers({ kernel, mover }: Machine): Packet[] {
  const link = kernel.linkNamed(TUN);
  if (link === undefined || (link.flags & iff.UP) === 0) return [];
  const found = new Map<string, Packet>();
  for (const { dst, answered } of kernel.flows) {
    if (!isServed(mover, answered)) continue;
    const src = errorSource(kernel, netOf(dst).family, TUN);
    if (src === "") continue;
    const packet = { iif: "", mac: "", src, dst, about: answered, ...unreachable };
    found.set(`${dst} ${answered}`, known(packet));
  }
  return [...found.values()];
}

/** A tunnel that nobody serves brings no answers. */
function isServed(mover: Mover | undefined, address: string): boolean {
  const slot = mover?.tunnels.slotOf(address) ?? 0;
  return slot !== 0 && mover?.tunnels.sessionFor(slot, false) !== undefined;
}

const packets = new Map<string, Packet>();

/** The same object each time, so that resolve() knows it again. */
export function known(packet: Packet): Packet {
  const key = JSON.stringify(packet);
  const before = packets.get(key);
  if (before !== undefined) return before;
  if (packets.size >= PACKETS_MAX) packets.clear();
  packets.set(key, packet);
  return packet;
}

const unreachable = { protocol: "icmp", error: "destination-unreachable" } as const;

/** As the kernel chooses it: of the interface by which the cause came, if it may and can. */
function errorSource(kernel: Kernel, family: 4 | 6, iface: string): string {
  const mayAsk = family === 6 || kernel.sysctls.get(ERRORS_BY_INBOUND) === "1";
  return (mayAsk ? addressAt(kernel, family, iface) : "") || addressAt(kernel, family, UPLINK);
}

/** A device with an address of a prefix that is not there any more would be answered outside. */
function checkHome(kernel: Kernel, device: Device): void {
  for (const dst of STALE) {
    const src = addressAt(kernel, netOf(dst).family, device.iface);
    if (src === "") continue;
    const packet = known({ iif: "", mac: "", src, dst, untracked: true, ...unreachable });
    const outcome = resolve(kernel, packet);
    if (outcome.kind === "out" && isUplink(outcome.oif)) {
      throw new Violation(HOME, `${src} -> ${dst} by ${outcome.oif}`);
    }
  }
}

function checkForged(checked: Checked, device: Device): void {
  const { machine } = checked;
  const { kernel } = machine;
  const layers = (["routing", "firewall"] as const).filter((layer) => isWhole(checked, layer));
  if (layers.length === 0) return;
  const inner = kernel.flows.filter(({ src, answered }) => src !== answered);
  for (const src of new Set(inner.map(({ answered }) => answered))) {
    const dst = (netOf(src).family === 4 ? destinations4 : destinations6)[0];
    const { iface: iif, mac } = device;
    const packet = known({ iif, mac, src, dst, untracked: true, protocol: "icmp" });
    for (const layer of ["both", ...layers] as const) {
      const place = placeOf(machine, ask(kernel, packet, layer));
      if (!locations.some(({ name }) => name === place)) continue;
      throw new Violation(FORGED, `${layer}: ${device.name} as ${src} by ${place}`);
    }
  }
}
