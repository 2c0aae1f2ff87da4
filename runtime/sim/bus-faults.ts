/** Faults of the bus, in lives whose user speaks ubus, and what must be so when they are over. */
import { callBus } from "./api-client.js";
import type { Fault } from "./faults.js";
import { Violation } from "./violation.js";
import type { World } from "./world.js";

/** So short that the user is heard again within the quiet after the faults. */
const OUTAGE_MS_MAX = 10_000;
/** The longest back-off, and some more. */
const REJOIN_MS = 35_000;
const ANSWER_MS = 5_000;

export const busFaults: readonly Fault[] = [{ name: "ubusd restarts", run: restartBus }];

function restartBus({ router, clock, random }: World): void {
  if (!router.ubusd.running) return;
  router.ubusd.stop();
  clock.after(random.between(1, OUTAGE_MS_MAX), () => {
    router.ubusd.running = true;
  });
}

/** The object comes back to a bus that is up, answers, and tells what happens. */
export function checkBus({ router, clock, policy }: World): void {
  if (policy.variation.bus !== true) return;
  let answer = "no answer";
  clock.run(clock.nowMs + REJOIN_MS);
  callBus(router, "status", {}, ({ status, body }) => (answer = `${status} ${body}`));
  clock.run(clock.nowMs + ANSWER_MS);
  if (!answer.includes('"ubus":{"connected":true')) throw new Violation("ubus answers", answer);
  if (router.ubusd.notifications.length === 0) throw new Violation("ubus hears of events", "none");
}
