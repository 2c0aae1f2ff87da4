/**
 * The test runner's arithmetic. Goal: nothing that crashed, was cut short or ran no test can pass.
 * Method: give it the closing words of each kind of program and of broken ones.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface CountsModule {
  readCounts(text: string): Counts;
  judge(program: { countsAs?: string }, ended: { status: number; text: string }): Counts;
  closingLine(counts: Counts): string;
}

// The runner is plain JavaScript beside the sources; this file runs from build/test/test/unit.
const module: string = new URL("../../../../scripts/run-tests/counts.mjs", import.meta.url).href;
const { readCounts, judge, closingLine } = await import(module) as CountsModule;

const counts = (passed: number, failed: number, skipped = 0): Counts => ({
  passed, failed, skipped,
});
const uvu = (total: number, passed: number, skipped: number): string =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1ms\n\n`;

const test = suite("run-tests");

test("reads the totals of uvu, coloured or not", () => {
  assert.equal(readCounts(uvu(5, 3, 1)), counts(3, 1, 1));
  assert.equal(readCounts(uvu(2, 2, 0).replace("Total", "\u001b[1mTotal")), counts(2, 0));
  assert.equal(readCounts(uvu(2, 2, 0) + uvu(3, 1, 0)), counts(3, 2));
});

test("takes the last closing line as the sum", () => {
  assert.equal(readCounts("1 passed, 0 failed\n7 passed, 2 failed, 1 skipped\n"), counts(7, 2, 1));
  assert.equal(readCounts("we saw 7 passed, 2 failed\n"), counts(0, 0));
});

test("a bad end without a failed test is one failure", () => {
  assert.equal(judge({}, { status: 1, text: "3 passed, 0 failed\n" }), counts(3, 1));
  assert.equal(judge({}, { status: 1, text: "3 passed, 2 failed\n" }), counts(3, 2));
  assert.equal(judge({}, { status: 0, text: "3 passed, 0 failed\n" }), counts(3, 0));
});

test("a program that ran nothing is one failure", () => {
  assert.equal(judge({}, { status: 0, text: "" }), counts(0, 1));
  assert.equal(judge({}, { status: 0, text: "0 passed, 0 failed, 2 skipped\n" }), counts(0, 0, 2));
});

test("a build counts only when it fails, a check always", () => {
  assert.equal(judge({ countsAs: "build" }, { status: 0, text: "" }), counts(0, 0));
  assert.equal(judge({ countsAs: "build" }, { status: 2, text: "" }), counts(0, 1));
  assert.equal(judge({ countsAs: "one check" }, { status: 0, text: "" }), counts(1, 0));
  assert.equal(judge({ countsAs: "one check" }, { status: 1, text: "" }), counts(0, 1));
});

test("a fuzzer must have tried inputs", () => {
  const ran = "stat::number_of_executed_units: 20000\n";
  assert.equal(judge({ countsAs: "fuzzer" }, { status: 0, text: ran }), counts(1, 0));
  assert.equal(judge({ countsAs: "fuzzer" }, { status: 77, text: ran }), counts(0, 1));
  assert.equal(judge({ countsAs: "fuzzer" }, { status: 0, text: "" }), counts(0, 1));
});

test("the closing line names skipped only when there are some", () => {
  assert.is(closingLine(counts(4, 0)), "4 passed, 0 failed");
  assert.is(closingLine(counts(4, 1, 2)), "4 passed, 1 failed, 2 skipped");
});

test.run();
