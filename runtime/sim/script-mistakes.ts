/** Planted mistakes around policy scripts; each is looked for in lives that have one. */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Machine } from "./machine.js";
import type { Mistake } from "./mistakes.js";
import type { Mover } from "./mover.js";

const LEAK = "no packet leaves outside its tunnel";
const LAYERS = "each layer blocks alone";
const SETTLED = "settled as policy says";
const RESTART = "a restarted decider changes nothing";
const OLD_OR_NEW = "only the confirmed script decides, or the one on probation";

export const scriptMistakes: readonly Mistake[] = [
  {
    name: "direct-unchecked",
    plant: inBundle(/(target: \{ kind: "direct" \}), isLate: true/, "$1"),
    found: [LEAK, LAYERS, SETTLED],
  },
  {
    name: "unanswered-open",
    plant: inBundle(/if \(policy\.unanswered === "builtin"\)\s*return \[\];/, "return [];"),
    found: [LEAK, LAYERS],
  },
  {
    name: "swap-unchecked",
    plant: inBundle(/if \((warnings|wrong)\[0\] !== undefined\)/g, "if (false)"),
    found: ["a bad script is refused"],
  },
  { name: "forget-answers", plant: skipFile("policy-answers.json"), found: [LEAK, RESTART] },
  { name: "forget-record", plant: skipFile("policy.json"), found: [OLD_OR_NEW] },
  {
    name: "pending-after-power-cut",
    plant: onMover((mover) => void Object.assign(mover, { life: 1 })),
    found: [OLD_OR_NEW],
  },
  {
    name: "stale-answers",
    plant: inBundle(/worldKey\(world\) === this\.lastKey/, "this.lastKey !== ''"),
    found: [SETTLED, RESTART, LEAK, "a flow that is right is never cut"],
  },
].map((mistake) => ({ ...mistake, scripted: true }));

function onMover(change: (mover: Mover) => void): Mistake["plant"] {
  return (machine) => {
    machine.onMover = change;
  };
}

function skipFile(name: string): Mistake["plant"] {
  const isIt = (message: DeciderMessage): boolean =>
    message.type === "file_write" && message.path.endsWith(`/${name}`);
  return onMover((mover) => (mover.ignore = isIt));
}

/** Runs a bundle with another line in it; the readable copy has the names of the source. */
function inBundle(line: RegExp, other: string): Mistake["plant"] {
  return (machine: Machine) => {
    const { bundle } = machine.around.engine;
    const text = bundle.replace(line, other);
    if (text === bundle) throw new RangeError(`the bundle has no ${String(line)}`);
    machine.onMover = (mover) => {
      mover.control.running = { slot: "rom", text };
    };
  };
}
