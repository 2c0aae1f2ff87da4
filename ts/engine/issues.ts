/** Issues as lines for people. */
import type { Issue } from "../model/config.js";

/** Of a UCI file that is good and not to run. */
export const disabled: Issue = {
  path: "",
  value: "",
  expected: "option enabled '1' in the section adit, or nothing runs",
};

/** With a file's name they begin as those of a compiler do, `file:line: …`, if there is a line. */
export function issueLines(issues: readonly Issue[], file = ""): readonly string[] {
  return issues.map(({ path, value, expected }) => {
    const joint = file === "" || path === "" ? "" : /^\d/.test(path) ? ":" : ": ";
    const where = file + joint + path || "configuration";
    return `${where}: expected ${expected}${value ? `, not ${value}` : ""}`;
  });
}
