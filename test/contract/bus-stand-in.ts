/**
 * A stand-in of ubusd for the real mover: one client, the messages that one object needs, written a
 * second time from ubusmsg.h and blobmsg.h. Arguments and answers are tables of texts.
 */
import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { TestBus } from "./target.js";

type Table = Readonly<Record<string, string>>;

const type = { HELLO: 0, STATUS: 1, DATA: 2, INVOKE: 5, ADD_OBJECT: 6, NOTIFY: 10 } as const;
const attr = {
  STATUS: 1, OBJPATH: 2, OBJID: 3, METHOD: 4, SIGNATURE: 6, DATA: 7, ACTIVE: 9,
} as const;
const TEXT = 3;
const NOT_FOUND = 4;
const OBJECT = 0x1234;
const CALLER = 77;

function aligned(size: number): number {
  return (size + 3) & ~3;
}

/** One attribute with its padding; `named` sets the bit of members. */
function attribute(id: number, data: Buffer, named = false): Buffer {
  const bytes = Buffer.alloc(aligned(4 + data.length));
  bytes.writeUInt32BE((named ? 0x80000000 : 0) + id * 0x1000000 + 4 + data.length);
  data.copy(bytes, 4);
  return bytes;
}

function number(id: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return attribute(id, data);
}

function table(value: Table): Buffer {
  const members = Object.entries(value).map(([name, text]) => {
    const head = Buffer.alloc(aligned(2 + name.length + 1));
    head.writeUInt16BE(name.length);
    head.write(name, 2);
    return attribute(TEXT, Buffer.concat([head, Buffer.from(`${text}\0`)]), true);
  });
  return attribute(attr.DATA, Buffer.concat(members));
}

function message(kind: number, seq: number, peer: number, ...attributes: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(kind, 1);
  head.writeUInt16BE(seq, 2);
  head.writeUInt32BE(peer, 4);
  const body = Buffer.concat(attributes);
  return Buffer.concat([head, attribute(0, body)]);
}

function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; at += aligned(bytes.readUInt32BE(at) & 0xffffff)) {
    const word = bytes.readUInt32BE(at);
    found.set((word >>> 24) & 0x7f, bytes.subarray(at + 4, at + (word & 0xffffff)));
  }
  return found;
}

function textsOf(bytes: Buffer): Table {
  const texts: Record<string, string> = {};
  for (let at = 0; at < bytes.length; at += aligned(bytes.readUInt32BE(at) & 0xffffff)) {
    const length = bytes.readUInt16BE(at + 4);
    const value = at + 4 + aligned(2 + length + 1);
    const end = at + (bytes.readUInt32BE(at) & 0xffffff);
    texts[bytes.toString("utf8", at + 6, at + 6 + length)] = bytes.toString("utf8", value, end - 1);
  }
  return texts;
}

export class BusStandIn implements TestBus {
  readonly notifications: [string, string][] = [];
  #server: Server | undefined;
  #peer: Socket | undefined;
  #received = Buffer.alloc(0);
  #object = "";
  #seq = 0;
  readonly #callers = new Map<number, { json: string; done: (status: number) => void }>();

  constructor(readonly path: string) {}

  async start(): Promise<void> {
    this.#server = createServer((peer) => this.#accept(peer));
    this.#server.listen(this.path);
    await once(this.#server, "listening");
  }

  stop(): void {
    this.#peer?.destroy();
    this.#server?.close();
    rmSync(this.path, { force: true });
  }

  async call(object: string, method: string, args: Table): Promise<[number, string]> {
    if (object !== this.#object) return [NOT_FOUND, ""];
    const seq = ++this.#seq;
    const body = [number(attr.OBJID, OBJECT), attribute(attr.METHOD, Buffer.from(`${method}\0`))];
    this.#peer?.write(message(type.INVOKE, seq, CALLER, ...body, table(args)));
    return await new Promise((resolve) => {
      const caller = { json: "", done: (status: number) => resolve([status, caller.json]) };
      this.#callers.set(seq, caller);
    });
  }

  #accept(peer: Socket): void {
    this.#peer = peer;
    this.#received = Buffer.alloc(0);
    peer.on("data", (data: Buffer) => this.#take(data));
    peer.on("error", () => {});
    peer.on("close", () => this.#drop());
    peer.write(message(type.HELLO, 0, 1));
  }

  #drop(): void {
    this.#object = "";
    for (const { done } of this.#callers.values()) done(NOT_FOUND);
    this.#callers.clear();
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 12) {
      const size = 8 + (this.#received.readUInt32BE(8) & 0xffffff);
      if (this.#received.length < size) return;
      this.#handle(this.#received.subarray(0, size));
      this.#received = this.#received.subarray(size);
    }
  }

  #handle(bytes: Buffer): void {
    const seq = bytes.readUInt16BE(2);
    const attributes = attributesOf(bytes.subarray(12));
    const data = attributes.get(attr.DATA);
    const json = data === undefined ? "" : JSON.stringify(textsOf(data));
    switch (bytes.readUInt8(1)) {
      case type.ADD_OBJECT:
        return this.#add(seq, attributes);
      case type.DATA:
        return this.#note(seq, json);
      case type.STATUS:
        return this.#finish(seq, attributes.get(attr.STATUS)?.readUInt32BE() ?? -1);
      case type.NOTIFY:
        return void this.notifications.push([textOf(attributes.get(attr.METHOD)), json]);
    }
  }

  #add(seq: number, attributes: Map<number, Buffer>): void {
    this.#object = textOf(attributes.get(attr.OBJPATH));
    const id = number(attr.OBJID, OBJECT);
    this.#peer?.write(message(type.DATA, seq, 0, id));
    this.#peer?.write(message(type.STATUS, seq, 0, number(attr.STATUS, 0)));
    const active = attribute(attr.ACTIVE, Buffer.of(1));
    this.#peer?.write(message(type.NOTIFY, 1, 0, id, active));
  }

  #note(seq: number, json: string): void {
    const caller = this.#callers.get(seq);
    if (caller !== undefined) caller.json = json;
  }

  #finish(seq: number, status: number): void {
    this.#callers.get(seq)?.done(status);
    this.#callers.delete(seq);
  }
}

function textOf(bytes: Buffer | undefined): string {
  return bytes?.toString("utf8", 0, bytes.length - 1) ?? "";
}
