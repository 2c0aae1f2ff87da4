/** The simulated file system: whole files, replaced atomically, inside allowed folders only. */
import { errno } from "./constants.js";

export const FILE_BYTES_MAX = 1_048_576;

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

  /** The configuration, what is below the run folder, and what the former names in quotes. */
  mayRead(path: string): boolean {
    if (path === this.configPath || isInside(path, this.runDir)) return true;
    return this.#text(this.configPath).includes(JSON.stringify(path));
  }

  read(path: string): SimulatedFile | number {
    if (!this.mayRead(path)) return -errno.EPERM;
    const file = this.#files.get(path);
    if (file === undefined) return -errno.ENOENT;
    return file.data.length > FILE_BYTES_MAX ? -errno.EFBIG : file;
  }

  write(path: string, data: Uint8Array, mode: number): number {
    if (!isInside(path, this.runDir)) return -errno.EPERM;
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
    if (!isInside(path, this.runDir)) return -errno.EPERM;
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
