/**
 * A simulated caged process: frames over a stream, answered after the virtual time that they cost.
 * It dies as a process does, by its own fault, by a kill, or because its socket was closed.
 */
import type { Clock, Event } from "./clock.js";
import type { Stream } from "./descriptors.js";
import type { Realm, RealmEngine, RealmLimits } from "./realm.js";
import { MemoryExceeded, ScriptError } from "./realm.js";

/** What a fault makes of one request. */
export type CageFault = "none" | "dies" | "memory" | "silent" | "rubbish" | "frame" | "late";

export interface Death {
  readonly status: number;
  readonly signal: number;
  readonly text: string;
}

export interface CageOwner {
  readonly clock: Clock;
  /** Asked for every request. */
  fault(kind: string): CageFault;
  /** It answered a call without a fault. */
  answered?(cage: Cage, call: string): void;
  died(cage: Cage, death: Death): void;
}

const HEAD_BYTES = 5;
const RESULT = 0x52;
const FRAME_BYTES_MAX = 1_048_576;
const SCRIPT_BYTES_MAX = 262_144;
/** Statuses of c/decider_exit.h. */
const EXIT_EXCEPTION = 70;
const EXIT_MEMORY = 71;
const EXIT_GONE = 74;
const SIGKILL = 9;
/** Costs that depend on nothing but the request, so that runs repeat. */
const LOAD_US = 3_000;
const CALL_US = 200;
const BYTES_FOR_US = 8;
const MEMORY_BYTES = 400_000;
/** Longer than any deadline of a decider. */
const LATE_MS = 5_000;

export class Cage {
  alive = true;
  /** Its decider is gone: nobody is told of its end. */
  forgotten = false;
  stream: Stream | undefined;
  /** The script that it was given. */
  source = "";
  #realm: Realm | undefined;
  #input = Buffer.alloc(0);
  #isLoaded = false;
  #answer: Event | undefined;

  constructor(
    readonly number: number,
    readonly limits: RealmLimits,
    readonly realms: RealmEngine,
    readonly owner: CageOwner,
  ) {}

  onData(data: Uint8Array): void {
    if (!this.alive) return;
    this.#input = Buffer.concat([this.#input, data]);
    while (this.alive && this.#input.length >= HEAD_BYTES) {
      const size = this.#input.readUInt32LE();
      if (size < 1 || size > FRAME_BYTES_MAX) return this.#exit(EXIT_EXCEPTION, "policy: a frame");
      if (this.#input.length < size + 4) return;
      const kind = String.fromCharCode(this.#input[4] as number);
      const text = this.#input.toString("utf8", HEAD_BYTES, size + 4);
      this.#input = this.#input.subarray(size + 4);
      this.#serve(kind, text);
    }
  }

  onClosed(): void {
    this.#exit(EXIT_GONE, "");
  }

  kill(): void {
    this.#end({ status: -1, signal: SIGKILL, text: "" });
  }

  #serve(kind: string, text: string): void {
    const costUs = (kind === "L" ? LOAD_US : CALL_US) + Math.floor(text.length / BYTES_FOR_US);
    const fault = this.owner.fault(kind);
    if (fault === "dies") return this.kill();
    if (fault === "memory") return this.#exit(EXIT_MEMORY, "policy: memory: the limit was reached");
    if (fault === "silent") return;
    const isSpoilt = fault === "rubbish" || fault === "frame";
    const frame = isSpoilt ? spoil(fault) : this.#frame(kind, text, costUs);
    if (frame === undefined) return;
    const delayMs = costUs / 1_000 + (fault === "late" ? LATE_MS : 0);
    const isGood = !isSpoilt && kind === "C" && frame[4] === RESULT;
    this.#answer = this.owner.clock.after(delayMs, () => {
      this.stream?.send(frame);
      if (isGood) this.owner.answered?.(this, text);
    });
  }

  /** Undefined if the request ended the process. */
  #frame(kind: string, text: string, costUs: number): Uint8Array | undefined {
    const costs = `"cpu_us":${costUs},"memory":${MEMORY_BYTES}`;
    try {
      const result = withoutStacks(kind === "L" ? this.#load(text) : this.#call(text));
      return frameOf("R", `{${costs},"result":${result}}`);
    } catch (error) {
      if (error instanceof MemoryExceeded) {
        this.#exit(EXIT_MEMORY, "policy: memory: the limit was reached");
        return undefined;
      }
      if (!(error instanceof ScriptError)) throw error;
      const { kind: what, message } = error;
      const told = JSON.stringify({ kind: what, message: message.slice(0, 512), stack: "" });
      return frameOf("E", `{${costs},"error":${told}}`);
    }
  }

  #load(text: string): string {
    if (this.#isLoaded) throw new ScriptError("load", "TypeError: a cage holds one script");
    if (Buffer.byteLength(text) > SCRIPT_BYTES_MAX) {
      throw new ScriptError("syntax", `SyntaxError: at most ${SCRIPT_BYTES_MAX} bytes`);
    }
    this.source = text;
    this.#realm = this.realms.open(this.limits);
    const result = this.#realm.load(text);
    this.#isLoaded = true;
    return result;
  }

  #call(text: string): string {
    const realm = this.#realm;
    if (realm === undefined || !this.#isLoaded) {
      throw new ScriptError("load", "TypeError: the cage holds no script");
    }
    return realm.call(text);
  }

  #exit(status: number, text: string): void {
    this.#end({ status, signal: 0, text });
  }

  #end(death: Death): void {
    if (!this.alive) return;
    this.alive = false;
    if (this.#answer !== undefined) this.#answer.cancelled = true;
    this.#realm?.dispose();
    this.stream?.end();
    this.owner.died(this, death);
  }
}

function frameOf(kind: string, payload: string): Uint8Array {
  const body = Buffer.from(`${kind}${payload}`);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return new Uint8Array(Buffer.concat([head, body]));
}

/** What comes instead of an answer. */
function spoil(fault: "rubbish" | "frame"): Uint8Array {
  if (fault === "frame") return new Uint8Array([255, 255, 255, 255, 0x52]);
  return frameOf("R", '{"cpu_us":-1,"memory":"much","result":{"routes":[{"mac":7},null,[]]}}');
}

/** The places in the stacks of failures are the engine's own. */
function withoutStacks(result: string): string {
  if (!result.includes('"failed":')) return result;
  const blank = (key: string, value: unknown): unknown => (key === "stack" ? "" : value);
  return JSON.stringify(JSON.parse(result), blank);
}
