/** What a configuration of a role is read as; a row for each in router.ts and gateway.ts. */
import type { ApiConfig, Config } from "../model/config.js";
import type { Findings, Section } from "./walk.js";

/** A name of the machine's, and the path of the key that has it. */
export interface Named {
  readonly path: string;
  readonly name: string;
}

export interface ConfigRole<C extends Config> {
  /** Issues and warnings go to `found`; what is built then is not used. */
  readonly build: (section: Section, api: ApiConfig, found: Findings) => C;
  /** Interfaces beside `wan_ifname`; "" and patterns name none. */
  readonly interfaces: (config: C) => readonly Named[];
  /** Files with certificates that are shown to others; none without it. */
  readonly certificates?: (config: C) => readonly Named[];
  /** Files with a secret in them; `file` is the configuration's own, which may hold tokens. */
  readonly secrets: (config: C, file: string) => readonly Named[];
}

/** `path` has `[]` where the place in the list goes. */
export function namesOf(path: string, names: readonly string[]): readonly Named[] {
  return names.map((name, index) => ({ path: path.replace("[]", `[${index}]`), name }));
}
