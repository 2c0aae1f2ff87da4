/** What a configuration names on its machine, and what of that is amiss there. */
import type { Config, Issue } from "../model/config.js";
import type { FileFacts } from "../model/file.js";
import { ruleLists } from "./router.js";
import { addIssue } from "./walk.js";

export interface Machine {
  readonly hasInterface: (name: string) => boolean;
  /** Undefined if nothing is known of the file. */
  readonly factsOf: (file: string) => FileFacts | undefined;
}

/** A name of the machine's, and the path of the key that has it. */
interface Named {
  readonly path: string;
  readonly name: string;
}

const root = 0;
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
  return found;
}

/** Interfaces by name; whether anything fits a pattern of uplinks is no question. */
export function interfacesNamed(config: Config): readonly Named[] {
  const all: Named[] = [{ path: "wan_ifname", name: config.wanIfname }];
  if (config.role === "router") {
    const { uplinks, lanIfnames, policy, rules } = config;
    const more = policy.ifnames === lanIfnames ? [] : policy.ifnames;
    const ruled = rules.flatMap(({ match }) => (match.kind === "iface" ? [match.iface] : []));
    const { list = "", key = "" } = ruleLists.find(({ kind }) => kind === "iface") ?? {};
    all.push(...namesOf("uplinks[]", uplinks), ...namesOf("lan_ifnames[]", lanIfnames));
    all.push(...namesOf("policy.ifnames[]", more), ...namesOf(`${list}[].${key}`, ruled));
  }
  return all.filter(({ name }) => name !== "" && !name.endsWith("*"));
}

/** Files with a secret in them; `file` is the configuration's own, which may hold tokens. */
export function secretsNamed(config: Config, file: string): readonly Named[] {
  if (config.role === "gateway") {
    return namesOf("listen[].key", config.listen.map(({ key }) => key));
  }
  const { locations } = config;
  const within = locations.findIndex(({ token }) => token !== undefined);
  const own = within < 0 ? [] : [{ path: `locations[${within}].token`, name: file }];
  const files = namesOf("locations[].token_file", locations.map((one) => one.tokenFile ?? ""));
  return [...files.filter(({ name }) => name !== ""), ...own];
}

export function isExposed({ mode, owner }: FileFacts): boolean {
  return owner !== root || (mode & rightsOfOthers) !== 0;
}

/** What was expected in place of a file that is exposed. */
export function secretText({ mode, owner }: FileFacts): string {
  const bits = mode.toString(8).padStart(4, "0");
  return `a file of root's that others may not read (its owner is ${owner}, its mode ${bits})`;
}

/** `path` has `[]` where the place in the list goes. */
function namesOf(path: string, names: readonly string[]): Named[] {
  return names.map((name, index) => ({ path: path.replace("[]", `[${index}]`), name }));
}
