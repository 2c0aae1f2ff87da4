/**
 * A streaming box and a television service of the provider: the box goes past the tunnels, the
 * provider's own servers and the file server are reached directly by everybody.
 */
import { byMac, byName, definePolicy, direct, fastest, sticky, via } from "adit:policy";

interface Vars {
  /** The box, by MAC. */
  readonly box: string;
  /** The provider's television servers. */
  readonly provider: readonly string[];
}

/** The home's own networks: what is asked for at home shall not travel abroad. */
const inside = ["192.168.0.0/16", "fd12:3456:789a::/48"];

export default definePolicy<Vars>({
  version: 1,
  route(device, { vars }) {
    if (byMac(device, vars.box)) return direct({ why: "the provider's box" });
    if (byName(device, "nas", "backup-*")) return via("nl", { whenDown: "block" });
    return via(sticky(fastest("de", "nl")), { whenDown: "direct" });
  },
  bypass: ({ vars }) => [...inside, ...vars.provider],
});
