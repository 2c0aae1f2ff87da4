/** Carries out what the tunnels' state machines ask for, and tells them what happened. */
import type { MoverMessage } from "../host/contract.gen.js";
import { asResult, command, request } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import { resolveName } from "../host/resolver.js";
import { readFile } from "../host/transfer.js";
import { endpointText } from "../config/words.js";
import type { LocationConfig, RouterConfig } from "../model/config.js";
import type { Ip } from "../model/ip.js";
import { connectMsMax, keepaliveMs } from "../model/limits.js";
import type { LocationState } from "../model/observed.js";
import { addressOf } from "../model/pool.js";
import { ownMark } from "../policy/marks.js";
import type { Tunnel, TunnelCommand, TunnelEvent } from "../tunnel/state.js";
import { locationStateOf, newTunnel } from "../tunnel/state.js";
import { stepTunnel } from "../tunnel/tunnel.js";
import {
  greetingText,
  readGatewayAnswer,
  readWelcomeMemo,
  welcomeText,
} from "../tunnel/welcome.js";
import { base64Bytes } from "./base64.js";
import type { Core } from "./core.js";
import { logInfo, logWarning, nowMs } from "./core.js";
import type { Uplink } from "./uplink.js";
import { compareUplinks, uplinkOf } from "./uplink.js";

/** Changes of the uplink come in swarms; they are looked at once they pause. */
const uplinkSettleMs = 200;
/** IFF_RUNNING of linux/if.h. */
const flagRunning = 0x40;
export const sessionStarted = 4;
export const sessionClosed = 5;

type Message<T extends MoverMessage["type"]> = Extract<MoverMessage, { type: T }>;

export interface Tunnels {
  readonly core: Core;
  /** A location's state or addresses changed. */
  readonly onChange: (why: string) => void;
  readonly bySlot: Map<number, Tunnel>;
  readonly rttMs: Map<number, number>;
  /** Interfaces whose cable is in, by index. */
  readonly carriers: Set<number>;
  config: RouterConfig | undefined;
  uplink: Uplink | undefined;
}

export function createTunnels(core: Core, onChange: (why: string) => void): Tunnels {
  return {
    core,
    onChange,
    bySlot: new Map(),
    rttMs: new Map(),
    carriers: new Set(),
    config: undefined,
    uplink: undefined,
  };
}

/** Takes a new configuration over; tunnels whose definition is the same are left alone. */
export function configureTunnels(tunnels: Tunnels, config: RouterConfig): void {
  const before = tunnels.config;
  tunnels.config = config;
  const count = Math.max(config.locations.length, before?.locations.length ?? 0);
  for (let slot = 1; slot <= count; slot++) {
    const location = config.locations[slot - 1];
    const existing = tunnels.bySlot.get(slot);
    if (existing !== undefined && sameLocation(existing.location, location)) continue;
    if (existing !== undefined) dispatch(tunnels, slot, { kind: "stop", reason: "reconfigured" });
    tunnels.bySlot.delete(slot);
    tunnels.rttMs.delete(slot);
    const { core } = tunnels;
    if (location !== undefined) tunnels.bySlot.set(slot, newTunnel(location, slot, nowMs(core)));
  }
}

/** Dials what is to be dialled at once; after sessions that the mover held were taken over. */
export function startTunnels(tunnels: Tunnels): void {
  for (const { slot, location } of [...tunnels.bySlot.values()]) {
    if (location.dial === "now") dispatch(tunnels, slot, { kind: "want" });
  }
}

export function stopTunnels(tunnels: Tunnels): void {
  for (const slot of [...tunnels.bySlot.keys()]) {
    dispatch(tunnels, slot, { kind: "stop", reason: "the router stops" });
  }
}

/** A session that the mover held while the decider was restarted. */
export function takeOverSession(tunnels: Tunnels, held: Message<"session_held">): void {
  const { core } = tunnels;
  const welcome = readWelcomeMemo(core.native.utf8Decode(held.memo));
  const tunnel = tunnels.bySlot.get(held.slot);
  const fits = held.state === sessionStarted && tunnel?.location.name === held.name;
  if (tunnel === undefined || !fits || held.inbound || welcome === undefined) {
    closeSession(core, held.session, "nobody knows it");
    return;
  }
  const { session, peer, port } = held;
  dispatch(tunnels, held.slot, { kind: "held", session, welcome, peer: `${peer} ${port}` });
}

export function onSlotWanted(tunnels: Tunnels, slot: number): void {
  if (tunnels.bySlot.has(slot)) dispatch(tunnels, slot, { kind: "want" });
}

export function onRouterSession(tunnels: Tunnels, message: Message<"session_state">): void {
  const { session, state, reason } = message;
  if (state !== sessionClosed) return;
  const slot = slotOfSession(tunnels, session);
  if (slot !== undefined) dispatch(tunnels, slot, { kind: "closed", session, reason });
}

export function onRouterControl(tunnels: Tunnels, message: Message<"session_control">): void {
  const { session, data } = message;
  const slot = slotOfSession(tunnels, session);
  if (slot === undefined) return;
  const answer = readGatewayAnswer(tunnels.core.native.utf8Decode(data));
  dispatch(tunnels, slot, { kind: "answered", session, answer });
}

/** Keeps whether an interface's cable is in. */
export function noteCarrier(tunnels: Tunnels, message: Message<"link">): void {
  const { deleted, flags, index } = message;
  if (!deleted && (flags & flagRunning) !== 0) tunnels.carriers.add(index);
  else tunnels.carriers.delete(index);
}

/** The kernel changed; whether the uplink did is looked at a little later. */
export function noteUplink(tunnels: Tunnels): void {
  const { deadlines } = tunnels.core;
  const atMs = nowMs(tunnels.core) + uplinkSettleMs;
  deadlines.setEarlier("uplink", atMs, "look at addresses and default routes", () => {
    checkUplink(tunnels);
  });
}

/** Endpoints in the order to be dialled, by location; a tunnel that carries is left alone. */
export function preferPeers(
  tunnels: Tunnels,
  peers: ReadonlyMap<string, readonly string[]>,
): void {
  for (const { slot, location, prefer } of [...tunnels.bySlot.values()]) {
    const texts = location.peers.map(({ host, port }) => endpointText(host, port));
    const wanted = peers.get(location.name) ?? [];
    const order = [...new Set(wanted)].map((text) => texts.indexOf(text)).filter((at) => at >= 0);
    if (order.join() !== prefer.join()) dispatch(tunnels, slot, { kind: "prefer", order });
  }
}

/** Dials a location again; what carries goes on until the new session does. */
export function redialLocation(tunnels: Tunnels, name: string): void {
  for (const { slot, location } of [...tunnels.bySlot.values()]) {
    if (location.name === name) dispatch(tunnels, slot, { kind: "uplink", suspect: true });
  }
}

export function locationStates(tunnels: Tunnels): readonly LocationState[] {
  const all = [...tunnels.bySlot.values()].sort((left, right) => left.slot - right.slot);
  return all.map((tunnel) => locationStateOf(tunnel, tunnels.rttMs.get(tunnel.slot)));
}

function checkUplink(tunnels: Tunnels): void {
  const { core, config, uplink: before } = tunnels;
  if (config === undefined || !core.store.complete) return;
  const link = [...core.store.links.values()].find(({ name }) => name === config.wanIfname);
  const carrier = link !== undefined && tunnels.carriers.has(link.index);
  const after = uplinkOf(core.store, config.wanIfname, carrier);
  tunnels.uplink = after;
  if (before === undefined) return;
  const difference = compareUplinks(before, after);
  if (difference === "same") return;
  logInfo(core, "the uplink changed, tunnels are looked after");
  for (const slot of [...tunnels.bySlot.keys()]) {
    dispatch(tunnels, slot, { kind: "uplink", suspect: difference === "suspect" });
  }
}

/** The capacity is a number for scripts: another one is no reason to dial again. */
function sameLocation(left: LocationConfig, right: LocationConfig | undefined): boolean {
  const [before, after] = [left, right].map((one) => one && { ...one, capacityMbit: 0 });
  return JSON.stringify(before) === JSON.stringify(after);
}

function slotOfSession(tunnels: Tunnels, session: number): number | undefined {
  for (const { slot, session: carrying, attempt } of tunnels.bySlot.values()) {
    if (session === carrying || session === attempt?.session) return slot;
  }
  return undefined;
}

function dispatch(tunnels: Tunnels, slot: number, event: TunnelEvent): void {
  const { core } = tunnels;
  const before = tunnels.bySlot.get(slot);
  if (before === undefined) return;
  const isTaken = (address: Ip): boolean => isTakenElsewhere(tunnels, slot, address);
  const context = { nowMs: nowMs(core), random: core.random, isTaken };
  const { state, commands, deadlines } = stepTunnel(before, event, context);
  tunnels.bySlot.set(slot, state);
  for (const what of ["redial", "attempt", "down"]) core.deadlines.clear(`${what} ${slot}`);
  for (const { name, atMs, why } of deadlines) {
    core.deadlines.set(name, atMs, why, () => dispatch(tunnels, slot, { kind: "time" }));
  }
  logChange(core, before, state);
  for (const one of commands) carryOut(tunnels, state, one);
  const changed = before.shown !== state.shown || before.lastWelcome !== state.lastWelcome;
  if (changed || before.welcome !== state.welcome) {
    tunnels.onChange(`${state.location.name} is ${state.shown}`);
  }
}

function logChange(core: Core, before: Tunnel, state: Tunnel): void {
  const { location, peer, reason, session, shown } = state;
  const failed = reason !== "" && reason !== before.reason;
  if (shown === "up" && session !== before.session) {
    core.counters.sessions += 1;
    logInfo(core, `location ${location.name} is up through ${peer}`);
  } else if (failed) {
    logWarning(core, `location ${location.name}: ${reason}`);
  } else if (shown !== before.shown) {
    logInfo(core, `location ${location.name} is ${shown}`);
  }
}

function isTakenElsewhere(tunnels: Tunnels, slot: number, address: Ip): boolean {
  for (const other of tunnels.bySlot.values()) {
    if (other.slot === slot) continue;
    for (const welcome of [other.welcome, other.lastWelcome, other.attempt?.welcome]) {
      if (welcome === undefined) continue;
      if ([welcome.addr4, welcome.addr6].some((one) => addressOf(one) === address)) return true;
    }
  }
  return false;
}

function carryOut(tunnels: Tunnels, tunnel: Tunnel, todo: TunnelCommand): void {
  const { core } = tunnels;
  switch (todo.kind) {
    case "prepare":
      return prepare(tunnels, tunnel, todo.serial, todo.resolve);
    case "open":
      return openSession(tunnels, tunnel, todo);
    case "start":
      return startSession(tunnels, tunnel, todo);
    case "close":
      return closeSession(core, todo.session, todo.reason);
    case "event":
      return core.events.publish(todo.event);
  }
}

export function closeSession(core: Core, session: number, reason: string): void {
  command(core.channel, { type: "session_close", session, reason }, (error, text) => {
    core.log.write("debug", `session ${session}: ${answerText(error, text)}`);
  });
}

function prepare(tunnels: Tunnels, tunnel: Tunnel, serial: number, name: string): void {
  const { slot } = tunnel;
  readToken(tunnels.core, tunnel.location, (token, problem) => {
    if (token === undefined) {
      dispatch(tunnels, slot, { kind: "unprepared", serial, reason: problem });
    } else if (name === "") {
      dispatch(tunnels, slot, { kind: "prepared", serial, token, addresses: [] });
    } else {
      const servers = tunnels.config?.resolvers ?? [];
      const { core } = tunnels;
      resolveName({ ...core, now: () => nowMs(core) }, servers, name, ({ addresses, reason }) => {
        if (reason !== "") dispatch(tunnels, slot, { kind: "unprepared", serial, reason });
        else dispatch(tunnels, slot, { kind: "prepared", serial, token, addresses });
      });
    }
  });
}

/** The file is read for every attempt, so that a renewed token is noticed. */
function readToken(
  core: Core,
  location: LocationConfig,
  done: (token: string | undefined, problem: string) => void,
): void {
  const { token, tokenFile } = location;
  if (tokenFile === undefined) return done(token ?? "", "");
  readFile(core.channel, tokenFile, (result) => {
    if (!(result instanceof Uint8Array)) return done(undefined, `token file ${result.text}`);
    const [line = ""] = (core.native.utf8Decode(result) ?? "").split("\n");
    const found = line.trim();
    done(found === "" ? undefined : found, `token file ${tokenFile} holds no token`);
  });
}

function openSession(
  tunnels: Tunnels,
  tunnel: Tunnel,
  open: Extract<TunnelCommand, { kind: "open" }>,
): void {
  const { core, config } = tunnels;
  const { location, slot } = tunnel;
  const peer = location.peers[open.peer];
  if (peer === undefined || config === undefined) throw new Error(`no peer ${open.peer}`);
  const { token, want4, want6, serial, address } = open;
  const greeting = greetingText({ token, segments: config.offload, want4, want6 });
  const target = { name: location.name, slot, peer: address, port: peer.port };
  const trust = {
    serverName: location.serverName ?? "",
    pins: peer.pins.map((pin) => ({ digest: base64Bytes(pin) })),
    caFile: location.caFile ?? "",
  };
  const rest = { mark: ownMark(config), device: "", connectMs: connectMsMax, keepaliveMs };
  const data = core.native.utf8Encode(greeting);
  const message = { type: "session_open", ...target, ...trust, ...rest, greeting: data } as const;
  request(core.channel, message, (answer) => {
    if (answer.type !== "session_opened") throw new Error(`answer ${answer.type} to session_open`);
    const { error, session } = answer;
    if (error === 0) return dispatch(tunnels, slot, { kind: "opened", serial, session });
    const reason = `${address}: ${answerText(error, "")}`;
    return dispatch(tunnels, slot, { kind: "unprepared", serial, reason });
  });
}

function startSession(
  tunnels: Tunnels,
  tunnel: Tunnel,
  start: Extract<TunnelCommand, { kind: "start" }>,
): void {
  const { native, channel } = tunnels.core;
  const { session, welcome } = start;
  const { slot, location } = tunnel;
  const { mtu, segments } = welcome;
  const memo = native.utf8Encode(welcomeText(welcome));
  const control = new Uint8Array(0);
  const who = { session, slot, name: location.name };
  const message = { type: "session_start", ...who, mtu, segments, control, memo } as const;
  request(channel, message, (answer) => {
    const { error, text } = asResult(answer);
    const problem = error === 0 ? "" : answerText(error, text);
    dispatch(tunnels, slot, { kind: "started", session, problem });
  });
}
