// Counting what held and what did not, and the closing line that says so.

/** A new count. `ok(condition, text)` prints one line for each check and returns the condition. */
export function makeChecks({ quiet = false } = {}) {
  const count = { passed: 0, failed: 0, failures: [] };
  const ok = (condition, text, detail = "") => {
    if (condition) count.passed++;
    else count.failed++;
    const shown = detail === "" ? text : `${text}: ${detail}`;
    if (!condition) count.failures.push(shown);
    if (!condition || !quiet) console.log(`  ${condition ? "ok    " : "FAILED"} ${shown}`);
    return Boolean(condition);
  };
  return { count, ok, same: (got, want, text) => same(ok, got, want, text) };
}

function same(ok, got, want, text) {
  return ok(got === want, text, got === want ? "" : `got ${show(got)}, expected ${show(want)}`);
}

const show = (value) => (typeof value === "string" && value.includes("\n")
  ? `\n${value}\n` : JSON.stringify(value));

/** Runs one named part; an exception in it is one failure, and the next part still runs. */
export async function part(checks, name, body) {
  console.log(name);
  try {
    await body();
  } catch (error) {
    checks.ok(false, name, error.message);
  }
}

/** Runs named parts one after another, and finishes. */
export async function finishParts(checks, parts) {
  for (const [name, body] of parts) await part(checks, name, body);
  return finish(checks);
}

/** Prints the closing line and gives the exit status. */
export function finish(checks) {
  console.log(`${checks.count.passed} passed, ${checks.count.failed} failed`);
  return checks.count.failed === 0 && checks.count.passed > 0 ? 0 : 1;
}

/** The lines in which two texts differ, with - for the first and + for the second. */
export function differences(before, after) {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const gone = old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`);
  const added = fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...added].join("\n");
}
