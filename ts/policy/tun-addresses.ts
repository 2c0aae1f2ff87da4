/** Addresses of the TUN: the router's own inside, by which its own words are known. */
import type { RouterConfig } from "../model/config.js";
import type { DesiredAddress } from "../model/desired.js";
import type { Ip } from "../model/ip.js";
import { makePrefix } from "../model/ip.js";

/** IPv6 twin of `tun_addr`; no location's placeholder. */
const tunAddr6 = "fdad:17::ff";

/** None if somebody else sets the TUN up. */
export function tunSources({ noSocketSetup, tunAddr }: RouterConfig): Ip[] {
  return noSocketSetup ? [] : [tunAddr, tunAddr6];
}

export function tunAddresses(config: RouterConfig): DesiredAddress[] {
  const ifname = config.tunIfname;
  return tunSources(config).map((address) => ({ ifname, prefix: makePrefix(address) }));
}
