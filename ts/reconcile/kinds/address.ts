import type { Desired, DesiredAddress } from "../../model/desired.js";
import { prefixContains } from "../../model/ip.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";
import { difference, keyedBy } from "./keyed.js";

/** The kernel's own. */
const linkLocal = "fe80::/10";

/** Addresses of the TUN: it is ours, so all of them are, except what the kernel gave it. */
export function planAddresses(desired: Desired, observed: Observed): PlannedOperation[] {
  const present: DesiredAddress[] = [];
  for (const { index, prefix } of observed.addresses.values()) {
    if (index !== observed.tunIndex || prefixContains(linkLocal, prefix)) continue;
    present.push({ ifname: observed.tun, prefix });
  }
  const identity = ({ ifname, prefix }: DesiredAddress): string => `${ifname} ${prefix}`;
  const { added, removed } = difference(
    keyedBy(desired.addresses, identity),
    keyedBy(present, identity),
  );
  return [
    ...added.map((address) => operation(address, false)),
    ...removed.map((address) => operation(address, true)),
  ];
}

function operation(address: DesiredAddress, remove: boolean): PlannedOperation {
  const { ifname, prefix } = address;
  const phase = remove ? phases.removeRest : phases.tunSettings;
  const why = remove ? `remove ${prefix} from ${ifname}` : `put ${prefix} on ${ifname}`;
  return { operation: { kind: "address", remove, address }, phase, why };
}
