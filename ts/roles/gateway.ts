/** The gateway: clients that are let in, the addresses that they get, and what they may reach. */
import { lookAtCertificates } from "../engine/certificates.js";
import type { ClientHooks, Clients } from "../engine/clients.js";
import {
  configureClients,
  createClients,
  onGatewayControl,
  onGatewaySession,
  stopClients,
  takeOverClient,
} from "../engine/clients.js";
import type { Core } from "../engine/core.js";
import type { Engine } from "../engine/engine-state.js";
import type { BySession, Role } from "../engine/role.js";
import { countersOf, rttOf } from "../engine/status.js";
import type { GatewayConfig } from "../model/config.js";
import { desireGateway, desireGatewayStopped } from "../policy/gateway.js";

export function createGateway(
  core: Core,
  hooks: ClientHooks,
  engineOf: () => Engine,
): Role<GatewayConfig> {
  const clients = createClients(core, hooks);
  return {
    configure: (config) => configureClients(clients, config),
    takeOver: (held) => takeOverClient(clients, held),
    start: () => lookAtCertificates(core),
    stop: () => stopClients(clients),
    desire: (config) => desireGateway(config, core.store, [...clients.book.values()]),
    desireStopped: (config) => desireGatewayStopped(config, core.store, engineOf().originals),
    beforeApply: (_config, done) => done(),
    warn: () => undefined,
    onSettled: () => undefined,
    onSession: (message) => onGatewaySession(clients, message),
    onControl: (message) => onGatewayControl(clients, message),
    status: ({ clients: known, listen }, bySession) => ({
      certificates: listen.map(({ cert }) => ({
        file: cert,
        days_left: core.daysLeft.get(cert) ?? null,
      })),
      clients: known.map(({ name }) => clientOf(clients, name, bySession)),
    }),
  };
}

function clientOf({ book }: Clients, name: string, bySession: BySession): object {
  const lease = book.get(name);
  const stats = lease === undefined ? undefined : bySession.get(lease.session);
  return {
    name,
    state: stats === undefined ? "away" : "connected",
    addr4: lease?.addr4 ?? "",
    addr6: lease?.addr6 ?? "",
    rtt_ms: rttOf(stats),
    ...countersOf(stats),
  };
}
