/** The router: devices, the tunnels that they leave by, and the script that may decide. */
import { logWarning, nowMs } from "../engine/core.js";
import type { Engine } from "../engine/engine-state.js";
import { configInForce } from "../engine/in-force.js";
import type { BySession, Role } from "../engine/role.js";
import { noteHolders } from "../engine/state-files.js";
import { countersOf, rttOf } from "../engine/status.js";
import type { Tunnels } from "../engine/tunnels.js";
import {
  configureTunnels,
  locationStates,
  onRouterControl,
  onRouterSession,
  startTunnels,
  stopTunnels,
  takeOverSession,
} from "../engine/tunnels.js";
import type { RouterConfig } from "../model/config.js";
import { desireRouter } from "../policy/router.js";
import { desireRouterStopped } from "../policy/stop.js";
import { portsNamed } from "../policy/wards.js";
import { weakSpots } from "../policy/weak-spots.js";
import type { Tunnel } from "../tunnel/state.js";
import { locationStateOf } from "../tunnel/state.js";
import { wayReason } from "../tunnel/ways.js";

export function createRouter(engineOf: () => Engine): Role<RouterConfig> {
  const tunnelsOf = (): Tunnels => engineOf().tunnels;
  const advised = (config: RouterConfig): RouterConfig => configInForce(engineOf().advice, config);
  return {
    configure: (config) => configureTunnels(tunnelsOf(), config),
    takeOver: (held) => takeOverSession(tunnelsOf(), held),
    start: () => startTunnels(tunnelsOf()),
    stop: () => stopTunnels(tunnelsOf()),
    desire: (config) => {
      const { core, tunnels } = engineOf();
      return desireRouter(advised(config), core.store, locationStates(tunnels), nowMs(core));
    },
    desireStopped: (config) => {
      const { core, originals } = engineOf();
      return desireRouterStopped(advised(config), core.store, originals);
    },
    beforeApply: (config, done) => noteHolders(engineOf().core, advised(config), done),
    warn: (config) => warnOfPorts(engineOf(), config),
    onSettled: (config) => warnWeakSpots(engineOf(), config),
    onSession: (message) => onRouterSession(tunnelsOf(), message),
    onControl: (message) => onRouterControl(tunnelsOf(), message),
    status: (config, bySession) => statusOf(engineOf(), config, bySession),
  };
}

function warnOfPorts({ core }: Engine, config: RouterConfig): void {
  for (const [port, bridge] of portsNamed(config, core.store)) {
    const why = `${port} is a port of ${bridge}, which does not tell its ports apart`;
    logWarning(core, `${why}: a rule for it holds for all of ${bridge}`);
  }
}

/** Known limits that the router touches, each told once. */
function warnWeakSpots({ core }: Engine, config: RouterConfig): void {
  const { log, store } = core;
  for (const spot of weakSpots(config, store)) log.writeOnce("warning", `weak ${spot}`, spot);
}

function statusOf(engine: Engine, config: RouterConfig, bySession: BySession): object {
  const { advice, core, tunnels } = engine;
  const all = [...tunnels.bySlot.values()].sort((left, right) => left.slot - right.slot);
  return {
    bridged_ifnames: [...portsNamed(config, core.store).keys()],
    weak_spots: weakSpots(config, core.store),
    locations: all.map((one) => locationOf(one, tunnels.rttMs.get(one.slot), bySession)),
    policy: advice.status,
  };
}

function locationOf(tunnel: Tunnel, rttMs: number | undefined, bySession: BySession): object {
  const { name, state, welcome, reason } = locationStateOf(tunnel, rttMs);
  const { ways } = tunnel;
  const stats = bySession.get(tunnel.session);
  return {
    name,
    slot: tunnel.slot,
    state,
    rtt_ms: rttOf(stats),
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
