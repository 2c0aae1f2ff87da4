/**
 * Desired minus observed: the operations that make them equal, in order; none when nothing differs.
 */
import type { Desired } from "../model/desired.js";
import type { Observed } from "../model/observed.js";
import type { Plan, PlannedOperation } from "../model/operation.js";
import { planAddresses } from "./kinds/address.js";
import { planConntrack } from "./kinds/conntrack.js";
import { planFirewall } from "./kinds/firewall.js";
import { planForward } from "./kinds/forward.js";
import { planListeners } from "./kinds/listener.js";
import { planRoutes } from "./kinds/route.js";
import { planRules } from "./kinds/rule.js";
import { planSysctls } from "./kinds/sysctl.js";
import { planLink, planTun } from "./kinds/tun.js";

type PlanKind = (desired: Desired, observed: Observed) => readonly PlannedOperation[];

const kinds: readonly PlanKind[] = [
  planTun,
  planLink,
  planAddresses,
  planRoutes,
  planRules,
  planSysctls,
  planFirewall,
  planForward,
  planListeners,
  planConntrack,
];

/**
 * Pure. What is not ours is never touched: routes and rules by their protocol number, addresses by
 * the TUN they are on, the firewall by its table. With a firewall that is unread its operations are
 * left out, so an empty plan then says nothing about it.
 */
export function planChanges(desired: Desired, observed: Observed): Plan {
  const planned = kinds.flatMap((kind) => kind(desired, observed));
  return planned.sort((left, right) => left.phase - right.phase);
}
