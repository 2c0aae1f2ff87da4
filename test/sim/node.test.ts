/**
 * The bundle on the simulated host, in Node: faults without a pause for each seed. `make sim` lets
 * many more live for a day.
 */
import { suite } from "uvu";
import { loadEngine } from "../../runtime/sim/run.js";
import { checkSeed, MINUTE_MS, numberFrom } from "./support.js";

const SEEDS = numberFrom("SEEDS", 24);
const FIRST = numberFrom("FIRST_SEED", 1);
const FAULT_MS = numberFrom("MINUTES", 20) * MINUTE_MS;

const test = suite("sim: node");
const engine = await loadEngine("node");

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`seed ${seed}`, () => void checkSeed({ seed, engine, faultMs: FAULT_MS }));
}

test.run();
