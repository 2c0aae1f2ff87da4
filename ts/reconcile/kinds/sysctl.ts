import type { Desired } from "../../model/desired.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { hasImpostor } from "../../policy/tun.js";
import { phases } from "../phases.js";

/**
 * Nothing is planned against a key that was not read. An empty value stands for one that was not
 * there: nothing is written back then.
 */
export function planSysctls(desired: Desired, observed: Observed): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const [key, value] of desired.sysctls) {
    const found = observed.sysctls.get(key);
    if (value === "" || found === undefined || found === value) continue;
    if (!isPresent(key, found, desired, observed)) continue;
    const was = found === "" ? "" : `, was ${found}`;
    planned.push({
      operation: { kind: "sysctl", key, value },
      phase: phases.tunSettings,
      why: `set ${key} to ${value}${was}`,
    });
  }
  return planned;
}

/** Settings of an interface come and go with it; a kernel without IPv6 has none for all of them. */
function isPresent(key: string, found: string, desired: Desired, observed: Observed): boolean {
  const name = /\/conf\/([^/]+)\//.exec(key)?.[1];
  if (name === undefined || name === "all" || name === "default") return found !== "";
  if (name === desired.tun?.name) return !hasImpostor(name, observed);
  return name !== observed.tun && [...observed.links.values()].some((link) => link.name === name);
}
