/**
 * Planted mistakes: each alters one machine so that it behaves as if the bundle had a known kind of
 * bug. The self-test of the simulation switches them on one at a time; each has to be found.
 */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import { ours, rtn } from "./constants.js";
import type { Machine } from "./machine.js";
import type { Route } from "./kernel-objects.js";
import type { Mover } from "./mover.js";
import { RouteFilter } from "./mover-routes.js";
import { flowMistakes } from "./flow-mistakes.js";
import { onMover, skip } from "./mistake-tools.js";
import { quoteMistakes } from "./quote-mistakes.js";
import { scriptMistakes } from "./script-mistakes.js";
import { uplinkMistakes } from "./uplink-mistakes.js";
import { wholeMistakes } from "./whole-mistakes.js";

export interface Mistake {
  readonly name: string;
  readonly plant: (machine: Machine) => void;
  /** Needs a policy script to show. */
  readonly scripted?: boolean;
  /** Needs a second uplink. */
  readonly second?: boolean;
  /** Invariants by which it may be found. */
  readonly found: readonly string[];
}

const ORDER = "a table ends in unreachable before a rule";
const LAYERS = "each layer blocks alone";
const EMPTY = "the plan is empty when settled";
const LEAK = "no packet leaves outside its tunnel";
const SETTLED = "settled as policy says";
/** What the kernel has is not what was written: the bundle itself refuses to call that ready. */
const READ_BACK = "ready after boot";
const RESTART = "a restarted decider changes nothing";
const CUT = "a flow that is right is never cut";
const LEFT = "a stop leaves nothing";

export const mistakes: readonly Mistake[] = [
  { name: "skip-unreachable", plant: skip(isBlocking), found: [ORDER] },
  {
    name: "skip-source-rules",
    plant: skip((message) => message.type === "rule_set" && message.src !== "" && !message.remove),
    found: [LAYERS, RESTART, "nobody borrows an address from inside a tunnel"],
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
    found: [LAYERS, SETTLED, "a change is taken in the end", EMPTY, CUT],
  },
  {
    name: "skip-unreachable-ipv6",
    plant: skip((message) => isBlocking(message) && "dst" in message && message.dst === "::/0"),
    found: [ORDER],
  },
  {
    name: "deaf-to-neighbours",
    plant: onMover((mover) => (mover.overhear = ({ type }) => type === "neighbour")),
    found: [LAYERS, LEAK, SETTLED, "nothing is left over"],
  },
  {
    name: "deaf-to-firewall",
    plant: onMover((mover) => (mover.overhear = ({ type }) => type === "nft_changed")),
    found: [LAYERS, LEAK, SETTLED],
  },
  {
    name: "deaf-to-rules",
    plant: onMover((mover) => (mover.overhear = ({ type }) => type === "rule")),
    found: [LAYERS, LEAK],
  },
  {
    name: "wrong-location",
    plant: onMover((mover) => (mover.rewrite = (script) => swap(script, "goto loc_1"))),
    found: [READ_BACK],
  },
  {
    name: "open-guard",
    plant: onMover((mover) => (mover.rewrite = (script) => script.replaceAll("drop", "accept"))),
    found: [LAYERS],
  },
  {
    name: "skip-source-nat",
    plant: onMover((mover) => (mover.rewrite = withoutLines(/\bsnat\b.*\bto\b/))),
    found: [READ_BACK],
  },
  { name: "stale-forward", plant: keepFirst("forward_set"), found: [SETTLED, LEAK] },
  { name: "never-redial", plant: keepFirst("session_open"), found: [SETTLED] },
  {
    name: "keep-settings",
    plant: keepFirst("sysctl_set"),
    found: ["a stop restores settings", EMPTY],
  },
  {
    name: "keep-table",
    plant: onMover((mover) => (mover.rewrite = withoutLines(/^delete table/))),
    found: [LEFT, "a stop ends well"],
  },
  {
    name: "keep-files",
    plant: skip((message) => message.type === "file_remove"),
    found: ["a stop removes state"],
  },
  {
    name: "promise-unkept",
    plant: skip(({ type, ...rest }) => type === "file_write" && pathIn(rest, "runtime-rules")),
    found: [LEAK, LAYERS, SETTLED, RESTART],
  },
  {
    name: "names-are-identity",
    plant: onMover((mover) => (mover.trustsNames = true)),
    found: [LEAK, SETTLED],
  },
  {
    name: "deaf-to-links",
    plant: onMover((mover) => (mover.overhear = ({ type }) => type === "link")),
    found: [READ_BACK, SETTLED, EMPTY, LEAK, LAYERS, ORDER, LEFT],
  },
  {
    name: "bound-without-regard",
    plant: onMover((mover) => (mover.routes = new FirstRoutes())),
    found: [READ_BACK, EMPTY, SETTLED, LAYERS, LEAK, ORDER, LEFT, RESTART],
  },
  {
    name: "endless-routes",
    plant: onMover((mover) => (mover.routes = new AllRoutes())),
    found: ["foreign routes do not drown the decider"],
  },
  { name: "clean-start", plant: cleanStart, found: [LAYERS, LEAK, RESTART] },
  ...flowMistakes,
  ...quoteMistakes,
  ...scriptMistakes,
  ...uplinkMistakes,
  ...wholeMistakes,
];

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

function swap(script: string, target: string): string {
  return script.replaceAll(target, "goto loc_2");
}

function withoutLines(unwanted: RegExp): (script: string) => string {
  return (script) => script.split("\n").filter((line) => !unwanted.test(line)).join("\n");
}

/** Only the first command of a kind for each thing is carried out; what follows is forgotten. */
function keepFirst(type: DeciderMessage["type"]): Mistake["plant"] {
  return (machine) => {
    machine.onMover = (mover) => {
      const seen = new Set<string>();
      mover.ignore = (message) => {
        if (message.type !== type) return false;
        const key = "path" in message ? message.path : "name" in message ? message.name : "";
        return seen.has(key) || seen.add(key).size === 0;
      };
    };
  };
}

/** The first ones that come, whoever they belong to. */
class FirstRoutes extends RouteFilter {
  #left = 8;

  override clear(): void {
    this.#left = 8;
  }

  override passes(_route: Route, deleted: boolean): boolean {
    return deleted || this.#left-- > 0;
  }
}

class AllRoutes extends RouteFilter {
  override passes(): boolean {
    return true;
  }
}

function pathIn(fields: object, part: string): boolean {
  return "path" in fields && String(fields.path).includes(part);
}

/** Starts from nothing instead of taking over: what is ours goes before it comes again. */
function cleanStart(machine: Machine): void {
  machine.onMover = (mover) => {
    const before = mover.onCommand;
    mover.onCommand = (message, answer) => {
      if (message.type === "hello" && mover.restarts > 0) {
        machine.kernel.removeRule((rule) => rule.protocol === ours.PROTOCOL);
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
