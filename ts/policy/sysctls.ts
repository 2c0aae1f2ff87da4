/** Kernel settings of a router and of a gateway; put back as found when the program stops. */
import type { RouterConfig } from "../model/config.js";
import type { Observed } from "../model/observed.js";
import type { Interfaces } from "./interfaces.js";
import { lanSide } from "./interfaces.js";

/** RFC 3704 loose mode: what comes out of the tunnel has no route back through it in main. */
const loose = "2";
/** Answers only for addresses of the interface that was asked, to askers of its own network. */
const arpStrict = "2";

/**
 * Forwarding, for both roles. A host that forwards forgets the default routes of router
 * advertisements unless the uplink says 2, so that comes first; one that takes none keeps that.
 */
export function forwardingSysctls(
  uplinks: readonly string[],
  observed: Observed,
): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const name of uplinks) {
    const key = `net/ipv6/conf/${name}/accept_ra`;
    const found = observed.sysctls.get(key) ?? "";
    wanted.set(key, found === "1" ? "2" : found);
  }
  wanted.set("net/ipv4/ip_forward", "1");
  return wanted.set("net/ipv6/conf/all/forwarding", "1");
}

export function routerSysctls(
  config: RouterConfig,
  observed: Observed,
  { uplinks }: Interfaces,
): Map<string, string> {
  const wanted = forwardingSysctls(uplinks, observed);
  // What the router says about a packet then has the address of where the packet came from.
  wanted.set("net/ipv4/icmp_errors_use_inbound_ifaddr", "1");
  wanted.set(reversePath(config.tunIfname), loose);
  // Answers to our own sockets come by an uplink, where unmarked packets are not routed to.
  if (config.defaultGateway || uplinks.length > 1) {
    for (const name of uplinks) wanted.set(reversePath(name), loose);
  }
  const present = new Set([...observed.links.values()].map((link) => link.name));
  for (const name of lanSide(config)) {
    if (present.has(name)) wanted.set(`net/ipv4/conf/${name}/arp_ignore`, arpStrict);
  }
  return wanted;
}

function reversePath(name: string): string {
  return `net/ipv4/conf/${name}/rp_filter`;
}
