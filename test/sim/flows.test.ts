/**
 * A decider that repairs what flows went past may be killed at any point of that, and nothing can
 * be written down; in the end no flow keeps its former way.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { errno } from "../../runtime/sim/constants.js";
import type { Machine } from "../../runtime/sim/machine.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { destinations4 } from "../../runtime/sim/topology.js";
import { World } from "../../runtime/sim/world.js";

const SEED = 1;
/** When the router has settled, and long before the checks. */
const FLUSH_MS = 10_000;
const REPAIRED_MS = 15_000;
/** Devices that a rule of the configuration stands for, the first ones of the world. */
const RULED = 3;
/** Fewer would mean that the repair was not seen. */
const POINTS_MIN = 6;

const test = suite("sim: flows that began past a wiped firewall");
const engine = await loadEngine("node");

/** Somebody flushes our table, and flows begin past it before it is there again. */
function play(act: (machine: Machine) => void): void {
  const world = new World({ seed: SEED, engine, faultMs: 0, scripted: false });
  const { clock, damage, devices, router } = world;
  clock.at(FLUSH_MS, () => {
    const { kernel } = router;
    damage.hit("firewall", clock.nowMs);
    kernel.firewall.table = undefined;
    for (const { addr4: src } of devices.slice(0, RULED)) {
      const [dst] = destinations4;
      kernel.flows.push({ src, dst, ports: "udp 443", answerer: dst, answered: src, mark: 0 });
    }
    kernel.emit({ type: "nft_changed" });
    act(router);
  });
  clock.at(REPAIRED_MS, () => (router.files.writeError = 0));
  world.live(0);
}

for (const writeError of [0, -errno.ENOSPC]) {
  test(`killed at any effect of the repair, writes answer ${writeError}`, () => {
    let effects = 0;
    play((machine) => {
      machine.onEffect = () => {
        if (machine.around.clock.nowMs < REPAIRED_MS) effects++;
      };
    });
    assert.ok(effects >= POINTS_MIN, `${effects} effects`);
    for (let n = 1; n <= effects; n++) {
      play((machine) => {
        machine.files.writeError = writeError;
        machine.effectsLeft = n;
      });
    }
  });
}

test.run();
