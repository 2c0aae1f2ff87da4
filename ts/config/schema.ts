/**
 * Every key of the configuration in one table. The parser walks it, docs/config.md is made from it
 * and from scripts/config-docs/keys.json, which says what each key means and is no part of the
 * bundle. A line: key, type, default, smallest and largest value (of a list: number of items). The
 * default is JSON, or "!" for a key that must stand there, or "-" for one that may be left out.
 */
import {
  clientsMax,
  listenersMax,
  locationsMax,
  peersPerLocationMax,
  pinsPerPeerMax,
  publicKeysMax,
  rulesMax,
  uplinksMax,
} from "../model/limits.js";

export type SectionName =
  | "router"
  | "location"
  | "peer"
  | "mac-rule"
  | "address-rule"
  | "interface-rule"
  | "policy"
  | "gateway"
  | "listener"
  | "client"
  | "api"
  | "ubus";

export interface KeyRow {
  readonly section: SectionName;
  readonly key: string;
  /** A scalar type of ts/config/types.ts, `{section}`, or a list `[type]` of types or sections. */
  readonly type: string;
  /** "!" for a key that must stand there, undefined for one that may be left out. */
  readonly default: unknown;
  /** Smallest and largest value of a number; least and most items of a list. */
  readonly range: readonly [number, number] | undefined;
  /**
   * Read and checked, then left aside: a key of the router SDK that means nothing to a TLS tunnel.
   */
  readonly idle: boolean;
}

/** Where gateways may assign addresses unless the owner says otherwise: RFC 1918, 6598, 4193. */
const innerRanges =
  '["10.0.0.0/8","172.16.0.0/12","192.168.0.0/16","100.64.0.0/10","fc00::/7"]';

const target = `
vl vl -
country_code vl -
when_down when "block"
inbound inbound "allow"`;

const common = `
on_stop stop "restore"
offload flag true
api {api} {}
ubus {ubus} {}`;

const router = `
role role "router"
tun_ifname iface !
wan_ifname iface !
uplinks [ifpattern] [] 0 ${uplinksMax}
lan_ifnames [iface] [] 0 32
tun_addr ip4 "100.73.0.73"
tun_mtu mtu 0
vl_default vl ""
default_gateway flag false
whole_device flag true
no_iptables flag false
no_socket_setup flag false
mark_mask mask ${0x7f000000}
table int 47 1 251
reach_tables [table] [254] 0 8
resolvers [ip] [] 0 4
inner_ranges [prefix] ${innerRanges} 1 16
type tunnel "tls"
dial dial "now"
locations [location] ! 1 ${locationsMax}
protected_mac_addrs [mac-rule] [] 0 ${rulesMax}
protected_ip_addrs [address-rule] [] 0 ${rulesMax}
protected_ifaces [interface-rule] [] 0 ${rulesMax}
policy {policy} {}${common}`;

const idle = `
hydra_tun_fd int - 0 65535
tun_dev_path path "/dev/net/tun"
backend text ""
auth_method text ""
auth_token text ""
device_id text "default_device_id"
device_type text "wrt"
project_id text "af_router_sdk_test"
rcvbuf int 0 -1 2147483647
sndbuf int 0 -1 2147483647
data_report_interval int 30000 0 2147483647
v4v6_policy families "legacy"
ipv6_output_only flag false
hydra_default_vl_reconnect_interval int 10 0 86400
config_dir path "/etc/afwrt"
ci_unix_domain object {}
ci_rest object {}`;

const location = `
name name !
type tunnel -
peers [peer] ! 1 ${peersPerLocationMax}
token token -
token_file path -
ca_file path -
server_name host -
dial dial -
capacity_mbit int - 1 1000000`;

const peer = `
endpoint endpoint !
pin pin -
pins [pin] - 1 ${pinsPerPeerMax}`;

const policy = `
file path -
vars object {}
timezone timezone "UTC0"
unanswered unanswered "block"
ifnames [iface] - 0 32
leases_file path -
memory_kib int 1024 512 8192
call_ms int 100 10 1000
public_keys [signkey] [] 0 ${publicKeysMax}
target text ""
confirm_s int 60 5 3600`;

const gateway = `
role role !
tun_ifname iface "adit0"
wan_ifname iface ""
listen [listener] ! 1 ${listenersMax}
pool4 pool4 "10.64.0.0/16"
pool6 pool6 "fd00:64::/64"
clients [client] ! 1 ${clientsMax}
nat flag true
client_to_client flag false
client_reach [prefix] [] 0 32
tun_mtu mtu 0${common}`;

const listener = `
type tunnel "tls"
address bind !
cert path !
key path !`;

const client = `
name name !
token_sha256 hex64 !
addr4 ip4 -
addr6 ip6 -`;

const api = `
socket socket ""
mode mode ${0o660}`;

export const schema: readonly KeyRow[] = [
  ...rows("router", router),
  ...rows("router", idle, true),
  ...rows("location", location),
  ...rows("peer", peer),
  ...rows("mac-rule", `\nmac_addr mac !${target}`),
  ...rows("address-rule", `\nip_addr prefix !${target}\nwhole_device flag -`),
  ...rows("interface-rule", `\niface iface !${target}`),
  ...rows("policy", policy),
  ...rows("gateway", gateway),
  ...rows("listener", listener),
  ...rows("client", client),
  ...rows("api", api),
  ...rows("ubus", `\nsocket socket ""`),
];

function rows(section: SectionName, text: string, isIdle = false): KeyRow[] {
  const lines = text.slice(1).split("\n");
  return lines.map((line) => {
    const [key = "", type = "", fallback = "", least, most] = line.split(" ");
    return {
      section,
      key,
      type,
      default: defaultOf(fallback),
      range: most === undefined ? undefined : [Number(least), Number(most)],
      idle: isIdle,
    };
  });
}

function defaultOf(word: string): unknown {
  if (word === "!") return word;
  return word === "-" ? undefined : JSON.parse(word);
}
