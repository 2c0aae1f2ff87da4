/** Faults around a policy script; they do nothing in a life without one. */
import type { Fault } from "./faults.js";
import { summerS } from "./scripts.js";
import type { World } from "./world.js";

const HOUR_MS = 3_600_000;
/** How long before an hour passes the clock is set. */
const BEFORE_MS_MAX = 90_000;

export const scriptFaults: readonly Fault[] = [
  { name: "script swapped", run: ({ script }) => script?.swap() },
  { name: "script swapped", run: ({ script }) => script?.swap() },
  { name: "script confirmed", run: ({ script }) => script?.end("confirm") },
  { name: "script rolled back", run: ({ script }) => script?.end("rollback") },
  { name: "power cut", run: (world) => world.cutPower() },
  { name: "decider killed while deciding", run: killWhileDeciding },
  { name: "leases change", run: ({ script }) => script?.renameDevices() },
  { name: "hour passes", run: passHour },
];

/** The cage is asked, and whoever asked is gone before the answer. */
function killWhileDeciding(world: World): void {
  const { mover } = world.router;
  if (mover === undefined || world.script === undefined) return;
  const { script } = world;
  mover.cages.fault = (kind) => {
    if (kind !== "C") return "none";
    script.troubleMs = world.clock.nowMs;
    mover.cages.fault = () => "none";
    world.clock.after(world.random.below(2), () => {
      if (world.router.mover === mover) world.router.killDecider("killed: signal 9");
    });
    return "none";
  };
}

/** The next full hour comes soon, or the night in which summer time begins or ends. */
function passHour(world: World): void {
  const { clock, random, script } = world;
  if (script === undefined) return;
  const wallMs = clock.wallMs();
  const year = new Date(wallMs).getUTCFullYear();
  const hours = (Math.floor(wallMs / HOUR_MS) + 1) * HOUR_MS;
  const dueMs = random.chance(50) ? hours : summerS(year, random.pick([2, 9])) * 1_000;
  clock.wallOffsetMs += dueMs - random.between(1, BEFORE_MS_MAX) - wallMs;
  script.onClockSet();
}
