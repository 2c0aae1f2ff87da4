/** What every part of the engine shares. Only ts/engine.ts makes one. */
import type { Channel } from "../host/channel.js";
import type { Deadlines } from "../host/deadlines.js";
import type { Descriptors } from "../host/descriptors.js";
import type { Native } from "../host/native.js";
import type { Config } from "../model/config.js";
import type { FileFacts } from "../model/file.js";
import type { Random } from "../model/random.js";
import type { Slot } from "../model/slots.js";
import type { ObservedStore } from "../reconcile/fold.js";
import type { Cages } from "./cage.js";
import type { EventBus } from "./events.js";
import type { Log } from "./log.js";

export interface Counters {
  /** Operations that were issued to the kernel since start. */
  operations: number;
  /** Plans that were not empty. */
  plans: number;
  /** Plans that undid a change by others. */
  repairs: number;
  /** Tunnel sessions that became carriers since start. */
  sessions: number;
}

/** What the mover told about itself and us. */
export interface MoverFacts {
  readonly configPath: string;
  readonly runDir: string;
  readonly testHooks: boolean;
  readonly restarts: number;
  readonly lastDeath: string;
  readonly stateDir: string;
  /** Which control module runs, and whether on trial. */
  readonly module: "rom" | Slot;
  readonly trial: boolean;
  /** Which life of the mover this is, in hexadecimal. */
  readonly life: string;
}

export interface Core {
  readonly native: Native;
  readonly channel: Channel;
  readonly deadlines: Deadlines;
  readonly descriptors: Descriptors;
  readonly store: ObservedStore;
  readonly log: Log;
  readonly events: EventBus;
  readonly cages: Cages;
  readonly random: Random;
  readonly counters: Counters;
  readonly startedAtMs: number;
  facts: MoverFacts;
  /** What the file says, with the rules of the running time laid over; undefined until read. */
  config: Config | undefined;
  stopping: boolean;
  /** What is known of the files with secrets that the configuration names. */
  readonly files: Map<string, FileFacts>;
  /** Days that are left of the certificates that it names, by file. */
  readonly daysLeft: Map<string, number>;
  /** What the file says of former names of interfaces. */
  namesNoted: string;
  /** What the file says of who has addresses of rules. */
  holdersNoted: string;
  /** How many learned uplinks the file in run_dir names. */
  uplinksKept: number;
}

export function nowMs(core: Core): number {
  return core.native.monotonicMs();
}

/** Sets a deadline by its distance; see Deadlines.set. */
export function afterMs(
  core: Core,
  name: string,
  delayMs: number,
  why: string,
  run: () => void,
): void {
  core.deadlines.set(name, nowMs(core) + delayMs, why, run);
}

export function logInfo(core: Core, text: string): void {
  core.log.write("info", text);
}

export function logWarning(core: Core, text: string): void {
  core.log.write("warning", text);
}

export function logError(core: Core, text: string): void {
  core.log.write("error", text);
}
