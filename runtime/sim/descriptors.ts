/**
 * Descriptors that the decider holds: listeners, accepted connections, UDP sockets to a resolver.
 * The other ends belong to the simulation: a client of the API, a DNS server.
 */
import type { Clock, Event } from "./clock.js";
import { errno } from "./constants.js";

/** Told that a descriptor became readable or writable. */
export type ReadyHandler = (fd: number, readable: boolean, writable: boolean) => void;

/** A stream as seen by the far end. */
export interface Peer {
  /** Bytes that the decider wrote. */
  onData(data: Uint8Array): void;
  onClosed(): void;
}

/** A connected stream: the decider's descriptor, and how the far end writes and hangs up. */
export interface Stream {
  readonly fd: number;
  send(data: Uint8Array): void;
  end(): void;
}

export type DnsServer = (query: Uint8Array) => Uint8Array | undefined;

interface Descriptor {
  readonly kind: "listener" | "stream" | "udp";
  /** Path of a listener, address of a UDP peer. */
  name: string;
  readonly waiting: Peer[];
  input: Uint8Array[];
  peer: Peer | undefined;
  ended: boolean;
  readable: boolean;
  writable: boolean;
}

const FIRST_FD = 10;
const TURN_MS = 0.05;
const DNS_MS = 12;
/** Streams take at most this much in one write, so that partial writes happen. */
const WRITE_BYTES_MAX = 8_192;

export class Descriptors {
  readonly #open = new Map<number, Descriptor>();
  #next = FIRST_FD;
  #turn: Event | undefined;
  onReady: ReadyHandler = () => {};
  dns: DnsServer = () => undefined;

  constructor(readonly clock: Clock) {}

  listenUnix(path: string): number {
    for (const item of this.#open.values()) {
      if (item.kind === "listener" && item.name === path) return -errno.EADDRINUSE;
    }
    return this.#add("listener", path, undefined);
  }

  /** Who listens there goes on, but nobody finds it any more. */
  unlink(path: string): void {
    for (const item of this.#open.values()) {
      if (item.kind === "listener" && item.name === path) item.name = "";
    }
  }

  connectUdp(addr: string): number {
    return this.#add("udp", addr, undefined);
  }

  /** A client connects to a listener. Returns how to write to it and how to hang up. */
  connect(path: string, peer: Peer): { send(data: Uint8Array): void; end(): void } | undefined {
    const listener = [...this.#open.values()].find(
      (item) => item.kind === "listener" && item.name === path,
    );
    if (listener === undefined) return undefined;
    const stream = this.pair(peer);
    listener.waiting.push(peer);
    this.#pending.set(peer, stream.fd);
    this.#wake();
    return stream;
  }

  /** A socket pair: the decider gets one end, the peer is the other. */
  pair(peer: Peer): Stream {
    const fd = this.#add("stream", "", peer);
    return {
      fd,
      send: (data) => this.#feed(fd, data),
      end: () => {
        const item = this.#open.get(fd);
        if (item !== undefined) item.ended = true;
        this.#wake();
      },
    };
  }

  watch(fd: number, readable: boolean, writable: boolean): void {
    const item = this.#open.get(fd);
    if (item === undefined) throw new RangeError(`watch: descriptor ${fd} is not open`);
    item.readable = readable;
    item.writable = writable;
    this.#wake();
  }

  accept(fd: number): number {
    const peer = this.#open.get(fd)?.waiting.shift();
    if (peer === undefined) return -errno.EAGAIN;
    const accepted = this.#pending.get(peer) ?? -errno.EBADF;
    this.#pending.delete(peer);
    return accepted;
  }

  read(fd: number, max: number): Uint8Array | number {
    const item = this.#open.get(fd);
    if (item === undefined) return -errno.EBADF;
    const first = item.input.shift();
    if (first === undefined) return item.ended ? new Uint8Array(0) : -errno.EAGAIN;
    if (first.length > max) item.input.unshift(first.slice(max));
    return first.slice(0, max);
  }

  write(fd: number, data: Uint8Array): number {
    const item = this.#open.get(fd);
    if (item === undefined) return -errno.EBADF;
    if (item.kind === "udp") return this.#query(fd, data);
    if (item.peer === undefined || item.ended) return -errno.EPIPE;
    const taken = data.slice(0, WRITE_BYTES_MAX);
    const { peer } = item;
    this.clock.after(TURN_MS, () => peer.onData(taken));
    return taken.length;
  }

  close(fd: number): void {
    const item = this.#open.get(fd);
    this.#open.delete(fd);
    if (item?.peer !== undefined) {
      const { peer } = item;
      this.clock.after(TURN_MS, () => peer.onClosed());
    }
    for (const peer of item?.waiting ?? []) this.close(this.#pending.get(peer) ?? -1);
  }

  /** The decider died with everything that it held. */
  closeAll(): void {
    for (const fd of [...this.#open.keys()]) this.close(fd);
  }

  count(): number {
    return this.#open.size;
  }

  readonly #pending = new Map<Peer, number>();

  #add(kind: Descriptor["kind"], name: string, peer: Peer | undefined): number {
    const fd = this.#next++;
    const flags = { ended: false, readable: false, writable: false };
    this.#open.set(fd, { kind, name, waiting: [], input: [], peer, ...flags });
    return fd;
  }

  #feed(fd: number, data: Uint8Array): void {
    this.#open.get(fd)?.input.push(data);
    this.#wake();
  }

  #query(fd: number, data: Uint8Array): number {
    const answer = this.dns(data.slice());
    if (answer !== undefined) this.clock.after(DNS_MS, () => this.#feed(fd, answer));
    return data.length;
  }

  /** Level-triggered readiness, looked at once in a turn. */
  #wake(): void {
    this.#turn ??= this.clock.after(TURN_MS, () => {
      this.#turn = undefined;
      this.#report();
    });
  }

  #report(): void {
    for (const [fd, item] of [...this.#open]) {
      if (!this.#open.has(fd)) continue;
      const readable = item.readable && isReadable(item);
      const writable = item.writable && item.kind !== "listener";
      if (readable || writable) this.onReady(fd, readable, writable);
    }
    for (const item of this.#open.values()) {
      const ready = (item.readable && isReadable(item)) || item.writable;
      if (ready) return this.#wake();
    }
  }
}

function isReadable(item: Descriptor): boolean {
  return item.waiting.length > 0 || item.input.length > 0 || item.ended;
}
