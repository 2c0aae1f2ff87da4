/**
 * Devices nobody introduced: known ones by MAC, phones that invent a MAC by a name that only the
 * family uses, everything else in quarantine: an inspected way out, and a message to the owner.
 */
import {
  block, byMac, byName, definePolicy, isRandomized, notify, redecide, via, type Device,
} from "adit:policy";

interface Vars {
  readonly known: readonly string[];
  /** Patterns for phones with changing MACs, such as `family-*`. */
  readonly phones: readonly string[];
}

/** A new device waits so long, in which the owner may introduce it. */
const waitS = 120;

const isKnown = (device: Device, vars: Vars): boolean =>
  byMac(device, ...vars.known) || isRandomized(device) && byName(device, ...vars.phones);

export default definePolicy<Vars>({
  version: 1,
  route(device, world) {
    if (isKnown(device, world.vars)) return via("de", { whenDown: "direct" });
    if (world.ageS(device) < waitS) return block({ why: "new here, waiting" });
    return via("inspect", { whenDown: "block", why: "quarantine" });
  },
  onEvent(event, world) {
    if (event.type !== "joined" || event.device === undefined) return undefined;
    if (isKnown(event.device, world.vars)) return undefined;
    const name = event.device.name === undefined ? "" : ` (${event.device.name})`;
    return [notify(`unknown device ${event.mac}${name}`), redecide(waitS)];
  },
});
