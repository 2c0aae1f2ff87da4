/** What a run is told, and what is told of it. */
import type { Engine } from "./engine.js";
import type { Machine } from "./machine.js";
import type { Violation } from "./violation.js";

export interface RunOptions {
  readonly seed: number;
  readonly engine: Engine;
  /** What the gateways run, where that is another bundle. */
  readonly gatewayEngine?: Engine;
  /** Virtual time with faults. */
  readonly faultMs: number;
  /** Faults come in storms with hours of calm between them, as in the life of a router. */
  readonly stormy?: boolean;
  /** Whether a policy script decides; by default the seed says. */
  readonly scripted?: boolean;
  /** Whether there is a second uplink; by default the seed says. */
  readonly second?: boolean;
  /** Alters each machine of ours before it boots: planted mistakes. */
  readonly plant?: (machine: Machine) => void;
  readonly traceKeep?: number;
  /** Told at the end of each virtual day with faults. */
  readonly onDay?: () => void;
}

export interface Report {
  readonly seed: number;
  readonly digest: string;
  readonly messages: number;
  readonly virtualMs: number;
  readonly faults: number;
  readonly violation: Violation | Error | undefined;
  readonly lines: readonly string[];
}
