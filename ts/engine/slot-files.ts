/** The records of the two slots and the scripts in them, in the mover's state directory. */
import { readFile, writeFile } from "../host/transfer.js";
import type { DurableWrite, Module, Slot, Slots } from "../model/slots.js";
import { emptySlots, readSlots, slotFile } from "../model/slots.js";
import { ENOENT } from "../host/errno.js";
import { hexText } from "./base64.js";
import type { Script } from "./cage.js";
import type { Core } from "./core.js";
import { logError } from "./core.js";

/** Reads a record; without one, or with one that nobody can read, nothing was ever swapped. */
export function loadSlots(core: Core, module: Module, done: (slots: Slots) => void): void {
  const path = pathOf(core, `${module}.json`);
  readFile(core.channel, path, (result) => {
    const missing = !(result instanceof Uint8Array) && result.error === -ENOENT;
    const text = result instanceof Uint8Array ? core.native.utf8Decode(result) : undefined;
    const slots = missing ? emptySlots : readSlots(text);
    if (slots === undefined) logError(core, `${path} is damaged, its slots are not used`);
    done(slots ?? emptySlots);
  });
}

/** One after another, each durable before the next; `done` gets why it stopped, "" at the end. */
export function writeAll(
  core: Core,
  writes: readonly DurableWrite[],
  done: (problem: string) => void,
): void {
  const [first, ...rest] = writes;
  if (first === undefined) return done("");
  writeFile(core.channel, pathOf(core, first.name), first.content, (problem) => {
    if (problem !== "") done(problem);
    else writeAll(core, rest, done);
  });
}

/** The script of a slot, if it is the one that the record names; else why not. */
export function readSlot(
  core: Core,
  slots: Slots,
  slot: Slot,
  done: (script: Script | string) => void,
): void {
  const path = pathOf(core, slotFile("policy", slot));
  readFile(core.channel, path, (result) => {
    if (!(result instanceof Uint8Array)) return done(result.text);
    const sha256 = hexText(core.native.sha256(result));
    const text = core.native.utf8Decode(result);
    if (text === undefined || sha256 !== slots.sha256[slot]) return done(`${path} is damaged`);
    return done({ text, sha256, version: slots.script_version[slot], origin: slot });
  });
}

function pathOf(core: Core, name: string): string {
  return `${core.facts.stateDir}/${name}`;
}
