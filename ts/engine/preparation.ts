/** What a dial needs first: the token, and an address that a route leads to. */
import { resolveName } from "../host/resolver.js";
import type { Resolution } from "../host/resolver.js";
import { readFile } from "../host/transfer.js";
import type { LocationConfig } from "../model/config.js";
import type { Ip } from "../model/ip.js";
import { parseIp } from "../model/ip.js";
import { nat64Anywhere, nat64Name, throughNat64 } from "../model/nat64.js";
import { ownMark } from "../policy/marks.js";
import { hasRouteTo } from "../policy/ways.js";
import type { Tunnel, TunnelCommand, TunnelEvent } from "../tunnel/state.js";
import type { Core } from "./core.js";
import { nowMs } from "./core.js";
import { noteFile } from "./machine.js";
import type { Tunnels } from "./tunnels.js";

type Prepare = Extract<TunnelCommand, { kind: "prepare" }>;

export function prepareDial(
  tunnels: Tunnels,
  { slot, location }: Tunnel,
  todo: Prepare,
  done: (event: TunnelEvent) => void,
): void {
  const { serial } = todo;
  readToken(tunnels.core, location, (token, problem) => {
    if (token === undefined) return done({ kind: "unprepared", serial, reason: problem });
    return findAddresses(tunnels, slot, todo, ({ addresses, reason }) => {
      done({ kind: "prepared", serial, token, addresses, problem: reason });
    });
  });
}

/** Mark and interface of sockets that leave by an uplink; "" leaves it to the routing table. */
export function wayNamed(
  { ways, config }: Tunnels,
  device: string,
): { mark: number; device: string } {
  const mark = ways.find((way) => way.device === device)?.mark;
  return { device, mark: mark ?? (config === undefined ? 0 : ownMark(config)) };
}

/** Those that a route leads to; if there is none, those that a NAT64 takes in their place. */
function findAddresses(
  tunnels: Tunnels,
  slot: number,
  { host, uplink }: Prepare,
  done: (resolution: Resolution) => void,
): void {
  const { core, config } = tunnels;
  const servers = config?.resolvers ?? [];
  const asker = String(slot);
  const ports = { ...core, ...wayNamed(tunnels, uplink), now: () => nowMs(core), asker };
  const pick = (found: readonly Ip[]): void => {
    const usable = found.filter((one) => hasRouteTo(core.store, one));
    if (usable.length > 0 || !hasRouteTo(core.store, nat64Anywhere)) {
      return done({ addresses: usable.length > 0 ? usable : found, reason: "" });
    }
    return resolveName(
      ports,
      servers,
      nat64Name,
      ({ addresses: shown }) => done({ addresses: throughNat64(found, shown), reason: "" }),
      [6],
    );
  };
  if (parseIp(host) !== undefined) return pick([host]);
  return resolveName(ports, servers, host, ({ addresses, reason }) => {
    if (reason === "") pick(addresses);
    else done({ addresses, reason });
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
  readFile(core.channel, tokenFile, (result, facts) => {
    noteFile(core, tokenFile, facts);
    if (!(result instanceof Uint8Array)) return done(undefined, `token file ${result.text}`);
    const [line = ""] = (core.native.utf8Decode(result) ?? "").split("\n");
    const found = line.trim();
    done(found === "" ? undefined : found, `token file ${tokenFile} holds no token`);
  });
}

