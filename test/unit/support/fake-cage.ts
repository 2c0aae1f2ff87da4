/** A decider's core whose mover starts fake cages: scripts are functions of the test. */
import type { Core } from "../../../ts/engine/core.js";
import { EventBus } from "../../../ts/engine/events.js";
import { Log } from "../../../ts/engine/log.js";
import type { Script } from "../../../ts/engine/cage.js";
import type { Tunnels } from "../../../ts/engine/tunnels.js";
import { configureTunnels, createTunnels } from "../../../ts/engine/tunnels.js";
import { Deadlines } from "../../../ts/host/deadlines.js";
import { Descriptors } from "../../../ts/host/descriptors.js";
import type { Native } from "../../../ts/host/native.js";
import type { MoverMessage, StatsMessage } from "../../../ts/host/contract.gen.js";
import type { RouterConfig } from "../../../ts/model/config.js";
import { emptyObserved } from "../../../ts/reconcile/fold.js";
import { FakeHost, done } from "./fake-mover.js";

/** Answers a request: the payload of a frame, undefined for silence. */
export type Behave = (kind: "L" | "C", text: string) => CageReply;

export type CageReply =
  | { readonly kind: "R" | "E"; readonly body: unknown }
  | { readonly raw: Uint8Array }
  | { readonly died: { readonly status: number; readonly signal: number; readonly text: string } }
  | undefined;

interface FakeCage {
  readonly id: number;
  readonly input: Uint8Array[];
  sent: Uint8Array;
}

export function script(text = "x", version = 1): Script {
  return { text, sha256: text, version, origin: "file" };
}

export function result(value: unknown, cpuUs = 1_000): CageReply {
  return { kind: "R", body: { cpu_us: cpuUs, memory: 200_000, result: value } };
}

export function failure(kind: string, message: string, stack = ""): CageReply {
  return { kind: "E", body: { cpu_us: 1_000, memory: 0, error: { kind, message, stack } } };
}

export function frame(kind: string, text: string): Uint8Array {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32LE(payload.length + 1);
  head[4] = kind.charCodeAt(0);
  return new Uint8Array(Buffer.concat([head, payload]));
}

const noStats = {
  type: "stats",
  uptimeMs: 0,
  tunRxPackets: 0,
  tunTxPackets: 0,
  dropNoRoute: 0,
  dropNoSession: 0,
  dropInvalid: 0,
} as const;

export class CageHost {
  readonly host = new FakeHost();
  readonly core: Core;
  readonly tunnels: Tunnels;
  readonly log: string[] = [];
  readonly events: string[] = [];
  readonly files = new Map<string, string>();
  readonly killed: number[] = [];
  opened = 0;
  /** What the mover counts. */
  sessions: StatsMessage["sessions"] = [];
  /** Calls of scripts with their time. */
  readonly calls: { readonly atMs: number; readonly call: Record<string, unknown> }[] = [];
  /** Bytes of one read. */
  chunk = Infinity;
  private readonly cages = new Map<number, FakeCage>();
  private answered = 0;

  constructor(
    config: RouterConfig,
    public behave: Behave,
  ) {
    const { host } = this;
    const native = {
      ...host.native,
      monotonicMs: () => host.nowMs,
      wallMs: () => 1_700_000_000_000 + host.nowMs,
      read: (fd: number) => this.read(fd),
      write: (fd: number, bytes: Uint8Array) => this.write(fd, bytes),
      close: (fd: number) => void this.cages.delete(fd),
      watch: () => undefined,
    } as unknown as Native;
    const channel = host.channel((message) => {
      if (message.type === "policy_died") this.core.cages.get(message.cage)?.onDeath(message);
    });
    this.core = {
      native,
      channel,
      deadlines: new Deadlines(),
      descriptors: new Descriptors(native),
      store: Object.assign(emptyObserved(), { complete: true }),
      log: new Log(channel),
      events: new EventBus(() => host.nowMs),
      cages: new Map(),
      random: () => 0.5,
      counters: { operations: 0, plans: 0, repairs: 0, sessions: 0 },
      startedAtMs: 0,
      facts: { runDir: "/run/adit" },
      config,
      stopping: false,
    } as unknown as Core;
    this.core.events.follow((event) => this.events.push(event.event));
    this.tunnels = createTunnels(this.core, () => undefined);
    configureTunnels(this.tunnels, config);
  }

  /** Lets time pass in steps of a millisecond at the deadlines only. */
  pass(ms: number): void {
    const { host, core } = this;
    const until = host.nowMs + ms;
    this.work();
    for (;;) {
      const next = core.deadlines.nextMs();
      if (next > until) break;
      host.nowMs = Math.max(host.nowMs, next);
      core.deadlines.runDue(host.nowMs);
      this.work();
    }
    host.nowMs = until;
  }

  /** The mover answers, and cages are read, until nothing happens any more. */
  work(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      const sent = this.host.sent[this.answered];
      const ready = [...this.cages].find(([, cage]) => cage.input.length > 0)?.[0];
      if (sent !== undefined) {
        this.answered += 1;
        this.answer(sent.seq, sent.message);
      } else if (ready !== undefined) this.core.descriptors.onReady(ready, true, false);
      else return;
    }
    throw new Error("no end of messages");
  }

  private answer(seq: number, message: (typeof this.host.sent)[number]["message"]): void {
    const { host, core } = this;
    const reply = (answer: MoverMessage, fd = -1): void => {
      host.answer(core.channel, seq, answer, fd);
    };
    switch (message.type) {
      case "log":
        return void this.log.push(message.text);
      case "policy_open": {
        const fd = 100 + ++this.opened;
        this.cages.set(fd, { id: this.opened, input: [], sent: new Uint8Array(0) });
        return reply({ type: "policy_opened", error: 0, cage: this.opened, text: "" }, fd);
      }
      case "policy_kill":
        this.killed.push(message.cage);
        return reply(done);
      case "file_write":
        this.files.set(message.path, Buffer.from(message.data).toString());
        return reply(done);
      case "file_read": {
        const data = Buffer.from(this.files.get(message.path) ?? "");
        const error = this.files.has(message.path) ? 0 : -2;
        return reply({ type: "file_data", error, total: data.length, mode: 0o600, owner: 0, data });
      }
      case "stats_get":
        return reply({ ...noStats, sessions: this.sessions });
      default:
        return seq === 0 ? undefined : reply(done);
    }
  }

  private read(fd: number): Uint8Array | number {
    const cage = this.cages.get(fd);
    const first = cage?.input.shift();
    if (first === undefined) return -11;
    if (first.length > this.chunk) cage?.input.unshift(first.subarray(this.chunk));
    return first.subarray(0, this.chunk);
  }

  private write(fd: number, bytes: Uint8Array): number {
    const cage = this.cages.get(fd);
    if (cage === undefined) return -32;
    cage.sent = new Uint8Array(Buffer.concat([cage.sent, bytes]));
    const length = Buffer.from(cage.sent).readUInt32LE(0) + 4;
    if (cage.sent.length < length) return bytes.length;
    const kind = String.fromCharCode(cage.sent[4] ?? 0) as "L" | "C";
    const text = Buffer.from(cage.sent.subarray(5, length)).toString();
    cage.sent = new Uint8Array(0);
    if (kind === "C") {
      const call = JSON.parse(text) as Record<string, unknown>;
      this.calls.push({ atMs: this.host.nowMs, call });
    }
    this.react(cage, this.behave(kind, text));
    return bytes.length;
  }

  private react(cage: FakeCage, reply: CageReply): void {
    if (reply === undefined) return;
    if ("raw" in reply) cage.input.push(reply.raw);
    else if ("kind" in reply) cage.input.push(frame(reply.kind, JSON.stringify(reply.body)));
    else {
      cage.input.push(new Uint8Array(0));
      const message = { type: "policy_died", cage: cage.id, ...reply.died } as const;
      this.core.deadlines.set(`death ${cage.id}`, this.host.nowMs, "the mover tells", () => {
        this.host.answer(this.core.channel, 0, message);
      });
    }
  }
}
