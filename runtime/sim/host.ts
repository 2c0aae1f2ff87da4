/** The module `adit:host` as the simulation gives it to one instance of the bundle. */
import { createHash, createPublicKey, verify } from "node:crypto";
import type { Clock } from "./clock.js";
import { errno } from "./constants.js";
import type { Descriptors } from "./descriptors.js";
import type { Random } from "./random.js";

/** The part of adit:host that a decider has; the command line client's part is tested elsewhere. */
export interface HostModule {
  readonly mode: "decider";
  readonly args: readonly string[];
  readonly hostVersion: string;
  monotonicMs(): number;
  wallMs(): number;
  random(count: number): Uint8Array;
  sha256(data: Uint8Array): Uint8Array;
  verifyEd25519(publicKey: Uint8Array, signature: Uint8Array, data: Uint8Array): boolean;
  utf8Encode(text: string): Uint8Array;
  utf8Decode(data: Uint8Array): string | undefined;
  send(message: Uint8Array): number;
  watch(fd: number, readable: boolean, writable: boolean): void;
  accept(fd: number): number;
  read(fd: number, max: number): Uint8Array | number;
  write(fd: number, data: Uint8Array): number;
  close(fd: number): void;
}

/** Names of the functions, in one place for both engines. */
export const hostFunctions = [
  "monotonicMs", "wallMs", "random", "sha256", "verifyEd25519", "utf8Encode", "utf8Decode",
  "send", "watch", "accept", "read", "write", "close",
] as const;

/** Names that only the command line client calls; they must exist for the bundle to link. */
export const clientFunctions = [
  "connectUnix", "readFile", "environment", "isTerminal", "terminalColumns", "fileFacts",
  "hasInterface", "writeOut", "writeErr",
  "generateCertificate", "createFile", "exit",
] as const;

/** Thrown out of a host call at the very point where the decider was to be killed. */
export class DeciderKilled extends Error {}

export interface HostPort {
  readonly clock: Clock;
  readonly random: Random;
  readonly descriptors: Descriptors;
  send(message: Uint8Array): number;
  /** Called before every effect; may throw DeciderKilled. */
  beforeEffect(): void;
}

const RANDOM_BYTES_MAX = 256;

export function createHost(port: HostPort): HostModule {
  const { clock, random, descriptors } = port;
  return {
    mode: "decider",
    args: [],
    hostVersion: "0.1.0",
    monotonicMs: () => clock.nowMs,
    wallMs: () => clock.wallMs(),
    random(count) {
      if (count > RANDOM_BYTES_MAX) throw new RangeError(`random: ${count} bytes, at most 256`);
      return random.bytes(count);
    },
    sha256: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
    verifyEd25519,
    utf8Encode: (text) => new Uint8Array(Buffer.from(text, "utf8")),
    utf8Decode: decodeUtf8,
    send(message) {
      port.beforeEffect();
      return port.send(message.slice());
    },
    watch(fd, readable, writable) {
      port.beforeEffect();
      descriptors.watch(fd, readable, writable);
    },
    accept(fd) {
      port.beforeEffect();
      return descriptors.accept(fd);
    },
    read(fd, max) {
      port.beforeEffect();
      return descriptors.read(fd, max);
    },
    write(fd, data) {
      port.beforeEffect();
      return descriptors.write(fd, data.slice());
    },
    close(fd) {
      port.beforeEffect();
      descriptors.close(fd);
    },
  };
}

/** A client function in a decider is a mistake of the bundle. */
export function refuseClientCall(name: string): number {
  throw new TypeError(`adit:host ${name} (error ${errno.EPERM}): not in a decider`);
}

/** What stands before the 32 bytes of a public key in its DER form. */
const derPrefix = Buffer.from("302a300506032b6570032100", "hex");

function verifyEd25519(key: Uint8Array, signature: Uint8Array, data: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  const der = Buffer.concat([derPrefix, key]);
  return verify(null, data, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
}

function decodeUtf8(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return undefined;
  }
}
