/**
 * Observed: what the kernel and the mover say. Only ts/engine.ts folds events and results into it
 * (by the pure functions of ts/reconcile/fold.ts); nobody writes a hope into it.
 */
import type { DesiredFlows } from "./desired.js";
import type { Ip, Mac, Prefix } from "./ip.js";

export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  readonly flags: number;
  readonly mtu: number;
  readonly master: number;
  readonly mac: Mac;
}

export interface ObservedAddress {
  readonly index: number;
  readonly prefix: Prefix;
  readonly scope: number;
  readonly protocol: number;
}

export interface ObservedRoute {
  readonly table: number;
  readonly dst: Prefix;
  readonly oif: number;
  readonly gateway: Ip;
  readonly metric: number;
  readonly protocol: number;
  /** RTN_ of linux/rtnetlink.h. */
  readonly kind: number;
  readonly scope: number;
  readonly source: Ip;
}

export interface ObservedRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly src: Prefix;
  readonly dst: Prefix;
  readonly iif: string;
  readonly oif: string;
  readonly fwmark: number;
  readonly fwmask: number;
  readonly table: number;
  readonly action: number;
  readonly protocol: number;
  readonly invert: boolean;
  readonly suppress: number;
}

export interface ObservedNeighbour {
  readonly index: number;
  readonly addr: Ip;
  readonly mac: Mac;
  /** NUD_ bits of linux/neighbour.h. */
  readonly state: number;
}

/** The firewall as read back: absent, not read since the last change, or its canonical content. */
export type ObservedFirewall =
  | { readonly kind: "unread" }
  | { readonly kind: "absent" }
  | {
      readonly kind: "present";
      /**
       * What was found in the table without map elements, to be compared with `structure` of
       * ts/model/desired.ts.
       */
      readonly structure: string;
      /** `map key` to value, as in FirewallElement. */
      readonly elements: ReadonlyMap<string, string>;
    };

/** Life of a tunnel session as the mover reports it. */
export type SessionPhase = "connecting" | "handshake" | "greeting" | "started";

export interface ObservedSession {
  readonly session: number;
  readonly slot: number;
  readonly name: string;
  readonly inbound: boolean;
  readonly phase: SessionPhase;
  readonly peer: Ip;
  readonly port: number;
  /** What the gateway assigned, known once started. */
  readonly welcome: Welcome | undefined;
}

/** The gateway's answer to a greeting; see docs/protocol.md. */
export interface Welcome {
  readonly addr4: Prefix;
  readonly addr6: Prefix;
  readonly mtu: number;
  readonly segments: boolean;
}

/** The state of a location as policy sees it; made by ts/tunnel. */
export interface LocationState {
  readonly name: string;
  /** `idle` is a lazy tunnel that nobody has asked for. */
  readonly state: "idle" | "connecting" | "up" | "down";
  readonly welcome: Welcome | undefined;
  /** The last addresses that the gateway assigned, kept while it reconnects. */
  readonly lastWelcome: Welcome | undefined;
  /** Outer addresses of the gateway that carries and of the one that is dialled. */
  readonly peers: readonly Ip[];
  readonly rttMs: number | undefined;
  /** Monotonic time of the last change of `state`. */
  readonly sinceMs: number;
  readonly reason: string;
}

export interface Observed {
  readonly links: ReadonlyMap<number, ObservedLink>;
  /** Names that an interface had before, and those of bridges that it left, by its index. */
  readonly formerNames: ReadonlyMap<number, readonly string[]>;
  /** Keyed by `index prefix`. */
  readonly addresses: ReadonlyMap<string, ObservedAddress>;
  /** Keyed by what tells two routes apart: IPv4 table, destination and metric, IPv6 the hop too. */
  readonly routes: ReadonlyMap<string, ObservedRoute>;
  /** Keyed by ruleKey of ts/reconcile/kinds/rule.ts. */
  readonly rules: ReadonlyMap<string, ObservedRule>;
  /** Keyed by `index addr`. */
  readonly neighbours: ReadonlyMap<string, ObservedNeighbour>;
  /** Who had an address last, present or not. */
  readonly owners: ReadonlyMap<Ip, Mac>;
  /** Names of interfaces over which a default route led since this boot, or that say so. */
  readonly learnedUplinks: ReadonlySet<string>;
  readonly firewall: ObservedFirewall;
  readonly sysctls: ReadonlyMap<string, string>;
  /**
   * What was wanted of flows when those that are elsewhere were last forgotten; undefined if this
   * decider has not done that.
   */
  readonly flows: DesiredFlows | undefined;
  /** They could not be forgotten. */
  readonly flowsOwed: boolean;
  /**
   * True if a decider before this one left something in the kernel, so that flows may be in its
   * tunnels; undefined until the firewall was read.
   */
  readonly isHeir: boolean | undefined;
  /** Name of the open TUN, "" if none; not that of its opening if somebody renamed it. */
  readonly tun: string;
  /** Its interface index: another interface may take the name. */
  readonly tunIndex: number;
  readonly listeners: ReadonlySet<string>;
  /** The forward table as last accepted by the mover, as canonical text; "" when unknown. */
  readonly forward: string;
  /** True between dump_end and the next dump_begin: only then plans are made. */
  readonly complete: boolean;
}
