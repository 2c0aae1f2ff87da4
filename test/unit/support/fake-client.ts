/** The command line client, run to its end against a daemon of a few lines. */
import { createCli } from "../../../ts/api/cli.js";
import type { Native } from "../../../ts/host/native.js";

export interface Told {
  status: number;
  out: string;
  err: string;
  /** Text of the request that the daemon got. */
  request: string;
  readonly files: Map<string, { readonly mode: number; readonly text: string }>;
}

export interface Daemon {
  readonly status: number;
  /** The body, in the pieces in which it arrives. */
  readonly pieces: readonly string[];
}

/** Runs the client to its end. Without a daemon nothing listens on the socket. */
export function run(
  args: readonly string[],
  daemon?: Daemon,
  files: Record<string, string> = {},
  terminal: { readonly columns: number; readonly told?: string } | undefined = undefined,
): Told {
  const told: Told = { status: -1, out: "", err: "", request: "", files: new Map() };
  const head = `HTTP/1.1 ${daemon?.status} X\r\nConnection: close\r\n\r\n`;
  const answers = [head, ...(daemon?.pieces ?? []), ""];
  const native = {
    mode: "cli",
    args,
    hostVersion: "1.2.3",
    monotonicMs: () => 0,
    environment: (name: string) => (name === "COLUMNS" ? terminal?.told : undefined),
    isTerminal: () => terminal !== undefined,
    terminalColumns: () => terminal?.columns ?? 0,
    random: (count: number) => new Uint8Array(count).fill(7),
    sha256: () => new Uint8Array(32).fill(0xab),
    utf8Encode: (text: string) => new Uint8Array(Buffer.from(text)),
    utf8Decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    writeOut: (text: string) => (told.out += text),
    writeErr: (text: string) => (told.err += text),
    connectUnix: () => (daemon === undefined ? -2 : 5),
    watch: () => undefined,
    close: () => undefined,
    write: (_fd: number, bytes: Uint8Array) => {
      told.request += Buffer.from(bytes).toString();
      return bytes.length;
    },
    read: () => new Uint8Array(Buffer.from(answers.shift() ?? "")),
    readFile: (path: string) => (path in files ? Buffer.from(files[path] ?? "") : -2),
    fileFacts: (path: string) => (path in files ? { mode: 0o644, owner: 7 } : -2),
    hasInterface: (name: string) => name !== "eth1",
    createFile: (path: string, mode: number, bytes: Uint8Array) => {
      told.files.set(path, { mode, text: Buffer.from(bytes).toString() });
      return 0;
    },
    generateCertificate: () => ({ certificate: "CERT", key: "KEY", pin: "sha256/x=" }),
    exit: (status: number) => (told.status = told.status < 0 ? status : told.status),
  };
  const bundle = createCli(native as unknown as Native);
  bundle.start();
  if (told.status < 0) bundle.onDescriptor(5, false, true);
  for (let turn = 0; turn < 20 && told.status < 0; turn++) bundle.onDescriptor(5, true, false);
  return told;
}

export function answering(body: unknown, status = 200): Daemon {
  return { status, pieces: [JSON.stringify(body)] };
}
