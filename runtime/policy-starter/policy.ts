import { byName, definePolicy, during, fastest, firstUp, via } from "adit:policy";

/** What the router's configuration has under `policy.vars`. */
interface Vars {
  /** When children's tablets go to the location with a filter, such as "19:00-07:00". */
  readonly bedtime?: string;
}

export default definePolicy<Vars>({
  version: 1,

  route(device, world) {
    // Guests leave through one place, and not at all while it is down.
    if (device.iface === "br-guest") return via("us", { whenDown: "block", why: "guest" });

    // Films come from wherever the round trip is shortest.
    if (byName(device, "tv-*")) return via(fastest("us", "de"));

    if (byName(device, "tablet-*") && during(world.now, world.vars.bedtime ?? "20:00-07:00")) {
      return via("de", { why: "bedtime" });
    }

    // Everybody else: the first that is up, in this order.
    return via(firstUp("de", "us"), { whenDown: "block" });
  },
});
