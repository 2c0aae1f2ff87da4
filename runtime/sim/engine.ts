/** What runs the bundle: Node itself, or QuickJS in WebAssembly. Both take the same text. */
import type { HostModule } from "./host.js";
import type { RealmEngine } from "./realm.js";

/** One instance of the bundle; the functions are the bundle's exports. */
export interface Decider {
  start(): void;
  onMessage(bytes: Uint8Array, fd: number): void;
  onDescriptor(fd: number, readable: boolean, writable: boolean): void;
  onTimer(): void;
  nextDeadlineMs(): number;
  /** Frees the instance; it is not called afterwards. */
  dispose(): void;
}

export interface Engine {
  readonly name: string;
  /** Its text. */
  readonly bundle: string;
  /** What caged scripts run in; undefined if there is no prelude. */
  readonly realms?: RealmEngine | undefined;
  /** Runs the bundle, or another text in its place. Throws what the text's evaluation throws. */
  create(host: HostModule, text?: string): Decider;
}

export const bundleExports = [
  "start", "onMessage", "onDescriptor", "onTimer", "nextDeadlineMs",
] as const;
