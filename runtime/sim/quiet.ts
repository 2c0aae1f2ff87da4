/** Times in which nothing happens, and what must not happen then. */
import { callApi } from "./api-client.js";
import type { Clock } from "./clock.js";
import { difference, ownText } from "./invariants.js";
import type { Machine } from "./machine.js";
import { RUN_DIR } from "./machine.js";
import { sysctlText } from "./power.js";
import { locations, TUN } from "./topology.js";
import { sessionState } from "./tunnels.js";
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

/** Every tunnel that carried over a dead uplink is up over another. */
export function checkFailover({ mover }: Machine, dead: string): void {
  const invariant = "a tunnel leaves an uplink that carries nothing";
  const sessions = [...(mover?.tunnels.sessions.values() ?? [])];
  const started = sessions.filter(({ state }) => state === sessionState.STARTED);
  const slots = new Set(started.map(({ slot }) => slot));
  const left = started.find((session) => session.wire?.carries() !== true);
  if (left !== undefined) throw new Violation(invariant, `${left.name} stays on ${dead}`);
  if (slots.size < locations.length) throw new Violation(invariant, `${slots.size} are up`);
}

/** The host is as it was found. */
export function checkStopped(router: Machine, sysctlsBefore: string): void {
  if (router.exitStatus !== 0) {
    throw new Violation("a stop ends well", `exit status ${router.exitStatus}`);
  }
  const left = [...router.kernel.links.values()].some(({ name }) => name === TUN) ? TUN : "";
  const after = `${ownText(router)} ${left}`.trim();
  if (after !== "no table") throw new Violation("a stop leaves nothing", after);
  const sysctls = sysctlText(router);
  if (sysctls !== sysctlsBefore) {
    throw new Violation("a stop restores settings", difference(sysctlsBefore, sysctls));
  }
  const files = router.files.paths().filter((path) => path.startsWith(`${RUN_DIR}/`));
  if (files.length > 0) throw new Violation("a stop removes state", files.join(" "));
}
