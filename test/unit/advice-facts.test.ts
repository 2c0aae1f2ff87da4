/** What the decider learns of tunnels from counters of the mover, and what a script hears of it. */
import assert from "node:assert";
import { suite } from "uvu";
import { createAdvice } from "../../ts/engine/advice.js";
import { locationJson, router } from "./support/configs.js";
import type { Behave } from "./support/fake-cage.js";
import { CageHost, result, script } from "./support/fake-cage.js";

const facts = suite("advice: facts");

/** A session whose counters of segments are about to wrap. */
const noTraffic = {
  ...{ session: 7, slot: 1, rttUs: 0, idleMs: 0, rxBytes: 0, txBytes: 0 },
  ...{ rxPackets: 0, txPackets: 0, dropSource: 0, dropQueue: 0, dropInvalid: 0 },
  ...{ segmentsOut: 0xffff_ff00, segmentsAgain: 0xffff_fff0 },
};

const quiet: Behave = (kind) =>
  result(kind === "L" ? { api: 1, version: 1, functions: ["route"] } : { routes: [], log: [] });

function decisions(host: CageHost): number {
  return host.calls.filter(({ call }) => call["call"] === "decide").length;
}

/** Passes ten seconds in which the tunnel to `us` carries so much. */
function carry(host: CageHost, mbit: number, segments: number, again: number): void {
  const tunnel = host.tunnels.bySlot.get(1);
  assert.ok(tunnel !== undefined);
  host.tunnels.bySlot.set(1, { ...tunnel, session: 7 });
  const [before = noTraffic] = host.sessions;
  const txBytes = before.txBytes + mbit * 1_250_000;
  const segmentsOut = (before.segmentsOut + segments) >>> 0;
  const segmentsAgain = (before.segmentsAgain + again) >>> 0;
  host.sessions = [{ ...before, txBytes, segmentsOut, segmentsAgain }];
  host.pass(10_000);
}

facts("loss and load are differences of counters, and a moved load is a question", () => {
  const locations = [{ ...locationJson("us", 10), capacity_mbit: 100 }];
  const host = new CageHost(router({ policy: { file: "/p.mjs" }, locations }), quiet);
  const { core, tunnels } = host;
  const advice = createAdvice(core, { tunnels, onChange: () => undefined });
  advice.load(() => advice.run(script()));
  const now = (): unknown => {
    const [us] = advice.worldNow().locations;
    return [us?.load, us?.loss, us?.tx_bps];
  };
  host.pass(1_000);
  carry(host, 0, 0, 0);
  assert.deepStrictEqual(now(), [0, undefined, 0]);
  const asked = decisions(host);
  carry(host, 9, 99, 99);
  assert.deepStrictEqual([now(), decisions(host)], [[0.09, undefined, 9_000_000], asked]);
  carry(host, 30, 3_000, 40);
  assert.deepStrictEqual(now(), [0.3, 0.013, 30_000_000]);
  assert.strictEqual(decisions(host), asked + 1);
  carry(host, 35, 100, 100);
  assert.deepStrictEqual(now(), [0.35, 1, 35_000_000]);
  tunnels.bySlot.clear();
  host.pass(10_000);
  assert.deepStrictEqual(now(), [0, undefined, 0]);
});

facts("without loads to look at, counters are read when the script is asked", () => {
  const host = new CageHost(router({ policy: { file: "/p.mjs" } }), quiet);
  const { core, tunnels } = host;
  const advice = createAdvice(core, { tunnels, onChange: () => undefined });
  advice.load(() => advice.run(script()));
  const now = (): unknown => advice.worldNow().locations[0]?.tx_bps;
  host.pass(1_000);
  carry(host, 0, 0, 0);
  assert.deepStrictEqual([now(), core.deadlines.list().map(({ name }) => name)], [0, ["policy"]]);
  host.pass(60_000);
  carry(host, 9, 99, 99);
  host.pass(60_000);
  assert.strictEqual(now(), 1_500_000);
});

facts.run();
