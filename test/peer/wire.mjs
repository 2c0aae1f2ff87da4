// The tunnel protocol once more, written from docs/protocol.md alone: a small peer for both roles
// that keeps the rules, or breaks them on purpose. It knows nothing of the product's code.

import { randomBytes } from "node:crypto";
import { createServer, connect } from "node:tls";

export const TYPE = { packet: 1, segments: 2, keepalive: 3, answer: 4, control: 5, close: 6 };
const HEADER = 8;
const WAIT_MS_MAX = 20_000;

/** One frame as bytes; `length` may lie about the payload. */
export function frame(type, payload = Buffer.alloc(0),
  { flags = 0, segment = 0, length = payload.length } = {}) {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(type, 0);
  header.writeUInt8(flags, 1);
  header.writeUInt16BE(segment, 2);
  header.writeUInt32BE(length, 4);
  return Buffer.concat([header, payload]);
}

export const control = (value) =>
  frame(TYPE.control, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

export const keepalive = (stamp = randomBytes(8)) => frame(TYPE.keepalive, stamp);

/** An IPv4 UDP packet without checksums of the transport. */
export function packet4(source, destination, size = 28, change = () => {}) {
  const bytes = Buffer.alloc(size);
  bytes[0] = 0x45;
  bytes.writeUInt16BE(size, 2);
  bytes[8] = 64;
  bytes[9] = 17;
  source.split(".").forEach((part, at) => (bytes[12 + at] = Number(part)));
  destination.split(".").forEach((part, at) => (bytes[16 + at] = Number(part)));
  bytes.writeUInt16BE(9, 20);
  bytes.writeUInt16BE(9, 22);
  bytes.writeUInt16BE(size - 20, 24);
  change(bytes);
  bytes.writeUInt16BE(0, 10);
  bytes.writeUInt16BE(sumOf(bytes.subarray(0, 20)), 10);
  return bytes;
}

function sumOf(bytes) {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** One end of a connection: frames that came, and what is still awaited. */
export class Peer {
  frames = [];
  ended = false;
  #rest = Buffer.alloc(0);
  #waiting = new Set();

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (data) => this.#take(data));
    socket.on("error", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("end", () => this.#end());
  }

  send(...parts) {
    this.socket.write(Buffer.concat(parts));
  }

  /** The first frame of that type that nobody took, or undefined if the connection ends first. */
  async next(type, ms = WAIT_MS_MAX) {
    const find = () => this.frames.findIndex((one) => one.type === type);
    await this.until(() => this.ended || find() >= 0, ms);
    const at = find();
    return at < 0 ? undefined : this.frames.splice(at, 1)[0].payload;
  }

  async nextControl(ms) {
    const payload = await this.next(TYPE.control, ms);
    return payload === undefined ? undefined : JSON.parse(payload.toString());
  }

  /** True if the connection ended in time. */
  async end(ms = WAIT_MS_MAX) {
    await this.until(() => this.ended, ms);
    return this.ended;
  }

  /** True if a keepalive comes back: both ends are well. */
  async isAlive(ms = WAIT_MS_MAX) {
    const stamp = randomBytes(8);
    this.send(keepalive(stamp));
    const sees = () => this.frames.some(({ type, payload }) =>
      type === TYPE.answer && payload.equals(stamp));
    await this.until(() => this.ended || sees(), ms);
    return sees();
  }

  close() {
    this.socket.destroy();
  }

  /** Waits until `holds`, or `ms` have passed. */
  until(holds, ms) {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (holds()) done();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(look);
    });
  }

  #take(data) {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= HEADER) {
      const size = HEADER + this.#rest.readUInt32BE(4);
      if (this.#rest.length < size) break;
      const [type, flags] = this.#rest;
      const segment = this.#rest.readUInt16BE(2);
      const payload = this.#rest.subarray(HEADER, size);
      if (type === TYPE.keepalive) this.send(frame(TYPE.answer, payload));
      else this.frames.push({ type, flags, segment, payload });
      this.#rest = this.#rest.subarray(size);
    }
    this.#look();
  }

  #end() {
    this.ended = true;
    this.#look();
  }

  #look() {
    for (const look of [...this.#waiting]) look();
  }
}

/** Dials a gateway; rejects with the TLS library's word if the handshake fails. */
export function dial(port, { alpn = ["adit/1"], host = "127.0.0.1", ...options } = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, ALPNProtocols: alpn, rejectUnauthorized: false,
      minVersion: "TLSv1.3", ...options });
    const peer = new Peer(socket);
    socket.once("secureConnect", () => resolve(peer));
    socket.once("error", (error) => reject(new Error(error.code ?? error.message)));
    socket.once("close", () => reject(new Error("closed")));
  });
}

/** Listens as a gateway; `accept` gets each connection whose handshake is done, and its number. */
export function serve({ cert, key, port = 0, ...options }, accept) {
  const server = createServer({ cert, key, ALPNProtocols: ["adit/1"], minVersion: "TLSv1.3",
    ...options });
  let count = 0;
  server.on("secureConnection", (socket) => accept(new Peer(socket), count++));
  server.on("tlsClientError", () => {});
  return new Promise((resolve) => server.listen(port, () => resolve(server)));
}
