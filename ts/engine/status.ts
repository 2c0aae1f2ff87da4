/** The status object of GET /v1/status; docs/api.md tells every field. */
import type { SessionStats, StatsMessage } from "../host/contract.gen.js";
import { nowMs } from "./core.js";
import type { Engine } from "./engine-state.js";
import { exposedFiles, missingIfnames } from "./machine.js";
import type { BySession } from "./role.js";
import { roleOf } from "./role.js";
import { isSettled } from "./settle.js";

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
    uptime_ms: Math.floor(now - core.startedAtMs),
    mover_uptime_ms: stats.uptimeMs,
    ...(config && roleOf(engine.roles, config).status(config, bySession)),
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

/** Null while nothing was measured. */
export function rttOf(stats: SessionStats | undefined): number | null {
  return stats === undefined || stats.rttUs === 0 ? null : stats.rttUs / 1_000;
}

export function countersOf(stats: SessionStats | undefined): object {
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
