/**
 * Planted mistakes: each alters one machine so that it behaves as if the bundle had a known kind of
 * bug. The self-test of the simulation switches them on one at a time; each has to be found.
 */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import { ours, rtn } from "./constants.js";
import type { Machine } from "./machine.js";
import type { Mover } from "./mover.js";

export interface Mistake {
  readonly name: string;
  readonly plant: (machine: Machine) => void;
  /** Invariants by which it may be found. */
  readonly found: readonly string[];
}

/** Answers success without doing what was asked, as a bundle that never asks. */
function skip(matches: (message: DeciderMessage) => boolean): Mistake["plant"] {
  return (machine) => {
    machine.onMover = (mover) => {
      mover.ignore = matches;
    };
  };
}

const ORDER = "a table ends in unreachable before a rule";
const LAYERS = "each layer blocks alone";
const EMPTY = "the plan is empty when settled";
const LEAK = "no packet leaves outside its tunnel";

export const mistakes: readonly Mistake[] = [
  { name: "skip-unreachable", plant: skip(isBlocking), found: [ORDER] },
  {
    name: "skip-source-rules",
    plant: skip((message) => message.type === "rule_set" && message.src !== "" && !message.remove),
    found: [LAYERS],
  },
  {
    name: "forget-conntrack",
    plant: skip((message) => message.type === "conntrack_delete"),
    found: ["flows follow the policy"],
  },
  {
    name: "forget-removals",
    plant: skip((message) => message.type === "rule_set" && message.remove),
    found: ["nothing is left over", LAYERS, ORDER],
  },
  {
    name: "delete-foreign-rule",
    plant: deleteForeignRule,
    found: ["foreign objects stay untouched"],
  },
  {
    name: "ignore-lost-events",
    plant: onMover((mover) => (mover.recover = () => recoverSilently(mover))),
    found: [LAYERS, LEAK, ORDER],
  },
  {
    name: "unblock-before-block",
    plant: onMover((mover) => (mover.postpone = isBlocking)),
    found: [ORDER],
  },
  {
    name: "stale-firewall",
    plant: onMover((mover) => (mover.rewrite = withoutElementChanges)),
    found: [LAYERS, "settled as policy says", "a change is taken in the end", EMPTY],
  },
];

function onMover(change: (mover: Mover) => void): Mistake["plant"] {
  return (machine) => {
    machine.onMover = change;
  };
}

function recoverSilently(mover: Mover): void {
  mover.overflowing = false;
}

/** Removing by priority alone takes a rule of somebody else with it. */
function deleteForeignRule(machine: Machine): void {
  machine.onMover = (mover) => {
    const before = mover.onCommand;
    mover.onCommand = (message, answer) => {
      if (message.type === "rule_set" && message.remove) {
        const { priority } = message;
        const foreign = { priority, protocol: ours.PROTOCOL };
        machine.kernel.removeRule(
          (rule) => rule.priority === foreign.priority && rule.protocol !== foreign.protocol,
        );
      }
      before(message, answer);
    };
  };
}

function isBlocking(message: DeciderMessage): boolean {
  return message.type === "route_set" && message.kind === rtn.UNREACHABLE;
}

/** Elements of a living table are never changed. */
function withoutElementChanges(script: string): string {
  return script.startsWith("delete element") || script.startsWith("add element") ? "" : script;
}
