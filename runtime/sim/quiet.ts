/** Times in which nothing happens, and what must not happen then. */
import { callApi } from "./api-client.js";
import type { Clock } from "./clock.js";
import { difference, ownText } from "./invariants.js";
import type { Machine } from "./machine.js";
import { Violation } from "./violation.js";

const QUIET_MS = 30_000;
const ANSWER_MS = 5_000;
const HALF_HOUR_MS = 1_800_000;
/** All that follows the faults takes less. */
const END_MS = 6 * 60_000;

/** Time until no full or half hour is near, at which a script may change its mind. */
export function untilQuietMs(clock: Clock): number {
  const leftMs = HALF_HOUR_MS - (clock.wallMs() % HALF_HOUR_MS);
  return leftMs > END_MS ? 0 : leftMs;
}

export function expectEmptyPlan(router: Machine): void {
  const { clock } = router.around;
  let body = "no answer";
  callApi(router, "GET", "/v1/plan", undefined, (answer) => (body = answer.body));
  clock.run(clock.nowMs + ANSWER_MS);
  const empty = (JSON.parse(body) as { operations?: unknown[] }).operations?.length === 0;
  if (!empty) throw new Violation("the plan is empty when settled", body.slice(0, 2_000));
}

/**
 * Runs `act` and a while of quiet; the kernel must be as before, without an operation on it, and
 * must still know every flow.
 */
export function expectQuiet(
  router: Machine,
  invariant: string,
  act: () => void,
  lastCommand: () => object | undefined,
): void {
  const { kernel } = router;
  const { clock } = router.around;
  const before = ownText(router);
  const flows = [...kernel.flows];
  let events = 0;
  const observer = (): void => void events++;
  kernel.observers.add(observer);
  act();
  clock.run(clock.nowMs + QUIET_MS);
  kernel.observers.delete(observer);
  const after = ownText(router);
  if (after !== before) throw new Violation(invariant, difference(before, after));
  const tracked = new Set(kernel.flows);
  const cut = flows.find((flow) => !tracked.has(flow));
  if (cut !== undefined) throw new Violation(invariant, `flow cut: ${JSON.stringify(cut)}`);
  if (events === 0) return;
  const detail = `${events} kernel events, ${JSON.stringify(lastCommand())}`;
  throw new Violation(invariant, detail);
}
