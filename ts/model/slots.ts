/**
 * Two slots for a script or for the control module, of which one is confirmed and the other may be
 * on probation. Every transition is a list of durable writes in such an order that a power cut
 * between any two leaves the confirmed one whole and named. Pure.
 */
import { readObject } from "./json.js";

export type Slot = "a" | "b";
/** What is kept twice: the user's script, or our own logic. */
export type Module = "policy" | "control";

const actions = ["swap", "confirm", "rollback", "remove"] as const;

/** One line of the past: who was swapped in, confirmed or rolled back, and why. */
export interface SlotEvent {
  /** Seconds since 1970. */
  readonly time: number;
  readonly action: (typeof actions)[number];
  readonly slot: Slot;
  readonly sha256: string;
  readonly why: string;
}

/** The content of `policy.json` and `control.json` in the state directory. */
export interface Slots {
  readonly version: 1;
  /** What a start runs; "" is what was there before the first swap. */
  readonly confirmed: Slot | "";
  /** On probation; never the confirmed one. */
  readonly pending: Slot | "";
  /** Deciders that began on the pending one. */
  readonly boots: number;
  /** Life of the mover in which the probation began: another one tells of a power cut. */
  readonly life: string;
  readonly deadline_unix_s: number;
  /** Share of the devices that had a way out before the swap. */
  readonly health: number;
  readonly sha256: Readonly<Record<Slot, string>>;
  readonly script_version: Readonly<Record<Slot, number>>;
  /** The highest that was ever confirmed. */
  readonly script_version_max: number;
  readonly history: readonly SlotEvent[];
}

/** A whole file of the state directory, written atomically and durably before the next one. */
export interface DurableWrite {
  readonly name: string;
  readonly content: string;
}

/** The state that holds once all writes are done; until then the former one does. */
export interface Transition {
  readonly slots: Slots;
  readonly writes: readonly DurableWrite[];
}

export interface SwapScript {
  readonly text: string;
  readonly sha256: string;
  readonly version: number;
  /** Of a control module, which the mover verifies itself. */
  readonly signature?: string | undefined;
}

/** Where a decider finds itself when it starts. */
export interface Boot {
  readonly life: string;
  readonly nowS: number;
  /** Control only: which module the mover runs, and whether on trial. */
  readonly module: Slot | "rom";
  readonly trial: boolean;
  readonly lastDeath: string;
}

const historyMax = 32;
const whyMax = 240;
/** Deciders that may begin on a pending script before it is blamed for their deaths. */
const bootsMax = 3;
const noDigest = "0".repeat(64);

export const emptySlots: Slots = {
  version: 1,
  confirmed: "",
  pending: "",
  boots: 0,
  life: "",
  deadline_unix_s: 0,
  health: 1,
  sha256: { a: "", b: "" },
  script_version: { a: 0, b: 0 },
  script_version_max: 0,
  history: [],
};

export function slotFile(module: Module, slot: Slot): string {
  return `${module}-${slot}.mjs`;
}

/** The slot that the next script goes into. */
export function freeSlot({ confirmed }: Slots): Slot {
  return confirmed === "a" ? "b" : "a";
}

/** Puts a script into the slot that is not confirmed, and that one on probation. */
export function beginSwap(
  module: Module,
  slots: Slots,
  script: SwapScript,
  window: Pick<Slots, "life" | "deadline_unix_s" | "health"> & { readonly nowS: number },
): Transition {
  if (slots.pending !== "") throw new Error(`slot ${slots.pending} is on probation already`);
  const slot = freeSlot(slots);
  const { nowS, life, deadline_unix_s, health } = window;
  const next: Slots = {
    ...slots,
    ...{ pending: slot, boots: 0, life, deadline_unix_s, health },
    sha256: { ...slots.sha256, [slot]: script.sha256 },
    script_version: { ...slots.script_version, [slot]: script.version },
  };
  const why = `version ${script.version}`;
  const told = withEvent(next, { time: nowS, action: "swap", slot, why });
  const { text, signature } = script;
  const name = slotFile(module, slot);
  const files = [{ name, content: text }];
  if (signature !== undefined) files.push({ name: `${name}.sig`, content: signature });
  return { slots: told, writes: [...files, record(module, told)] };
}

export function confirmSwap(module: Module, slots: Slots, nowS: number, why: string): Transition {
  const slot = pendingOf(slots);
  const highest = Math.max(slots.script_version_max, slots.script_version[slot]);
  const next: Slots = { ...slots, confirmed: slot, pending: "", script_version_max: highest };
  return finish(module, withEvent(next, { time: nowS, action: "confirm", slot, why }));
}

export function rollBackSwap(module: Module, slots: Slots, nowS: number, why: string): Transition {
  const slot = pendingOf(slots);
  const next: Slots = { ...slots, pending: "" };
  return finish(module, withEvent(next, { time: nowS, action: "rollback", slot, why }));
}

/** Leaves the control module of a slot for the one that came with the program. */
export function leaveSlot(slots: Slots, slot: Slot, nowS: number, why: string): Transition {
  const next: Slots = { ...slots, confirmed: "" };
  return finish("control", withEvent(next, { time: nowS, action: "rollback", slot, why }));
}

/**
 * Where a return from the confirmed script leads: the other slot if it still holds what was
 * confirmed before, "" if that was none; undefined if nothing is confirmed, or the one before is
 * gone.
 */
export function slotBefore({ confirmed, history, sha256 }: Slots): Slot | "" | undefined {
  if (confirmed === "") return undefined;
  const [before] = confirmedOnes(history).slice(-2, -1);
  // A history that is full does not tell what was before its beginning.
  if (before === undefined) return history.length < historyMax ? "" : undefined;
  if (before === "") return "";
  const isWhole = before.slot !== confirmed && before.sha256 === sha256[before.slot];
  return isWhole ? before.slot : undefined;
}

/** What was confirmed one after another, "" for none of a slot; a return takes the last away. */
function confirmedOnes(history: readonly SlotEvent[]): readonly (SlotEvent | "")[] {
  const past: (SlotEvent | "")[] = [];
  for (const event of history) {
    const last = past.at(-1);
    if (event.action === "confirm") past.push(event);
    else if (event.action === "remove") past.push("");
    else if (event.action === "rollback" && last !== "" && last?.slot === event.slot) past.pop();
  }
  return past;
}

/** Leaves the confirmed script for another one that was confirmed, or for none of a slot. */
export function returnTo(
  slots: Slots,
  target: Slot | "",
  event: Pick<SlotEvent, "action" | "time" | "why">,
): Transition {
  const { confirmed, pending } = slots;
  if (confirmed === "" || pending !== "") throw new Error("nothing to return from");
  const next: Slots = { ...slots, confirmed: target };
  return finish("policy", withEvent(next, { ...event, slot: confirmed }));
}

/** A start: probation goes on in the same life of the mover and ends with any other. */
export function bootPolicy(slots: Slots, boot: Boot): Transition {
  if (slots.pending === "") return { slots, writes: [] };
  const sameLife = slots.life === boot.life;
  if (sameLife && slots.boots < bootsMax) {
    const next = { ...slots, boots: slots.boots + 1 };
    return { slots: next, writes: [record("policy", next)] };
  }
  const why = sameLife
    ? `the decider ended ${bootsMax} times: ${boot.lastDeath}`
    : "the power was cut or aditd restarted before it was confirmed";
  return rollBackSwap("policy", slots, boot.nowS, why);
}

/** A start: the mover decides which module runs, this only follows. */
export function bootControl(slots: Slots, boot: Boot): Transition {
  const { module, trial, nowS, lastDeath } = boot;
  if (slots.pending === "") {
    // The slot that runs must not be taken for the free one, whatever became of the record.
    const confirmed = module === "rom" ? "" : module;
    return { slots: { ...slots, confirmed }, writes: [] };
  }
  if (module !== slots.pending) {
    return rollBackSwap("control", slots, nowS, lastDeath || "it was not confirmed in time");
  }
  if (trial) return { slots, writes: [] };
  return confirmSwap("control", slots, nowS, "the mover had it confirmed");
}

/** Reads a record; undefined unless every field is as it was written. */
export function readSlots(text: string | undefined): Slots | undefined {
  const read = readObject(text);
  if (read === undefined || !hasKeys(read, emptySlots)) return undefined;
  const { confirmed, pending, life, boots, sha256, script_version: versions, history } = read;
  const { version, deadline_unix_s: deadline, script_version_max: versionMax, health } = read;
  const good =
    version === 1 &&
    [confirmed, pending].every((slot) => slot === "" || isSlot(slot)) &&
    (pending === "" || pending !== confirmed) &&
    [boots, deadline, versionMax].every(isCount) &&
    /^[0-9a-f]*$/.test(textOf(life)) &&
    Number.isFinite(health) &&
    areSlots(sha256, isDigest) &&
    areSlots(versions, isCount) &&
    Array.isArray(history) &&
    history.length <= historyMax &&
    history.every(isEvent);
  return good ? (read as unknown as Slots) : undefined;
}

function finish(module: Module, slots: Slots): Transition {
  const done = { ...slots, boots: 0, life: "", deadline_unix_s: 0 };
  const told = module === "control" ? moverLine(done) : [];
  return { slots: done, writes: [...told, record(module, done)] };
}

/**
 * What the mover reads at its own start; this write is what makes a control module confirmed. If
 * the record was lost the digest is not known, and the line that started the module stays.
 */
function moverLine({ confirmed, sha256 }: Slots): readonly DurableWrite[] {
  const digest = confirmed === "" ? noDigest : sha256[confirmed];
  const content = `confirmed ${confirmed || "rom"} ${digest}\n`;
  return digest === "" ? [] : [{ name: "control", content }];
}

/** The record as it is, without a transition. */
export function record(module: Module, slots: Slots): DurableWrite {
  return { name: `${module}.json`, content: JSON.stringify(slots) };
}

function withEvent(slots: Slots, event: Omit<SlotEvent, "sha256">): Slots {
  const why = event.why.slice(0, whyMax);
  const entry = { ...event, why, sha256: slots.sha256[event.slot] };
  return { ...slots, history: [...slots.history, entry].slice(-historyMax) };
}

function pendingOf({ pending }: Slots): Slot {
  if (pending === "") throw new Error("no slot is on probation");
  return pending;
}

function hasKeys(value: unknown, like: object): boolean {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return keys.sort().join() === Object.keys(like).sort().join();
}

/** One good value for each slot. */
function areSlots(value: unknown, isGood: (one: unknown) => boolean): boolean {
  return hasKeys(value, emptySlots.sha256) && Object.values(value as object).every(isGood);
}

function isEvent(value: unknown): boolean {
  const { time, action, slot, sha256, why } = (value ?? {}) as Record<string, unknown>;
  const known = actions.some((one) => one === action);
  return isCount(time) && known && isSlot(slot) && isDigest(sha256) && typeof why === "string";
}

function isSlot(value: unknown): value is Slot {
  return value === "a" || value === "b";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Of a file that was never written it is "". */
function isDigest(value: unknown): boolean {
  return typeof value === "string" && /^([0-9a-f]{64})?$/.test(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "-";
}
