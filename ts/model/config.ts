/**
 * Configured: what the user wrote, checked and completed with defaults. Made only by ts/config; the
 * names of the JSON keys stand in docs/config.md, which is generated from ts/config/schema.ts.
 */
import type { Ip, Mac, Prefix } from "./ip.js";

/** What happens to the traffic of a rule while its tunnel is down. */
export type WhenDown =
  | { readonly kind: "block" }
  | { readonly kind: "direct" }
  | { readonly kind: "location"; readonly name: string };

/** Where a rule sends traffic. The word `direct` as `vl` means: past every tunnel. */
export type Target =
  | { readonly kind: "direct" }
  /** Nothing leaves; only a policy script asks for it. */
  | { readonly kind: "block" }
  /** An empty name is the default location. */
  | { readonly kind: "location"; readonly name: string };

export type RuleMatch =
  | { readonly kind: "mac"; readonly mac: Mac }
  | { readonly kind: "address"; readonly prefix: Prefix }
  | { readonly kind: "iface"; readonly iface: string };

export interface Rule {
  readonly match: RuleMatch;
  readonly target: Target;
  readonly whenDown: WhenDown;
  /** Answers to connections that came in by an uplink go the way of everything else. */
  readonly inbound?: "block";
  /** Of a rule by address: covers what else its devices have. Undefined is the router's choice. */
  readonly wholeDevice?: boolean;
  /** Not the owner's: what covers a device, by MAC, because it has an address of this prefix. */
  readonly wholeOf?: Prefix;
  /** What a policy script said about it; undefined for a rule of the owner's. */
  readonly why?: string;
  /** Asked after all others, so that it opens nothing that another rule protects. */
  readonly isLate?: true;
}

export interface PeerConfig {
  /** IPv4, IPv6 or a host name. */
  readonly host: string;
  readonly port: number;
  /** Base64 SHA-256 digests of acceptable public keys, without the prefix `sha256/`. */
  readonly pins: readonly string[];
}

export interface LocationConfig {
  readonly name: string;
  readonly type: "tls";
  readonly peers: readonly PeerConfig[];
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly serverName: string | undefined;
  /** `lazy` dials on the first packet, `now` at once. */
  readonly dial: "lazy" | "now";
  /** What a tunnel to it carries in one direction; only scripts hear of it, as load. */
  readonly capacityMbit: number | undefined;
}

export interface ApiConfig {
  /** "" is adit.sock in the run directory. */
  readonly socket: string;
  readonly mode: number;
  /** Socket of ubusd, "" for none. */
  readonly ubus: string;
}

/** The user's script: where it lies, what it may use, what it sees. */
export interface PolicyConfig {
  /** "" for none; a script that was swapped in comes before it. */
  readonly file: string;
  /** Any JSON. */
  readonly vars: object;
  /** POSIX TZ string. */
  readonly timezone: string;
  /** What happens to a device of `ifnames` that neither the script nor a rule decides. */
  readonly unanswered: "block" | "builtin";
  readonly ifnames: readonly string[];
  readonly leasesFile: string;
  readonly memoryKib: number;
  /** CPU time of one call. */
  readonly callMs: number;
  /** Base64 as in usign's key files; none accepts every script. */
  readonly publicKeys: readonly string[];
  /** Name that a signed script must carry, "" for any. */
  readonly target: string;
  readonly confirmS: number;
}

export interface RouterConfig {
  readonly role: "router";
  readonly tunIfname: string;
  readonly wanIfname: string;
  /** Further uplinks in order of preference: names, or how names begin and an asterisk. */
  readonly uplinks: readonly string[];
  readonly lanIfnames: readonly string[];
  readonly tunAddr: Ip;
  /** 0 takes the smallest MTU that a gateway offered, 1500 before. */
  readonly tunMtu: number;
  readonly vlDefault: string;
  readonly defaultGateway: boolean;
  /** Whether a rule by address covers what else its devices have, unless it says so itself. */
  readonly wholeDevice: boolean;
  readonly noIptables: boolean;
  readonly noSocketSetup: boolean;
  readonly onStop: "restore" | "block";
  /** Bits of the packet mark that carry the location, contiguous, at least 7. */
  readonly markMask: number;
  readonly table: number;
  /** Tables of others whose routes to networks beside the uplinks stay in use. */
  readonly reachTables: readonly number[];
  readonly offload: boolean;
  /** DNS servers that names of gateways are asked from, in turn. */
  readonly resolvers: readonly Ip[];
  /** Where gateways may assign addresses. */
  readonly innerRanges: readonly Prefix[];
  /** The position is the location's index, from 1. */
  readonly locations: readonly LocationConfig[];
  readonly rules: readonly Rule[];
  readonly policy: PolicyConfig;
  /** Destinations past all tunnels; undefined while no script is in force. */
  readonly bypass?: readonly Prefix[];
  readonly api: ApiConfig;
}

export interface ListenConfig {
  readonly address: Ip;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

export interface ClientConfig {
  readonly name: string;
  /** Lower-case hexadecimal SHA-256 of the access token. */
  readonly tokenSha256: string;
  /** Fixed inner addresses, "" for any from the pool. */
  readonly addr4: Ip;
  readonly addr6: Ip;
}

export interface GatewayConfig {
  readonly role: "gateway";
  readonly tunIfname: string;
  readonly wanIfname: string;
  readonly listen: readonly ListenConfig[];
  readonly pool4: Prefix;
  readonly pool6: Prefix;
  readonly clients: readonly ClientConfig[];
  readonly nat: boolean;
  readonly clientToClient: boolean;
  /** What clients may reach of what is near the gateway, itself included. */
  readonly clientReach: readonly Prefix[];
  readonly tunMtu: number;
  readonly onStop: "restore" | "block";
  readonly offload: boolean;
  readonly api: ApiConfig;
}

export type Config = RouterConfig | GatewayConfig;

/** For what only a router has: devices, rules, scripts. */
export function routerOf(config: Config | undefined): RouterConfig | undefined {
  return config?.role === "router" ? config : undefined;
}

/** One thing wrong with outside input: where, what stood there, what was expected. */
export interface Issue {
  /** JSON path such as `locations[0].peers[1].endpoint`. */
  readonly path: string;
  /** The value as short JSON text, at most 80 characters. */
  readonly value: string;
  readonly expected: string;
}
