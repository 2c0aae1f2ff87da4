/** What is amiss on this machine with what the configuration names: told in the log and status. */
import { readFile } from "../host/transfer.js";
import type { Machine } from "../config/machine.js";
import {
  interfacesNamed,
  isExposed,
  lookAtMachine,
  secretText,
  secretsNamed,
} from "../config/machine.js";
import type { FileFacts } from "../model/file.js";
import type { Core } from "./core.js";
import { logWarning } from "./core.js";
import { issueLines } from "./issues.js";

/** Looks at the files with secrets, then warns of all that is amiss. */
export function warnOfMachine(core: Core): void {
  const { config, facts, files } = core;
  if (config === undefined) return;
  const names = namesOf(secretsNamed(config, facts.configPath));
  files.clear();
  let pending = names.length;
  const tell = (): void => {
    const issues = lookAtMachine(config, facts.configPath, machineOf(core));
    for (const line of issueLines(issues)) logWarning(core, line);
  };
  if (pending === 0) tell();
  for (const name of names) {
    readFile(core.channel, name, (_content, found) => {
      keepFacts(core, name, found);
      if (--pending === 0) tell();
    });
  }
}

/** A file with a secret was read again: who gave it away since is told. */
export function noteFile(core: Core, name: string, found: FileFacts): void {
  const before = core.files.get(name);
  keepFacts(core, name, found);
  if (!isExposed(found) || (before !== undefined && isExposed(before))) return;
  logWarning(core, `${name}: expected ${secretText(found)}`);
}

export function machineOf({ store, files, daysLeft }: Core): Machine {
  const here = new Set([...store.links.values()].map(({ name }) => name));
  return {
    hasInterface: (name) => here.has(name),
    factsOf: (file) => files.get(file),
    daysLeft: (file) => daysLeft.get(file),
  };
}

/** Interfaces that the configuration names and the kernel does not have; hotplug may bring them. */
export function missingIfnames(core: Core): readonly string[] {
  const { hasInterface } = machineOf(core);
  const names = core.config === undefined ? [] : namesOf(interfacesNamed(core.config));
  return names.filter((name) => !hasInterface(name));
}

/** Files with secrets that others may read, as they were when they were last looked at. */
export function exposedFiles({ files }: Core): readonly string[] {
  return [...files].flatMap(([name, facts]) => (isExposed(facts) ? [name] : []));
}

function keepFacts({ files }: Core, name: string, { mode, owner }: FileFacts): void {
  if (mode === 0) files.delete(name);
  else files.set(name, { mode, owner });
}

function namesOf(named: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(named.map(({ name }) => name))];
}
