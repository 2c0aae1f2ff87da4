/**
 * What has to outlive a killed process, in run_dir: the sysctl values as they were found, the
 * rules that were made at run time, what a policy script answered, over which interfaces default
 * routes led, who has addresses of rules. A clean stop removes all of it.
 */
import { command, request } from "../host/channel.js";
import { asResult } from "../host/channel.js";
import { ENOENT } from "../host/errno.js";
import { readFile, writeFile } from "../host/transfer.js";
import type { RouterConfig } from "../model/config.js";
import { parseIp, parseMac } from "../model/ip.js";
import { wholeDevicesMax } from "../model/limits.js";
import type { Plan } from "../model/operation.js";
import { readObject } from "../model/json.js";
import { holdersOf } from "../policy/whole.js";
import type { Core } from "./core.js";
import { logWarning } from "./core.js";

const names = {
  originals: "sysctl-originals.json",
  rules: "runtime-rules.json",
  advice: "policy-answers.json",
  links: "former-names.json",
  uplinks: "learned-uplinks.json",
  holders: "holders.json",
} as const;

type StateName = keyof typeof names;

/** Sysctl values before our first change, by key. */
export type Originals = Map<string, string>;

/** Reads a JSON object from run_dir; an empty one if it is missing or damaged. */
export function loadState(
  core: Core,
  name: StateName,
  done: (content: Readonly<Record<string, unknown>>) => void,
): void {
  const path = pathOf(core, name);
  readFile(core.channel, path, (result) => {
    const text = result instanceof Uint8Array ? core.native.utf8Decode(result) : undefined;
    const content = readObject(text);
    const missing = !(result instanceof Uint8Array) && result.error === -ENOENT;
    if (content === undefined && !missing) {
      const why = result instanceof Uint8Array ? "damaged" : result.text;
      logWarning(core, `state file ${path}: ${why}, ignoring`);
    }
    done(content ?? {});
  });
}

/** A state file, and what takes its content over. */
export type StateTaker = readonly [
  name: StateName,
  take: (content: Readonly<Record<string, unknown>>) => void,
];

/** Reads state files one after another. */
export function loadStates(core: Core, takers: readonly StateTaker[], done: () => void): void {
  const [first, ...rest] = takers;
  if (first === undefined) return done();
  const [name, take] = first;
  return loadState(core, name, (content) => {
    take(content);
    loadStates(core, rest, done);
  });
}

/** `done` gets why it could not be kept, "" on success. */
export function saveState(
  core: Core,
  name: StateName,
  content: unknown,
  done: (problem: string) => void,
): void {
  writeFile(core.channel, pathOf(core, name), JSON.stringify(content), done);
}

/**
 * Where there is no room, older answers go, for they may open what these close: the next decider
 * then has none, and who has no answer waits.
 */
export function keepAnswers(core: Core, content: object, done: (isKept: boolean) => void): void {
  saveState(core, "advice", content, (problem) => {
    if (problem === "") return done(true);
    const line = `answers are not kept, the next start waits for new ones: ${problem}`;
    core.log.writeOnce("error", `policy keep ${problem}`, line);
    return forgetState(core, "advice", () => done(false));
  });
}

/** Removes one of them, which needs no room, then calls `done`. */
function forgetState(core: Core, name: StateName, done: () => void): void {
  const path = pathOf(core, name);
  request(core.channel, { type: "file_remove", path }, (answer) => {
    const { error, text } = asResult(answer);
    if (error !== 0) logWarning(core, `${path}: ${text}, ignoring`);
    done();
  });
}

/** Removes all of them, then calls `done`. */
export function removeState(core: Core, done: () => void): void {
  const all = Object.keys(names) as StateName[];
  let pending = all.length;
  for (const name of all) {
    forgetState(core, name, () => {
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

/**
 * Keeps the values that the plan is about to change, on disk too, before it changes them. Those
 * that cannot be kept are not changed: nobody could put them back.
 */
export function keepOriginals(
  core: Core,
  originals: Originals,
  plan: Plan,
  done: (plan: Plan, problem: string) => void,
): void {
  const added = new Map<string, string>();
  for (const { operation } of plan) {
    if (operation.kind !== "sysctl" || originals.has(operation.key)) continue;
    added.set(operation.key, core.store.sysctls.get(operation.key) ?? "");
  }
  if (added.size === 0) return done(plan, "");
  const all = [...originals, ...added];
  return saveState(core, "originals", Object.fromEntries(all), (problem) => {
    if (problem === "") {
      for (const [key, value] of added) originals.set(key, value);
      return done(plan, "");
    }
    const kept = plan.filter(({ operation }) => {
      return operation.kind !== "sysctl" || !added.has(operation.key);
    });
    return done(kept, `kernel settings stay, since their values cannot be kept: ${problem}`);
  });
}

/**
 * Notes what interfaces were called before, without which the next decider would take what a rule
 * holds for something new.
 */
export function noteFormerNames(core: Core, done: (problem: string) => void): void {
  const names = Object.fromEntries(core.store.formerNames);
  const text = JSON.stringify(names);
  if (text === core.namesNoted) return done("");
  return saveState(core, "links", names, (problem) => {
    if (problem === "") core.namesNoted = text;
    done(problem && `former names of interfaces cannot be noted: ${problem}`);
  });
}

export function takeFormerNames(core: Core, content: Readonly<Record<string, unknown>>): void {
  for (const [index, names] of Object.entries(content)) {
    if (!Array.isArray(names)) continue;
    core.store.formerNames.set(Number(index), (names as unknown[]).map(String));
  }
  core.namesNoted = JSON.stringify(content);
}

/** Interfaces over which a default route led are still uplinks for the next decider. */
export function keepLearnedUplinks(core: Core): void {
  const learned = [...core.store.learnedUplinks];
  if (core.stopping || learned.length === core.uplinksKept) return;
  core.uplinksKept = learned.length;
  saveState(core, "uplinks", { names: learned }, (problem) => {
    if (problem !== "") logWarning(core, `learned uplinks cannot be kept: ${problem}`);
  });
}

export function takeLearnedUplinks(
  core: Core,
  content: Readonly<Record<string, unknown>>,
): void {
  const { names: learned } = content;
  for (const name of Array.isArray(learned) ? (learned as unknown[]) : []) {
    if (typeof name === "string") core.store.learnedUplinks.add(name);
  }
  core.uplinksKept = core.store.learnedUplinks.size;
}

/**
 * Notes which devices have addresses of rules: one that is quiet when the next decider looks is
 * still covered whole.
 */
export function noteHolders(core: Core, config: RouterConfig, done: () => void): void {
  const holders = Object.fromEntries(
    holdersOf(config, core.store)
      .slice(0, wholeDevicesMax)
      .map(({ address, mac }) => [address, mac]),
  );
  const text = JSON.stringify(holders);
  if (text === core.holdersNoted) return done();
  return saveState(core, "holders", holders, (problem) => {
    if (problem === "") core.holdersNoted = text;
    else core.log.writeOnce("warning", "holders", `who has addresses is not kept: ${problem}`);
    done();
  });
}

/** Before the kernel is asked, whose neighbour table knows better. */
export function takeHolders(core: Core, content: Readonly<Record<string, unknown>>): void {
  for (const [text, value] of Object.entries(content)) {
    const address = parseIp(text);
    const mac = typeof value === "string" ? parseMac(value) : undefined;
    if (address !== undefined && mac !== undefined) core.store.owners.set(address, mac);
  }
  core.holdersNoted = JSON.stringify(content);
}

/** Removes a file below run_dir; a failure is only worth a line. */
export function removeFile(core: Core, path: string): void {
  command(core.channel, { type: "file_remove", path }, (_error, text) => {
    logWarning(core, `${path}: ${text}, ignoring`);
  });
}

function pathOf(core: Core, name: StateName): string {
  return `${core.facts.runDir}/${names[name]}`;
}
