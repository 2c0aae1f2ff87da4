import type { Desired } from "../../model/desired.js";
import { flagUp } from "../../model/kernel.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";

/** There is one TUN: another name means closing the one and opening the other. */
export function planTun(desired: Desired, observed: Observed): PlannedOperation[] {
  const { tun } = desired;
  const close = (phase: number): PlannedOperation => {
    return { operation: { kind: "tun-close" }, phase, why: `close ${observed.tun}` };
  };
  if (tun === undefined) return observed.tun === "" ? [] : [close(phases.closeTun)];
  if (observed.tun === tun.name) return [];
  const open: PlannedOperation = {
    operation: { kind: "tun-open", tun },
    phase: phases.openTun,
    why: `open ${tun.name}`,
  };
  return observed.tun === "" ? [open] : [close(phases.closeOtherTun), open];
}

export function planLink(desired: Desired, observed: Observed): PlannedOperation[] {
  const { tun } = desired;
  if (tun === undefined) return [];
  const link = observed.links.get(observed.tunIndex);
  const isUp = link !== undefined && (link.flags & flagUp) !== 0;
  if (isUp && link.mtu === tun.mtu && observed.tun === tun.name) return [];
  const { name, mtu } = tun;
  const operation = { kind: "link", name, up: true, mtu } as const;
  return [{ operation, phase: phases.link, why: `set ${name} up with MTU ${mtu}` }];
}
