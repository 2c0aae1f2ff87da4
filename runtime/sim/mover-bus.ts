/** Commands on the bus, as c/mover/bus.c and commands_bus.c carry them out. */
import { errno } from "./constants.js";
import type { Handlers, Mover } from "./mover.js";
import { result } from "./mover.js";
import type { BusDone, BusObject } from "./ubusd.js";
import { busStatus } from "./ubusd.js";

const CALLS_MAX = 16;
const CALL_MS = 15_000;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 30_000;
const JSON_BYTES_MAX = 1 << 20;
const PART_BYTES_MAX = 49_152;
const CONNECT_MS = 0.5;
const NAME = /^adit(\.[a-z0-9._-]+)?$/;

interface Offer {
  readonly path: string;
  readonly name: string;
  readonly methods: string;
}

export class Bus {
  #offer: Offer | undefined;
  #connected = false;
  #problem = "";
  #failures = 0;
  /** The decider that lives has made the offer, or the same one. */
  #takesCalls = false;
  #lastCall = 0;
  readonly #calls = new Map<number, BusDone>();
  #parts: Uint8Array[] = [];

  constructor(readonly mover: Mover) {}

  /** What is wrong with the methods, "" if nothing is. */
  open(offer: Offer): string {
    if (offer.path !== "" && !areMethods(offer.methods)) return "methods: expected an object";
    const same = JSON.stringify(this.#offer) === JSON.stringify(offer);
    if (same) return "";
    this.#withdraw();
    if (offer.path === "") return "";
    this.#offer = offer;
    this.mover.parts.clock.after(CONNECT_MS, () => this.#connect(offer));
    return "";
  }

  /** The decider hears how it is, and of calls from now on. */
  tellState(): void {
    this.#takesCalls = true;
    if (this.#offer !== undefined && (this.#connected || this.#problem !== "")) this.#tell();
  }

  reply(call: number, status: number, last: boolean, data: Uint8Array): void {
    this.#parts.push(data);
    if (!last) return;
    const whole = Buffer.concat(this.#parts.splice(0));
    const done = this.#calls.get(call);
    this.#calls.delete(call);
    if (whole.length <= JSON_BYTES_MAX) return done?.(status, whole.toString());
    return done?.(busStatus.UNKNOWN_ERROR, refusal(500, "the answer is too long for ubus"));
  }

  notify(kind: string, data: Uint8Array): void {
    const { ubusd } = this.mover.parts;
    if (this.#connected) ubusd?.notifications.push([kind, Buffer.from(data).toString()]);
  }

  /** The decider is gone. */
  forget(): void {
    this.#takesCalls = false;
    this.#parts = [];
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    const answer = refusal(503, "the decider ended");
    for (const done of calls) done(busStatus.CONNECTION_FAILED, answer);
  }

  die(): void {
    this.#withdraw();
  }

  #withdraw(): void {
    this.#offer = undefined;
    this.#connected = false;
    this.#problem = "";
    this.#failures = 0;
    this.#calls.clear();
    this.mover.parts.ubusd?.leave();
  }

  #connect(offer: Offer): void {
    if (offer !== this.#offer) return;
    const object: BusObject = {
      name: offer.name,
      methods: JSON.parse(offer.methods) as BusObject["methods"],
      call: (method, args, done) => this.#call(method, args, done),
      lost: () => this.#fail(offer, "ubusd ended"),
    };
    this.#connected = this.mover.parts.ubusd?.join(offer.path, object) === true;
    if (!this.#connected) return this.#fail(offer, "nobody listens");
    this.#failures = 0;
    this.#problem = "";
    return this.#tell();
  }

  #fail(offer: Offer, why: string): void {
    const problem = `${offer.path}: ${why}`;
    const isNews = this.#connected || problem !== this.#problem;
    this.#connected = false;
    this.#problem = problem;
    this.#calls.clear();
    const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** this.#failures++);
    this.mover.parts.clock.after(delayMs, () => this.#connect(offer));
    if (isNews) this.#tell();
  }

  #tell(): void {
    if (!this.#takesCalls) return;
    this.mover.send({ type: "bus_state", connected: this.#connected, text: this.#problem });
  }

  #call(method: string, args: string, done: BusDone): void {
    if (!this.#takesCalls) {
      return done(busStatus.CONNECTION_FAILED, refusal(503, "the decider is starting"));
    }
    if (this.#calls.size >= CALLS_MAX) {
      return done(busStatus.UNKNOWN_ERROR, refusal(503, "too many calls wait already"));
    }
    const call = ++this.#lastCall;
    this.#calls.set(call, done);
    this.mover.parts.clock.after(CALL_MS, () => {
      if (this.#calls.delete(call)) done(busStatus.TIMEOUT, refusal(504, "no answer in time"));
    });
    const whole = Buffer.from(args);
    for (let at = 0; ; at += PART_BYTES_MAX) {
      const last = at + PART_BYTES_MAX >= whole.length;
      const data = new Uint8Array(whole.subarray(at, at + PART_BYTES_MAX));
      this.mover.send({ type: "bus_call", call, method, last, data });
      if (last) return undefined;
    }
  }
}

function refusal(code: number, cause: string): string {
  return JSON.stringify({ code, description: "refused", cause });
}

function areMethods(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isTable(value) && Object.values(value).every(isTable);
  } catch {
    return false;
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const busHandlers: Handlers = {
  bus_open(mover, { path, object: name, methods }) {
    if (path !== "" && !mover.parts.files.mayListen(path)) return result(-errno.EPERM, path);
    if (path !== "" && !NAME.test(name)) return result(-errno.EINVAL, `object: ${name}`);
    const why = mover.bus.open({ path, name, methods: Buffer.from(methods).toString() });
    return why === "" ? result(0) : result(-errno.EINVAL, why);
  },

  bus_reply(mover, { call, status, last, data }) {
    mover.bus.reply(call, status, last, data);
    return undefined;
  },

  bus_notify(mover, { kind, data }) {
    mover.bus.notify(kind, data);
    return undefined;
  },
};
