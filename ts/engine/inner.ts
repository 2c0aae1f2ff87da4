/** What a tunnel's state machine may ask about inner addresses that its gateway assigned. */
import type { Ip } from "../model/ip.js";
import { addressOf } from "../model/pool.js";
import { refusedBecause } from "../policy/assigned.js";
import type { TunnelContext } from "../tunnel/state.js";
import { locationStateOf } from "../tunnel/state.js";
import type { Tunnels } from "./tunnels.js";

type InnerContext = Pick<TunnelContext, "isTaken" | "refusedBecause">;

export function innerContext(tunnels: Tunnels, slot: number): InnerContext {
  return {
    isTaken: (address) => isTakenElsewhere(tunnels, slot, address),
    refusedBecause: (address) => refusal(tunnels, address),
  };
}

function isTakenElsewhere(tunnels: Tunnels, slot: number, address: Ip): boolean {
  for (const other of tunnels.bySlot.values()) {
    if (other.slot === slot) continue;
    // What another location only remembers it yields to who has it now.
    for (const welcome of [other.welcome, other.attempt?.welcome]) {
      if (welcome === undefined) continue;
      if ([welcome.addr4, welcome.addr6].some((one) => addressOf(one) === address)) return true;
    }
  }
  return false;
}

function refusal({ bySlot, config, core }: Tunnels, address: Ip): string {
  if (config === undefined) return "";
  const dialled = new Set(config.locations.flatMap(({ peers }) => peers.map(({ host }) => host)));
  for (const tunnel of bySlot.values()) {
    for (const peer of locationStateOf(tunnel, undefined).peers) dialled.add(peer);
  }
  return refusedBecause(address, config, core.store, dialled);
}
