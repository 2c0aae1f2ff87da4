/**
 * Flash wears out. Goal: a router that has settled writes nothing to it. Method: every step of
 * every write outside the run directory in an hour of a household with a script, in which devices
 * send, a tunnel is lost and found again, and a device gets another address.
 */
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import { nodeEngine } from "../../runtime/sim/engine-node.js";
import { nodeRealms } from "../../runtime/sim/realm-node.js";
import { Random } from "../../runtime/sim/random.js";
import { PRELUDE } from "../../runtime/sim/run.js";
import { announce } from "../../runtime/sim/topology.js";
import { Household, scriptTo } from "./household.js";

const test = suite("sim: flash");
const realms = nodeRealms(readFileSync(PRELUDE, "utf8"));
const engine = nodeEngine(readFileSync("build/adit.mjs", "utf8"), realms);
const minuteMs = 60_000;
const hourMinutes = 60;

/** Paths on the flash that are written from here on. */
function watchWrites({ machine: { files } }: Household): string[] {
  const seen: string[] = [];
  files.onStep = (step, path) => {
    if (step === "write" && !path.startsWith(`${files.runDir}/`)) seen.push(path);
  };
  return seen;
}

function settledHousehold(): Household {
  const household = new Household(engine);
  household.boot();
  const { status, body } = household.ask("POST", "/v1/policy/swap", { script: scriptTo("us") });
  assert.strictEqual(status, 200, body);
  assert.strictEqual(household.ask("POST", "/v1/policy/confirm", {}).status, 200);
  household.run(minuteMs);
  return household;
}

test("a settled router writes nothing in an hour", () => {
  const household = settledHousehold();
  const seen = watchWrites(household);
  const random = new Random(1);
  const [first] = household.gateways.values();
  for (let minute = 0; minute < hourMinutes; minute++) {
    household.run(minuteMs);
    if (minute === hourMinutes / 3) first?.kill();
    if (minute === hourMinutes / 2) first?.start();
    for (const device of household.devices) announce(household.machine.kernel, device, random);
  }
  assert.deepStrictEqual(seen, []);
  assert.strictEqual(household.view().state, "running");
});

test("a swap is seen by the same watch", () => {
  const household = settledHousehold();
  const seen = watchWrites(household);
  assert.strictEqual(
    household.ask("POST", "/v1/policy/swap", { script: scriptTo("de") }).status, 200);
  assert.ok(seen.length > 0);
});

test.run();
