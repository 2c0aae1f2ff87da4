/**
 * Swaps of a policy script and of the control module. Goal: whenever the power fails, what starts
 * is the old or the new confirmed one, whole, never none; whenever only the decider dies, the swap
 * ends one way or the other. Method: the same swap again and again, cut before each host call of
 * the decider and each step of each write, one by one.
 */
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import type { Engine } from "../../runtime/sim/engine.js";
import { nodeEngine } from "../../runtime/sim/engine-node.js";
import { nodeRealms } from "../../runtime/sim/realm-node.js";
import { PRELUDE } from "../../runtime/sim/run.js";
import type { Flash } from "./household.js";
import { digestOf, Household, scriptTo } from "./household.js";
import { numberFrom } from "./support.js";

const test = suite("sim: swap");

const installed = readFileSync("build/adit.mjs", "utf8");
/** Another control module that does the same. */
const other = `// adit-control target=home version=2\n${installed}`;
const realms = nodeRealms(readFileSync(PRELUDE, "utf8"));
const engines = [installed, other].map((text) => nodeEngine(text, realms)) as [Engine, Engine];
/** Compiles neither module twice. */
const engine: Engine = {
  ...engines[0],
  create: (host, text) => {
    return text === other ? engines[1].create(host) : engines[0].create(host, text);
  },
};

const confirmS = 5;
const windowMs = confirmS * 1_000;
const [oldScript, newScript] = [scriptTo("us"), scriptTo("de")];
const digests = { us: digestOf(oldScript), de: digestOf(newScript) };
/** Every cut is tried; a longer list may be thinned out for a quick look. */
const stride = numberFrom("CUT_STRIDE", 1);

type Cut = "power" | "lucky power" | "decider";

function post(household: Household, path: string, body: object = {}): void {
  const { status, body: text } = household.ask("POST", `/v1/policy/${path}`, body);
  assert.strictEqual(status, 200, text);
}

/** A state directory in which the old script is confirmed. */
function oldFlash(): Flash {
  const household = new Household(engine);
  household.boot();
  post(household, "swap", { script: oldScript });
  post(household, "confirm");
  return household.flash();
}

const flash = oldFlash();

/** Swaps under a cut and brings everything up again; answers may get lost. */
function swapUnderCut(body: object, cutAt: number, cuts: Cut, ends = ""): Household {
  const household = new Household(engine, flash);
  household.boot();
  household.count(cutAt, cuts);
  household.ask("POST", "/v1/policy/swap", body);
  if (ends === "") household.run(windowMs + 1_000);
  else if (!household.wasCut) household.ask("POST", `/v1/policy/${ends}`, {});
  household.settle();
  return household;
}

/** Which script decides, with proof that it does and that nothing is pending. */
function decider(household: Household): "us" | "de" {
  const { script, state, policy } = household.view();
  const name = script?.sha256 === digests.us ? "us" : "de";
  assert.ok(script !== null, "no script decides");
  assert.deepStrictEqual([script.sha256, state], [digests[name], "running"]);
  assert.strictEqual(policy.pending, null);
  if (name === "de") assert.strictEqual(policy.last?.action, "confirm");
  const ways = household.ways();
  for (const { mac } of household.devices) assert.strictEqual(ways.get(mac), name, mac);
  return name;
}

function stepsOf(body: object, ends = ""): number {
  const household = swapUnderCut(body, Infinity, "power", ends);
  assert.ok(!household.wasCut && household.steps > 20, String(household.steps));
  return household.steps;
}

const policySwap = { script: newScript, confirm_s: confirmS };

for (const cuts of ["power", "lucky power"] as const) {
  test(`a cut of the ${cuts} at every step of a policy swap`, () => {
    const steps = stepsOf(policySwap);
    let last = "us";
    for (let cutAt = 1; cutAt <= steps; cutAt += stride) {
      const now = decider(swapUnderCut(policySwap, cutAt, cuts));
      // Once confirmed, no later cut brings the old one back.
      assert.ok(now === "de" || last === "us", `step ${cutAt}`);
      last = now;
    }
    assert.strictEqual(last, "de");
  });
}

test("a death of the decider at every step of a policy swap", () => {
  const steps = stepsOf(policySwap);
  const seen = new Set<string>();
  for (let cutAt = 1; cutAt <= steps; cutAt += stride) {
    const household = swapUnderCut(policySwap, cutAt, "decider");
    household.run(windowMs);
    seen.add(decider(household));
  }
  assert.strictEqual(seen.size, 2);
});

for (const [ends, end] of [["confirm", "de"], ["rollback", "us"]] as const) {
  test(`a cut of the power at every step of a policy swap that ends with a ${ends}`, () => {
    const steps = stepsOf(policySwap, ends);
    const seen: string[] = [];
    for (let cutAt = 1; cutAt <= steps; cutAt += stride) {
      seen.push(decider(swapUnderCut(policySwap, cutAt, "power", ends)));
    }
    assert.deepStrictEqual(new Set([...seen, end]), new Set(["us", end]));
    assert.strictEqual(seen.lastIndexOf("us") + 1 + seen.filter((one) => one === "de").length,
      seen.length);
  });
}

const controlSwap = { script: other, module: "control", confirm_s: confirmS };

/** Which control module runs; the other one's confirmation has to be on record. */
function module(household: Household): string {
  const { module: runs, trial, control } = household.view();
  assert.deepStrictEqual([trial, control.pending], [false, null]);
  assert.strictEqual(control.confirmed, runs === "rom" ? "" : runs);
  if (runs === "a") assert.strictEqual(control.last?.action, "confirm");
  assert.strictEqual(decider(household), "us", "the policy script stays");
  return runs;
}

for (const cuts of ["power", "lucky power"] as const) {
  test(`a cut of the ${cuts} at every step of a control swap`, () => {
    const steps = stepsOf(controlSwap);
    let last = "rom";
    for (let cutAt = 1; cutAt <= steps; cutAt += stride) {
      const now = module(swapUnderCut(controlSwap, cutAt, cuts));
      assert.ok(now === "a" || last === "rom", `step ${cutAt}`);
      last = now;
    }
    assert.strictEqual(last, "a");
  });
}

test("a death of the decider at every step of a control swap", () => {
  const steps = stepsOf(controlSwap);
  assert.strictEqual(module(swapUnderCut(controlSwap, Infinity, "decider")), "a");
  for (let cutAt = 1; cutAt <= steps; cutAt += stride) {
    const household = swapUnderCut(controlSwap, cutAt, "decider");
    household.run(windowMs);
    assert.ok(["a", "rom"].includes(module(household)));
  }
});

test.run();
