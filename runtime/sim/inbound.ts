/**
 * Connections from outside, to ports that the owner's firewall leads to a device and to the router
 * itself; what answers them, and what only pretends to. And what comes out of a tunnel.
 */
import type { Checked } from "./invariants.js";
import type { Kernel } from "./kernel.js";
import type { Flow } from "./kernel-objects.js";
import type { Machine } from "./machine.js";
import { familyOf } from "./net.js";
import { runHook } from "./nft-evaluate.js";
import type { Layer } from "./quotes.js";
import { ask, isWhole, known, STALE } from "./quotes.js";
import type { Packet, Reply } from "./resolve.js";
import { chooseRoute, hookPacket } from "./resolve.js";
import type { Device } from "./topology.js";
import {
  addressAt, destinations4, destinations6, isUplink, locations, TUN, UPLINKS,
} from "./topology.js";
import { Violation } from "./violation.js";

const ANSWERED = "who asks by an uplink is answered by it";
const ELSEWHERE = "an answer leaves by no other uplink than the one that was asked";
const SHUT = "who may not answer does not";
const BEGUN = "what a device begins is no answer";
const FORWARDED = "only a forwarded port is answered";
const EXPECTED = "what was not begun outside is not answered there";
const INWARD = "what comes out of a tunnel goes where devices are";
const BOUND = "what is bound to an uplink leaves by no other";

const STRANGERS = { 4: "198.51.100.77", 6: "2001:db8:77::77" } as const;
const STRANGER_PORT = 40_000;
const SERVICE_PORT = 443;
/** The marks of what leaves by one uplink, by its rank. */
const FIRST_MARK = 0x77000000;
const MARK_UNIT = 0x01000000;

/** Somebody outside; `to` is another than the asked address if the owner forwards the port. */
interface Caller {
  readonly via: string;
  readonly src: string;
  readonly dst: string;
  readonly to: string;
}

/** Who connects by an uplink to a port that is forwarded to an address; undefined: to nothing. */
export function callerBy(kernel: Kernel, via: string, to: string): Caller | undefined {
  const dst = addressAt(kernel, 4, via);
  return dst === "" ? undefined : { via, src: STRANGERS[4], dst, to };
}

/** The first packet of a connection from outside; undefined if it does not arrive. */
export function arrive(kernel: Kernel, { via, src, dst, to }: Caller): Flow | undefined {
  const { table } = kernel.firewall;
  const came = { iif: via, mac: "", src, protocol: "tcp", dport: SERVICE_PORT } as const;
  const at = hookPacket({ ...came, dst });
  if (runHook(table, "prerouting", at).verdict === "drop") return undefined;
  const led = { ...at, dst: to };
  const { kind, route } = chooseRoute(kernel, led);
  if (kind === "unreachable") return undefined;
  if (route !== undefined) {
    led.oif = kernel.linkName(route.oif);
    if (runHook(table, "forward", led).verdict === "drop") return undefined;
  }
  const ports = `tcp ${SERVICE_PORT}`;
  return { src, dst, ports, answerer: to, answered: src, mark: at.flowMark, via };
}

type PlacesOf = (device: Device, src: string) => ReadonlySet<string>;

/** A plan of hundreds of routes is looked at now and then, one of the firewall at each step. */
const LOOK_MS = 20;

/** What was looked at last; most commands change nothing of it. */
interface Look {
  readonly table: object | undefined;
  readonly key: string;
  readonly atMs: number;
}

const looked = new WeakMap<Kernel, Look>();

/** At any instant, while nobody attacked what has to hold. */
export function checkInbound(checked: Checked, placesOf: PlacesOf): void {
  const { machine, devices } = checked;
  const [isFirewall, isRouting] = [isWhole(checked, "firewall"), isWhole(checked, "routing")];
  const { firewall: { table }, version, flows } = machine.kernel;
  const key = `${version} ${flows.length} ${isFirewall} ${isRouting}`;
  const before = looked.get(machine.kernel);
  const { nowMs: atMs } = machine.around.clock;
  const isLate = before === undefined || atMs >= before.atMs + LOOK_MS;
  if (before?.table === table && (before?.key === key || !isLate)) return;
  looked.set(machine.kernel, { table, key, atMs });
  if (isRouting) checkBound(checked);
  if (!isFirewall) return;
  checkInward(checked);
  for (const flow of machine.kernel.flows) {
    if (flow.via === undefined) continue;
    const device = deviceAt(devices, flow.answerer);
    if (device === undefined) {
      if (checked.policy.variation.defaultGateway) checkOwnAnswer(checked, flow);
    } else if (isProtected(checked, placesOf, device, flow)) {
      checkAnswers(checked, device, flow);
    }
  }
  for (const device of devices) checkUnforwarded(checked, placesOf, device);
}

/** Liveness, once faults have stopped: whoever asks now is answered, where nobody forbids it. */
export function checkSettledInbound(checked: Checked): void {
  const { machine: { kernel }, devices, policy } = checked;
  const uplinks = UPLINKS.filter((via) => kernel.linkNamed(via) !== undefined);
  if (policy.answers !== undefined) return;
  for (const via of uplinks) {
    for (const device of devices) {
      const rule = policy.ownRuleFor(device, device.addr4);
      const isShut = rule?.inbound === "block";
      // Who is sent direct is not protected, and answers whom he likes.
      if (rule === undefined || (isShut && rule.vl === "direct")) continue;
      expectAnswer(kernel, via, device, !isShut);
    }
    if (policy.variation.defaultGateway) expectAnswer(kernel, via, undefined, true);
  }
}

function expectAnswer(
  kernel: Kernel, via: string, device: Device | undefined, isWanted: boolean,
): void {
  const caller = callerBy(kernel, via, device?.addr4 ?? addressAt(kernel, 4, via));
  const flow = caller && arrive(kernel, caller);
  const who = device?.name ?? "the router";
  if (flow === undefined) throw new Violation(ANSWERED, `${who}: nothing arrives by ${via}`);
  const outcome = ask(kernel, answerTo(flow, device), "both");
  const place = outcome.kind === "out" ? outcome.oif : JSON.stringify(outcome);
  if ((place === via) === isWanted) return;
  throw new Violation(isWanted ? ANSWERED : SHUT, `${who}, asked by ${via}, answers by ${place}`);
}

/** Whoever may go past the tunnels anyway may answer as he likes. */
function isProtected(
  { policy, previous }: Checked, placesOf: PlacesOf, device: Device, flow: Flow,
): boolean {
  if (placesOf(device, flow.answerer).has("uplink")) return false;
  return ![policy, previous].some((one) => one.mayBypass(flow.src));
}

function checkAnswers(checked: Checked, device: Device, flow: Flow): void {
  const { machine: { kernel }, policy } = checked;
  const isShut = policy.ownRuleFor(device, flow.answerer)?.inbound === "block";
  for (const layer of ["both", "firewall"] as const) {
    const fail = (what: string, oif: string): never => {
      throw new Violation(what, `${layer}: ${device.name} to ${flow.src} by ${oif}`);
    };
    const by = (reply: Partial<Reply>): string => uplinkOf(kernel, flow, device, reply, layer);
    const answer = by({});
    if (answer !== "" && answer !== flow.via) fail(ELSEWHERE, answer);
    if (answer !== "" && isShut) fail(SHUT, answer);
    const begun = by({ isBeginning: true });
    if (begun !== "") fail(BEGUN, begun);
    const expected = by({ mark: expectedMark(kernel, flow) });
    if (expected !== "") fail(EXPECTED, expected);
  }
}

function checkOwnAnswer(checked: Checked, flow: Flow): void {
  const { kernel } = checked.machine;
  if (!isWhole(checked, "routing") || !kernel.isLocal(flow.answerer)) return;
  const oif = uplinkOf(kernel, flow, undefined, {}, "both");
  if (oif === "" || oif === flow.via) return;
  throw new Violation(ELSEWHERE, `the router to ${flow.src} by ${oif}`);
}

/** Globally routed addresses can be asked without a forwarded port. */
function checkUnforwarded(checked: Checked, placesOf: PlacesOf, device: Device): void {
  const { kernel } = checked.machine;
  for (const via of UPLINKS) {
    if (kernel.linkNamed(via) === undefined) continue;
    const flow = arrive(kernel, { via, src: STRANGERS[6], dst: device.addr6, to: device.addr6 });
    if (flow === undefined || !isProtected(checked, placesOf, device, flow)) continue;
    const oif = uplinkOf(kernel, flow, device, {}, "both");
    if (oif !== "") throw new Violation(FORWARDED, `${device.name} to ${flow.src} by ${oif}`);
  }
}

/** The uplink by which a packet in the reply direction leaves, "" for none. */
function uplinkOf(
  kernel: Kernel, flow: Flow, device: Device | undefined, reply: Partial<Reply>, layer: Layer,
): string {
  const outcome = ask(kernel, answerTo(flow, device, reply), layer);
  return outcome.kind === "out" && isUplink(outcome.oif) ? outcome.oif : "";
}

function answerTo(flow: Flow, device: Device | undefined, reply: Partial<Reply> = {}): Packet {
  const { src: dst, dst: asked, answerer: src, mark } = flow;
  return known({
    iif: device?.iface ?? "", mac: device?.mac ?? "", src, dst, protocol: "tcp",
    dport: STRANGER_PORT,
    reply: { mark, isForwarded: src !== asked, isBeginning: false, ...reply },
  });
}

/**
 * The mark of a connection that a helper expects because of this one, as when it opens a data
 * channel, and that begins inside a tunnel: it has that of what it belongs to.
 */
function expectedMark(kernel: Kernel, { src, answerer, mark }: Flow): number {
  const packet = { iif: TUN, mac: "", src, dst: answerer, protocol: "tcp" } as const;
  const at = { ...hookPacket(packet), flowState: "related", flowMark: mark } as const;
  const passing = { ...at };
  runHook(kernel.firewall.table, "prerouting", passing);
  return passing.flowMark;
}

/** Answers to whoever is gone, has another prefix now, or whose flow was forgotten. */
function checkInward({ machine, devices }: Checked): void {
  const { kernel } = machine;
  const own = devices.flatMap(({ addr4, addr6 }) => [addr4, addr6]);
  for (const dst of [...own, ...STALE, ...innerAddresses(machine)]) {
    const src = (familyOf(dst) === 4 ? destinations4 : destinations6)[0];
    const packet = known({ iif: TUN, mac: "", src, dst });
    for (const layer of ["both", "firewall"] as const) {
      const outcome = ask(kernel, packet, layer);
      if (outcome.kind !== "out" || !isUplink(outcome.oif)) continue;
      throw new Violation(INWARD, `${layer}: ${src} -> ${dst} by ${outcome.oif}`);
    }
  }
}

/** Those that flows still have and that belong to a tunnel. */
function innerAddresses({ kernel, mover }: Machine): string[] {
  const answered = new Set(kernel.flows.map((flow) => flow.answered));
  return [...answered].filter((address) => (mover?.tunnels.slotOf(address) ?? 0) !== 0);
}

/** Tunnels' sockets and answers look at a table that knows one uplink. */
function checkBound({ machine: { kernel }, policy }: Checked): void {
  if (policy.variation.second === undefined) return;
  for (const [rank, via] of UPLINKS.entries()) {
    const mark = FIRST_MARK + rank * MARK_UNIT;
    for (const { addr4, addr6 } of locations) {
      for (const dst of [addr4, addr6]) {
        const src = addressAt(kernel, familyOf(dst), via);
        if (src === "") continue;
        const outcome = ask(kernel, known({ iif: "", mac: "", src, dst, mark }), "both");
        if (outcome.kind !== "out" || outcome.oif === via) continue;
        throw new Violation(BOUND, `${src} -> ${dst} for ${via} by ${outcome.oif}`);
      }
    }
  }
}

function deviceAt(devices: readonly Device[], address: string): Device | undefined {
  return devices.find(({ addr4, addr6 }) => address === addr4 || address === addr6);
}
