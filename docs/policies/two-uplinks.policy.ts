/**
 * Fibre with a mobile network behind it: while the fibre is away, only what matters is online, and
 * tunnels go to the port that mobile networks let through.
 */
import {
  block, byName, definePolicy, firstUp, notify, reconnect, via, type World,
} from "adit:policy";

const fibre = "eth1";
const everything = via(firstUp("de", "nl"));
const frugal = block({ why: "mobile network" });

const isMobile = (world: World): boolean =>
  !world.uplinks.some((uplink) => uplink.ifname === fibre && uplink.up);

export default definePolicy({
  version: 1,
  route(device, world) {
    if (!isMobile(world)) return everything;
    return byName(device, "phone-*", "laptop-*", "alarm") ? everything : frugal;
  },
  selectPeer(_location, peers, world) {
    if (!isMobile(world)) return undefined;
    // Peers on port 443 first; the others stay behind them.
    const web = peers.filter((peer) => peer.endsWith(":443"));
    return [...web, ...peers.filter((peer) => !web.includes(peer))];
  },
  onEvent(event, world) {
    if (event.type !== "uplink" || event.ifname !== fibre) return undefined;
    // A tunnel that was dialled over the other uplink would only find out by its timeout.
    const again = world.locations.map((location) => reconnect(location.name));
    return [notify(event.up ? "fibre is back" : "on the mobile network"), ...again];
  },
});
