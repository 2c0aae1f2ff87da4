/**
 * The policy script in a router's life: which one may be in force, by what the owner asked for and
 * what he was answered, and that no other one ever decides.
 */
import { createHash } from "node:crypto";
import type { ApiAnswer } from "./api-client.js";
import { callApi } from "./api-client.js";
import type { Cage } from "./cage.js";
import type { Machine } from "./machine.js";
import { CONFIG_DIR } from "./machine.js";
import type { Random } from "./random.js";
import type { AskedWorld } from "./script-answers.js";
import { isTimely, ScriptAnswers } from "./script-answers.js";
import type { ReferenceScript } from "./scripts.js";
import { badScripts, leasesText, scripts, zones } from "./scripts.js";
import type { Device } from "./topology.js";
import { Violation } from "./violation.js";

/** What GET /v1/policy tells, as far as it matters here. */
interface PolicyView {
  readonly script: { readonly sha256: string } | null;
  readonly policy: { readonly pending: object | null };
}

export const SCRIPT_NAME = "policy.mjs";
const LEASES_PATH = "/tmp/dhcp.leases";
/** An answer counts as taken and carried out by then. */
const TAKEN_MS = 2_000;
const POLL_MS = 4_000;
/** A record that could not be written is tried again by then. */
const FLASH_MS = 12_000;
/** Requests to cages may still be failing. */
const TROUBLE_MS = 20_000;
/** Between what a record says in seconds and what happens. */
const DEADLINE_SLACK_MS = 2_000;
const PROBATION_S_MAX = 90;

export class ScriptLife {
  readonly answers: ScriptAnswers;
  /** What a start runs. */
  confirmed: ReferenceScript;
  /** Since when a decider has been able to see and act; Infinity while there is none. */
  ableSinceMs = Infinity;
  /** When something last made requests to cages fail. */
  troubleMs = -Infinity;
  /** The wall clock jumped: no time can be told from another. */
  jumpedMs = -Infinity;
  readonly #hasLeases: boolean;
  #trial: ReferenceScript | undefined;
  /** Until then the one on probation is not confirmed by itself. */
  #deadlineMs = 0;
  #isOver = true;
  #brokenMs = -Infinity;
  #lastJumpMs = -Infinity;
  /** The last answer of which a decider is known to have it. */
  #taken: { readonly script: ReferenceScript; seq: number; cage: Cage } | undefined;
  #failedWrites = 0;

  constructor(
    readonly machine: Machine,
    readonly devices: readonly Device[],
    readonly random: Random,
    { file, answers, section }: ScriptPlan,
  ) {
    this.answers = answers;
    this.#hasLeases = section.leases_file !== undefined;
    this.confirmed = file;
    answers.possible.add(file);
    machine.files.put(`${CONFIG_DIR}/${SCRIPT_NAME}`, Buffer.from(file.text));
    machine.onAnswered = (cage, call) => this.#onAnswered(cage, call);
    this.#poll();
  }

  /** True while it is not certain which script is in force. */
  get isOpen(): boolean {
    return this.#trial !== undefined;
  }

  swap(): void {
    if (this.isOpen || this.machine.files.writeError !== 0) return;
    const isBad = this.random.chance(20);
    // Another one than before, so that whoever decides can be told apart.
    const others = scripts.filter((one) => one !== this.confirmed);
    const script = this.random.pick(isBad ? badScripts : others);
    const seconds = this.random.between(5, PROBATION_S_MAX);
    this.#begin(script, this.#nowMs + seconds * 1_000);
    const body = { script: script.text, confirm_s: seconds };
    this.#ask("swap", body, (answer) => this.#onSwapped(script, answer));
  }

  /** Ends the probation, in the owner's name. */
  end(how: "confirm" | "rollback"): void {
    const script = this.#trial;
    if (script === undefined) return;
    this.#isOver = true;
    this.#ask(how, {}, ({ status }) => {
      if (status !== 200 || this.#trial !== script) return;
      this.#settle(how === "confirm" ? script : this.confirmed);
    });
  }

  /** Mover and decider are gone: what was not confirmed by then is taken back. */
  onMoverEnd(): void {
    const wasSteady = this.#isFlashGood() && this.jumpedMs === -Infinity;
    const isLate = this.#nowMs > this.#deadlineMs - DEADLINE_SLACK_MS;
    if (this.isOpen && !this.#isOver && !isLate && wasSteady) this.#settle(this.confirmed);
  }

  /** The owner decides what is still open, so that somebody does. */
  finish(): void {
    const { clock } = this.machine.around;
    clock.after(FLASH_MS + POLL_MS, () => {
      this.end("confirm");
      if (this.isOpen) clock.after(POLL_MS, () => this.finish());
    });
  }

  renameDevices(): void {
    if (!this.#hasLeases) return;
    const { names } = this.answers;
    const { mac } = this.random.pick(this.devices);
    if (this.random.chance(30)) names.delete(mac);
    else names.set(mac, this.random.pick(["tv", "box", "phone"]));
    this.machine.files.put(LEASES_PATH, Buffer.from(leasesText(names)));
  }

  get #nowMs(): number {
    return this.machine.around.clock.nowMs;
  }

  #begin(script: ReferenceScript, deadlineMs: number): void {
    this.#trial = script;
    this.#deadlineMs = deadlineMs;
    this.#isOver = false;
    this.jumpedMs = -Infinity;
    this.answers.possible.add(script);
  }

  /** There is no doubt any more. */
  #settle(script: ReferenceScript): void {
    this.#trial = undefined;
    this.confirmed = script;
    this.answers.possible.clear();
    this.answers.possible.add(script);
    const { script: taken, seq = 0, cage } = this.#taken ?? {};
    if (taken === script && cage?.alive === true) this.answers.take(script, seq);
  }

  #ask(path: string, body: object, done: (answer: ApiAnswer) => void): void {
    callApi(this.machine, "POST", `/v1/policy/${path}`, body, done);
  }

  #onSwapped(script: ReferenceScript, { status, body }: ApiAnswer): void {
    // Nobody can tell before it is asked about a device.
    const isAsked = status === 200 && (JSON.parse(body) as { known: number }).known > 0;
    if (isAsked && !script.isGood) {
      throw new Violation("a bad script is refused", `${script.name}: ${body}`);
    }
    if (status < 400 || status >= 500 || this.#trial !== script) return;
    const isTroubled = this.#nowMs < this.troubleMs + TROUBLE_MS;
    // One that fails for some at this hour is refused, and a record may be in the writing.
    const mayFail = script.name === "fails for one" || status === 409;
    if (script.isGood && !mayFail && !isTroubled) {
      throw new Violation("a good script is taken", `${script.name}: ${status} ${body}`);
    }
    if (status !== 409) this.#settle(this.confirmed);
  }

  /** Looks how a swap went of which the owner was not told. */
  #poll(): void {
    this.machine.around.clock.after(POLL_MS, () => {
      this.#noteFlash();
      if (this.isOpen && this.#isFlashGood()) {
        callApi(this.machine, "GET", "/v1/policy", undefined, (answer) => this.#onView(answer));
      }
      this.#poll();
    });
  }

  #noteFlash(): void {
    const { writeError, failedWrites } = this.machine.files;
    if (writeError === 0 && failedWrites === this.#failedWrites) return;
    this.#failedWrites = failedWrites;
    this.#brokenMs = this.#nowMs;
  }

  #isFlashGood(): boolean {
    this.#noteFlash();
    return this.#nowMs > this.#brokenMs + FLASH_MS;
  }

  #onView({ status, body }: ApiAnswer): void {
    if (status !== 200 || !this.isOpen || !this.#isFlashGood()) return;
    const { script, policy } = JSON.parse(body) as PolicyView;
    if (policy.pending !== null || script === null) return;
    const { possible } = this.answers;
    const found = [...possible].find(({ text }) => digestOf(text) === script.sha256);
    // A swap that was asked for and has not begun looks like one that is over.
    if (found === this.confirmed && this.#nowMs < this.#deadlineMs) return;
    if (found === undefined) throw new Violation(OLD_OR_NEW, `it runs ${script.sha256}`);
    this.#settle(found);
  }

  #onAnswered(cage: Cage, call: string): void {
    const { world, call: kind } = JSON.parse(call) as { world: AskedWorld; call: string };
    if (kind !== "decide") return;
    const { answers, machine } = this;
    const script = [...answers.possible].find(({ text }) => text === cage.source);
    if (script === undefined) {
      const other = [...scripts, ...badScripts].find(({ text }) => text === cage.source);
      throw new Violation(OLD_OR_NEW, `it runs ${other?.name ?? "something else"}`);
    }
    const wallMs = machine.around.clock.wallMs();
    const isJumping = this.#nowMs < this.#lastJumpMs + TAKEN_MS;
    if (!isJumping && !isTimely(world, wallMs)) {
      throw new Violation("a script is told the time", `${world.now.unix_s} s at ${wallMs} ms`);
    }
    const seq = answers.answered(script, world);
    const { deciderStarts, decider } = machine;
    const { failedWrites } = machine.files;
    machine.around.clock.after(TAKEN_MS, () => {
      const lives = machine.deciderStarts === deciderStarts && machine.decider === decider;
      const isKept = machine.files.failedWrites === failedWrites;
      const isAble = this.ableSinceMs + TAKEN_MS <= this.#nowMs;
      if (!lives || !isKept || !isAble || !cage.alive) return;
      answers.take(script, seq);
      this.#taken = { script, seq, cage };
    });
  }

  /** The wall clock was set. */
  onClockSet(): void {
    this.#lastJumpMs = this.#nowMs;
    this.jumpedMs = this.#nowMs;
  }
}

const OLD_OR_NEW = "only the confirmed script decides, or the one on probation";

export interface ScriptPlan {
  readonly file: ReferenceScript;
  readonly answers: ScriptAnswers;
  /** The policy section of the configuration. */
  readonly section: { readonly leases_file?: string };
}

/** Which script a router begins with, and where it stands on the globe. */
export function planScript(random: Random): ScriptPlan {
  const zone = random.pick(zones);
  const section = {
    file: `${CONFIG_DIR}/${SCRIPT_NAME}`,
    timezone: zone.text,
    ...(random.chance(40) && { leases_file: LEASES_PATH }),
  };
  return { file: random.pick(scripts), answers: new ScriptAnswers(zone), section };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
