/** Tells which devices go another way than before, after something that may have moved them. */
import { devicesOf } from "../policy/device.js";
import { routerInForce } from "./in-force.js";
import type { Engine } from "./engine-state.js";
import { locationStates } from "./tunnels.js";

/** Compares with the last look and publishes one event for each device that moved. */
export function reportMoves(engine: Engine, why: string): void {
  const { core, tunnels } = engine;
  const config = routerInForce(engine);
  if (config === undefined) return;
  const before = engine.moves;
  const after = new Map<string, string>();
  for (const device of devicesOf(config, core.store, locationStates(tunnels))) {
    const to = device.location === "" ? device.outcome : device.location;
    after.set(`${device.mac} ${device.iface}`, to);
    const from = before.get(`${device.mac} ${device.iface}`);
    if (from === undefined || from === to) continue;
    core.events.publish({ event: "device_moved", device: device.mac, from, to, why });
  }
  engine.moves = after;
}
