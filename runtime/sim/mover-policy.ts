/** Commands on caged policy scripts, and the cages that they made. */
import type { CageFault, Death } from "./cage.js";
import { Cage } from "./cage.js";
import { errno } from "./constants.js";
import type { Handlers, Mover } from "./mover.js";
import { result } from "./mover.js";
import type { RealmLimits } from "./realm.js";

const CAGES_MAX = 3;
const MEMORY_KIB = [256, 8_192] as const;
const STACK_KIB = [16, 1_024] as const;
const CALL_MS = [10, 1_000] as const;
/** Until the mover learns of an end. */
const DEATH_MS = 0.6;

export class Cages {
  /** What becomes of a request; the letter says which kind it is, L or C. */
  fault: (kind: string) => CageFault = () => "none";
  /** Told of every good answer to a call. */
  answered: (cage: Cage, call: string) => void = () => {};
  readonly #cages = new Map<number, Cage>();
  #last = 0;

  constructor(readonly mover: Mover) {}

  /** Numbers of those that are alive. */
  living(): number[] {
    return [...this.#cages.values()].filter(({ alive }) => alive).map(({ number }) => number);
  }

  /** The number and the decider's descriptor, or -errno. */
  open(limits: RealmLimits): { readonly cage: number; readonly fd: number } | number {
    const { clock, descriptors, realms } = this.mover.parts;
    if (this.living().length >= CAGES_MAX) return -errno.EMFILE;
    if (realms === undefined) return -errno.ENOENT;
    const number = ++this.#last;
    const cage = new Cage(number, limits, realms, {
      clock,
      fault: (kind) => this.fault(kind),
      answered: (one, call) => this.answered(one, call),
      died: (dead, death) => this.#bury(dead, death),
    });
    const stream = descriptors.pair(cage);
    cage.stream = stream;
    this.#cages.set(number, cage);
    return { cage: number, fd: stream.fd };
  }

  kill(number: number): void {
    this.#cages.get(number)?.kill();
  }

  /** The decider is gone. */
  forget(): void {
    for (const cage of this.#cages.values()) {
      cage.forgotten = true;
      cage.kill();
    }
  }

  #bury(cage: Cage, death: Death): void {
    const { generation } = this.mover;
    this.mover.parts.clock.after(DEATH_MS, () => {
      this.#cages.delete(cage.number);
      if (cage.forgotten || generation !== this.mover.generation) return;
      this.mover.send({ type: "policy_died", cage: cage.number, ...death });
    });
  }
}

export const policyHandlers: Handlers = {
  policy_open(mover, message) {
    const { memoryKib, stackKib, callMs } = message;
    const refusal =
      checkRange("memory_kib", memoryKib, MEMORY_KIB) ||
      checkRange("stack_kib", stackKib, STACK_KIB) ||
      checkRange("call_ms", callMs, CALL_MS);
    if (refusal !== "") return refused(-errno.EINVAL, refusal);
    const opened = mover.cages.open({ memoryKib, stackKib, callMs });
    if (opened === -errno.EMFILE) return refused(opened, `cages: ${CAGES_MAX}: expected one less`);
    if (typeof opened === "number") return refused(opened, "policy.mjs: No such file or directory");
    const { cage, fd } = opened;
    return { message: { type: "policy_opened", error: 0, cage, text: "" }, fd };
  },

  policy_kill(mover, message) {
    mover.cages.kill(message.cage);
    return result(0);
  },
};

function refused(error: number, text: string): ReturnType<typeof result> {
  return { message: { type: "policy_opened", error, cage: 0, text } };
}

/** Empty if the value is good. */
function checkRange(name: string, value: number, [low, high]: readonly [number, number]): string {
  return value < low || value > high ? `${name}: ${value}: expected ${low} to ${high}` : "";
}
