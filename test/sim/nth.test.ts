/**
 * Every point of a start, one at a time: the decider is killed at its Nth effect, and the Nth
 * command is refused. Whatever N is, the router ends up as policy says, and never leaks on the way.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { errno } from "../../runtime/sim/constants.js";
import { REFUSABLE } from "../../runtime/sim/faults.js";
import type { Machine } from "../../runtime/sim/machine.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { checkSeed } from "./support.js";

const SEED = 1;
/** A start takes less virtual time than this, the settled router does nothing in the rest of it. */
const BOOT_MS = 5_000;
/** Fewer would mean that the start was not seen. */
const POINTS_MIN = 30;

const test = suite("sim: every point of a start");
const engine = await loadEngine("node");

function start(plant: (machine: Machine) => void): void {
  checkSeed({ seed: SEED, engine, faultMs: 0, plant });
}

test("killed at its Nth effect", () => {
  let effects = 0;
  start((machine) => {
    machine.onEffect = () => {
      if (machine.around.clock.nowMs < BOOT_MS) effects++;
    };
  });
  assert.ok(effects >= POINTS_MIN, `${effects} effects`);
  for (let n = 1; n <= effects; n++) start((machine) => (machine.effectsLeft = n));
});

test("the Nth command is refused", () => {
  let commands = 0;
  const refuse = (n: number) => (machine: Machine) => {
    machine.onMover = (mover) => {
      let count = 0;
      mover.intercept = ({ type }) => {
        if (!REFUSABLE.has(type)) return 0;
        commands = Math.max(commands, ++count);
        return count === n ? -errno.EIO : 0;
      };
    };
  };
  start(refuse(0));
  const planned = commands;
  assert.ok(planned >= POINTS_MIN, `${planned} commands`);
  for (let n = 1; n <= planned; n++) start(refuse(n));
});

test.run();
