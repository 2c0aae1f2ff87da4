/**
 * The native module that the C host (c/vm) gives to the bundle, and that runtime/sim gives to it in
 * tests. Only ts/host/native.ts imports it. Errors of the world are negative errno numbers; misuse
 * throws TypeError or RangeError. Buffers returned are owned by the caller.
 */
declare module "adit:host" {
  /** "decider" talks to the mover; "cli" is the command line client. */
  export const mode: "decider" | "cli";
  /** Words of the command line after the program's name; empty for a decider. */
  export const args: readonly string[];
  /** Version of the host, `MAJOR.MINOR.PATCH`. */
  export const hostVersion: string;

  /** Monotonic clock in milliseconds, with a fraction. */
  export function monotonicMs(): number;
  /** Wall clock in milliseconds since 1970. May jump. */
  export function wallMs(): number;
  /** `count` random bytes, at most 256. */
  export function random(count: number): Uint8Array;
  export function sha256(data: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032): a key of 32 bytes, a signature of 64. False for other lengths. */
  export function verifyEd25519(
    publicKey: Uint8Array,
    signature: Uint8Array,
    data: Uint8Array,
  ): boolean;
  export function utf8Encode(text: string): Uint8Array;
  /** Undefined if the bytes are not well-formed UTF-8. */
  export function utf8Decode(data: Uint8Array): string | undefined;

  /** Queues one contract message to the mover. 0 or -errno (-ENOBUFS: 4 MiB wait already). */
  export function send(message: Uint8Array): number;

  /** Sets which readiness of a descriptor is reported through onDescriptor. */
  export function watch(fd: number, readable: boolean, writable: boolean): void;
  /** A connected non-blocking descriptor or -errno. */
  export function accept(fd: number): number;
  /** At most `max` bytes (65,536), empty at the end, or -errno. */
  export function read(fd: number, max: number): Uint8Array | number;
  /** Bytes taken or -errno. */
  export function write(fd: number, data: Uint8Array): number;
  /** Unwatches and closes. */
  export function close(fd: number): void;

  /** CLI only. A connected descriptor or -errno. */
  export function connectUnix(path: string): number;
  /** CLI only. Whole regular file of at most 1 MiB, or -errno. */
  export function readFile(path: string): Uint8Array | number;
  /** CLI only. Permission bits and user of what a path leads to, or -errno. */
  export function fileFacts(path: string): { mode: number; owner: number } | number;
  /** CLI only. True if the machine has a network interface of that name. */
  export function hasInterface(name: string): boolean;
  /** CLI only. Value of an environment variable, undefined if unset. */
  export function environment(name: string): string | undefined;
  /** CLI only. True if standard output is a terminal. */
  export function isTerminal(): boolean;
  /** CLI only. Columns of the terminal that standard output is, 0 where none is known. */
  export function terminalColumns(): number;
  /** CLI only. Writes all of it, blocking. */
  export function writeOut(text: string): void;
  export function writeErr(text: string): void;
  /** CLI only. Generates a P-256 key and a self-signed certificate, PEM texts, for `keygen`. */
  export function generateCertificate(
    commonName: string,
    days: number,
  ): { certificate: string; key: string; pin: string };
  /** CLI only. Creates a file that must not exist yet. 0 or -errno. */
  export function createFile(path: string, mode: number, data: Uint8Array): number;
  /** Ends the process after pending output. */
  export function exit(status: number): void;
}
