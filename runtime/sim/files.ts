/** The simulated file system: whole files, replaced atomically, inside allowed folders only. */
import { errno } from "./constants.js";

export const FILE_BYTES_MAX = 1_048_576;
const STATE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface SimulatedFile {
  readonly data: Uint8Array;
  readonly mode: number;
}

export class Files {
  readonly #files = new Map<string, SimulatedFile>();
  /** Error that the next writes answer, 0 for none: a full or broken flash. */
  writeError = 0;
  /** Writes that failed so far. */
  failedWrites = 0;

  constructor(
    readonly configPath: string,
    readonly runDir: string,
    readonly stateDir: string,
  ) {}

  put(path: string, data: Uint8Array, mode = 0o600): void {
    this.#files.set(path, { data, mode });
  }

  get(path: string): SimulatedFile | undefined {
    return this.#files.get(path);
  }

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** The configuration, what is in the two folders, and what the former names in quotes. */
  mayRead(path: string): boolean {
    if (path === this.configPath || this.mayWrite(path)) return true;
    return this.#text(this.configPath).includes(JSON.stringify(path));
  }

  read(path: string): SimulatedFile | number {
    if (!this.mayRead(path)) return -errno.EPERM;
    const file = this.#files.get(path);
    if (file === undefined) return -errno.ENOENT;
    return file.data.length > FILE_BYTES_MAX ? -errno.EFBIG : file;
  }

  /** Below the run folder, or a plain name directly in the state folder. */
  mayWrite(path: string): boolean {
    if (isInside(path, this.runDir)) return true;
    return isInside(path, this.stateDir) && STATE_NAME.test(path.slice(this.stateDir.length + 1));
  }

  write(path: string, data: Uint8Array, mode: number): number {
    if (!this.mayWrite(path)) return -errno.EPERM;
    if (this.writeError !== 0) {
      this.failedWrites++;
      return this.writeError;
    }
    this.put(path, data.slice(), mode);
    return 0;
  }

  #text(path: string): string {
    return Buffer.from(this.#files.get(path)?.data ?? []).toString("utf8");
  }

  remove(path: string): number {
    if (!this.mayWrite(path)) return -errno.EPERM;
    this.#files.delete(path);
    return 0;
  }
}

/** True for a plain absolute path below the folder; `..` and empty components are refused. */
export function isInside(path: string, dir: string): boolean {
  if (!path.startsWith(`${dir}/`)) return false;
  const rest = path.slice(dir.length + 1).split("/");
  return rest.every((part) => part !== "" && part !== "." && part !== "..");
}
