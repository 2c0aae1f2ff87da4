// A module for aditd in place of adit.mjs: it decides nothing and relays contract messages between
// the mover and a test, over a Unix socket that it makes in run_dir.
//
// Frames on the socket: u32 little endian length, u8 flags (1: a descriptor came along), then the
// message. The few messages that it speaks itself are written out by hand (docs/contract.md).
import { accept, close, read, send, utf8Encode, watch, write } from "adit:host";

const HELLO = 2;
const MOVER_STATE = 3;
const PING = 6;
const PONG = 7;
const LISTEN_UNIX = 96;
const POLICY_OPENED = 113;
const POLICY_DIED = 115;
const CONTRACT_VERSION = 6;
const READ_BYTES = 65_536;
const SOCKET_NAME = "relay.sock";

/** Sockets of cages by number: a cage ends with its socket, so each is kept for its life. */
const cages = new Map();
let listener = -1;
let client = -1;
let incoming = new Uint8Array(0);
let outgoing = [];

function message(id, sequence, ...parts) {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, id, true);
  view.setUint32(4, sequence, true);
  return join([header, ...parts]);
}

function join(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function integer(value, bytes) {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

function text(value) {
  const bytes = utf8Encode(value);
  return join([integer(bytes.length, 2), bytes]);
}

export function start() {
  send(message(HELLO, 1, integer(CONTRACT_VERSION, 2), text("relay"), text("")));
}

export function onMessage(bytes, fd) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const id = view.getUint16(0, true);
  if (id === PING) return void send(message(PONG, 0, bytes.slice(8, 12)));
  if (id === MOVER_STATE && listener < 0) return listen(bytes, view);
  if (fd >= 0 && listener < 0) {
    listener = fd;
    return watch(fd, true, false);
  }
  if (id === POLICY_OPENED && fd >= 0) cages.set(view.getUint32(12, true), fd);
  else if (fd >= 0) close(fd);
  if (id === POLICY_DIED) forgetCage(view.getUint32(8, true));
  if (client < 0) return undefined;
  const flags = Uint8Array.of(fd >= 0 ? 1 : 0);
  outgoing.push(join([integer(bytes.length, 4), flags, bytes]));
  return flush();
}

function forgetCage(number) {
  const fd = cages.get(number);
  cages.delete(number);
  if (fd !== undefined) close(fd);
}

/** mover_state: u16 contract, u32 restarts, str config_path, str run_dir. */
function listen(bytes, view) {
  const configBytes = view.getUint16(14, true);
  const at = 16 + configBytes;
  const runDir = bytes.slice(at, at + 2 + view.getUint16(at, true));
  const path = join([runDir.slice(2), utf8Encode(`/${SOCKET_NAME}`)]);
  send(message(LISTEN_UNIX, 2, integer(path.length, 2), path, integer(0o600, 2)));
}

export function onDescriptor(fd, readable, writable) {
  if (fd === listener) return takeClient();
  if (readable) receive();
  return writable && client >= 0 ? flush() : undefined;
}

function takeClient() {
  const fd = accept(listener);
  if (fd < 0) return;
  if (client >= 0) close(client);
  client = fd;
  incoming = new Uint8Array(0);
  outgoing = [];
  watch(fd, true, false);
}

function receive() {
  const data = read(client, READ_BYTES);
  if (typeof data === "number") return;
  if (data.length === 0) {
    close(client);
    client = -1;
    return;
  }
  incoming = join([incoming, data]);
  while (incoming.length >= 5) {
    const length = new DataView(incoming.buffer, incoming.byteOffset).getUint32(0, true);
    if (incoming.length < 5 + length) return;
    send(incoming.slice(5, 5 + length));
    incoming = incoming.slice(5 + length);
  }
}

function flush() {
  while (outgoing.length > 0) {
    const taken = write(client, outgoing[0]);
    if (taken < 0) break;
    if (taken < outgoing[0].length) outgoing[0] = outgoing[0].slice(taken);
    else outgoing.shift();
  }
  watch(client, true, outgoing.length > 0);
}

export function onTimer() {}

export function nextDeadlineMs() {
  return Infinity;
}
