/** Config back to JSON text that parseConfig reads to the same Config. */
import type {
  Config,
  GatewayConfig,
  LocationConfig,
  PolicyConfig,
  RouterConfig,
  Rule,
} from "../model/config.js";
import { ruleLists } from "./router.js";
import { subjectOf } from "./checks.js";
import { endpointText, wayWord } from "./words.js";

type Json = Record<string, unknown>;

/** Complete: keys at their default are written too, so that a later default changes nothing. */
export function dumpConfig(config: Config): string {
  const value = config.role === "router" ? dumpRouter(config) : dumpGateway(config);
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function dumpRouter(config: RouterConfig): Json {
  const rules = ruleLists.map(({ kind, list, key }) => [
    list,
    config.rules
      .filter((rule) => rule.match.kind === kind)
      .map((rule) => ({ [key]: subjectOf(rule), ...dumpTarget(rule) })),
  ]);
  return {
    role: "router",
    tun_ifname: config.tunIfname,
    wan_ifname: config.wanIfname,
    uplinks: config.uplinks,
    lan_ifnames: config.lanIfnames,
    tun_addr: config.tunAddr,
    tun_mtu: config.tunMtu,
    vl_default: config.vlDefault,
    default_gateway: Number(config.defaultGateway),
    whole_device: Number(config.wholeDevice),
    no_iptables: Number(config.noIptables),
    no_socket_setup: Number(config.noSocketSetup),
    on_stop: config.onStop,
    mark_mask: `0x${config.markMask.toString(16).padStart(8, "0")}`,
    table: config.table,
    reach_tables: config.reachTables,
    offload: Number(config.offload),
    resolvers: config.resolvers,
    inner_ranges: config.innerRanges,
    locations: config.locations.map(dumpLocation),
    ...(Object.fromEntries(rules) as Json),
    policy: dumpPolicy(config.policy),
    ...dumpApi(config),
  };
}

function dumpPolicy(policy: PolicyConfig): Json {
  return {
    file: policy.file || undefined,
    vars: policy.vars,
    timezone: policy.timezone,
    unanswered: policy.unanswered,
    ifnames: policy.ifnames,
    leases_file: policy.leasesFile || undefined,
    memory_kib: policy.memoryKib,
    call_ms: policy.callMs,
    public_keys: policy.publicKeys,
    target: policy.target,
    confirm_s: policy.confirmS,
  };
}

function dumpTarget(rule: Rule): Json {
  const { inbound, wholeDevice } = rule;
  return {
    vl: wayWord(rule.target),
    when_down: wayWord(rule.whenDown),
    ...(inbound !== undefined && { inbound }),
    ...(wholeDevice !== undefined && { whole_device: Number(wholeDevice) }),
  };
}

function dumpLocation(location: LocationConfig): Json {
  return {
    name: location.name,
    type: location.type,
    peers: location.peers.map(({ host, port, pins }) => ({
      endpoint: endpointText(host, port),
      ...(pins.length > 0 && { pins: pins.map((pin) => `sha256/${pin}`) }),
    })),
    token: location.token,
    token_file: location.tokenFile,
    ca_file: location.caFile,
    server_name: location.serverName,
    dial: location.dial,
    capacity_mbit: location.capacityMbit,
  };
}

function dumpApi(config: Config): Json {
  const mode = `0${config.api.mode.toString(8).padStart(3, "0")}`;
  const { socket, ubus } = config.api;
  const api = socket === "" ? { mode } : { socket, mode };
  return ubus === "" ? { api } : { api, ubus: { socket: ubus } };
}

function dumpGateway(config: GatewayConfig): Json {
  return {
    role: "gateway",
    tun_ifname: config.tunIfname,
    ...(config.wanIfname !== "" && { wan_ifname: config.wanIfname }),
    listen: config.listen.map(({ address, port, cert, key }) => ({
      type: "tls",
      address: endpointText(address, port),
      cert,
      key,
    })),
    pool4: config.pool4,
    pool6: config.pool6,
    clients: config.clients.map(({ name, tokenSha256, addr4, addr6 }) => ({
      name,
      token_sha256: tokenSha256,
      ...(addr4 !== "" && { addr4 }),
      ...(addr6 !== "" && { addr6 }),
    })),
    nat: Number(config.nat),
    client_to_client: Number(config.clientToClient),
    client_reach: config.clientReach,
    tun_mtu: config.tunMtu,
    on_stop: config.onStop,
    offload: Number(config.offload),
    ...dumpApi(config),
  };
}
