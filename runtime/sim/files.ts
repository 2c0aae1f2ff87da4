/** The simulated file system: whole files, replaced atomically, inside allowed folders only. */
import { errno } from "./constants.js";

export const FILE_BYTES_MAX = 1_048_576;
const STATE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface SimulatedFile {
  readonly data: Uint8Array;
  readonly mode: number;
}

/** Files that a folder may hold before a new one is refused, and bytes before any is. */
const COUNT_MAX = 64;
const TOTAL_BYTES_MAX = 8_388_608;
const LOCK_NAME = "aditd.lock";
const TEMPORARY_SUFFIX = ".adit-new";

/** What a write is made of; a power cut may come before each of them. */
export type WriteStep = "write" | "sync" | "rename" | "sync folder";

export class Files {
  readonly #files = new Map<string, SimulatedFile>();
  /** What is on the flash for sure: a power cut leaves no more of it. */
  readonly #durable = new Map<string, SimulatedFile>();
  /** Called before each step; what it throws leaves the step undone, as when the power fails. */
  onStep: (step: WriteStep, path: string) => void = () => {};
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
    if (!isInside(path, this.runDir)) this.#durable.set(path, { data, mode });
  }

  /**
   * The power fails: the run folder is memory and gone, of the rest stays what was synchronized. A
   * rename or a removal that was not may be on the flash or not, as `lucky` says.
   */
  powerCut(lucky: boolean): void {
    const onFlash = [...this.#files].filter(([path]) => !isInside(path, this.runDir));
    const left = new Map(lucky ? onFlash : this.#durable);
    for (const [path, file] of left) {
      // The content of an unsynchronized file is anything, most often nothing.
      if (file.data !== this.#durable.get(path)?.data && !this.#synced.has(file)) {
        left.set(path, { ...file, data: new Uint8Array(0) });
      }
    }
    this.#files.clear();
    this.#durable.clear();
    for (const [path, { data, mode }] of left) this.put(path, data, mode);
  }

  get(path: string): SimulatedFile | undefined {
    return this.#files.get(path);
  }

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** The configuration, what is in the two folders, and what the former names in quotes. */
  mayRead(path: string): boolean {
    const isOurs = path === this.configPath || isInside(path, this.runDir);
    return isOurs || this.mayWrite(path) || this.#isInConfig(path);
  }

  /** Where a socket may be made. */
  mayListen(path: string): boolean {
    if (isInside(path, this.runDir)) return !path.endsWith(`/${LOCK_NAME}`);
    return this.#isInConfig(path);
  }

  read(path: string): SimulatedFile | number {
    if (!this.mayRead(path)) return -errno.EPERM;
    const file = this.#files.get(path);
    if (file === undefined) return -errno.ENOENT;
    return file.data.length > FILE_BYTES_MAX ? -errno.EFBIG : file;
  }

  /** Below the run folder, or a plain name directly in the state folder. */
  mayWrite(path: string): boolean {
    if (path === this.configPath || path.endsWith(`/${LOCK_NAME}`)) return false;
    if (isInside(path, this.runDir)) return true;
    return isInside(path, this.stateDir) && STATE_NAME.test(path.slice(this.stateDir.length + 1));
  }

  write(path: string, data: Uint8Array, mode: number): number {
    if (!this.mayWrite(path)) return -errno.EPERM;
    if (this.writeError !== 0) {
      this.failedWrites++;
      return this.writeError;
    }
    if (!this.#hasRoom(path, data.length)) return -errno.ENOSPC;
    this.#replace(path, { data: data.slice(), mode });
    return 0;
  }

  /** The steps of c/sys/file.c. */
  #replace(path: string, file: SimulatedFile): void {
    const temporary = `${path}${TEMPORARY_SUFFIX}`;
    this.onStep("write", path);
    this.#files.set(temporary, file);
    this.onStep("sync", path);
    this.#synced.add(file);
    this.onStep("rename", path);
    this.#files.delete(temporary);
    this.#files.set(path, file);
    this.onStep("sync folder", path);
    this.#syncFolder(path);
  }

  #syncFolder(path: string): void {
    const folder = folderOf(path);
    const isHere = (name: string): boolean => folderOf(name) === folder;
    if (isInside(path, this.runDir)) return;
    for (const name of [...this.#durable.keys()]) if (isHere(name)) this.#durable.delete(name);
    for (const [name, file] of this.#files) if (isHere(name)) this.#durable.set(name, file);
  }

  #hasRoom(path: string, size: number): boolean {
    const folder = folderOf(path);
    const others = [...this.#files].filter(([name]) => folderOf(name) === folder && name !== path);
    const total = others.reduce((sum, [, { data }]) => sum + data.length, size);
    const isNew = !this.#files.has(path);
    return total <= TOTAL_BYTES_MAX && !(isNew && others.length >= COUNT_MAX);
  }

  readonly #synced = new WeakSet<SimulatedFile>();

  #isInConfig(path: string): boolean {
    const text = Buffer.from(this.#files.get(this.configPath)?.data ?? []).toString("utf8");
    return text.includes(JSON.stringify(path));
  }

  remove(path: string): number {
    if (!this.mayWrite(path)) return -errno.EPERM;
    this.#files.delete(path);
    this.onStep("sync folder", path);
    this.#syncFolder(path);
    return 0;
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** True for a plain absolute path below the folder; `..` and empty components are refused. */
export function isInside(path: string, dir: string): boolean {
  if (!path.startsWith(`${dir}/`)) return false;
  const rest = path.slice(dir.length + 1).split("/");
  return rest.every((part) => part !== "" && part !== "." && part !== "..");
}
