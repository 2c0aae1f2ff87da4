/**
 * The life of one tunnel as a pure state machine: `stepTunnel` takes an event and returns the next
 * state with the commands to carry out. At most two sessions exist for a slot: the one that carries
 * packets and one attempt, which replaces it once it has its welcome.
 */
import type { AditEvent } from "../model/event.js";
import type { Ip } from "../model/ip.js";
import { parseIp } from "../model/ip.js";
import {
  evictedDelayMsMax,
  evictedDelayMsMin,
  redialDelayMsMax,
  redialDelayMsMin,
} from "../model/limits.js";
import type { Welcome } from "../model/observed.js";
import { addressOf, hostOfPool } from "../model/pool.js";
import { assignmentProblem, forgetRefused } from "./assigned.js";
import { backoffMs } from "./backoff.js";
import { hasAddress, putBack, takeAddress, takePeer } from "./peers.js";
import type {
  Attempt,
  Tunnel,
  TunnelContext,
  TunnelEvent,
  TunnelStep,
} from "./state.js";
import {
  addressMsMax,
  attemptEndMs,
  attemptMsMax,
  authDelayMs,
  backAtMs,
  conflictsMax,
  deadlinesOf,
  stableMs,
  undisputedMs,
} from "./state.js";
import type { Turn } from "./turn.js";
import { blameWay, change, chooseAddress, isYoung, show, wayFor, yieldAddress } from "./turn.js";
import { easeGrudges } from "./ways.js";
import type { GatewayAnswer } from "./welcome.js";

export function stepTunnel(state: Tunnel, event: TunnelEvent, context: TunnelContext): TunnelStep {
  const turn: Turn = { ...context, state, commands: [] };
  takeEvent(turn, event);
  show(turn);
  return { state: turn.state, commands: turn.commands, deadlines: deadlinesOf(turn.state) };
}

function takeEvent(turn: Turn, event: TunnelEvent): void {
  switch (event.kind) {
    case "want":
      return onWant(turn);
    case "prepared":
      return onPrepared(turn, event);
    case "unprepared":
      if (turn.state.attempt?.serial === event.serial) failOnWay(turn, event.reason);
      return;
    case "opened":
      return onOpened(turn, event.serial, event.session);
    case "connected":
      return onConnected(turn, event.session);
    case "answered":
      return onAnswered(turn, event.session, event.answer);
    case "started":
      return onStarted(turn, event.session, event.problem);
    case "closed":
      return onClosed(turn, event.session, event.reason);
    case "held":
      return onHeld(turn, event);
    case "uplink":
      return onUplink(turn, event);
    case "redial":
      return onDoubt(turn, true);
    case "yield":
      return yieldAddress(turn, event.address);
    case "recheck":
      return onRecheck(turn);
    case "prefer":
      return change(turn, { prefer: event.order, queue: { ...turn.state.queue, peers: [] } });
    case "time":
      return onTime(turn);
    case "stop":
      return onStop(turn, event.reason);
    default:
      return impossible(event);
  }
}

function impossible(value: never): never {
  throw new Error(`unknown event ${JSON.stringify(value)}`);
}

function onWant(turn: Turn): void {
  if (turn.state.wanted) return;
  change(turn, { wanted: true, silentSinceMs: turn.nowMs });
  dial(turn);
}

/** Begins an attempt with the next peer of the queue. */
function dial(turn: Turn): void {
  const { location, queue, serial, prefer } = turn.state;
  const { peer, queue: taken } = takePeer(queue, location.peers.length, turn.random, prefer);
  const host = location.peers[peer]?.host ?? "";
  const literal = parseIp(host);
  const next =
    literal === undefined
      ? takeAddress(taken, peer, turn.nowMs)
      : { address: literal, queue: taken };
  const uplink = wayFor(turn, next.address ?? "");
  const attempt: Attempt = {
    serial: serial + 1,
    uplink,
    phase: "preparing",
    peer,
    address: next.address ?? "",
    session: 0,
    welcome: undefined,
    deadlineMs: turn.nowMs + attemptMsMax,
    addressMs: Infinity,
  };
  change(turn, { serial: serial + 1, queue: next.queue, attempt, retryAtMs: undefined });
  const { serial: own } = attempt;
  turn.commands.push({ kind: "prepare", serial: own, host: next.address ?? host, uplink });
}

function onPrepared(turn: Turn, event: Extract<TunnelEvent, { kind: "prepared" }>): void {
  const { attempt } = turn.state;
  if (attempt?.serial !== event.serial || attempt.phase !== "preparing") return;
  const next = chooseAddress(turn, attempt, event.addresses);
  if (next.address === undefined) return failOnWay(turn, event.problem);
  const { address, queue } = next;
  const uplink = attempt.address === address ? attempt.uplink : wayFor(turn, address);
  change(turn, { queue, attempt: { ...attempt, address, uplink, phase: "opening" } });
  const { serial, peer } = attempt;
  const { want4, want6 } = turn.state;
  const { token } = event;
  turn.commands.push({ kind: "open", serial, peer, address, token, want4, want6, uplink });
}

function onOpened(turn: Turn, serial: number, session: number): void {
  const { attempt } = turn.state;
  if (attempt?.serial !== serial || attempt.phase !== "opening") {
    turn.commands.push({ kind: "close", session, reason: "no longer wanted" });
    return;
  }
  const isLast = !hasAddress(turn.state.queue, attempt.peer);
  const addressMs = isLast ? Infinity : turn.nowMs + addressMsMax;
  change(turn, { attempt: { ...attempt, session, addressMs, phase: "greeting" } });
}

function onConnected(turn: Turn, session: number): void {
  const { attempt } = turn.state;
  if (attempt?.session !== session) return;
  change(turn, { attempt: { ...attempt, addressMs: Infinity } });
}

function onAnswered(turn: Turn, session: number, answer: GatewayAnswer): void {
  const { attempt } = turn.state;
  if (attempt?.session !== session || attempt.phase !== "greeting") return;
  switch (answer.kind) {
    case "refused":
      return onRefused(turn, answer.error, answer.text);
    case "invalid":
      return failAttempt(turn, `welcome: ${answer.why}`);
    case "welcome":
      return onWelcome(turn, attempt, answer.welcome);
  }
}

/** A gateway does not tell strangers more than "auth". */
const authHint = "no client there has the token_sha256 of this token";

function onRefused(turn: Turn, error: string, text: string): void {
  const told = error === "auth" && text === "" ? authHint : text;
  failAttempt(turn, `the gateway refused: ${error}${told === "" ? "" : `: ${told}`}`);
  if (error !== "auth") return;
  const { name } = turn.state.location;
  turn.commands.push({ kind: "event", event: { event: "invalid_auth", route_name: name } });
  if (turn.state.retryAtMs === undefined) return;
  change(turn, { retryAtMs: turn.nowMs + authDelayMs * (1 + turn.random() / 4) });
}

function onWelcome(turn: Turn, attempt: Attempt, welcome: Welcome): void {
  const own4 = addressOf(welcome.addr4);
  const own6 = addressOf(welcome.addr6);
  const problem = assignmentProblem(turn, welcome);
  if (problem !== "") return failAttempt(turn, problem);
  const taken = [own4, own6].filter((own) => own !== "" && turn.isTaken(own));
  if (taken.length > 0) return onConflict(turn, welcome, taken);
  change(turn, { attempt: { ...attempt, phase: "starting", welcome } });
  turn.commands.push({ kind: "start", session: attempt.session, welcome });
}

/**
 * Gateways own their pools, so two may give one address; the packet's source must tell them apart.
 */
function onConflict(turn: Turn, welcome: Welcome, taken: readonly Ip[]): void {
  const isTaken = (one: Ip): boolean => taken.includes(one) || turn.isTaken(one);
  const want4 = hostOfPool(welcome.addr4, isTaken, turn.random) ?? "";
  const want6 = hostOfPool(welcome.addr6, isTaken, turn.random) ?? "";
  const conflicts = turn.state.conflicts + 1;
  failAttempt(turn, `${taken.join(" and ")} belongs to another location already`);
  change(turn, { want4, want6, conflicts });
  const waits = turn.state.retryAtMs !== undefined;
  if (waits && conflicts <= conflictsMax) change(turn, { retryAtMs: turn.nowMs });
}

function onStarted(turn: Turn, session: number, problem: string): void {
  const { attempt, location, session: before } = turn.state;
  if (attempt?.session !== session || attempt.phase !== "starting") return;
  if (problem !== "") return failAttempt(turn, problem);
  const { peer: position, address, uplink } = attempt;
  const welcome = attempt.welcome as Welcome;
  const peer = `${address} ${location.peers[position]?.port ?? 0}`;
  carry(turn, { session, welcome, peer, uplink });
  if (before !== 0) return;
  turn.commands.push({
    kind: "event",
    event: { event: "route_connected", route_name: location.name },
  });
}

type Carrier = Pick<Tunnel, "session" | "peer" | "uplink"> & { readonly welcome: Welcome };

function carry(turn: Turn, carrier: Carrier): void {
  const { welcome } = carrier;
  change(turn, {
    ...carrier,
    wanted: true,
    carriesSinceMs: turn.nowMs,
    lastWelcome: welcome,
    want4: addressOf(welcome.addr4),
    want6: addressOf(welcome.addr6),
    suspect: false,
    attempt: undefined,
    retryAtMs: undefined,
    conflicts: 0,
    reason: "",
  });
}

function onHeld(turn: Turn, { session, welcome, peer, uplink }: Carrier): void {
  const { session: before } = turn.state;
  if (before !== 0) turn.commands.push({ kind: "close", session: before, reason: "replaced" });
  carry(turn, { session, welcome, peer, uplink });
  // For those who follow this life of the decider it is news.
  const event = { event: "route_connected", route_name: turn.state.location.name } as const;
  turn.commands.push({ kind: "event", event });
}

function onClosed(turn: Turn, session: number, reason: string): void {
  if (turn.state.attempt?.session === session) failOnWay(turn, reason, true);
  else if (turn.state.session === session) onLoss(turn, reason);
}

/** The session that carried is gone; an attempt that is under way goes on in its place. */
function onLoss(turn: Turn, reason: string): void {
  // While an attempt of ours is under way it is that one which the gateway made room for.
  if (turn.state.attempt === undefined && newerSession.test(reason)) return onEvicted(turn, reason);
  const { carriesSinceMs, uplink } = turn.state;
  return onLost(turn, reason, blameWay(turn, uplink, reason, turn.nowMs - carriesSinceMs));
}

/** What a gateway closes a session with that had to make room, in the mover's words. */
const newerSession = /peer says: .*newer session/;

/** Somebody else has the token. Whoever dials again evicts him, so both wait longer each time. */
function onEvicted(turn: Turn, reason: string): void {
  const isNew = turn.nowMs - turn.state.carriesSinceMs >= undisputedMs;
  const evictions = isNew ? 0 : turn.state.evictions;
  const why = `another router has the token of this one, each needs its own: ${reason}`;
  onLost(turn, why, false);
  const delayMs = backoffMs(evictions, evictedDelayMsMin, evictedDelayMsMax, turn.random);
  change(turn, { evictions: evictions + 1, retryAtMs: turn.nowMs + delayMs });
}

/** `isElsewhere` if another uplink is left to be tried at once. */
function onLost(turn: Turn, reason: string, isElsewhere: boolean): void {
  const { attempt, carriesSinceMs, failures, location } = turn.state;
  const stable = turn.nowMs - carriesSinceMs >= stableMs;
  change(turn, {
    session: 0,
    suspect: false,
    welcome: undefined,
    silentSinceMs: turn.nowMs,
    reason,
    failures: stable ? 0 : failures + 1,
  });
  if (attempt?.phase !== "starting") {
    const event = { event: "route_disconnected", route_name: location.name } as const;
    turn.commands.push({ kind: "event", event });
  }
  if (attempt !== undefined) return;
  change(turn, { retryAtMs: stable || isElsewhere ? turn.nowMs : retryAt(turn) });
}

/**
 * Ends an attempt that may have failed because of its uplink or address. The same peer is tried
 * over the other uplinks at once, then by its other addresses, so that a dead one costs one
 * attempt.
 */
function failOnWay(turn: Turn, reason: string, closed = false): void {
  const { attempt, failures } = turn.state;
  if (attempt === undefined) return;
  const isElsewhere = blameWay(turn, attempt.uplink, reason, 0);
  const isOther = !isElsewhere && hasAddress(turn.state.queue, attempt.peer);
  failAttempt(turn, reason, closed);
  if ((!isElsewhere && !isOther) || turn.state.retryAtMs === undefined) return;
  const queue = putBack(turn.state.queue, attempt.peer, isOther ? "" : attempt.address);
  change(turn, { queue, failures, retryAtMs: turn.nowMs });
}

/**
 * Ends the attempt. A tunnel that carries undoubtedly is left alone, any other gets a time to
 * redial.
 */
function failAttempt(turn: Turn, reason: string, closed = false): void {
  const { attempt, location, session } = turn.state;
  if (attempt === undefined) return;
  if (attempt.session !== 0 && !closed) {
    turn.commands.push({ kind: "close", session: attempt.session, reason: "attempt failed" });
  }
  change(turn, { attempt: undefined });
  if (session !== 0 && !turn.state.suspect) return;
  if (session === 0 && reason !== turn.state.reason) {
    const event = { event: "route_failed", route_name: location.name, reason_details: reason };
    turn.commands.push({ kind: "event", event: event as AditEvent });
  }
  if (session === 0) change(turn, { reason });
  change(turn, { retryAtMs: retryAt(turn), failures: turn.state.failures + 1 });
}

/** The delay grows with every round through all peers, not with every peer. */
function retryAt(turn: Turn): number {
  const { failures, location } = turn.state;
  const rounds = Math.floor(failures / location.peers.length);
  return turn.nowMs + backoffMs(rounds, redialDelayMsMin, redialDelayMsMax, turn.random);
}

/** An uplink changed: what was held against it may be over. */
function onUplink(turn: Turn, event: Extract<TunnelEvent, { kind: "uplink" }>): void {
  const { ways, changed, suspect } = event;
  const grudges = easeGrudges(turn.state.grudges, (device) => changed.has(device));
  change(turn, { ways, grudges });
  // A session that no uplink was chosen for notices the loss of its own late.
  const isLoose = ways.length > 0 && turn.state.session !== 0 && turn.state.uplink === "";
  onDoubt(turn, suspect || isLoose);
}

/**
 * Who waits dials at once. If a session may depend on what changed, a second one is dialled beside
 * it until one gets through and replaces it: a change that did not matter costs nothing.
 */
function onDoubt(turn: Turn, suspect: boolean): void {
  const { attempt, session, wanted } = turn.state;
  if (!wanted) return;
  change(turn, { suspect: turn.state.suspect || (suspect && session !== 0) });
  if (attempt === undefined ? session !== 0 && !suspect : !suspect || isYoung(attempt)) return;
  if (attempt !== undefined && attempt.session !== 0) {
    turn.commands.push({ kind: "close", session: attempt.session, reason: "uplink changed" });
  }
  change(turn, { failures: 0 });
  dial(turn);
}

/** The router came to use what a gateway once assigned: that is forgotten, and the tunnel ends. */
function onRecheck(turn: Turn): void {
  const { session } = turn.state;
  const problem = forgetRefused(turn);
  if (problem === "" || session === 0) return;
  turn.commands.push({ kind: "close", session, reason: "its address is in use here" });
  onLost(turn, problem, false);
}

function onTime(turn: Turn): void {
  const { attempt, retryAtMs, session, wanted } = turn.state;
  const backMs = backAtMs(turn.state) ?? Infinity;
  if (attempt !== undefined && attemptEndMs(attempt) <= turn.nowMs) {
    failOnWay(turn, `timeout: ${attempt.phase} took too long`);
  } else if (wanted && retryAtMs !== undefined && retryAtMs <= turn.nowMs) {
    dial(turn);
  } else if (session !== 0 && attempt === undefined && backMs <= turn.nowMs) {
    dial(turn);
  }
}

function onStop(turn: Turn, reason: string): void {
  const { attempt, session, location } = turn.state;
  for (const open of [attempt?.session ?? 0, session]) {
    if (open !== 0) turn.commands.push({ kind: "close", session: open, reason });
  }
  if (session !== 0) {
    const event = { event: "route_disconnected", route_name: location.name } as const;
    turn.commands.push({ kind: "event", event });
  }
  const gone = { attempt: undefined, session: 0, welcome: undefined, retryAtMs: undefined };
  change(turn, { ...gone, suspect: false, wanted: false, reason });
}
