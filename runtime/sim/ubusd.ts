/** A simulated ubusd: who is on the bus, who calls, and who was notified. */
import type { Clock } from "./clock.js";

/** An object as its owner offers it. */
export interface BusObject {
  readonly name: string;
  /** Methods by name, each with the types of its arguments. */
  readonly methods: Readonly<Record<string, object>>;
  /** A call by somebody; `done` may be called once, with the status and JSON text or "". */
  readonly call: (method: string, args: string, done: BusDone) => void;
  /** The bus is gone. */
  readonly lost: () => void;
}

export type BusDone = (status: number, json: string) => void;

/** Numbers of ubusmsg.h. */
export const busStatus = {
  OK: 0, INVALID_ARGUMENT: 2, METHOD_NOT_FOUND: 3, NOT_FOUND: 4, TIMEOUT: 7, UNKNOWN_ERROR: 9,
  CONNECTION_FAILED: 10,
} as const;

const HOP_MS = 0.2;

export class Ubusd {
  running = true;
  /** What subscribers of any object were told, oldest first: type and JSON text. */
  readonly notifications: [string, string][] = [];
  #object: BusObject | undefined;
  readonly #callers = new Set<BusDone>();

  constructor(
    readonly path: string,
    readonly clock: Clock,
  ) {}

  /** False if nobody listens at the path. */
  join(path: string, object: BusObject): boolean {
    if (!this.running || path !== this.path) return false;
    this.#object = object;
    return true;
  }

  leave(): void {
    this.#object = undefined;
    this.#dropCallers();
  }

  stop(): void {
    const object = this.#object;
    this.running = false;
    this.leave();
    object?.lost();
  }

  /** Calls a method; whoever calls hears of an object that vanishes. */
  call(name: string, method: string, args: string, done: BusDone): void {
    const object = this.#object;
    if (!this.running) return done(busStatus.CONNECTION_FAILED, "");
    if (object?.name !== name) return done(busStatus.NOT_FOUND, "");
    const finish: BusDone = (status, json) => {
      if (this.#callers.delete(finish)) done(status, json);
    };
    this.#callers.add(finish);
    this.clock.after(HOP_MS, () => {
      if (!this.#callers.has(finish)) return;
      if (method in object.methods) object.call(method, args, finish);
      else finish(busStatus.METHOD_NOT_FOUND, "");
    });
  }

  #dropCallers(): void {
    for (const done of [...this.#callers]) done(busStatus.NOT_FOUND, "");
  }
}
