/**
 * Every key of the configuration in one table. The parser walks it, docs/config.md is made from it
 * and from scripts/config-docs/keys.json, which says what each key means and is no part of the
 * bundle. A row: key, type, default, range. The default "!" marks a key that must stand there,
 * undefined one that may be left out, an empty list or section what is taken when it is.
 */
import { clientsMax, listenersMax, locationsMax, peersPerLocationMax } from "../model/limits.js";

export type SectionName =
  | "router"
  | "location"
  | "peer"
  | "mac rule"
  | "address rule"
  | "interface rule"
  | "gateway"
  | "listener"
  | "client"
  | "api";

/** A scalar type of ts/config/types.ts, or a section, or a list of either. */
export interface KeyRow {
  readonly section: SectionName;
  readonly key: string;
  readonly type: string;
  readonly default: unknown;
  /** Smallest and largest value of a number; most items of a list. */
  readonly range?: readonly [number, number];
  /**
   * Read and checked, then left aside: a key of the router SDK that means nothing to a TLS tunnel.
   */
  readonly idle?: true;
}

type Row = readonly [
  key: string,
  type: string,
  fallback: unknown,
  range?: readonly [number, number],
];

const required = "!";

function section(name: SectionName, rows: readonly Row[], idle?: true): KeyRow[] {
  return rows.map(([key, type, fallback, range]) => ({
    section: name,
    key,
    type,
    default: fallback,
    ...(range && { range }),
    ...(idle && { idle }),
  }));
}

const target: readonly Row[] = [
  ["vl", "vl", undefined],
  ["country_code", "vl", undefined],
  ["when_down", "when", "block"],
];

const common: readonly Row[] = [
  ["on_stop", "stop", "restore"],
  ["offload", "flag", true],
  ["api", "{api}", {}],
];

const routerRows: readonly Row[] = [
  ["role", "role", "router"],
  ["tun_ifname", "iface", required],
  ["wan_ifname", "iface", required],
  ["lan_ifnames", "[iface]", [], [0, 32]],
  ["tun_addr", "ip4", "100.73.0.73"],
  ["tun_mtu", "mtu", 0],
  ["vl_default", "vl", ""],
  ["default_gateway", "flag", false],
  ["no_iptables", "flag", false],
  ["no_socket_setup", "flag", false],
  ["mark_mask", "mask", 0x7f000000],
  ["table", "int", 47, [1, 251]],
  ["resolvers", "[ip]", [], [0, 4]],
  ["type", "tunnel", "tls"],
  ["dial", "dial", "now"],
  ["locations", "[location]", required, [1, locationsMax]],
  ["protected_mac_addrs", "[mac rule]", []],
  ["protected_ip_addrs", "[address rule]", []],
  ["protected_ifaces", "[interface rule]", []],
  ...common,
];

const idleRows: readonly Row[] = [
  ["hydra_tun_fd", "int", undefined, [0, 65_535]],
  ["tun_dev_path", "path", "/dev/net/tun"],
  ["backend", "text", ""],
  ["auth_method", "text", ""],
  ["auth_token", "text", ""],
  ["device_id", "text", "default_device_id"],
  ["device_type", "text", "wrt"],
  ["project_id", "text", "af_router_sdk_test"],
  ["rcvbuf", "int", 0, [-1, 2_147_483_647]],
  ["sndbuf", "int", 0, [-1, 2_147_483_647]],
  ["data_report_interval", "int", 30_000, [0, 2_147_483_647]],
  ["v4v6_policy", "policy", "legacy"],
  ["ipv6_output_only", "flag", false],
  ["hydra_default_vl_reconnect_interval", "int", 10, [0, 86_400]],
  ["config_dir", "path", "/etc/afwrt"],
  ["ci_unix_domain", "object", {}],
  ["ci_rest", "object", {}],
];

const locationRows: readonly Row[] = [
  ["name", "name", required],
  ["type", "tunnel", undefined],
  ["peers", "[peer]", required, [1, peersPerLocationMax]],
  ["token", "token", undefined],
  ["token_file", "path", undefined],
  ["ca_file", "path", undefined],
  ["server_name", "host", undefined],
  ["dial", "dial", undefined],
];

const peerRows: readonly Row[] = [
  ["endpoint", "endpoint", required],
  ["pin", "pin", undefined],
  ["pins", "[pin]", undefined, [1, 8]],
];

const gatewayRows: readonly Row[] = [
  ["role", "role", required],
  ["tun_ifname", "iface", "adit0"],
  ["wan_ifname", "iface", ""],
  ["listen", "[listener]", required, [1, listenersMax]],
  ["pool4", "pool4", "10.64.0.0/16"],
  ["pool6", "pool6", "fd00:64::/64"],
  ["clients", "[client]", required, [1, clientsMax]],
  ["nat", "flag", true],
  ["client_to_client", "flag", false],
  ["tun_mtu", "mtu", 0],
  ...common,
];

const listenerRows: readonly Row[] = [
  ["type", "tunnel", "tls"],
  ["address", "bind", required],
  ["cert", "path", required],
  ["key", "path", required],
];

const clientRows: readonly Row[] = [
  ["name", "name", required],
  ["token_sha256", "hex64", required],
  ["addr4", "ip4", undefined],
  ["addr6", "ip6", undefined],
];

const apiRows: readonly Row[] = [
  ["socket", "path", ""],
  ["mode", "mode", 0o660],
];

const rules: readonly [SectionName, Row][] = [
  ["mac rule", ["mac_addr", "mac", required]],
  ["address rule", ["ip_addr", "prefix", required]],
  ["interface rule", ["iface", "iface", required]],
];

export const schema: readonly KeyRow[] = [
  ...section("router", routerRows),
  ...section("router", idleRows, true),
  ...section("location", locationRows),
  ...section("peer", peerRows),
  ...rules.flatMap(([name, subject]) => section(name, [subject, ...target])),
  ...section("gateway", gatewayRows),
  ...section("listener", listenerRows),
  ...section("client", clientRows),
  ...section("api", apiRows),
];
