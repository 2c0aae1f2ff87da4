/** A native module whose mover answers commands as the test says; descriptors are buffers. */
import { decodeCommand, encodeMessage } from "../../../ts/host/contract.gen.js";
import type { DeciderMessage, MoverMessage } from "../../../ts/host/contract.gen.js";
import type { Channel } from "../../../ts/host/channel.js";
import { createChannel, receive } from "../../../ts/host/channel.js";
import type { Native } from "../../../ts/host/native.js";

export interface Sent {
  readonly seq: number;
  readonly message: DeciderMessage;
}

const EAGAIN = -11;

/** Peers of accepted connections: what they sent, what they got, how much they take at a time. */
export interface FakePeer {
  input: Uint8Array[];
  ended: boolean;
  output: string;
  room: number;
  closed: boolean;
  writable: boolean;
}

export class FakeHost {
  nowMs = 0;
  readonly sent: Sent[] = [];
  readonly waiting: FakePeer[] = [];
  readonly peers = new Map<number, FakePeer>();
  private nextFd = 10;

  readonly native = {
    hostVersion: "1.2.3",
    monotonicMs: () => this.nowMs,
    wallMs: () => 1_000_000 + this.nowMs,
    utf8Encode: (text: string) => new Uint8Array(Buffer.from(text)),
    utf8Decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    send: (bytes: Uint8Array) => {
      this.sent.push(decodeCommand(bytes));
      return 0;
    },
    watch: (fd: number, _readable: boolean, writable: boolean) => {
      const peer = this.peers.get(fd);
      if (peer !== undefined) peer.writable = writable;
    },
    accept: () => {
      const peer = this.waiting.shift();
      if (peer === undefined) return EAGAIN;
      this.peers.set(++this.nextFd, peer);
      return this.nextFd;
    },
    read: (fd: number) => {
      const peer = this.peers.get(fd);
      const chunk = peer?.input.shift();
      return chunk ?? (peer?.ended === true ? new Uint8Array(0) : EAGAIN);
    },
    write: (fd: number, bytes: Uint8Array) => {
      const peer = this.peers.get(fd);
      if (peer === undefined || peer.room === 0) return EAGAIN;
      const taken = bytes.subarray(0, peer.room);
      peer.room -= taken.length;
      peer.output += Buffer.from(taken).toString();
      return taken.length;
    },
    close: (fd: number) => {
      const peer = this.peers.get(fd);
      if (peer !== undefined) peer.closed = true;
    },
  } as unknown as Native;

  channel(onNews: Channel["onNews"] = () => undefined): Channel {
    return createChannel(this.native, onNews);
  }

  /** Delivers one message, with the sequence number of a command that was sent. */
  answer(channel: Channel, seq: number, message: MoverMessage, fd = -1): void {
    receive(channel, encodeMessage(message, seq), fd);
  }

  /** A connection that is about to be accepted. */
  connect(text = "", room = Infinity): FakePeer {
    const input = text === "" ? [] : [new Uint8Array(Buffer.from(text))];
    const peer = { input, ended: false, output: "", room, closed: false, writable: false };
    this.waiting.push(peer);
    return peer;
  }

  fdOf(peer: FakePeer): number {
    for (const [fd, one] of this.peers) if (one === peer) return fd;
    throw new Error("the connection was not accepted");
  }
}

export const done: MoverMessage = { type: "result", error: 0, text: "" };
export const refused: MoverMessage = { type: "result", error: -1, text: "refused" };
