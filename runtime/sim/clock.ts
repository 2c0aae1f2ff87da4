/**
 * Virtual time: an event heap. Nothing here ever waits; `run` hops from one deadline to the next.
 * Events of one instant run in the order in which they were planned.
 */
export interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class Clock {
  nowMs = 0;
  /** Wall clock minus virtual time; faults move it. */
  wallOffsetMs = 1_750_000_000_000;
  readonly #heap: Event[] = [];
  #order = 0;

  wallMs(): number {
    return Math.floor(this.nowMs) + this.wallOffsetMs;
  }

  at(atMs: number, run: () => void): Event {
    const due = Math.max(atMs, this.nowMs);
    const event: Event = { atMs: due, order: this.#order++, run, cancelled: false };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  after(delayMs: number, run: () => void): Event {
    return this.at(this.nowMs + delayMs, run);
  }

  /** Runs every event up to `untilMs` and leaves the clock there. Returns how many ran. */
  run(untilMs: number): number {
    let count = 0;
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.atMs > untilMs) break;
      this.#pop();
      if (first.cancelled) continue;
      this.nowMs = first.atMs;
      first.run();
      count++;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return count;
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(index: number): void {
    const heap = this.#heap;
    for (let child = index; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!before(heap[child] as Event, heap[parent] as Event)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        const candidate = heap[child];
        if (candidate !== undefined && before(candidate, heap[least] as Event)) least = child;
      }
      if (least === parent) return;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as Event, heap[a] as Event];
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
