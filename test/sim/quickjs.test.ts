/**
 * The same bundle in QuickJS with a router's limits. The trace of messages must be that of Node,
 * byte for byte: whatever differs between the engines would make every other run worthless.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadEngine } from "../../runtime/sim/run.js";
import { checkSeed, MINUTE_MS, numberFrom } from "./support.js";

const SEEDS = numberFrom("QUICKJS_SEEDS", 4);
const FIRST = numberFrom("FIRST_SEED", 1);
const FAULT_MS = 10 * MINUTE_MS;

const test = suite("sim: quickjs");
const quickjs = await loadEngine("quickjs");
const node = await loadEngine("node");

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`seed ${seed}`, () => {
    const expected = checkSeed({ seed, engine: node, faultMs: FAULT_MS });
    const actual = checkSeed({ seed, engine: quickjs, faultMs: FAULT_MS });
    assert.is(actual.messages, expected.messages, "messages in QuickJS and in Node");
    assert.is(actual.digest, expected.digest, "trace in QuickJS and in Node");
  });
}

test.run();
