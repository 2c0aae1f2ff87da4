/**
 * One simulated machine: kernel, mover and decider with the socket pair between them. Any of the
 * processes can be killed at any point; the kernel stays.
 */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Cage } from "./cage.js";
import type { Clock, Event } from "./clock.js";
import { Descriptors } from "./descriptors.js";
import type { Decider, Engine } from "./engine.js";
import { Files } from "./files.js";
import { createHost, DeciderKilled } from "./host.js";
import { Kernel } from "./kernel.js";
import { Mover } from "./mover.js";
import type { Network } from "./network.js";
import type { Random } from "./random.js";
import type { Trace } from "./trace.js";
import { Ubusd } from "./ubusd.js";

export interface Surroundings {
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  readonly engine: Engine;
  readonly trace: Trace;
}

export interface MachineOptions {
  readonly name: string;
  readonly config: string;
  /** Further files of the configuration's folder, by name. */
  readonly files?: ReadonlyMap<string, string>;
}

export interface LogLine {
  readonly atMs: number;
  readonly level: number;
  readonly text: string;
}

export const CONFIG_DIR = "/etc/adit";
export const CONFIG_PATH = `${CONFIG_DIR}/adit.json`;
export const RUN_DIR = "/var/run/adit";
export const STATE_DIR = `${CONFIG_DIR}/state`;
export const API_PATH = `${RUN_DIR}/adit.sock`;
export const BUS_PATH = "/var/run/ubus/ubus.sock";

const LATENCY_MS_MAX = 0.4;
const RESTART_MS = 100;
const LOG_LINES_MAX = 400;
const CALLS_IN_ONE_INSTANT_MAX = 20_000;

/** A way in which a fault alters a mover, for the planted mistakes of the self-test. */
export type MoverHook = (mover: Mover) => void;

export class Machine {
  readonly kernel = new Kernel();
  readonly files = new Files(CONFIG_PATH, RUN_DIR, STATE_DIR);
  readonly descriptors: Descriptors;
  readonly ubusd: Ubusd;
  readonly logs: LogLine[] = [];
  mover: Mover | undefined;
  decider: Decider | undefined;
  exitStatus: number | undefined;
  deciderStarts = 0;
  /** Effects until the decider is killed in the middle of a call; Infinity for never. */
  effectsLeft = Infinity;
  onMover: MoverHook = () => {};
  onEffect: () => void = () => {};
  /** Called after each command that the mover carried out. */
  onCommand: (message: DeciderMessage) => void = () => {};
  onReady: () => void = () => {};
  /** Called when a caged script has answered a call. */
  onAnswered: (cage: Cage, call: string) => void = () => {};
  /** Called when the decider is gone. */
  onDown: () => void = () => {};
  /** Called when a command was answered with an injected error. */
  onRefused: (message: DeciderMessage) => void = () => {};
  #timer: Event | undefined;
  #upAtMs = 0;
  #downAtMs = 0;
  #epoch = 0;
  #instantMs = -1;
  #instantCalls = 0;

  constructor(
    readonly options: MachineOptions,
    readonly around: Surroundings,
  ) {
    this.descriptors = new Descriptors(around.clock);
    this.ubusd = new Ubusd(BUS_PATH, around.clock);
    this.files.put(CONFIG_PATH, Buffer.from(options.config));
    for (const [name, text] of options.files ?? []) {
      this.files.put(`${CONFIG_DIR}/${name}`, Buffer.from(text));
    }
    this.descriptors.onReady = (fd, readable, writable) =>
      this.#call((decider) => decider.onDescriptor(fd, readable, writable));
  }

  /** Starts mover and decider, as procd does. */
  boot(): void {
    if (this.mover !== undefined) return;
    const { clock, network, random } = this.around;
    const { kernel, files, descriptors, options } = this;
    this.mover = new Mover({
      name: options.name, clock, kernel, files, descriptors, network, random: random.fork(),
      configPath: CONFIG_PATH, realms: this.around.engine.realms, ubusd: this.ubusd,
      owner: {
        deliver: (bytes, fd) => this.#toDecider(bytes, fd),
        log: (level, text) => this.#log(level, text),
        ready: () => this.onReady(),
        refused: (message) => this.onRefused(message),
        exit: (status) => this.#exit(status),
        killDecider: (reason) => this.killDecider(reason),
      },
    });
    this.mover.onCommand = (message) => this.onCommand(message);
    this.mover.cages.answered = (cage, call) => this.onAnswered(cage, call);
    this.onMover(this.mover);
    this.#startDecider();
  }

  /** Kills the decider; the mover starts another one. */
  killDecider(reason: string): void {
    if (this.decider === undefined) return;
    this.#dropDecider(reason);
    this.#restartLater();
  }

  /** The power fails for both processes; of files stays what is on the flash. The kernel stays too:
   * what it lost would be made again like anything that is missing. */
  powerCut(lucky: boolean): void {
    this.killAll();
    this.files.powerCut(lucky);
  }

  #restartLater(): void {
    const epoch = this.#epoch;
    this.around.clock.after(RESTART_MS, () => {
      if (epoch === this.#epoch && this.mover !== undefined) this.#startDecider();
    });
  }

  /** Kills both processes at once. Nothing is started again by itself. */
  killAll(): void {
    if (this.decider !== undefined) this.#dropDecider("killed");
    this.#epoch++;
    this.mover?.die();
    this.mover = undefined;
  }

  /** What its processes logged, for people. */
  logLines(): string[] {
    return this.logs.map(
      ({ atMs, level, text }) => `${atMs.toFixed(3).padStart(12)} log ${level} ${text}`,
    );
  }

  signal(number: number): void {
    this.mover?.send({ type: "signal", number });
  }

  #startDecider(): void {
    const { around, descriptors } = this;
    this.#epoch++;
    this.deciderStarts++;
    if (this.mover !== undefined) this.mover.script = [];
    const epoch = this.#epoch;
    const host = createHost({
      clock: around.clock,
      random: around.random.fork(),
      descriptors,
      send: (message) => (epoch === this.#epoch ? this.#toMover(message, epoch) : 0),
      beforeEffect: () => this.#beforeEffect(epoch),
    });
    this.mover?.control.started();
    try {
      this.decider = around.engine.create(host, this.mover?.control.running.text);
    } catch (error) {
      return this.#buryStillborn(error);
    }
    this.#call((decider) => decider.start());
  }

  #beforeEffect(epoch: number): void {
    this.onEffect();
    if (epoch !== this.#epoch) throw new DeciderKilled("killed before");
    if (--this.effectsLeft > 0) return;
    this.effectsLeft = Infinity;
    this.killDecider("killed: signal 9");
    throw new DeciderKilled("killed between two effects");
  }

  #dropDecider(reason: string): void {
    const { decider, mover } = this;
    this.decider = undefined;
    this.#epoch++;
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    mover?.forgetDecider(reason);
    this.onDown();
    this.descriptors.closeAll();
    this.around.trace.note(this.options.name, `decider ended: ${reason}`);
    // An instance that is being called cannot be freed yet.
    this.around.clock.after(0, () => decider?.dispose());
  }

  #exit(status: number): void {
    this.exitStatus = status;
    this.killAll();
  }

  #toDecider(bytes: Uint8Array, fd: number): void {
    const { clock, random, trace } = this.around;
    const epoch = this.#epoch;
    this.#upAtMs = Math.max(this.#upAtMs, clock.nowMs + latency(random));
    clock.at(this.#upAtMs, () => {
      if (epoch !== this.#epoch || this.decider === undefined) {
        // Nobody took the descriptor out of the socket.
        if (fd >= 0) this.descriptors.close(fd);
        return;
      }
      trace.message(this.options.name, "<", bytes);
      this.#call((decider) => decider.onMessage(bytes, fd));
    });
  }

  #toMover(bytes: Uint8Array, epoch: number): number {
    const { clock, random, trace } = this.around;
    trace.message(this.options.name, ">", bytes);
    this.#downAtMs = Math.max(this.#downAtMs, clock.nowMs + latency(random));
    // What was sent before a death is still read by the mover, as from any socket.
    const { mover } = this;
    clock.at(this.#downAtMs, () => {
      const alive = epoch === this.#epoch;
      if (mover !== undefined && mover === this.mover && (alive || this.decider === undefined)) {
        mover.handle(bytes);
      }
    });
    return 0;
  }

  #call(run: (decider: Decider) => void): void {
    const { decider } = this;
    if (decider === undefined) return;
    this.#countCall();
    try {
      run(decider);
    } catch (error) {
      if (this.decider === decider) this.#dieOf(error);
    }
    if (this.decider === decider) this.#plan(decider);
  }

  /** A module of a slot may be wrong; a fault of the installed one is a finding. */
  #dieOf(error: unknown): void {
    if (this.mover?.control.running.text === undefined) throw error;
    this.killDecider(`exit status 70: ${String(error)}`);
  }

  /** The text could not even be evaluated. */
  #buryStillborn(error: unknown): void {
    if (this.mover?.control.running.text === undefined) throw error;
    this.decider = undefined;
    this.mover.forgetDecider(`exit status 70: ${String(error)}`);
    this.#restartLater();
  }

  /** A loop that never lets time pass would otherwise hang the simulation. */
  #countCall(): void {
    const { nowMs } = this.around.clock;
    if (nowMs !== this.#instantMs) this.#instantCalls = 0;
    this.#instantMs = nowMs;
    if (++this.#instantCalls > CALLS_IN_ONE_INSTANT_MAX) {
      throw new RangeError(`${this.options.name}: ${this.#instantCalls} calls at ${nowMs} ms`);
    }
  }

  #plan(decider: Decider): void {
    const { clock } = this.around;
    const dueMs = decider.nextDeadlineMs();
    if (this.#timer !== undefined) {
      if (!this.#timer.cancelled && this.#timer.atMs === dueMs) return;
      this.#timer.cancelled = true;
      this.#timer = undefined;
    }
    if (dueMs === Infinity) return;
    this.#timer = clock.at(dueMs, () => {
      this.#timer = undefined;
      this.#call((current) => current.onTimer());
    });
  }

  #log(level: number, text: string): void {
    if (this.logs.length >= LOG_LINES_MAX) this.logs.shift();
    this.logs.push({ atMs: this.around.clock.nowMs, level, text });
  }
}

function latency(random: Random): number {
  return random.below(100) * (LATENCY_MS_MAX / 100);
}
