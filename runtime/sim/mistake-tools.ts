/** How mistakes are planted. */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Mistake } from "./mistakes.js";
import type { Mover } from "./mover.js";

/** Answers success without doing what was asked, as a bundle that never asks. */
export function skip(matches: (message: DeciderMessage) => boolean): Mistake["plant"] {
  return onMover((mover) => {
    mover.ignore = matches;
  });
}

export function onMover(change: (mover: Mover) => void): Mistake["plant"] {
  return (machine) => {
    machine.onMover = change;
  };
}
