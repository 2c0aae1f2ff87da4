/**
 * Whether there is IPv6: a kernel may have none, and its owner may switch it off and on again, for
 * every interface or the TUN alone. The block stays wherever the kernel takes it: rules, their
 * unreachable ends and the guard stand before an address or route of the TUN can come back.
 */
import type { Desired } from "../model/desired.js";
import { prefixFamily } from "../model/ip.js";
import type { Observed } from "../model/observed.js";

/** Present if the kernel has IPv6; a router writes it. */
const keyForwarding = "net/ipv6/conf/all/forwarding";

/** What is wanted, of which the kernel refuses nothing for want of IPv6. */
export function whereIpv6Is(tun: string, desired: Desired, observed: Observed): Desired {
  const [own, future] = [tun, "default"].map((name) => `net/ipv6/conf/${name}/disable_ipv6`);
  const { sysctls: found } = observed;
  // Empty values are read and never written.
  const sysctls = new Map(desired.sysctls).set(own as string, "").set(future as string, "");
  const hasNone = found.get(keyForwarding) === "";
  const isOff = (found.get(own as string) || found.get(future as string)) === "1";
  if (!hasNone && !isOff) return { ...desired, sysctls };
  const stays = (text: string, oif: string): boolean =>
    prefixFamily(text) === 4 || (!hasNone && oif !== tun);
  return {
    ...desired,
    sysctls,
    addresses: desired.addresses.filter(({ ifname, prefix }) => stays(prefix, ifname)),
    routes: desired.routes.filter(({ dst, oif }) => stays(dst, oif)),
    rules: desired.rules.filter(({ family }) => family === 4 || !hasNone),
  };
}
