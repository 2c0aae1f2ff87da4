/**
 * What the simulated mover holds for the data path: the TUN, the forward table, sessions,
 * listeners.
 */
import type { MoverMessage } from "../../ts/host/contract.gen.js";
import { chooseRoute, hookPacket } from "./resolve.js";
import type { Event } from "./clock.js";
import { iff } from "./constants.js";
import type { Mover } from "./mover.js";
import { contains, familyOf, netOf } from "./net.js";
import type { Wire, WireEnd } from "./network.js";
import { addressAt, addressesAt } from "./topology.js";

export const sessionState = {
  CONNECTING: 1, HANDSHAKE: 2, GREETING: 3, STARTED: 4, CLOSED: 5,
} as const;

export interface Session {
  readonly number: number;
  readonly inbound: boolean;
  readonly peer: string;
  readonly port: number;
  readonly keepaliveMs: number;
  readonly side: 0 | 1;
  wire: Wire | undefined;
  slot: number;
  name: string;
  state: number;
  memo: Uint8Array;
  /** Of its socket: the mark, the interface to which it is bound or "", and its address. */
  mark: number;
  device: string;
  source: string;
  readonly sinceMs: number;
  heardMs: number;
  deadline: Event | undefined;
}

export interface ListenerLimits {
  readonly greetingMs: number;
  readonly keepaliveMs: number;
  readonly halfOpenMax: number;
  readonly sessionsMax: number;
}

export interface ForwardEntry {
  readonly prefix: string;
  readonly slot: number;
}

/** What a command says of a session to be dialled. */
export interface SessionWanted {
  readonly slot: number;
  readonly name: string;
  readonly peer: string;
  readonly port: number;
  readonly mark: number;
  readonly device: string;
}

interface OuterWay {
  readonly source: string;
  readonly over: string;
}

export const SILENT_KEEPALIVES = 4;
const WANTED_MS = 1_000;
const SEGMENTS_PER_S = 20;
const TUN_FLAGS = iff.POINTOPOINT | iff.NOARP | iff.MULTICAST;
const TUN_MTU = 1_500;

export class Tunnels {
  tunName = "";
  tunIndex = 0;
  /** The last name that the TUN was asked for under. */
  wanted = "";
  forward: readonly ForwardEntry[] = [];
  byDestination = false;
  hairpin = false;
  readonly sessions = new Map<number, Session>();
  readonly listeners = new Map<string, ListenerLimits>();
  readonly #wantedAtMs = new Map<number, number>();
  #nextNumber = 1;

  constructor(readonly mover: Mover) {}

  openTun(name: string): void {
    const link = { name, flags: TUN_FLAGS, mtu: TUN_MTU, master: 0, mac: "" };
    this.tunIndex = this.mover.kernel.addLink(link).index;
    this.tunName = name;
  }

  /** Others may have deleted or renamed it. */
  isHere(): boolean {
    return this.mover.kernel.links.get(this.tunIndex)?.name === this.tunName;
  }

  closeTun(): void {
    this.mover.kernel.deleteLink(this.tunIndex);
    this.tunName = "";
    this.tunIndex = 0;
  }

  /** The process ended: descriptors close, and the TUN goes with its last one. */
  die(): void {
    if (this.tunName !== "") this.closeTun();
    for (const session of this.sessions.values()) {
      if (session.deadline !== undefined) session.deadline.cancelled = true;
      session.wire?.close(session.side, "reset: the process ended");
    }
    this.sessions.clear();
    for (const key of this.listeners.keys()) this.#unlisten(key);
    this.listeners.clear();
  }

  count(): number {
    return this.sessions.size;
  }

  reportHeld(): void {
    for (const session of this.sessions.values()) {
      const { number, slot, inbound, name, state, peer, port, memo } = session;
      const held = { session: number, slot, inbound, name, state, peer, port, memo };
      this.mover.send({ type: "session_held", ...held });
    }
  }

  /** Slot that owns an inner address, 0 if none. */
  slotOf(address: string): number {
    let slot = 0;
    let best = -1;
    for (const entry of this.forward) {
      const net = netOf(entry.prefix);
      if (net.length <= best || !contains(net, netOf(address))) continue;
      slot = entry.slot;
      best = net.length;
    }
    return slot;
  }

  /** The started session of a slot. Without one the decider hears that the slot is wanted. */
  sessionFor(slot: number, wanted: boolean): Session | undefined {
    for (const session of this.sessions.values()) {
      if (session.slot === slot && session.state === sessionState.STARTED) return session;
    }
    const nowMs = this.mover.parts.clock.nowMs;
    const last = this.#wantedAtMs.get(slot) ?? -WANTED_MS;
    if (wanted && slot !== 0 && nowMs - last >= WANTED_MS) {
      this.#wantedAtMs.set(slot, nowMs);
      this.mover.send({ type: "slot_wanted", slot });
    }
    return undefined;
  }

  dial(
    wanted: SessionWanted,
    limits: { connectMs: number; keepaliveMs: number },
    greeting: Uint8Array,
  ): Session {
    const session = this.#add(wanted.peer, wanted.port, 0, limits.keepaliveMs);
    session.slot = wanted.slot;
    session.name = wanted.name;
    session.mark = wanted.mark;
    session.device = wanted.device;
    const { clock } = this.mover.parts;
    clock.after(0, () => this.#connect(session, greeting));
    const giveUp = (): void => this.close(session, "timeout: no welcome");
    session.deadline = clock.after(limits.connectMs, giveUp);
    return session;
  }

  listen(addr: string, port: number, limits: ListenerLimits): void {
    const { network, name } = this.mover.parts;
    this.listeners.set(`${addr} ${port}`, limits);
    network.listen(name, port, (peer, peerPort, wire) =>
      this.#accept(limits, peer, peerPort, wire),
    );
  }

  unlisten(addr: string, port: number): void {
    const key = `${addr} ${port}`;
    if (this.listeners.delete(key)) this.#unlisten(key);
  }

  start(session: Session, slot: number, name: string, memo: Uint8Array, control: Uint8Array): void {
    for (const other of [...this.sessions.values()]) {
      const same = other.slot === slot && other.state === sessionState.STARTED;
      if (same && other !== session) this.close(other, "replaced: a newer session");
    }
    session.slot = slot;
    session.name = name;
    session.memo = memo.slice();
    if (session.deadline !== undefined) session.deadline.cancelled = true;
    if (control.length > 0) session.wire?.send(session.side, control);
    this.#enter(session, sessionState.STARTED);
  }

  /** Ends a session and tells the decider why. */
  close(session: Session, reason: string): void {
    if (!this.sessions.delete(session.number)) return;
    if (session.deadline !== undefined) session.deadline.cancelled = true;
    session.wire?.close(session.side, "reset: closed by the peer");
    session.state = sessionState.CLOSED;
    this.#report(session, reason);
  }

  stats(): MoverMessage {
    const { clock } = this.mover.parts;
    const sessions = [...this.sessions.values()].map((session) => ({
      session: session.number,
      slot: session.slot,
      rttUs: session.state === sessionState.STARTED ? 2_000 * (session.wire?.latencyMs ?? 0) : 0,
      idleMs: Math.floor(clock.nowMs - session.heardMs),
      ...segmentsOf(session, clock.nowMs),
      rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0,
      dropSource: 0, dropQueue: 0, dropInvalid: 0,
    }));
    return {
      type: "stats", sessions, tunRxPackets: 0, tunTxPackets: 0, dropNoRoute: 0, dropNoSession: 0,
      dropInvalid: 0, uptimeMs: Math.floor(clock.nowMs),
    };
  }

  #unlisten(key: string): void {
    this.mover.parts.network.unlisten(this.mover.parts.name, Number(key.split(" ")[1]));
  }

  #add(peer: string, port: number, side: 0 | 1, keepaliveMs: number): Session {
    const { nowMs } = this.mover.parts.clock;
    const session: Session = {
      number: this.#nextNumber++, inbound: side === 1, peer, port, keepaliveMs, side,
      wire: undefined, slot: 0, name: "", state: sessionState.CONNECTING,
      memo: new Uint8Array(0), mark: 0, device: "", source: "", sinceMs: nowMs,
      heardMs: nowMs, deadline: undefined,
    };
    this.sessions.set(session.number, session);
    this.#watchSilence(session);
    return session;
  }

  #connect(session: Session, greeting: Uint8Array): void {
    if (!this.sessions.has(session.number)) return;
    this.#enter(session, sessionState.CONNECTING);
    const { network, name } = this.mover.parts;
    const way = this.#outerWay(session);
    if (way === undefined) return this.close(session, "unreachable: no route to the gateway");
    session.source = way.source;
    const end = this.#endOf(session, () => {
      this.#enter(session, sessionState.HANDSHAKE);
      this.#enter(session, sessionState.GREETING);
      session.wire?.send(0, greeting);
    });
    const carries = (): boolean => this.#carries(session, way.over);
    session.wire = network.connect(name, way.source, session.peer, session.port, end, carries);
  }

  /** How our own socket reaches the peer, undefined if it cannot get out. */
  #outerWay({ peer, mark, device }: Session): OuterWay | undefined {
    const { kernel } = this.mover;
    const bound = device === "" ? 0 : kernel.linkNamed(device)?.index;
    if (bound === undefined) return undefined;
    const unspecified = familyOf(peer) === 4 ? "0.0.0.0" : "::";
    const packet = hookPacket({ iif: "", mac: "", src: unspecified, dst: peer, mark });
    const { route } = chooseRoute(kernel, packet, false, bound);
    if (route === undefined || route.oif === this.tunIndex) return undefined;
    const over = kernel.linkName(route.oif);
    const { family } = packet;
    const source = addressAt(kernel, family, over) || addressesAt(kernel, family, over)[0];
    return source === undefined ? undefined : { source, over };
  }

  /** What is bound to an interface goes by no other when that is down. */
  #carries({ device }: Session, over: string): boolean {
    const { kernel, parts } = this.mover;
    if (device !== "" && !kernel.isUp(kernel.linkNamed(device)?.index ?? 0)) return false;
    return !parts.network.dead.has(over);
  }

  #accept(limits: ListenerLimits, peer: string, port: number, wire: Wire): WireEnd | string {
    const all = [...this.sessions.values()].filter((session) => session.inbound);
    if (all.length >= limits.sessionsMax) return "flood: too many sessions";
    const half = all.filter((session) => session.state !== sessionState.STARTED);
    const oldest = half[0];
    if (half.length >= limits.halfOpenMax && oldest !== undefined) {
      this.close(oldest, "flood: too many half-open sessions");
    }
    const session = this.#add(peer, port, 1, limits.keepaliveMs);
    session.wire = wire;
    session.deadline = this.mover.parts.clock.after(limits.greetingMs, () =>
      this.close(session, "timeout: no greeting"),
    );
    return this.#endOf(session, () => {
      this.#enter(session, sessionState.HANDSHAKE);
      this.#enter(session, sessionState.GREETING);
    });
  }

  #endOf(session: Session, onOpen: () => void): WireEnd {
    return {
      onOpen,
      onControl: (data) => {
        session.heardMs = this.mover.parts.clock.nowMs;
        this.mover.send({ type: "session_control", session: session.number, data });
      },
      onClosed: (reason) => this.close(session, reason),
    };
  }

  #enter(session: Session, state: number): void {
    session.state = state;
    this.#report(session, "");
  }

  #report(session: Session, reason: string): void {
    const { number, slot, name, inbound, state, peer, port } = session;
    const fields = { session: number, slot, name, inbound, state, peer, port, reason };
    this.mover.send({ type: "session_state", ...fields });
  }

  /** A peer that answers no keepalive is dropped after four of them. */
  #watchSilence(session: Session): void {
    const { clock } = this.mover.parts;
    clock.after(session.keepaliveMs, () => {
      if (!this.sessions.has(session.number)) return;
      const { wire } = session;
      const heard = wire?.isHeard() ?? false;
      if (wire?.closed === true && heard) return this.close(session, "reset: by the peer");
      if (heard) session.heardMs = clock.nowMs;
      const silentMs = clock.nowMs - session.heardMs;
      if (silentMs >= SILENT_KEEPALIVES * session.keepaliveMs) {
        return this.close(session, "silent: no answer to keepalives");
      }
      this.#watchSilence(session);
    });
  }
}

/** A connection sends at an even rate, and the further away the peer is the more it sends again. */
function segmentsOf({ wire, sinceMs }: Session, nowMs: number): {
  readonly segmentsOut: number;
  readonly segmentsAgain: number;
} {
  const segmentsOut = Math.floor(((nowMs - sinceMs) * SEGMENTS_PER_S) / 1_000);
  const latencyMs = wire?.latencyMs ?? 0;
  return { segmentsOut, segmentsAgain: Math.floor((segmentsOut * latencyMs) / 1_000) };
}
