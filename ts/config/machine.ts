/** What a configuration names on its machine, and what of that is amiss there. */
import type { Config, Issue } from "../model/config.js";
import type { FileFacts } from "../model/file.js";
import type { Named } from "./role.js";
import { configRole } from "./roles.js";
import { addIssue } from "./walk.js";

export interface Machine {
  readonly hasInterface: (name: string) => boolean;
  /** Undefined if nothing is known of the file. */
  readonly factsOf: (file: string) => FileFacts | undefined;
  /** Days that are left of the certificate in a file, undefined if that is not known. */
  readonly daysLeft: (file: string) => number | undefined;
}

const root = 0;
/** So long before a certificate ends its owner is told. */
const expiryDays = 14;
/** All rights of others, and the group's to write; a group may be there to read. */
const rightsOfOthers = 0o027;

/** Warnings, because interfaces come and go, and the configuration may be meant for elsewhere. */
export function lookAtMachine(config: Config, file: string, machine: Machine): readonly Issue[] {
  const found: Issue[] = [];
  for (const { path, name } of interfacesNamed(config)) {
    if (!machine.hasInterface(name)) addIssue(found, path, name, "an interface that exists");
  }
  for (const { path, name } of secretsNamed(config, file)) {
    const facts = machine.factsOf(name);
    if (facts !== undefined && isExposed(facts)) addIssue(found, path, name, secretText(facts));
  }
  for (const { path, name } of configRole(config.role)?.certificates?.(config) ?? []) {
    const days = machine.daysLeft(name);
    if (days !== undefined && isExpiring(days)) addIssue(found, path, name, expiryText(days));
  }
  return found;
}

/** Interfaces by name; whether anything fits a pattern of uplinks is no question. */
export function interfacesNamed(config: Config): readonly Named[] {
  const more = configRole(config.role)?.interfaces(config) ?? [];
  const all = [{ path: "wan_ifname", name: config.wanIfname }, ...more];
  return all.filter(({ name }) => name !== "" && !name.endsWith("*"));
}

/** Files with a secret in them; `file` is the configuration's own, which may hold tokens. */
export function secretsNamed(config: Config, file: string): readonly Named[] {
  return configRole(config.role)?.secrets(config, file) ?? [];
}

export function isExposed({ mode, owner }: FileFacts): boolean {
  return owner !== root || (mode & rightsOfOthers) !== 0;
}

/** What was expected in place of a file that is exposed. */
export function secretText({ mode, owner }: FileFacts): string {
  const bits = mode.toString(8).padStart(4, "0");
  return `a file of root's that others may not read (its owner is ${owner}, its mode ${bits})`;
}

export function isExpiring(days: number): boolean {
  return days < expiryDays;
}

/** What was expected in place of a certificate that ends in so many days. */
export function expiryText(days: number): string {
  const left = days < 0 ? "it has ended" : days === 0 ? "it ends today" : `it ends in ${days} days`;
  return `a certificate that is good for ${expiryDays} days more (${left})`;
}
