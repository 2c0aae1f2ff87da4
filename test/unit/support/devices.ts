/** Two devices on a LAN. */
import type { ObservedStore } from "../../../ts/reconcile/fold.js";
import { emptyObserved, foldMessage } from "../../../ts/reconcile/fold.js";

export const tv = "02:00:00:00:00:01";
export const phone = "02:00:00:00:00:02";

export function lan(): ObservedStore {
  const store = emptyObserved();
  const link = { type: "link", deleted: false, flags: 1, mtu: 1_500, master: 0, mac: "" } as const;
  foldMessage(store, { ...link, index: 2, name: "br-lan" });
  foldMessage(store, { ...link, index: 4, name: "eth1" });
  const seen = [
    [phone, "10.0.0.9"],
    [tv, "10.0.0.30"],
    [tv, "10.0.0.3"],
    [tv, "fd00::3"],
  ] as const;
  for (const [mac, addr] of seen) {
    foldMessage(store, { type: "neighbour", deleted: false, index: 2, addr, mac, state: 2 });
  }
  return store;
}
