/** Which names the configuration calls uplinks. */
import type { RouterConfig } from "../model/config.js";

export function isNamedUplink(
  { wanIfname, uplinks }: Pick<RouterConfig, "wanIfname" | "uplinks">,
  name: string,
): boolean {
  return name === wanIfname || uplinks.some((pattern) => matchesPattern(pattern, name));
}

/** A pattern is a name, or how names begin and an asterisk. */
export function matchesPattern(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
