/** Who is told about the readiness of which descriptor. */
import type { Native } from "./native.js";

export type ReadyHandler = (readable: boolean, writable: boolean) => void;

export class Descriptors {
  private readonly handlers = new Map<number, ReadyHandler>();

  constructor(private readonly native: Native) {}

  /** Takes the descriptor over; it is watched for reading from now on. */
  open(fd: number, onReady: ReadyHandler): void {
    if (this.handlers.has(fd)) throw new Error(`descriptor ${fd} is open already`);
    this.handlers.set(fd, onReady);
    this.native.watch(fd, true, false);
  }

  close(fd: number): void {
    if (this.handlers.delete(fd)) this.native.close(fd);
  }

  /** Readiness of a descriptor that was closed in the same turn is ignored. */
  onReady(fd: number, readable: boolean, writable: boolean): void {
    this.handlers.get(fd)?.(readable, writable);
  }
}
