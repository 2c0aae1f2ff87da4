/**
 * Desired: what was computed from configured and observed. Plain keyed collections; made by policy.
 */
import type { Ip, Prefix } from "./ip.js";

export interface DesiredAddress {
  readonly ifname: string;
  readonly prefix: Prefix;
}

export interface DesiredRoute {
  readonly table: number;
  readonly dst: Prefix;
  /** Interface name, "" for unreachable. */
  readonly oif: string;
  readonly gateway: Ip;
  readonly metric: number;
  /** RTN_ of linux/rtnetlink.h. */
  readonly kind: number;
  readonly scope: number;
  readonly source: Ip;
}

export interface DesiredRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly src: Prefix;
  readonly dst: Prefix;
  readonly iif: string;
  readonly fwmark: number;
  readonly fwmask: number;
  readonly table: number;
  readonly action: number;
  readonly invert: boolean;
  /** Why it is there; for explain and plan, not part of equality. */
  readonly why: string;
}

/** One element of a named nft map or set of table inet adit. */
export interface FirewallElement {
  readonly map: string;
  /** Canonical as `nft -j list` gives it back: address, prefix, MAC or interface name. */
  readonly key: string;
  /** Value of a map (mark, verdict, address), "" for a set. */
  readonly value: string;
}

export interface DesiredFirewall {
  /** nft text of the table with its chains, maps and sets, without elements. */
  readonly script: string;
  /** Canonical form of the same content, comparable with what is read back. */
  readonly structure: string;
  /** Keyed by `map key`. */
  readonly elements: ReadonlyMap<string, FirewallElement>;
}

export interface DesiredForward {
  readonly byDestination: boolean;
  readonly hairpin: boolean;
  readonly entries: readonly { readonly prefix: Prefix; readonly slot: number }[];
}

export interface DesiredTun {
  readonly name: string;
  readonly offload: boolean;
  readonly mtu: number;
}

export interface DesiredListener {
  readonly addr: Ip;
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly sessionsMax: number;
}

export interface Desired {
  readonly tun: DesiredTun | undefined;
  readonly addresses: readonly DesiredAddress[];
  readonly routes: readonly DesiredRoute[];
  readonly rules: readonly DesiredRule[];
  /** Undefined removes the table. */
  readonly firewall: DesiredFirewall | undefined;
  /** Key with slashes to value. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly forward: DesiredForward;
  readonly listeners: readonly DesiredListener[];
}
