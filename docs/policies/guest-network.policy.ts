/**
 * A guest network: visitors leave through one place that carries no trust, never in clear under
 * the owner's address, and nobody stays online on the guest network for more than a day.
 */
import { block, definePolicy, firstUp, notify, via } from "adit:policy";

const dayS = 86_400;

export default definePolicy({
  version: 1,
  route(device, world) {
    if (device.iface !== "br-guest") return undefined;
    if (world.ageS(device) > dayS) return block({ why: "a day is over" });
    return via(firstUp("guests", "de"), { whenDown: "block", why: "guest" });
  },
  onEvent(event) {
    if (event.type !== "joined" || event.device?.iface !== "br-guest") return undefined;
    return notify(`a guest came: ${event.device.name ?? event.mac}`);
  },
});
