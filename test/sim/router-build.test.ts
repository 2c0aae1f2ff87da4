/**
 * The module of the packages that have no gateway. Goal: a router cannot tell it from the one with
 * everything. Method: the same lives with faults in both, message by message.
 */
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import type { Engine } from "../../runtime/sim/engine.js";
import { nodeEngine } from "../../runtime/sim/engine-node.js";
import { nodeRealms } from "../../runtime/sim/realm-node.js";
import { PRELUDE } from "../../runtime/sim/run.js";
import type { Report } from "../../runtime/sim/report.js";
import { run } from "../../runtime/sim/world.js";

const test = suite("sim: a router's build");
const realms = nodeRealms(readFileSync(PRELUDE, "utf8"));
const engineOf = (file: string): Engine => nodeEngine(readFileSync(file, "utf8"), realms);
const [full, router] = [engineOf("build/adit.mjs"), engineOf("build/router/adit.mjs")];
const faultMs = 2 * 60_000;
const seeds = [1, 2, 3, 4];

function live(engine: Engine, seed: number): Report {
  return run({ seed, engine, gatewayEngine: full, faultMs, traceKeep: 0 });
}

for (const seed of seeds) {
  test(`life ${seed} is the same in both`, () => {
    const [one, other] = [live(full, seed), live(router, seed)];
    assert.strictEqual(one.violation, undefined);
    assert.strictEqual(other.digest, one.digest);
  });
}

test("the one has code for gateways, the other has none", () => {
  const words = /"client_connected"/;
  assert.match(readFileSync("build/adit.mjs", "utf8"), words);
  assert.doesNotMatch(readFileSync("build/router/adit.mjs", "utf8"), words);
});

test.run();
