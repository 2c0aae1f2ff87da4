/** Planted mistakes about what the router says itself, and about borrowed addresses. */
import { priorityQuote } from "../../ts/model/kernel.js";
import { action } from "./constants.js";
import type { Mistake } from "./mistakes.js";
import { onMover, skip } from "./mistake-tools.js";

const BACK = "what quotes a tunnel goes back into it or nowhere";
const HOME = "an error goes where its cause came from or nowhere";
const FORGED = "nobody borrows an address from inside a tunnel";
const RESTART = "a restarted decider changes nothing";

/** The comments stay, by which rules are known when they are read back. */
function opened(what: RegExp): Mistake["plant"] {
  return onMover((mover) => {
    mover.rewrite = (script) => script.replace(what, (line) => line.replace("drop", "accept"));
  });
}

export const quoteMistakes: readonly Mistake[] = [
  {
    name: "inner-addresses-leave",
    plant: opened(/ip6? saddr @own[46] counter drop/g),
    found: [BACK],
  },
  {
    name: "errors-leave-anywhere",
    plant: opened(/oif type != local counter drop/g),
    found: [HOME],
  },
  {
    name: "skip-quote-rules",
    plant: skip((message) => message.type === "rule_set" && message.priority === priorityQuote),
    found: [BACK, RESTART],
  },
  {
    name: "skip-inner-rules",
    plant: skip(
      (message) => message.type === "rule_set" && message.action === action.UNREACHABLE,
    ),
    found: [FORGED, RESTART],
  },
  {
    name: "errors-by-any-address",
    plant: skip((message) => message.type === "sysctl_set" && /icmp_errors/.test(message.key)),
    found: [BACK, RESTART],
  },
  {
    name: "tun-without-address",
    plant: skip((message) => message.type === "address_set"),
    found: [BACK, RESTART, "ready after boot"],
  },
];
