/** The status object of GET /v1/status; docs/api.md tells every field. */
import type { SessionStats, StatsMessage } from "../host/contract.gen.js";
import type { GatewayConfig } from "../model/config.js";
import { portsNamed } from "../policy/wards.js";
import { weakSpots } from "../policy/weak-spots.js";
import type { Tunnel } from "../tunnel/state.js";
import { locationStateOf } from "../tunnel/state.js";
import { wayReason } from "../tunnel/ways.js";
import { nowMs } from "./core.js";
import type { Engine } from "./engine-state.js";
import { exposedFiles, missingIfnames } from "./machine.js";
import { isSettled } from "./settle.js";

type BySession = ReadonlyMap<number, SessionStats>;

export function statusOf(engine: Engine, stats: StatsMessage): object {
  const { core, settler, phase } = engine;
  const { config, counters, facts } = core;
  const now = nowMs(core);
  const bySession: BySession = new Map(stats.sessions.map((one) => [one.session, one]));
  return {
    role: config?.role ?? "",
    version: core.native.hostVersion,
    state: stateWord(phase),
    ready: phase === "running",
    settled: isSettled(settler),
    problem: settler.lastProblem,
    missing_ifnames: missingIfnames(core),
    exposed_files: exposedFiles(core),
    ...(config?.role === "router" && {
      bridged_ifnames: [...portsNamed(config, core.store).keys()],
      weak_spots: weakSpots(config, core.store),
    }),
    uptime_ms: Math.floor(now - core.startedAtMs),
    mover_uptime_ms: stats.uptimeMs,
    ...(config?.role === "gateway"
      ? { clients: clientsOf(engine, config, bySession) }
      : { locations: locationsOf(engine, bySession) }),
    ...(config?.role === "router" && { policy: engine.advice.status }),
    ...(config?.api.ubus && { ubus: engine.bus.state }),
    operations: counters.operations,
    plans: counters.plans,
    repairs: counters.repairs,
    decider_restarts: facts.restarts,
    last_death: facts.lastDeath,
    sessions: { open: stats.sessions.length, started: counters.sessions },
    packets: {
      tun_rx: stats.tunRxPackets,
      tun_tx: stats.tunTxPackets,
      drop_no_route: stats.dropNoRoute,
      drop_no_session: stats.dropNoSession,
      drop_invalid: stats.dropInvalid,
    },
    deadlines: core.deadlines.list().map(({ name, atMs, why }) => {
      return { name, in_ms: Math.max(0, Math.round(atMs - now)), why };
    }),
  };
}

export function stateWord(phase: Engine["phase"]): string {
  return { starting: "activating", running: "active", stopping: "deactivating" }[phase];
}

function locationsOf({ tunnels }: Engine, bySession: BySession): object[] {
  const all = [...tunnels.bySlot.values()].sort((left, right) => left.slot - right.slot);
  return all.map((tunnel) => locationOf(tunnel, tunnels.rttMs.get(tunnel.slot), bySession));
}

function locationOf(tunnel: Tunnel, rttMs: number | undefined, bySession: BySession): object {
  const { name, state, welcome, reason } = locationStateOf(tunnel, rttMs);
  const { ways } = tunnel;
  const stats = bySession.get(tunnel.session);
  return {
    name,
    slot: tunnel.slot,
    state,
    rtt_ms: stats === undefined || stats.rttUs === 0 ? null : stats.rttUs / 1_000,
    addr4: welcome?.addr4 ?? "",
    addr6: welcome?.addr6 ?? "",
    mtu: welcome?.mtu ?? 0,
    peer: tunnel.peer,
    uplink: tunnel.uplink,
    uplink_reason: tunnel.session === 0 ? "" : wayReason(ways, tunnel.grudges, tunnel.uplink),
    reason,
    ...countersOf(stats),
  };
}

function clientsOf({ clients }: Engine, config: GatewayConfig, bySession: BySession): object[] {
  return config.clients.map(({ name }) => {
    const lease = clients.book.get(name);
    const stats = lease === undefined ? undefined : bySession.get(lease.session);
    return {
      name,
      state: stats === undefined ? "away" : "connected",
      addr4: lease?.addr4 ?? "",
      addr6: lease?.addr6 ?? "",
      rtt_ms: stats === undefined || stats.rttUs === 0 ? null : stats.rttUs / 1_000,
      ...countersOf(stats),
    };
  });
}

function countersOf(stats: SessionStats | undefined): object {
  return {
    rx_bytes: stats?.rxBytes ?? 0,
    tx_bytes: stats?.txBytes ?? 0,
    rx_packets: stats?.rxPackets ?? 0,
    tx_packets: stats?.txPackets ?? 0,
    drop_source: stats?.dropSource ?? 0,
    drop_queue: stats?.dropQueue ?? 0,
    drop_invalid: stats?.dropInvalid ?? 0,
  };
}
