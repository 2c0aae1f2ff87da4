/**
 * What has to outlive a killed process, in run_dir: the sysctl values as they were found, and the
 * rules that were made at run time. A clean stop removes both.
 */
import { command, request } from "../host/channel.js";
import { asResult } from "../host/channel.js";
import { ENOENT } from "../host/errno.js";
import { readFile, writeFile } from "../host/transfer.js";
import type { Plan } from "../model/operation.js";
import { readObject } from "../model/json.js";
import type { Core } from "./core.js";

const originalsName = "sysctl-originals.json";
const rulesName = "runtime-rules.json";

/** Sysctl values before our first change, by key. */
export type Originals = Map<string, string>;

/** Reads a JSON object from run_dir; an empty one if it is missing or damaged. */
export function loadState(
  core: Core,
  name: "originals" | "rules",
  done: (content: Readonly<Record<string, unknown>>) => void,
): void {
  const path = pathOf(core, name);
  readFile(core.channel, path, (result) => {
    const text = result instanceof Uint8Array ? core.native.utf8Decode(result) : undefined;
    const content = readObject(text);
    const missing = !(result instanceof Uint8Array) && result.error === -ENOENT;
    if (content === undefined && !missing) {
      const why = result instanceof Uint8Array ? "damaged" : result.text;
      core.log.write("warning", `state file ${path}: ${why}, ignoring`);
    }
    done(content ?? {});
  });
}

/** `done` gets why it could not be kept, "" on success. */
export function saveState(
  core: Core,
  name: "originals" | "rules",
  content: unknown,
  done: (problem: string) => void,
): void {
  writeFile(core.channel, pathOf(core, name), JSON.stringify(content), done);
}

/** Removes both files, then calls `done`. */
export function removeState(core: Core, done: () => void): void {
  const paths = [pathOf(core, "originals"), pathOf(core, "rules")];
  let pending = paths.length;
  for (const path of paths) {
    request(core.channel, { type: "file_remove", path }, (answer) => {
      const { error, text } = asResult(answer);
      if (error !== 0) core.log.write("warning", `${path}: ${text}, ignoring`);
      if (--pending === 0) done();
    });
  }
}

export function originalsFrom(content: Readonly<Record<string, unknown>>): Originals {
  const originals: Originals = new Map();
  for (const [key, value] of Object.entries(content)) {
    if (typeof value === "string") originals.set(key, value);
  }
  return originals;
}

/** Keeps the values that the plan is about to change, on disk too, before it changes them. */
export function keepOriginals(
  core: Core,
  originals: Originals,
  plan: Plan,
  done: () => void,
): void {
  let added = 0;
  for (const { operation } of plan) {
    if (operation.kind !== "sysctl" || originals.has(operation.key)) continue;
    originals.set(operation.key, core.store.sysctls.get(operation.key) ?? "");
    added += 1;
  }
  if (added === 0) return done();
  saveState(core, "originals", Object.fromEntries(originals), (problem) => {
    if (problem !== "") core.log.write("error", `sysctl values cannot be kept: ${problem}`);
    done();
  });
}

/** Removes a file below run_dir; a failure is only worth a line. */
export function removeFile(core: Core, path: string): void {
  command(core.channel, { type: "file_remove", path }, (_error, text) => {
    core.log.write("warning", `${path}: ${text}, ignoring`);
  });
}

function pathOf(core: Core, name: "originals" | "rules"): string {
  return `${core.facts.runDir}/${name === "originals" ? originalsName : rulesName}`;
}
