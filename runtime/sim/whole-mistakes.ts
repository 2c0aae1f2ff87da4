/** Planted mistakes about what else a device has whose address a rule names. */
import { priorityWhole } from "../../ts/model/kernel.js";
import type { Mistake } from "./mistakes.js";
import { onMover, skip } from "./mistake-tools.js";

const LEAK = "no packet leaves outside its tunnel";
const LAYERS = "each layer blocks alone";
const RESTART = "a restarted decider changes nothing";

/** Its maps are there and filled, and nobody asks them. */
function unasked(layer: "mark" | "guard"): Mistake["plant"] {
  const ask = new RegExp(`ether saddr vmap @whole_\\d+_${layer}`, "g");
  return onMover((mover) => {
    mover.rewrite = (script) => script.replace(ask, "counter");
  });
}

export const wholeMistakes: readonly Mistake[] = [
  {
    name: "whole-has-no-rules",
    plant: skip((message) => message.type === "rule_set" && message.priority === priorityWhole),
    found: [LAYERS, RESTART],
  },
  { name: "whole-is-not-guarded", plant: unasked("guard"), found: [LAYERS] },
  {
    name: "whole-is-not-marked",
    plant: unasked("mark"),
    found: [LAYERS, LEAK, "settled as policy says"],
  },
];
