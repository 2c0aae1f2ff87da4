/**
 * Operations: what a plan consists of. Each is one command of runtime/contract.json (or, for the
 * firewall, one transaction in parts); ts/host/execute.ts turns them into messages.
 */
import type { Prefix } from "./ip.js";
import type {
  DesiredAddress,
  DesiredFlows,
  DesiredForward,
  DesiredListener,
  DesiredRoute,
  DesiredRule,
  DesiredTun,
  FlowAside,
  FlowTunnel,
} from "./desired.js";

/** What the mover is told about flows: each is forgotten that has none of its places. */
export interface Judgement {
  readonly tunnels: readonly FlowTunnel[];
  readonly aside: readonly FlowAside[];
  readonly past: readonly Prefix[];
  readonly rows: readonly FlowPlace[];
}

export interface FlowPlace {
  readonly source: Prefix;
  readonly place: number;
}

export type Operation =
  | { readonly kind: "tun-open"; readonly tun: DesiredTun }
  | { readonly kind: "tun-close" }
  | { readonly kind: "link"; readonly name: string; readonly up: boolean; readonly mtu: number }
  | { readonly kind: "address"; readonly remove: boolean; readonly address: DesiredAddress }
  | { readonly kind: "route"; readonly remove: boolean; readonly route: DesiredRoute }
  | { readonly kind: "rule"; readonly remove: boolean; readonly rule: DesiredRule }
  | { readonly kind: "sysctl"; readonly key: string; readonly value: string }
  | { readonly kind: "firewall"; readonly script: string }
  | { readonly kind: "conntrack"; readonly flows: DesiredFlows; readonly judgement: Judgement }
  | { readonly kind: "forward"; readonly forward: DesiredForward }
  | { readonly kind: "listen"; readonly remove: boolean; readonly listener: DesiredListener };

export interface PlannedOperation {
  readonly operation: Operation;
  /** Operations of a lower phase are answered before any of a higher one is sent. */
  readonly phase: number;
  /** One line for people: what and why. */
  readonly why: string;
}

export type Plan = readonly PlannedOperation[];
