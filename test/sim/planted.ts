/** A planted mistake must be found within a few seeds, by the invariant that is there for it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Mistake } from "../../runtime/sim/mistakes.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { run } from "../../runtime/sim/world.js";
import { MINUTE_MS } from "./support.js";

const SEEDS_MAX = 12;
const FAULT_MS = 10 * MINUTE_MS;

/** One test for each mistake; `title` names the suite. */
export async function testPlanted(title: string, mistakes: readonly Mistake[]): Promise<void> {
  const test = suite(title);
  const engine = await loadEngine("node");
  for (const { name, plant, found, scripted, second } of mistakes) {
    test(`${name} is found`, () => {
      // Another invariant may see the damage first; the one that is there for it must see it too.
      const others = new Set<string>();
      for (let seed = 1; seed <= SEEDS_MAX; seed++) {
        const world = { ...(scripted && { scripted }), ...(second && { second }) };
        const { violation } = run({ seed, engine, faultMs: FAULT_MS, plant, ...world });
        const message = violation?.message;
        if (found.some((invariant) => message?.startsWith(invariant))) return;
        if (message !== undefined) others.add(message);
      }
      assert.unreachable(`${SEEDS_MAX} seeds did not find it; others: ${[...others].join("; ")}`);
    });
  }
  test.run();
}
