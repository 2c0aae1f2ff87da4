/**
 * What must hold after every operation, and what must hold once faults have stopped. Everything is
 * asked of the kernel by resolve(), nothing of the bundle.
 */
import type { Machine } from "./machine.js";
import { action, ours, rtn, table } from "./constants.js";
import { isRight } from "./flows.js";
import type { Kernel } from "./kernel.js";
import type { Flow } from "./kernel-objects.js";
import { contains, hostOf, netOf, networkOf } from "./net.js";
import type { ReferencePolicy } from "./policy.js";
import { allowedOf, expectedOf } from "./policy.js";
import type { Packet } from "./resolve.js";
import { resolve } from "./resolve.js";
import { placeOf } from "./place.js";
import { checkInbound, checkSettledInbound } from "./inbound.js";
import { checkQuotes, checkSettledQuotes } from "./quotes.js";
import { routeText, ruleText } from "./kernel-objects.js";
import { Violation } from "./violation.js";
import type { Device } from "./topology.js";
import { isNeighbour, isUplink, LANS, locations, packetsOf, TUN } from "./topology.js";

/** Time that a foreign edit of both layers may stay unrepaired, once a decider could see it. */
export const REPAIR_MS = 500;
const LEAK = "no packet leaves outside its tunnel";
/** Time until a change asked for by the API is in the kernel. */
const SETTLE_MS = 2_000;

/** What faults did lately: an attack on both layers at once may leak until it is repaired. */
export class Damage {
  readonly #at = new Map<"routing" | "firewall", number>();
  readonly #neighbours = new Map<string, number>();

  hit(layer: "routing" | "firewall", nowMs: number): void {
    this.#at.set(layer, nowMs);
  }

  neighbourChanged(mac: string, nowMs: number): void {
    this.#neighbours.set(mac, nowMs);
  }

  /** True while the layer may still be open; `seenMs` is since when somebody could repair it. */
  isOpen(layer: "routing" | "firewall", nowMs: number, seenMs: number): boolean {
    const at = this.#at.get(layer);
    return at !== undefined && nowMs <= Math.max(at, seenMs) + REPAIR_MS;
  }

  isNeighbourNew(mac: string, nowMs: number, seenMs: number): boolean {
    const at = this.#neighbours.get(mac);
    return at !== undefined && nowMs <= Math.max(at, seenMs) + REPAIR_MS;
  }
}

export interface Checked {
  readonly machine: Machine;
  readonly devices: readonly Device[];
  readonly policy: ReferencePolicy;
  readonly damage: Damage;
  /** Rules before the last change, for the time that a change takes. */
  previous: ReferencePolicy;
  changedAtMs: number;
  /** Since when a decider has been able to see and repair; Infinity while there is none. */
  ableSinceMs: number;
  readonly foreign: () => string;
  foreignBefore: string;
}

/** Safety, at any instant after the first apply. */
export function checkSafety(checked: Checked): void {
  for (const device of checked.devices) {
    let from = "";
    let places: ReadonlySet<string> = new Set();
    for (const packet of packetsOf(device)) {
      if (packet.src !== from) places = placesOf(checked, device, packet.src);
      from = packet.src;
      checkPacket(checked, device, packet, places);
    }
  }
  const foreign = checked.foreign();
  if (foreign !== checked.foreignBefore) {
    const detail = difference(checked.foreignBefore, foreign);
    throw new Violation("foreign objects stay untouched", detail);
  }
  checkQuotes(checked);
  const open = new Set(["uplink"]);
  checkInbound(checked, (device, src) =>
    isUncovered(checked, device, src) ? open : placesOf(checked, device, src),
  );
}

/** Block before unblock: no rule of ours leads to a table that does not end in unreachable. */
export function checkOrder({ machine, damage, ableSinceMs }: Checked): void {
  const { kernel, around } = machine;
  if (damage.isOpen("routing", around.clock.nowMs, ableSinceMs)) return;
  for (const rule of kernel.rules) {
    if (rule.protocol !== ours.PROTOCOL || rule.table === table.MAIN) continue;
    if (rule.action !== action.TO_TABLE) continue;
    const blocked = kernel.routes.some(
      (route) =>
        route.table === rule.table &&
        route.kind === rtn.UNREACHABLE &&
        route.dst === (rule.family === 4 ? "0.0.0.0/0" : "::/0"),
    );
    if (!blocked) throw new Violation("a table ends in unreachable before a rule", ruleText(rule));
  }
}

/** Lines that only one of two texts has. */
export function difference(before: string, after: string): string {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].join("\n");
}

function checkPacket(
  checked: Checked, device: Device, packet: Packet, places: ReadonlySet<string>,
): void {
  const { machine, policy } = checked;
  const changing = isChanging(checked);
  const isOpen = places.has("uplink") || inForce(checked).some((one) => one.mayBypass(packet.dst));
  const isCovered = !isUncovered(checked, device, packet.src);
  if (!isOpen && !changing && isCovered) checkLayers(checked, device, packet);
  const place = placeOf(machine, resolve(machine.kernel, packet));
  if (place === "nowhere" || places.has(place) || (place === "uplink" && isOpen)) return;
  if (!isCovered) return;
  if (place !== "uplink" && (changing || mayStray(checked))) return;
  if (mayLeak(checked, device, packet.src)) return;
  const where = `${device.name} ${packet.src} -> ${packet.dst}`;
  const rules = JSON.stringify(policy.rulesFor(device, packet.src));
  throw new Violation(LEAK, `${where} by ${place}, rules ${rules}`);
}

/** Wherever any rule that may be in force lets packets of that source go. */
function placesOf(checked: Checked, device: Device, src: string): Set<string> {
  const rules = inForce(checked).flatMap((policy) => policy.rulesFor(device, src));
  return new Set(rules.flatMap((rule) => [...allowedOf(rule)]));
}

/** What may hold at this moment: before and after of a change are both right for a while. */
function inForce(checked: Checked): ReferencePolicy[] {
  const { policy, previous } = checked;
  return isChanging(checked) ? [policy, previous] : [policy];
}

function isChanging({ machine, changedAtMs, ableSinceMs }: Checked): boolean {
  return machine.around.clock.nowMs <= Math.max(changedAtMs, ableSinceMs) + SETTLE_MS;
}

/** Each of the two layers keeps the packet from the uplink without the other's help. */
function checkLayers(checked: Checked, device: Device, packet: Packet): void {
  const { machine, damage, ableSinceMs } = checked;
  const nowMs = machine.around.clock.nowMs;
  for (const only of ["routing", "firewall"] as const) {
    if (damage.isOpen(only, nowMs, ableSinceMs)) continue;
    if (only === "routing" && isUnknown(checked, device, packet.src)) continue;
    const outcome = resolve(machine.kernel, packet, { only });
    if (outcome.kind !== "out" || !isUplink(outcome.oif)) continue;
    const where = `${device.name} ${packet.src} -> ${packet.dst}`;
    throw new Violation("each layer blocks alone", `${where}: the ${only} layer lets it out`);
  }
}

/** A device by MAC whose address no neighbour entry has told for long enough. */
function isUnknown(checked: Checked, device: Device, src: string): boolean {
  const { machine, policy, damage, ableSinceMs } = checked;
  if (!policy.rulesFor(device, src).some((rule) => rule?.kind === "mac")) return false;
  const nowMs = machine.around.clock.nowMs;
  const isNew = damage.isNeighbourNew(device.mac, nowMs, ableSinceMs);
  return isNew || !isNeighbour(machine.kernel, device, src);
}

/** Nobody can know that the device has the address by which it is covered whole. */
function isUncovered(checked: Checked, device: Device, src: string): boolean {
  const { machine, policy, damage, ableSinceMs } = checked;
  const holders = policy.rulesFor(device, src).flatMap((rule) => rule?.holder ?? []);
  if (holders.length === 0) return false;
  const isNew = damage.isNeighbourNew(device.mac, machine.around.clock.nowMs, ableSinceMs);
  return isNew || holders.some((holder) => !isNeighbour(machine.kernel, device, holder));
}

/** Which tunnel it takes is the firewall's choice alone. */
function mayStray({ machine, damage, ableSinceMs }: Checked): boolean {
  return damage.isOpen("firewall", machine.around.clock.nowMs, ableSinceMs);
}

/** Both layers were attacked and nobody had the time to repair either. */
function mayLeak(checked: Checked, device: Device, src: string): boolean {
  const { machine, damage, ableSinceMs } = checked;
  const nowMs = machine.around.clock.nowMs;
  if (!damage.isOpen("firewall", nowMs, ableSinceMs)) return false;
  if (damage.isOpen("routing", nowMs, ableSinceMs)) return true;
  return isUnknown(checked, device, src);
}

/** Liveness, once faults have stopped for a minute: every device is where policy wants it. */
export function checkSettled(checked: Checked): void {
  checkPlaces(checked, () => true);
  checkFlows(checked);
  checkSettledQuotes(checked);
  checkSettledInbound(checked);
  checkOrphans(checked);
}

/** Every device is where policy wants it, given which locations are up. */
export function checkPlaces(checked: Checked, isUp: (location: string) => boolean): void {
  const { machine, policy } = checked;
  const wallMs = machine.around.clock.wallMs();
  for (const device of checked.devices) {
    for (const packet of packetsOf(device)) {
      const wanted = policy
        .settledRules(device, packet.src, wallMs)
        .map((rule) => expectedOf(rule, isUp).replace("blocked", "nowhere"));
      const expected = policy.bypasses(packet.dst) ? ["uplink"] : wanted;
      const outcome = resolve(machine.kernel, packet);
      const place = placeOf(machine, outcome);
      if (expected.includes(place)) continue;
      const what = `${device.name} ${packet.src} -> ${packet.dst}`;
      const how = `${place}, not ${expected.join()}; ${JSON.stringify(outcome)}`;
      throw new Violation("settled as policy says", `${what}: ${how}`);
    }
  }
}

/** No rule of ours is left over for an address that no rule of the policy stands for. */
function checkOrphans({ machine, devices, policy }: Checked): void {
  for (const rule of machine.kernel.rules) {
    if (rule.protocol !== ours.PROTOCOL || rule.src === "") continue;
    // The other ones are about addresses from inside a tunnel and of the TUN.
    if (rule.action !== action.TO_TABLE || rule.iif === "lo") continue;
    const src = hostOf(rule.src);
    const owner = devices.find(({ addr4, addr6 }) => src === addr4 || src === addr6);
    const isRuled = ([rule]: ReturnType<ReferencePolicy["rulesFor"]>): boolean => !!rule;
    if (owner !== undefined && isRuled(policy.rulesFor(owner, src))) continue;
    throw new Violation("nothing is left over", ruleText(rule));
  }
}

/** No tracked flow of a device is elsewhere than a new one would be. */
function checkFlows({ machine, devices }: Checked): void {
  for (const flow of machine.kernel.flows) {
    const packet = packetOf(devices, flow);
    if (packet === undefined || isRight(machine.kernel, flow, packet) !== false) continue;
    const fresh = JSON.stringify(resolve(machine.kernel, packet));
    throw new Violation("flows follow the policy", `${flowText(flow)}, not ${fresh}`);
  }
}

/** A flow that is where the policy lets it be, and where a new one would be, is never cut. */
export function checkCut(checked: Checked, flow: Flow): void {
  const { machine, devices } = checked;
  const device = deviceAt(devices, flow.src);
  const packet = packetOf(devices, flow);
  const isOurs = device !== undefined && packet !== undefined;
  if (isOurs && isRight(machine.kernel, flow, packet) !== true) return;
  if (!isOurs && deviceAt(devices, flow.answerer) === undefined && !isOwn(machine, flow)) return;
  const slot = machine.mover?.tunnels.slotOf(flow.answered) ?? 0;
  const place = slot === 0 ? "uplink" : (locations[slot - 1]?.name ?? `slot ${slot}`);
  const isLocal = isOurs && resolve(machine.kernel, packet).kind === "local";
  if (isOurs && !isLocal && !isAllowed(checked, device, flow, place)) return;
  throw new Violation("a flow that is right is never cut", `${flowText(flow)} by ${place}`);
}

function isAllowed(checked: Checked, device: Device, flow: Flow, place: string): boolean {
  if (isOnOurSide(checked.machine, flow.answerer)) return true;
  const isOpen = inForce(checked).some((policy) => policy.mayBypass(flow.dst));
  return placesOf(checked, device, flow.src).has(place) || (isOpen && place === "uplink");
}

function isOnOurSide({ kernel }: Machine, address: string): boolean {
  const lans = new Set(LANS.map((name) => kernel.linkNamed(name)?.index));
  return kernel.addresses.some(
    ({ index, prefix }) => lans.has(index) && contains(netOf(networkOf(prefix)), netOf(address)),
  );
}

/** What carries a tunnel. */
function isOwn({ kernel, mover }: Machine, flow: Flow): boolean {
  const peers = [...(mover?.tunnels.sessions.values() ?? [])].map(({ peer }) => peer);
  return kernel.isLocal(flow.src) && kernel.isLocal(flow.answered) && peers.includes(flow.dst);
}

function packetOf(devices: readonly Device[], flow: Flow): Packet | undefined {
  const device = deviceAt(devices, flow.src);
  if (device === undefined) return undefined;
  const { iface: iif, mac } = device;
  const dport = Number(flow.ports.split(" ")[1]);
  return { iif, mac, src: flow.src, dst: flow.dst, dport };
}

function deviceAt(devices: readonly Device[], address: string): Device | undefined {
  return devices.find(({ addr4, addr6 }) => address === addr4 || address === addr6);
}

function flowText({ src, dst, ports, answered }: Flow): string {
  return `${src} -> ${dst} ${ports} as ${answered}`;
}

/** Everything of ours in the kernel as sorted text, to be compared before and after. */
export function ownText(machine: Machine): string {
  const { kernel } = machine;
  const name = (index: number): string => kernel.linkName(index);
  const lines = [
    ...kernel.routes.filter(isOurs).map((route) => routeText(route, name)),
    ...kernel.rules.filter(isOurs).map(ruleText),
  ];
  return [...lines.sort(), kernel.firewall.list() ?? "no table"].join("\n");
}

/** Everything of others, likewise. */
export function foreignText({ kernel, mover }: Machine): string {
  const before = foreignTexts.get(kernel);
  if (before?.version === kernel.version) return before.text;
  const text = describeForeign(kernel, mover?.tunnels.tunIndex ?? 0);
  foreignTexts.set(kernel, { version: kernel.version, text });
  return text;
}

const foreignTexts = new WeakMap<Kernel, { readonly version: number; readonly text: string }>();

function describeForeign(kernel: Kernel, tunIndex: number): string {
  const name = (index: number): string => kernel.linkName(index);
  // Whoever has the name, what the kernel itself puts there comes and goes with the device.
  const tuns = [kernel.linkNamed(TUN)?.index, tunIndex];
  const routes = kernel.routes.filter((route) => !isOurs(route) && !tuns.includes(route.oif));
  const rules = kernel.rules.filter((rule) => !isOurs(rule));
  const lines = [...routes.map((route) => routeText(route, name)), ...rules.map(ruleText)];
  return lines.sort().join("\n");
}

function isOurs(item: { readonly protocol: number }): boolean {
  return item.protocol === ours.PROTOCOL;
}
