/**
 * A simulation that finds nothing proves nothing: each planted mistake must be found within a few
 * seeds, and by the invariant that is there for it.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mistakes } from "../../runtime/sim/mistakes.js";
import { loadEngine } from "../../runtime/sim/run.js";
import type { Report } from "../../runtime/sim/world.js";
import { run } from "../../runtime/sim/world.js";
import { MINUTE_MS } from "./support.js";

const SEEDS_MAX = 12;
const FAULT_MS = 10 * MINUTE_MS;

const test = suite("sim: planted mistakes");
const engine = await loadEngine("node");

for (const { name, plant, found, scripted } of mistakes) {
  test(`${name} is found`, () => {
    let report: Report | undefined;
    for (let seed = 1; seed <= SEEDS_MAX && report?.violation === undefined; seed++) {
      report = run({ seed, engine, faultMs: FAULT_MS, plant, ...(scripted && { scripted }) });
    }
    const message = report?.violation?.message ?? "";
    assert.is.not(message, "", `${SEEDS_MAX} seeds did not find it`);
    assert.ok(found.some((invariant) => message.startsWith(invariant)), `found by "${message}"`);
  });
}

test.run();
