/**
 * Desired: what was computed from configured and observed. Plain keyed collections; made by policy.
 */
import type { Ip, Prefix } from "./ip.js";
import { any4, any6 } from "./kernel.js";

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
  /** Of an action that goes on elsewhere the priority of the rule there. */
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

/** Place of flows that lead past every tunnel; tunnels are numbered from 1. */
export const placePast = 0;
/** Place that no flow has: what is here is blocked. */
export const placeNowhere = 0xffff;

export interface FlowTunnel {
  readonly addr4: Ip;
  readonly addr6: Ip;
}

/** Flows that no tunnel is for: from a source to an end on our side. */
export interface FlowAside {
  readonly source: Prefix;
  readonly destination: Prefix;
}

/** Where flows of a source belong. */
export interface FlowRow {
  /** Where they begin now, as far as is known who is at the source. */
  readonly place: number;
  /** Where they may be as well, because somebody else may be at the source; empty if known. */
  readonly others: readonly number[];
  /** The source is the router itself. */
  readonly isOwn?: true;
}

/**
 * Which flows are where they belong. A flow keeps the path and the address that it began with, so
 * its place shows in the address that its answers come to.
 */
export interface DesiredFlows {
  /** By index of the location, from 1. */
  readonly tunnels: readonly FlowTunnel[];
  readonly aside: readonly FlowAside[];
  /** Destinations that everybody reaches past every tunnel. */
  readonly past: readonly Prefix[];
  /** By source; the longest prefix counts. */
  readonly rows: ReadonlyMap<Prefix, FlowRow>;
}

/** Nothing of ours is wanted: every flow leads past the tunnels. */
export const flowsPast: DesiredFlows = {
  tunnels: [],
  aside: [],
  past: [],
  rows: new Map([any4, any6].map((any) => [any, { place: placePast, others: [] }])),
};

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
  /** Undefined if nothing is said about flows. */
  readonly flows: DesiredFlows | undefined;
  readonly listeners: readonly DesiredListener[];
}

/** A kernel without anything of ours. Originals are sysctl values found before ours, by key. */
export function desireNothing(originals: ReadonlyMap<string, string>): Desired {
  return {
    tun: undefined,
    addresses: [],
    routes: [],
    rules: [],
    firewall: undefined,
    sysctls: originals,
    forward: { byDestination: false, hairpin: false, entries: [] },
    flows: undefined,
    listeners: [],
  };
}
