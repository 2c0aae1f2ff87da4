/**
 * The decider's end of a caged policy script: frames over a stream socket, one request at a time,
 * each with a deadline at which the process is killed. Nothing that comes back is trusted.
 */
import { command, request } from "../host/channel.js";
import type { MoverMessage } from "../host/contract.gen.js";
import { EAGAIN, answerText } from "../host/errno.js";
import { joinBytes } from "../host/transfer.js";
import type { Advice, Reaction, ScriptEvent } from "../model/advice.js";
import { messageMax, scriptBytesMax, stackMax, worldBytesMax } from "../model/advice.js";
import { routerOf } from "../model/config.js";
import { readObject } from "../model/json.js";
import { plainText, readAdvice, readReaction } from "../policy/advice.js";
import type { Core } from "./core.js";
import { afterMs } from "./core.js";

export interface Script {
  readonly text: string;
  readonly sha256: string;
  /** 0 takes what the script says of itself. */
  readonly version: number;
  readonly origin: "file" | "a" | "b";
}

const errorKinds = [
  ...(["syntax", "import", "load", "throw", "limit", "rubbish"] as const),
  ...(["memory", "died", "timeout", "refused"] as const),
] as const;

export interface CageError {
  readonly kind: (typeof errorKinds)[number];
  readonly message: string;
  readonly stack: string;
}

export interface Cage {
  readonly script: Script;
  readonly isOpen: boolean;
  /** What the script exports: route, selectPeer, bypass, onEvent. */
  readonly functions: readonly string[];
  /** Of all calls so far; memory is that of the last one. */
  readonly usage: CageUsage;
  decide(world: object, done: (answer: Advice | CageError) => void): void;
  event(event: ScriptEvent, world: object, done: (answer: Reaction | CageError) => void): void;
  close(): void;
}

export interface CageUsage {
  readonly calls: number;
  readonly cpuUs: number;
  readonly lastCpuUs: number;
  readonly memoryBytes: number;
}

/** Cages by the mover's number, so that their deaths find them. */
export type Cages = Map<number, { readonly onDeath: (message: PolicyDied) => void }>;

type PolicyDied = Extract<MoverMessage, { type: "policy_died" }>;

const stackKib = 128;
/** Evaluating a script for the first time, with the start of its process. */
const loadMsMax = 2_000;
/**
 * How late an answer may be on a busy router, in times of what a script may compute: past the time
 * at which the cage itself gives up (LATE_CALLS in c/vm/vm.c), which can name the place.
 */
const lateCalls = 12;
/** What an answer may take beside the script's own time. */
const graceMs = 150;
/** How long the mover's word about a closed socket is waited for. */
const lastWordsMs = 200;
const waitingMax = 8;
/** Brackets and commas of an answer: what it would take in memory here is bounded by them. */
const answerNodesMax = 32_768;
const readBytesMax = 65_536;
/** Reads that take a whole answer. */
const readsMax = 17;
/** Each takes memory beside its bytes, of which there may be one only. */
const chunksMax = 64;
const frameLoad = 0x4c;
const frameCall = 0x43;
const frameResult = 0x52;
const headBytes = 4;
/** Statuses of c/decider_exit.h. */
const exitMemory = 71;

type Answer = Readonly<Record<string, unknown>>;

interface Call {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly limitMs: number;
  readonly done: (result: Answer | CageError) => void;
}

export function isCageError(
  answer: Cage | Advice | Reaction | CageError,
): answer is CageError {
  return "stack" in answer;
}

function isFailure(result: Answer | CageError): result is CageError {
  return "stack" in result;
}

/** For people: kind, message and the place in the script. */
export function cageErrorText({ kind, message, stack }: CageError): string {
  const place = /[^\s()]+:\d+:\d+/.exec(stack)?.[0];
  return `${kind}: ${message}${place === undefined ? "" : ` at ${place}`}`;
}

/** Starts a process for the script and loads it; `done` is called once. */
export function openCage(core: Core, script: Script, done: (cage: Cage | CageError) => void): void {
  const config = routerOf(core.config);
  if (config === undefined) return done(error("refused", "only a router runs scripts"));
  const source = core.native.utf8Encode(script.text);
  if (source.length > scriptBytesMax) {
    const text = `${source.length} bytes, at most ${scriptBytesMax} are read`;
    return done(error("refused", text));
  }
  const { memoryKib, callMs } = config.policy;
  const message = { type: "policy_open", memoryKib, stackKib, callMs } as const;
  request(core.channel, message, (answer, fd) => {
    if (answer.type !== "policy_opened") throw new Error(`answer ${answer.type} to policy_open`);
    const { error: number, cage, text } = answer;
    if (number !== 0 || fd < 0) return done(error("refused", answerText(number, text)));
    return new OpenCage(core, script, cage, fd, callMs).load(source, done);
  });
}

class OpenCage implements Cage {
  functions: readonly string[] = [];
  usage: CageUsage = { calls: 0, cpuUs: 0, lastCpuUs: 0, memoryBytes: 0 };
  isOpen = true;
  /** The first is under way. */
  private readonly calls: Call[] = [];
  private unsent: Uint8Array = new Uint8Array(0);
  private chunks: Uint8Array[] = [];
  private received = 0;

  constructor(
    private readonly core: Core,
    public script: Script,
    private readonly id: number,
    private fd: number,
    private readonly callMs: number,
  ) {
    core.cages.set(id, { onDeath: (message) => this.onDeath(message) });
    core.descriptors.open(fd, (readable, writable) => this.onReady(readable, writable));
  }

  load(payload: Uint8Array, done: (cage: Cage | CageError) => void): void {
    const limitMs = loadMsMax + this.callMs;
    this.push({
      kind: frameLoad,
      payload,
      limitMs,
      done: (result) => {
        const { functions, version } = isFailure(result) ? {} : result;
        if (!Array.isArray(functions)) {
          // It may hold no script, and would answer every call with that.
          this.close();
          return done(isFailure(result) ? result : error("rubbish", "no list of functions"));
        }
        if (this.script.version === 0) this.script = { ...this.script, version: countOf(version) };
        this.functions = functions.map(String);
        return done(this);
      },
    });
  }

  decide(world: object, done: (answer: Advice | CageError) => void): void {
    this.call({ call: "decide", world }, readAdvice, done);
  }

  event(event: ScriptEvent, world: object, done: (answer: Reaction | CageError) => void): void {
    this.call({ call: "event", event, world }, readReaction, done);
  }

  close(): void {
    this.end(error("refused", "the script was replaced"));
  }

  private call<T extends Advice | Reaction>(
    body: object,
    read: (value: unknown, names: ReadonlySet<string>) => T | undefined,
    done: (answer: T | CageError) => void,
  ): void {
    const { locations = [] } = routerOf(this.core.config) ?? {};
    const names = new Set(locations.map(({ name }) => name));
    const payload = this.core.native.utf8Encode(JSON.stringify(body));
    if (!this.isOpen) return done(error("died", "the script's process is gone"));
    if (payload.length >= worldBytesMax || this.calls.length >= waitingMax) {
      return done(error("refused", `${payload.length} bytes, ${this.calls.length} calls waiting`));
    }
    const limitMs = lateCalls * this.callMs + graceMs;
    this.push({
      kind: frameCall,
      payload,
      limitMs,
      done: (result) => {
        if (isFailure(result)) done(result);
        else done(read(result, names) ?? error("rubbish", "the answer is no object"));
      },
    });
  }

  private push(call: Call): void {
    this.calls.push(call);
    if (this.calls.length === 1) this.send(call);
  }

  private send({ kind, payload, limitMs }: Call): void {
    const head = new Uint8Array(headBytes + 1);
    new DataView(head.buffer).setUint32(0, payload.length + 1, true);
    head[headBytes] = kind;
    this.unsent = joinBytes([head, payload]);
    this.limit(limitMs, () => this.onLate(limitMs));
    this.flush();
  }

  /** We may be late ourselves, with the answer waiting. */
  private onLate(limitMs: number): void {
    const [call] = this.calls;
    for (let count = 0; count < readsMax && this.isOpen && this.calls[0] === call; count++) {
      this.onReady(true, false);
    }
    if (this.calls[0] !== call) return;
    this.end(error("timeout", `no answer within ${limitMs} ms`));
  }

  private limit(delayMs: number, run: () => void): void {
    afterMs(this.core, `cage ${this.id}`, delayMs, "limit of a policy script", run);
  }

  private flush(): void {
    const { native } = this.core;
    while (this.unsent.length > 0 && this.fd >= 0) {
      const taken = native.write(this.fd, this.unsent);
      if (taken === -EAGAIN) break;
      if (taken < 0) return this.onEnd();
      this.unsent = this.unsent.subarray(taken);
    }
    if (this.fd >= 0) native.watch(this.fd, true, this.unsent.length > 0);
  }

  private onReady(readable: boolean, writable: boolean): void {
    if (writable) this.flush();
    if (!readable || this.fd < 0) return;
    const chunk = this.core.native.read(this.fd, readBytesMax);
    if (chunk === -EAGAIN) return;
    if (typeof chunk === "number" || chunk.length === 0) return this.onEnd();
    this.received += chunk.length;
    this.chunks.push(chunk);
    return this.onBytes();
  }

  /** Nothing is asked ahead, so what follows the one answer is rubbish. */
  private onBytes(): void {
    if (this.received < headBytes + 1) return;
    const isMany = this.received > headBytes + readBytesMax && this.chunks.length < chunksMax;
    if (isMany && this.frameLength() > this.received) return;
    const bytes = joinBytes(this.chunks);
    this.chunks = [bytes];
    const length = this.frameLength();
    const isUnasked = this.calls.length === 0 || this.received > length;
    if (isUnasked || length > worldBytesMax + headBytes) {
      return this.end(error("rubbish", `${length} bytes that nobody asked for`));
    }
    if (this.received < length) return;
    this.chunks = [];
    this.received = 0;
    this.onFrame(bytes[headBytes] === frameResult, bytes.subarray(headBytes + 1));
  }

  private frameLength(): number {
    const first = this.chunks[0] as Uint8Array;
    if (first.length < headBytes) return 0;
    return headBytes + new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  }

  private onFrame(isResult: boolean, payload: Uint8Array): void {
    const { native, deadlines } = this.core;
    const text = isSmall(payload) ? native.utf8Decode(payload) : undefined;
    const answer = readObject(text);
    if (answer === undefined) return this.end(error("rubbish", "the answer is no JSON object"));
    deadlines.clear(`cage ${this.id}`);
    const { done } = this.calls.shift() as Call;
    this.count(answer);
    const { result } = answer;
    const next = this.calls[0];
    if (next !== undefined) this.send(next);
    if (!isResult) return done(readError(answer["error"]));
    const isObject = typeof result === "object" && result !== null;
    return done(isObject ? (result as Record<string, unknown>) : error("rubbish", "no result"));
  }

  private count({ cpu_us: cpu, memory }: Readonly<Record<string, unknown>>): void {
    const { calls, cpuUs } = this.usage;
    const lastCpuUs = countOf(cpu);
    const memoryBytes = countOf(memory);
    this.usage = { calls: calls + 1, cpuUs: cpuUs + lastCpuUs, lastCpuUs, memoryBytes };
  }

  /** The process closed its end: the mover knows why. */
  private onEnd(): void {
    this.closeSocket();
    this.limit(lastWordsMs, () => this.end(error("died", "it ended without a word")));
  }

  private onDeath({ status, signal, text }: PolicyDied): void {
    const how = signal === 0 ? `status ${status}` : `signal ${signal}`;
    const words = plainText(text, messageMax) || "it ended without a word";
    const [message = "", ...stack] = words.split(/ (?=at )/);
    const kind = status === exitMemory ? "memory" : "died";
    this.end(error(kind, `${message} (${how})`, stack.join(" ")));
  }

  private closeSocket(): void {
    if (this.fd >= 0) this.core.descriptors.close(this.fd);
    this.fd = -1;
  }

  private end(why: CageError): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { core, id } = this;
    core.cages.delete(id);
    core.deadlines.clear(`cage ${id}`);
    this.closeSocket();
    command(core.channel, { type: "policy_kill", cage: id }, (number, text) => {
      core.log.write("debug", `policy_kill ${id}: ${answerText(number, text)}`);
    });
    for (const { done } of this.calls.splice(0)) done(why);
  }
}

function countOf(value: unknown): number {
  return typeof value === "number" && value >= 0 && value < 1e12 ? value : 0;
}

function isSmall(bytes: Uint8Array): boolean {
  let nodes = 0;
  for (const byte of bytes) {
    // The bytes of `,`, `[` and `{`.
    if (byte === 0x2c || byte === 0x5b || byte === 0x7b) nodes += 1;
    if (nodes > answerNodesMax) return false;
  }
  return true;
}

function error(kind: CageError["kind"], message: string, stack = ""): CageError {
  return { kind, message, stack };
}

function readError(value: unknown): CageError {
  const { kind, message, stack } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const known = errorKinds.find((word) => word === kind) ?? "rubbish";
  return error(known, plainText(message, messageMax), plainText(stack, stackMax));
}
