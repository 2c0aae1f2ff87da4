/** What a script did wrong in one call, bounded, and told without running more of its code. */
import { failuresMax, messageCharsMax, stackCharsMax } from "./limits.js";
import type { WireFailure } from "./wire.js";

/** Which function failed, and for whom. */
export type Where = Pick<WireFailure, "in" | "mac" | "location">;

export interface Failures {
  readonly list: WireFailure[];
  /** Notes an error that the script threw, or what is wrong with its answer if it gave one. */
  add(where: Where, error: unknown, isAnswered: boolean): void;
}

export function createFailures(): Failures {
  const list: WireFailure[] = [];
  return {
    list,
    add(where, error, isAnswered) {
      const isFull = list.length >= failuresMax;
      const told = isFull ? { message: "", stack: "" } : describe(error);
      const kind = isAnswered ? "rubbish" : "throw";
      list.push({ ...where, kind, ...told, ...(isAnswered && { stack: "" }) });
    },
  };
}

/** A script may throw anything, also what throws again when it is looked at. */
function describe(error: unknown): { message: string; stack: string } {
  try {
    const isError = error instanceof Error;
    const message = isError ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    const stack = isError ? ownFrames(String(error.stack)) : "";
    return { message: message.slice(0, messageCharsMax), stack: stack.slice(0, stackCharsMax) };
  } catch {
    return { message: "threw something that cannot be shown", stack: "" };
  }
}

const preludeName = "adit:cage";

/** The frames of the script; those of the dispatcher around it say nothing to its author. */
function ownFrames(stack: string): string {
  return stack.split("\n").filter((line) => !line.includes(preludeName)).join("\n");
}
