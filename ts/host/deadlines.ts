/** Pending deadlines by name: when and why. The loop sleeps until the earliest. */

/** Names that may be pending at once; more are a fault of ours. */
const deadlinesMax = 1_024;

export interface Deadline {
  readonly name: string;
  /** Monotonic time in milliseconds. */
  readonly atMs: number;
  readonly why: string;
  readonly run: () => void;
}

export class Deadlines {
  private readonly pending = new Map<string, Deadline>();

  /** Sets or replaces the deadline of that name. */
  set(name: string, atMs: number, why: string, run: () => void): void {
    if (!(atMs >= 0)) throw new RangeError(`deadline ${name} at ${atMs}`);
    if (this.pending.size >= deadlinesMax) throw new Error(`deadline ${name}: too many pending`);
    this.pending.set(name, { name, atMs, why, run });
  }

  /** Like `set`, but an earlier time that is set already stays. */
  setEarlier(name: string, atMs: number, why: string, run: () => void): void {
    const existing = this.pending.get(name);
    if (existing === undefined || atMs < existing.atMs) this.set(name, atMs, why, run);
  }

  clear(name: string): void {
    this.pending.delete(name);
  }

  /** Infinity if nothing is pending. */
  nextMs(): number {
    let next = Infinity;
    for (const { atMs } of this.pending.values()) next = Math.min(next, atMs);
    return next;
  }

  /** Runs what is due, earliest first; what these set anew waits for the next turn of the loop. */
  runDue(nowMs: number): void {
    const due = [...this.pending.values()].filter(({ atMs }) => atMs <= nowMs);
    due.sort((left, right) => left.atMs - right.atMs);
    for (const deadline of due) {
      if (this.pending.get(deadline.name) !== deadline) continue;
      this.pending.delete(deadline.name);
      deadline.run();
    }
  }

  /** For people: what is waited for, earliest first. */
  list(): readonly Pick<Deadline, "name" | "atMs" | "why">[] {
    const all = [...this.pending.values()].sort((left, right) => left.atMs - right.atMs);
    return all.map(({ name, atMs, why }) => ({ name, atMs, why }));
  }
}
