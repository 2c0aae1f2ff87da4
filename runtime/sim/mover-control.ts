/** Which control module the decider runs, as c/mover/control.c decides it. */
import { createHash } from "node:crypto";
import type { Event } from "./clock.js";
import { errno } from "./constants.js";
import type { Handlers, Mover } from "./mover.js";
import { result } from "./mover.js";

const TRIAL_MS_MIN = 1_000;
const TRIAL_MS_MAX = 600_000;
const FAILURES_MAX = 5;
/** A decider that lived this long is not held against its successor. */
const LIFE_MS_GOOD = 30_000;
const SLOTS = ["rom", "a", "b"];

interface Module {
  readonly slot: string;
  /** Undefined for the installed one. */
  readonly text: string | undefined;
}

const ROM: Module = { slot: "rom", text: undefined };

export class Control {
  running: Module = ROM;
  trial = false;
  /** Why the start was not with what was confirmed, "" if there was no doubt. */
  doubt = "";
  #former: Module = ROM;
  #deadline: Event | undefined;
  #failures = 0;
  #startedMs = 0;

  constructor(readonly mover: Mover) {
    const { files } = mover.parts;
    const line = textOf(files.get(`${files.stateDir}/control`)?.data);
    if (line !== undefined && line !== "") this.#chooseConfirmed(line);
  }

  try(slot: string, trialMs: number): ReturnType<typeof result> {
    const { clock } = this.mover.parts;
    if (!SLOTS.includes(slot)) {
      return result(-errno.EINVAL, `slot: ${slot || "empty"}: expected rom, a or b`);
    }
    if (trialMs < TRIAL_MS_MIN || trialMs > TRIAL_MS_MAX) {
      return result(-errno.EINVAL, `trial_ms: ${trialMs}: expected 1000 to 600000`);
    }
    const module = this.#read(slot);
    if (module === undefined) return result(-errno.ENOENT, `slot: ${slot}`);
    if (!this.trial) this.#former = this.running;
    this.running = module;
    this.trial = true;
    this.#setDeadline(
      clock.after(trialMs, () => this.mover.parts.owner.killDecider(
        "its control module was not kept in time",
      )),
    );
    return result(0);
  }

  keep(): void {
    this.trial = false;
    this.#setDeadline(undefined);
  }

  started(): void {
    this.#startedMs = this.mover.parts.clock.nowMs;
  }

  /** A decider died that was not replaced; gives its death with what is to be told of it. */
  fell(death: string): string {
    const livedMs = this.mover.parts.clock.nowMs - this.#startedMs;
    if (livedMs >= LIFE_MS_GOOD) this.#failures = 0;
    const { slot } = this.running;
    this.#failures++;
    if (this.trial) {
      this.running = this.#former;
      this.keep();
      this.#failures = 0;
      return `control module ${slot} on trial: ${death}`;
    }
    if (this.running.text !== undefined && this.#failures >= FAILURES_MAX) this.running = ROM;
    return death;
  }

  /** The mover is gone. */
  die(): void {
    this.#setDeadline(undefined);
  }

  #setDeadline(deadline: Event | undefined): void {
    if (this.#deadline !== undefined) this.#deadline.cancelled = true;
    this.#deadline = deadline;
  }

  #read(slot: string): Module | undefined {
    const { files } = this.mover.parts;
    if (slot === "rom") return ROM;
    const text = textOf(files.get(`${files.stateDir}/control-${slot}.mjs`)?.data);
    return text === undefined ? undefined : { slot, text };
  }

  #chooseConfirmed(line: string): void {
    const [word, slot = "", digest = ""] = line.replace(/\n[^]*$/, "").split(" ");
    const module = word === "confirmed" && SLOTS.includes(slot) ? this.#read(slot) : undefined;
    if (module === undefined) {
      this.doubt = SLOTS.includes(slot) ? "cannot be read" : "makes no sense";
    } else if (module.text !== undefined && digestOf(module.text) !== digest) {
      this.doubt = "is another one by now";
    } else {
      this.running = module;
    }
  }
}

function textOf(data: Uint8Array | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data).toString("utf8");
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const controlHandlers: Handlers = {
  control_try: (mover, message) => mover.control.try(message.slot, message.trialMs),
  control_keep(mover) {
    mover.control.keep();
    return result(0);
  },
};
