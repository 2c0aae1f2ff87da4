// Reading the counts that a test program printed, whatever runner it used.

const ESCAPES = /\u001b\[[0-9;]*m/g;
const CLOSING = /^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm;
const UVU = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm;

/** Text without the escapes that colour it. */
export const plainText = (text) => text.replace(ESCAPES, "");

export const noCounts = () => ({ passed: 0, failed: 0, skipped: 0 });

export const addCounts = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

export function closingLine(counts) {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}

/** Counts in the text of one program. The last closing line is the sum of what it follows. */
export function readCounts(text) {
  const plain = plainText(text);
  const closing = [...plain.matchAll(CLOSING)].at(-1);
  if (closing !== undefined) return numbers(closing[1], closing[2], closing[3] ?? "0");
  return [...plain.matchAll(UVU)]
    .map(([, all, passed, skipped]) => numbers(passed, all - passed - skipped, skipped))
    .reduce(addCounts, noCounts());
}

const numbers = (passed, failed, skipped) => ({
  passed: Number(passed), failed: Number(failed), skipped: Number(skipped),
});

/**
 * The counts of a program that ended. A build counts only when it failed; a program that says all
 * is well and yet ends badly, or that ran no test at all, is one failure.
 */
export function judge(program, ended) {
  const bad = ended.status !== 0;
  if (program.countsAs === "build") return { ...noCounts(), failed: bad ? 1 : 0 };
  if (program.countsAs === "one check") return oneCheck(!bad);
  if (program.countsAs === "fuzzer") return oneCheck(!bad && ranInputs(ended.text));
  const counts = readCounts(ended.text);
  const untold = counts.failed === 0 && (bad || counts.passed + counts.skipped === 0);
  return untold ? { ...counts, failed: 1 } : counts;
}

const oneCheck = (held) => ({ passed: held ? 1 : 0, failed: held ? 0 : 1, skipped: 0 });

const ranInputs = (text) => /stat::number_of_executed_units: +[1-9]/.test(text);
