/**
 * The simulated network between tunnel ends: connections carry control frames with latency, may be
 * refused, cut or fall silent. Inner packets are not carried; resolve.ts says where they go.
 */
import type { Clock } from "./clock.js";
import type { Random } from "./random.js";

/** What one end is told. `data` is a control frame. */
export interface WireEnd {
  onOpen(): void;
  onControl(data: Uint8Array): void;
  onClosed(reason: string): void;
}

/** A party that listens. Returns its end, or a word for why it refuses. */
export type Acceptor = (peer: string, port: number, wire: Wire, side: 1) => WireEnd | string;

export type Fate = "normal" | "refuse" | "lost";

interface Listener {
  readonly owner: string;
  readonly accept: Acceptor;
}

const LATENCY_MS_MIN = 5;
const LATENCY_MS_MAX = 60;
const EPHEMERAL_PORT_MIN = 40_000;
const EPHEMERAL_PORTS = 20_000;

export class Network {
  readonly #listeners = new Map<string, Listener>();
  readonly #wires = new Set<Wire>();
  /** How connections to a machine end up, by the machine's name. */
  readonly fates = new Map<string, Fate>();
  readonly addresses = new Map<string, string>();
  /** Uplinks of the router that are up and carry nothing. */
  readonly dead = new Set<string>();

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  /** Makes an outer address known as that of a machine. */
  place(address: string, owner: string): void {
    this.addresses.set(address, owner);
  }

  listen(owner: string, port: number, accept: Acceptor): void {
    this.#listeners.set(`${owner} ${port}`, { owner, accept });
  }

  unlisten(owner: string, port: number): void {
    this.#listeners.delete(`${owner} ${port}`);
  }

  isListening(owner: string, port: number): boolean {
    return this.#listeners.has(`${owner} ${port}`);
  }

  /** `carries` says whether what the connection leaves by brings anything. */
  connect(
    from: string, fromAddress: string, to: string, port: number, end: WireEnd,
    carries: () => boolean = () => true,
  ): Wire {
    const wire = new Wire(this, from, this.addresses.get(to) ?? "", end, carries);
    this.#wires.add(wire);
    const localPort = EPHEMERAL_PORT_MIN + this.random.below(EPHEMERAL_PORTS);
    this.clock.after(wire.latencyMs, () => this.#arrive(wire, port, fromAddress, localPort));
    return wire;
  }

  /**
   * Closes every wire of a machine with a reason; how a process looks from outside when it
   * dies.
   */
  reset(owner: string, reason: string): void {
    for (const wire of [...this.#wires]) {
      if (wire.from === owner || wire.to === owner) wire.close(2, reason);
    }
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  fateOf(a: string, b: string): Fate {
    const fates = [this.fates.get(a) ?? "normal", this.fates.get(b) ?? "normal"];
    if (fates.includes("lost")) return "lost";
    return fates.includes("refuse") ? "refuse" : "normal";
  }

  #arrive(wire: Wire, port: number, address: string, localPort: number): void {
    if (wire.closed) return;
    const fate = wire.to === "" ? "lost" : this.fateOf(wire.from, wire.to);
    if (fate === "lost" || !wire.carries()) return;
    const listener = this.#listeners.get(`${wire.to} ${port}`);
    if (fate === "refuse" || listener === undefined) return wire.close(2, "refused: no listener");
    const end = listener.accept(address, localPort, wire, 1);
    if (typeof end === "string") return wire.close(2, end);
    wire.open(end);
  }
}

/** One connection. Side 0 dialled, side 1 accepted. */
export class Wire {
  readonly latencyMs: number;
  readonly #ends: [WireEnd, WireEnd | undefined];
  closed = false;

  constructor(
    readonly network: Network,
    readonly from: string,
    readonly to: string,
    end: WireEnd,
    readonly carries: () => boolean,
  ) {
    this.#ends = [end, undefined];
    this.latencyMs = network.random.between(LATENCY_MS_MIN, LATENCY_MS_MAX);
  }

  open(end: WireEnd): void {
    this.#ends[1] = end;
    end.onOpen();
    this.#later(() => this.#ends[0].onOpen());
  }

  send(side: 0 | 1, data: Uint8Array): void {
    const copy = data.slice();
    this.#later(() => this.#ends[side === 0 ? 1 : 0]?.onControl(copy));
  }

  /** `side` closed it; 2 means the network did, then both ends are told. */
  close(side: 0 | 1 | 2, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.network.forget(this);
    for (const other of [0, 1] as const) {
      if (other === side) continue;
      this.network.clock.after(this.latencyMs, () => {
        if (this.isHeard()) this.#ends[other]?.onClosed(reason);
      });
    }
  }

  isHeard(): boolean {
    return this.network.fateOf(this.from, this.to) !== "lost" && this.carries();
  }

  #later(run: () => void): void {
    this.network.clock.after(this.latencyMs, () => {
      if (!this.closed && this.isHeard()) run();
    });
  }
}
