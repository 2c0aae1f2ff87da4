/**
 * Every key of the configuration in one table. The parser walks it, docs/config.md is made from it.
 * A row: section, key, type, default, remark. The default "!" marks a key that must stand there,
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
  readonly doc: string;
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
  doc: string,
  range?: readonly [number, number],
];

const required = "!";

function section(name: SectionName, rows: readonly Row[], idle?: true): KeyRow[] {
  return rows.map(([key, type, fallback, doc, range]) => ({
    section: name,
    key,
    type,
    default: fallback,
    doc,
    ...(range && { range }),
    ...(idle && { idle }),
  }));
}

const target: readonly Row[] = [
  ["vl", "vl", undefined, "Location; `direct` is past every tunnel, empty the default location."],
  ["country_code", "vl", undefined, "Older name of `vl`."],
  [
    "when_down",
    "when",
    "block",
    "While the tunnel is down: `block`, `direct`, or the name of another location.",
  ],
];

const common: readonly Row[] = [
  ["on_stop", "stop", "restore", "On SIGTERM: `restore` the host as found, or keep the `block`."],
  ["offload", "flag", true, "Segmentation offload on the TUN, where the kernel has it."],
  ["api", "{api}", {}, "The local HTTP interface."],
];

const routerRows: readonly Row[] = [
  ["role", "role", "router", "`router` or `gateway`."],
  ["tun_ifname", "iface", required, "Name of the TUN, such as `wrt0`."],
  ["wan_ifname", "iface", required, "The uplink, such as `eth1`."],
  [
    "lan_ifnames",
    "[iface]",
    [],
    "Interfaces that protected devices may reach besides their tunnel (private addresses only).",
    [0, 32],
  ],
  ["tun_addr", "ip4", "100.73.0.73", "IPv4 address of the TUN."],
  ["tun_mtu", "mtu", 0, "Bytes; 0 takes the smallest that a gateway offered.", [0, 65_535]],
  ["vl_default", "vl", "", "Default location; empty takes the first of `locations`."],
  ["default_gateway", "flag", false, "1 sends everything into tunnels, the router included."],
  ["no_iptables", "flag", false, "1 writes no firewall rules: the firewall layer is missing."],
  ["no_socket_setup", "flag", false, "1 puts no address on the TUN."],
  [
    "mark_mask",
    "mask",
    0x7f000000,
    "Bits of the packet mark that carry the location: contiguous, at least 7, not bit 0x8.",
  ],
  ["table", "int", 47, "Routing table of ours; the next one is taken too.", [1, 251]],
  ["resolvers", "[ip]", [], "DNS servers that names of gateways are asked from.", [0, 4]],
  ["type", "tunnel", "tls", "Tunnel type of locations that name none; `hydra-tcp` means `tls`."],
  ["dial", "dial", "now", "`now` dials at start, `lazy` on the first packet."],
  ["locations", "[location]", required, "Where tunnels lead.", [1, locationsMax]],
  ["protected_mac_addrs", "[mac rule]", [], "Devices by MAC address: first priority."],
  ["protected_ip_addrs", "[address rule]", [], "Addresses and prefixes: second, longest first."],
  ["protected_ifaces", "[interface rule]", [], "Whole interfaces: last."],
  ...common,
];

const idleRows: readonly Row[] = [
  ["hydra_tun_fd", "int", undefined, "Descriptor of an open TUN.", [0, 65_535]],
  ["tun_dev_path", "path", "/dev/net/tun", "TUN control device."],
  ["backend", "text", "", "Backend address."],
  ["auth_method", "text", "", "Backend login."],
  ["auth_token", "text", "", "Backend login."],
  ["device_id", "text", "default_device_id", "Backend login."],
  ["device_type", "text", "wrt", "Backend login."],
  ["project_id", "text", "af_router_sdk_test", "Backend login."],
  ["rcvbuf", "int", 0, "Socket buffer in bytes.", [-1, 2_147_483_647]],
  ["sndbuf", "int", 0, "Socket buffer in bytes.", [-1, 2_147_483_647]],
  ["data_report_interval", "int", 30_000, "Milliseconds.", [0, 2_147_483_647]],
  ["v4v6_policy", "policy", "legacy", "`legacy`, `ipv4_only`, `ipv6_only` or `both`."],
  ["ipv6_output_only", "flag", false, "Only gateways with IPv6 exits."],
  ["hydra_default_vl_reconnect_interval", "int", 10, "Seconds.", [0, 86_400]],
  ["config_dir", "path", "/etc/afwrt", "Directory of generated files."],
  ["ci_unix_domain", "object", {}, "Unix socket control interface."],
  ["ci_rest", "object", {}, "REST control interface."],
];

const locationRows: readonly Row[] = [
  ["name", "name", required, "Name that rules use; not `direct` or `block`."],
  ["type", "tunnel", undefined, "Tunnel type."],
  [
    "peers",
    "[peer]",
    required,
    "Gateways of the location, tried in turn.",
    [1, peersPerLocationMax],
  ],
  ["token", "token", undefined, "Access token; `token_file` keeps it out of this file."],
  ["token_file", "path", undefined, "File whose first line is the access token."],
  ["ca_file", "path", undefined, "PEM bundle that verifies gateways without a pin."],
  ["server_name", "host", undefined, "Name for SNI and certificate check."],
  ["dial", "dial", undefined, "`now` or `lazy`."],
];

const peerRows: readonly Row[] = [
  ["endpoint", "endpoint", required, "`host:port`, `192.0.2.1:443` or `[2001:db8::1]:443`."],
  ["pin", "pin", undefined, "`sha256/` and the base64 SHA-256 of the gateway's public key."],
  ["pins", "[pin]", undefined, "Several of them.", [1, 8]],
];

const gatewayRows: readonly Row[] = [
  ["role", "role", required, "`gateway`."],
  ["tun_ifname", "iface", "adit0", "Name of the TUN."],
  ["wan_ifname", "iface", "", "Uplink that clients' traffic is masqueraded on; empty is any."],
  ["listen", "[listener]", required, "Where clients connect.", [1, listenersMax]],
  ["pool4", "pool4", "10.64.0.0/16", "IPv4 addresses for clients; the first is the gateway's."],
  ["pool6", "pool6", "fd00:64::/64", "IPv6 addresses for clients; the first is the gateway's."],
  ["clients", "[client]", required, "Who may connect.", [1, clientsMax]],
  ["nat", "flag", true, "Masquerades what clients send to the world."],
  ["client_to_client", "flag", false, "Lets clients reach each other."],
  ["tun_mtu", "mtu", 0, "Bytes offered to clients; 0 is 1500.", [0, 65_535]],
  ...common,
];

const listenerRows: readonly Row[] = [
  ["type", "tunnel", "tls", "Tunnel type."],
  ["address", "bind", required, "`[::]:443` or `192.0.2.1:443`."],
  ["cert", "path", required, "PEM certificate chain."],
  ["key", "path", required, "PEM private key."],
];

const clientRows: readonly Row[] = [
  ["name", "name", required, "Name for status and logs."],
  ["token_sha256", "hex64", required, "SHA-256 of the access token, 64 hexadecimal digits."],
  ["addr4", "ip4", undefined, "Fixed inner IPv4 address within `pool4`."],
  ["addr6", "ip6", undefined, "Fixed inner IPv6 address within `pool6`."],
];

const apiRows: readonly Row[] = [
  ["socket", "path", "", "Unix socket; empty is `adit.sock` in the run directory."],
  ["mode", "mode", 0o660, "Permission bits in octal, such as `0660`."],
];

const rules: readonly [SectionName, Row][] = [
  ["mac rule", ["mac_addr", "mac", required, "Any letter case, `:` or `-`."]],
  ["address rule", ["ip_addr", "prefix", required, "IPv4 or IPv6 address or prefix."]],
  ["interface rule", ["iface", "iface", required, "Name of the LAN side interface."]],
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
