/** Issues as lines for people. */
import type { Issue } from "../model/config.js";

export function issueLines(issues: readonly Issue[]): readonly string[] {
  return issues.map(({ path, value, expected }) => {
    const where = path === "" ? "configuration" : path;
    return `${where}: expected ${expected}${value ? `, not ${value}` : ""}`;
  });
}
