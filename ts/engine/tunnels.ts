/** Carries out what the tunnels' state machines ask for, and tells them what happened. */
import type { MoverMessage } from "../host/contract.gen.js";
import { asResult, command, request } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import { endpointText } from "../config/words.js";
import type { LocationConfig, RouterConfig } from "../model/config.js";
import { connectMsMax, keepaliveChoiceMs, keepaliveMs } from "../model/limits.js";
import type { LocationState, Welcome } from "../model/observed.js";
import type { Way } from "../model/way.js";
import { addressOf } from "../model/pool.js";
import { waysOf } from "../policy/ways.js";
import type { Tunnel, TunnelCommand, TunnelEvent } from "../tunnel/state.js";
import { locationStateOf, newTunnel } from "../tunnel/state.js";
import { stepTunnel } from "../tunnel/tunnel.js";
import {
  greetingText,
  memoText,
  readGatewayAnswer,
  readUplinkMemo,
  readWelcomeMemo,
} from "../tunnel/welcome.js";
import { base64Bytes } from "./base64.js";
import type { Core } from "./core.js";
import { logInfo, logWarning, nowMs } from "./core.js";
import { innerContext } from "./inner.js";
import { prepareDial, wayNamed } from "./preparation.js";
import type { Uplinks } from "./uplink.js";
import { changedUplinks, compareUplinks, uplinkFacts } from "./uplink.js";

/** Changes of the uplink come in swarms; they are looked at once they pause. */
const uplinkSettleMs = 200;
const deadlineNames = ["redial", "attempt", "down", "return"] as const;
/** IFF_RUNNING of linux/if.h. */
const flagRunning = 0x40;
const sessionHandshake = 2;
export const sessionStarted = 4;
export const sessionClosed = 5;

/** What answered at the gateway's address is not the gateway, or not the one that is expected. */
const unproven = /^(pin|certificate|alpn|tls): /;
const portalHint = "; is it a captive portal that answers?";

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
  /** What is known of them; undefined before the kernel was read. */
  uplinks: Uplinks | undefined;
  ways: readonly Way[];
}

export function createTunnels(core: Core, onChange: (why: string) => void): Tunnels {
  return {
    core,
    onChange,
    bySlot: new Map(),
    rttMs: new Map(),
    carriers: new Set(),
    config: undefined,
    uplinks: undefined,
    ways: [],
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
    if (location === undefined) continue;
    const tunnel = { ...newTunnel(location, slot, nowMs(core)), ways: tunnels.ways };
    tunnels.bySlot.set(slot, tunnel);
  }
  if (before !== undefined) noteUplink(tunnels);
}

/** Dials what is to be dialled at once; after sessions that the mover held were taken over. */
export function startTunnels(tunnels: Tunnels): void {
  checkUplink(tunnels);
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
  const { session, port } = held;
  const peer = `${held.peer} ${port}`;
  const uplink = readUplinkMemo(core.native.utf8Decode(held.memo));
  dispatch(tunnels, held.slot, { kind: "held", session, welcome, peer, uplink });
}

export function onSlotWanted(tunnels: Tunnels, slot: number): void {
  if (tunnels.bySlot.has(slot)) dispatch(tunnels, slot, { kind: "want" });
}

export function onRouterSession(tunnels: Tunnels, message: Message<"session_state">): void {
  const { session, state, reason } = message;
  const slot = slotOfSession(tunnels, session);
  if (slot === undefined) return;
  if (state === sessionHandshake) dispatch(tunnels, slot, { kind: "connected", session });
  if (state !== sessionClosed) return;
  const told = unproven.test(reason) ? `${reason}${portalHint}` : reason;
  dispatch(tunnels, slot, { kind: "closed", session, reason: told });
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
    if (location.name === name) dispatch(tunnels, slot, { kind: "redial" });
  }
}

export function locationStates(tunnels: Tunnels): readonly LocationState[] {
  const all = [...tunnels.bySlot.values()].sort((left, right) => left.slot - right.slot);
  return all.map((tunnel) => locationStateOf(tunnel, tunnels.rttMs.get(tunnel.slot)));
}

function checkUplink(tunnels: Tunnels): void {
  const { core, config, carriers, uplinks: before } = tunnels;
  if (config === undefined || !core.store.complete) return;
  const after = uplinkFacts(config, core.store, carriers);
  const ways = waysOf(config, core.store, carriers);
  recheckAddresses(tunnels);
  const changed = changedUplinks(before ?? after, after);
  const isNew = JSON.stringify(ways) !== JSON.stringify(tunnels.ways);
  tunnels.uplinks = after;
  tunnels.ways = ways;
  if (changed.size === 0 && !isNew) return;
  if (before !== undefined) logInfo(core, "an uplink changed, tunnels are looked after");
  for (const { slot, uplink } of [...tunnels.bySlot.values()]) {
    const difference = compareUplinks((before ?? after).get(uplink), after.get(uplink));
    dispatch(tunnels, slot, { kind: "uplink", suspect: difference === "suspect", ways, changed });
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
  const inner = innerContext(tunnels, slot);
  const context = { nowMs: nowMs(core), random: core.random, ...inner };
  const { state, commands, deadlines } = stepTunnel(before, event, context);
  tunnels.bySlot.set(slot, state);
  for (const what of deadlineNames) core.deadlines.clear(`${what} ${slot}`);
  for (const { name, atMs, why } of deadlines) {
    core.deadlines.set(name, atMs, why, () => dispatch(tunnels, slot, { kind: "time" }));
  }
  logChange(core, before, state);
  const { address = "" } = state.attempt ?? {};
  if (address !== "" && address !== before.attempt?.address) recheckAddresses(tunnels);
  for (const one of commands) carryOut(tunnels, state, one);
  if (state.welcome !== undefined && before.welcome !== state.welcome) {
    takeAddresses(tunnels, slot, state.welcome);
  }
  const changed = before.shown !== state.shown || before.lastWelcome !== state.lastWelcome;
  if (changed || before.welcome !== state.welcome) {
    tunnels.onChange(`${state.location.name} is ${state.shown}`);
  }
}

/** What gateways assigned must not be what the router has come to use or dial. */
function recheckAddresses(tunnels: Tunnels): void {
  for (const { slot, lastWelcome } of [...tunnels.bySlot.values()]) {
    if (lastWelcome !== undefined) dispatch(tunnels, slot, { kind: "recheck" });
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

/** Locations that remember an address which this one has now look for others. */
function takeAddresses(tunnels: Tunnels, slot: number, { addr4, addr6 }: Welcome): void {
  for (const address of [addressOf(addr4), addressOf(addr6)]) {
    for (const other of [...tunnels.bySlot.keys()]) {
      if (other === slot || address === "") continue;
      dispatch(tunnels, other, { kind: "yield", address });
    }
  }
}

function carryOut(tunnels: Tunnels, tunnel: Tunnel, todo: TunnelCommand): void {
  const { core } = tunnels;
  switch (todo.kind) {
    case "prepare":
      return prepareDial(tunnels, tunnel, todo, (event) => dispatch(tunnels, tunnel.slot, event));
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

function openSession(
  tunnels: Tunnels,
  tunnel: Tunnel,
  open: Extract<TunnelCommand, { kind: "open" }>,
): void {
  const { core, config } = tunnels;
  const { location, slot } = tunnel;
  const peer = location.peers[open.peer];
  if (peer === undefined || config === undefined) throw new Error(`no peer ${open.peer}`);
  const { token, want4, want6, serial, address, uplink } = open;
  const greeting = greetingText({ token, segments: config.offload, want4, want6 });
  const target = { name: location.name, slot, peer: address, port: peer.port };
  const trust = {
    serverName: location.serverName ?? "",
    pins: peer.pins.map((pin) => ({ digest: base64Bytes(pin) })),
    caFile: location.caFile ?? "",
  };
  const limits = { connectMs: connectMsMax, keepaliveMs: keepaliveOf(tunnels) };
  const rest = { ...wayNamed(tunnels, uplink), ...limits };
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

/** Where there is another uplink to go to, it is worth knowing soon that this one is dead. */
function keepaliveOf({ ways }: Tunnels): number {
  return ways.length > 1 ? keepaliveChoiceMs : keepaliveMs;
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
  const memo = native.utf8Encode(memoText(welcome, tunnel.attempt?.uplink ?? ""));
  const control = new Uint8Array(0);
  const who = { session, slot, name: location.name };
  const message = { type: "session_start", ...who, mtu, segments, control, memo } as const;
  request(channel, message, (answer) => {
    const { error, text } = asResult(answer);
    const problem = error === 0 ? "" : answerText(error, text);
    dispatch(tunnels, slot, { kind: "started", session, problem });
  });
}
