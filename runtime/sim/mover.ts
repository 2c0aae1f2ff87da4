/**
 * The simulated mover: the second implementation of runtime/contract.json. It takes the same bytes
 * as c/mover and answers with the same bytes; the contract suite (test/contract) runs on both.
 */
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import { contractVersion, decodeCommand, encodeMessage } from "../../ts/host/contract.gen.js";
import type { Clock } from "./clock.js";
import type { Descriptors } from "./descriptors.js";
import { errno, iff } from "./constants.js";
import type { Files } from "./files.js";
import type { Kernel } from "./kernel.js";
import type { KernelEvent, Route } from "./kernel-objects.js";
import type { Law } from "./flows.js";
import { kernelHandlers } from "./mover-kernel.js";
import { fileHandlers } from "./mover-files.js";
import { Control, controlHandlers } from "./mover-control.js";
import { Bus, busHandlers } from "./mover-bus.js";
import { Cages, policyHandlers } from "./mover-policy.js";
import { RouteFilter } from "./mover-routes.js";
import { tunnelHandlers } from "./mover-tunnel.js";
import type { SessionWanted } from "./tunnels.js";
import { Tunnels } from "./tunnels.js";
import type { Network } from "./network.js";
import { familyOf } from "./net.js";
import type { Random } from "./random.js";
import type { RealmEngine } from "./realm.js";
import { Violation } from "./violation.js";
import type { Ubusd } from "./ubusd.js";

/** Answer with the descriptor that travels along, if any. */
export interface Answer {
  readonly message: MoverMessage;
  readonly fd?: number;
}

export type Handler<K extends DeciderMessage["type"]> = (
  mover: Mover,
  message: Extract<DeciderMessage, { type: K }>,
  seq: number,
) => Answer | undefined;

export interface PendingFile {
  readonly path: string;
  readonly data: Uint8Array;
}

export type Handlers = { readonly [K in DeciderMessage["type"]]?: Handler<K> };

/** Who is called for things that a mover does by itself. */
export interface MoverOwner {
  /** Bytes for the decider. */
  deliver(bytes: Uint8Array, fd: number): void;
  log(level: number, text: string): void;
  ready(): void;
  /** A fault answered a command in the mover's place. */
  refused(message: DeciderMessage): void;
  exit(status: number): void;
  /** Another one is to be started, with what the control module says by then. */
  killDecider(reason: string): void;
}

export interface MoverParts {
  readonly name: string;
  readonly clock: Clock;
  readonly kernel: Kernel;
  readonly files: Files;
  readonly descriptors: Descriptors;
  readonly network: Network;
  readonly random: Random;
  readonly configPath: string;
  /** What caged scripts run in; undefined: policy.mjs is not installed. */
  readonly realms: RealmEngine | undefined;
  /** Undefined: there is none. */
  readonly ubusd?: Ubusd;
  readonly owner: MoverOwner;
}

/** What a fault makes of one command: an errno in place of doing it, 0 to let it pass. */
export type Interceptor = (message: DeciderMessage) => number;

export const FLAG_TEST_HOOKS = 1;
const NFT_NOTICE_MS = 20;
/** As in c/mover/watch.c. */
const DUMP_DELAY_MS = 20;
const DUMP_INTERVAL_MS = 200;
/** Of others, as many as the classes have room for; and ours. */
const ROUTES_TOLD_MAX = 1_280 + 100;
const REFILL_MS = 1_000;
const POSTPONED_MS = 30;
/** How long a run of the nft program takes. */
const NFT_RUN_MS_MIN = 3;
const NFT_RUN_MS_MAX = 25;

export class Mover {
  readonly tunnels: Tunnels;
  readonly cages: Cages;
  readonly control: Control;
  readonly bus: Bus;
  /** Replaced by planted mistakes. */
  routes = new RouteFilter();
  readonly life: number;
  restarts = 0;
  lastDeath = "";
  flags = 0;
  watching = false;
  /** Parts of an nft script that is not complete yet. */
  script: Uint8Array[] = [];
  /** Rows about flows of which the last part has not come yet. */
  flowRows: Law["rows"][number][] = [];
  /** A file of which the last part has not come yet. */
  pendingFile: PendingFile | undefined;
  /** Paths of sockets that were made here. */
  readonly sockets = new Set<string>();
  intercept: Interceptor = () => 0;
  /** Planted mistakes: commands that are answered with success and not carried out. */
  ignore: (message: DeciderMessage) => boolean = () => false;
  /** Planted mistakes: commands that are answered at once and carried out too late. */
  postpone: (message: DeciderMessage) => boolean = () => false;
  /** Planted mistakes: whoever has the TUN's name is taken for it. */
  trustsNames = false;
  /** Planted mistakes: changes of the kernel that the decider hears nothing of. */
  overhear: (event: KernelEvent) => boolean = () => false;
  /** Planted mistakes: what becomes of an nft script. */
  rewrite: (script: string) => string = (script) => script;
  /** Planted mistakes: what becomes of a tunnel's socket. */
  bind: (wanted: SessionWanted) => SessionWanted = (wanted) => wanted;
  /** Planted mistakes: what becomes of a law of flows. */
  amend: (law: Law) => Law = (law) => law;
  /** True while events are lost, as after ENOBUFS; the mover notices and dumps again. */
  overflowing = false;
  /** Events were lost: everything is read again, as after ENOBUFS. */
  recover: () => void = () => {
    this.overflowing = false;
    if (this.watching) this.dump();
  };
  /** Called after every command that was carried out. */
  onCommand: (message: DeciderMessage, answer: MoverMessage | undefined) => void = () => {};
  readonly #nft: NftRunner;
  #noticeTimer = false;
  #noticePending = false;
  #dumpTimer = false;
  #replacing = false;
  #dumpedMs = -DUMP_INTERVAL_MS;
  /** Counts deciders, so that an answer never reaches the wrong one. */
  generation = 0;
  readonly #observer = (event: KernelEvent): void => this.#onKernel(event);

  constructor(readonly parts: MoverParts) {
    this.tunnels = new Tunnels(this);
    this.cages = new Cages(this);
    this.control = new Control(this);
    this.bus = new Bus(this);
    this.life = parts.random.between(1, 0x7fffffff);
    this.#nft = new NftRunner(parts.clock, parts.random);
    parts.kernel.observers.add(this.#observer);
  }

  get kernel(): Kernel {
    return this.parts.kernel;
  }

  handle(bytes: Uint8Array): void {
    const { message, seq } = decodeCommand(bytes);
    const answer = this.#answer(message, seq);
    if (answer !== undefined) this.reply(message, answer.message, seq, answer.fd ?? -1);
    else this.onCommand(message, undefined);
    if (message.type === "hello") this.tunnels.reportHeld();
    if (message.type === "bus_open" && isGood(answer)) this.bus.tellState();
    if (message.type === "watch") this.dump();
    if (message.type === "control_try" && isGood(answer)) this.#replace();
  }

  /** Sends a message; sequence 0 is news. */
  send(message: MoverMessage, seq = 0, fd = -1): void {
    this.parts.owner.deliver(encodeMessage(message, seq), fd);
  }

  /** Answers a command, at once or when it is done. */
  reply(command: DeciderMessage, answer: MoverMessage, seq: number, fd = -1): void {
    this.send(answer, seq, fd);
    this.onCommand(command, answer);
  }

  /** Queues a run of nft. Its answer is dropped if the decider that asked is gone by then. */
  runNft(work: (answer: (send: () => void) => void) => void): void {
    const { generation } = this;
    this.#nft.run(() =>
      work((send) => {
        if (generation === this.generation) send();
      }),
    );
  }

  dump(): void {
    this.#dumpedMs = this.parts.clock.nowMs;
    this.routes.clear();
    this.send({ type: "dump_begin" });
    const told = [...this.kernel.dump()].filter((event) => this.#isTold(event));
    const routes = told.filter(({ type }) => type === "route").length;
    if (routes > ROUTES_TOLD_MAX) {
      throw new Violation("foreign routes do not drown the decider", `${routes} in one dump`);
    }
    for (const event of told) this.send(event);
    this.send({ type: "dump_end" });
  }

  /** The decider gives way to one with another control module: no fault of anybody. */
  #replace(): void {
    this.#replacing = true;
    const reason = `it gave way to control module ${this.control.running.slot}`;
    this.parts.owner.killDecider(reason);
    this.#replacing = false;
  }

  /** The decider died; what only it wanted is forgotten, what forwards packets stays. */
  forgetDecider(death: string): void {
    this.generation++;
    this.watching = false;
    this.script = [];
    this.flowRows = [];
    this.pendingFile = undefined;
    this.overflowing = false;
    this.restarts++;
    this.cages.forget();
    this.bus.forget();
    this.lastDeath = this.#replacing ? death : this.control.fell(death);
  }

  /** The mover itself dies; the kernel keeps everything but the TUN. */
  die(): void {
    this.kernel.observers.delete(this.#observer);
    this.cages.forget();
    this.control.die();
    this.bus.die();
    this.tunnels.die();
  }

  #answer(message: DeciderMessage, seq: number): Answer | undefined {
    const injected = this.intercept(message);
    if (injected !== 0) {
      this.parts.owner.refused(message);
      return { message: refusalOf(message, injected) };
    }
    if (this.ignore(message)) return { message: refusalOf(message, 0) };
    const handler = HANDLERS[message.type] as Handler<never> | undefined;
    if (handler === undefined) throw new RangeError(`no handler for ${message.type}`);
    if (this.postpone(message)) {
      this.parts.clock.after(POSTPONED_MS, () => handler(this, message as never, seq));
      return { message: refusalOf(message, 0) };
    }
    return handler(this, message as never, seq);
  }

  #onKernel(event: KernelEvent): void {
    if (!this.watching || this.overflowing || this.overhear(event)) return;
    if (event.type === "nft_changed") return this.#noticeNft();
    if (!this.#isTold(event)) return;
    this.send(event);
    if (this.routes.isThin) this.#planDump(REFILL_MS);
    if (hidesOtherChanges(event)) this.#planDump();
  }

  /** One notice at once, further ones of the next 20 ms together. */
  #noticeNft(): void {
    this.#noticePending = true;
    if (this.#noticeTimer) return;
    this.#noticePending = false;
    this.#noticeTimer = true;
    this.send({ type: "nft_changed" });
    this.parts.clock.after(NFT_NOTICE_MS, () => {
      this.#noticeTimer = false;
      if (this.#noticePending && this.watching && !this.overflowing) this.#noticeNft();
    });
  }

  #isTold(event: KernelEvent): boolean {
    return event.type !== "route" || this.routes.passes(bareRoute(event), event.deleted);
  }

  #planDump(delayMs = DUMP_DELAY_MS): void {
    if (this.#dumpTimer) return;
    this.#dumpTimer = true;
    const { clock } = this.parts;
    const dueMs = Math.max(clock.nowMs + delayMs, this.#dumpedMs + DUMP_INTERVAL_MS);
    const generation = this.generation;
    clock.at(dueMs, () => {
      this.#dumpTimer = false;
      if (this.watching && !this.overflowing && generation === this.generation) this.dump();
    });
  }
}

function bareRoute(event: Extract<KernelEvent, { type: "route" }>): Route {
  const { type: _type, deleted: _deleted, ...route } = event;
  return route;
}

/** The kernel drops IPv4 routes of a link that went down, or of an address, without a word. */
function hidesOtherChanges(event: KernelEvent): boolean {
  if (event.type === "link") return event.deleted || (event.flags & iff.UP) === 0;
  return event.type === "address" && event.deleted && familyOf(event.prefix) === 4;
}

/** One nft program at a time; other commands do not wait for it. */
class NftRunner {
  #freeMs = 0;
  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  run(work: () => void): void {
    const takesMs = this.random.between(NFT_RUN_MS_MIN, NFT_RUN_MS_MAX);
    this.#freeMs = Math.max(this.#freeMs, this.clock.nowMs) + takesMs;
    this.clock.at(this.#freeMs, work);
  }
}

function isGood(answer: Answer | undefined): boolean {
  return answer?.message.type === "result" && answer.message.error === 0;
}

export function result(error: number, text = ""): Answer {
  return { message: { type: "result", error, text } };
}

/** The answer that belongs to a command, carrying an error. */
export function refusalOf(message: DeciderMessage, error: number): MoverMessage {
  const data = new Uint8Array(0);
  switch (message.type) {
    case "file_read":
      return { type: "file_data", error, total: 0, mode: 0, owner: 0, data };
    case "sysctl_get":
      return { type: "sysctl_value", error, value: "" };
    case "nft_list":
      return { type: "nft_text", error, last: true, data };
    case "conntrack_delete":
      return { type: "conntrack_deleted", error, count: 0 };
    case "tun_open":
      return { type: "tun_opened", error, index: 0, offload: 0, text: "" };
    case "policy_open":
      return { type: "policy_opened", error, cage: 0, text: "" };
    case "session_open":
      return { type: "session_opened", error, session: 0 };
    default:
      return { type: "result", error, text: error === 0 ? "" : "refused" };
  }
}

const processHandlers: Handlers = {
  hello(mover, message) {
    if (message.contract !== contractVersion) return result(-errno.EINVAL, "contract version");
    return {
      message: {
        type: "mover_state",
        contract: contractVersion,
        restarts: mover.restarts,
        configPath: mover.parts.configPath,
        runDir: mover.parts.files.runDir,
        tunName: mover.tunnels.tunName,
        flags: mover.flags,
        sessions: mover.tunnels.count(),
        lastDeath: mover.lastDeath,
        stateDir: mover.parts.files.stateDir,
        module: mover.control.running.slot,
        trial: mover.control.trial,
        life: mover.life,
        tunIndex: mover.tunnels.isHere() ? mover.tunnels.tunIndex : 0,
      },
    };
  },
  log(mover, message) {
    mover.parts.owner.log(message.level, message.text);
    return undefined;
  },
  ready(mover) {
    mover.parts.owner.ready();
    return undefined;
  },
  pong: () => undefined,
  exit(mover, message) {
    mover.parts.owner.exit(message.status);
    return undefined;
  },
};

const HANDLERS: Handlers = {
  ...processHandlers,
  ...fileHandlers,
  ...kernelHandlers,
  ...tunnelHandlers,
  ...policyHandlers,
  ...controlHandlers,
  ...busHandlers,
};
