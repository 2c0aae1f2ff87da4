// A policy for the golden picture: every kind of answer, every kind of note, and a failure.
import {
  balance, block, definePolicy, direct, during, log, notify, reconnect, redecide, via,
} from "adit:policy";

export default definePolicy({
  route(device, world) {
    if (device.name === "crash & burn") return via(world.location("gone").name);
    if (device.iface === "br-guest") return block({ why: "guests sleep" });
    if (device.name?.startsWith("printer")) return direct({ why: "<prints> at home" });
    if (device.name === "quiet") return undefined;
    if (during(world.now, "23:00-06:00")) return via("de", { whenDown: "us", why: "night" });
    return via(balance(device, "us", "de", "nl"));
  },
  selectPeer(location, peers) {
    return location.name === "us" ? [...peers].reverse() : undefined;
  },
  bypass(world) {
    return world.vars.bypass ?? [];
  },
  onEvent(event) {
    if (event.type === "location" && event.state === "down") {
      log(`${event.location} was ${event.was}`);
      return [notify(`${event.location} is down`), reconnect(event.location), redecide(90)];
    }
    return undefined;
  },
});
