/**
 * What the router says itself: ICMP errors and rejects. They quote the packet that they are about,
 * go to whoever sent it, and are routed as the router's own. What quotes something out of a tunnel
 * goes back into it; what quotes a device goes back to where the device is; or neither leaves.
 */
import type { RouterConfig } from "../model/config.js";
import type { FirewallElement } from "../model/desired.js";
import type { NftChain, NftMap, NftRule } from "../render/nft.js";
import { familyElement, locationAddresses } from "./elements.js";
import type { States } from "./outcome.js";
import { stateAt } from "./outcome.js";

/** Behind the source translation of everybody, which gives errors the address of their flow. */
const priorityLeaving = 110;

const errors4 = "icmp type { destination-unreachable, time-exceeded, parameter-problem }";
const errors6 =
  "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }";

/** Inner addresses with the chain of their location. */
export const quoteMaps: readonly NftMap[] = [
  { name: "quote4", key: "ipv4_addr", value: "verdict" },
  { name: "quote6", key: "ipv6_addr", value: "verdict" },
];

/** Also the members of own4 and own6: what may not be seen outside. */
export function quoteElements(config: RouterConfig, states: States): FirewallElement[] {
  return config.locations.flatMap((_, at) => {
    const index = at + 1;
    return locationAddresses(stateAt(config, states, index), index).flatMap((address) => [
      familyElement("own", address, ""),
      familyElement("quote", address, `goto loc_${index}`),
    ]);
  });
}

/**
 * An error about a translated flow's answer: the connection tracker knows whose answer it was. The
 * mark takes it into the tunnel, where the far side learns of a smaller MTU.
 */
export function quoteRules(): NftRule[] {
  const about = "ct state related ct direction original ct reply";
  const why = "about what came out of a tunnel";
  return [
    { text: `${about} ip daddr vmap @quote4`, why },
    { text: `${about} ip6 daddr vmap @quote6`, why },
  ];
}

/**
 * The last look at what leaves. An address from inside a tunnel is nobody's outside it. An error
 * has an address of the interface by which its cause came, unless its way leads elsewhere: to a
 * device whose prefix is stale, say, it would go by the uplink.
 */
export function leavingChain({ tunIfname }: RouterConfig): NftChain {
  const elsewhere = "fib saddr type local fib saddr . oif type != local counter drop";
  return {
    name: "leaving",
    hook: { type: "filter", hook: "postrouting", priority: priorityLeaving },
    rules: [
      { text: `oifname { "lo", "${tunIfname}" } accept`, why: "into the tunnel" },
      { text: "ip saddr @own4 counter drop", why: "address from inside a tunnel" },
      { text: "ip6 saddr @own6 counter drop", why: "address from inside a tunnel" },
      { text: `${errors4} ${elsewhere}`, why: "error that would not go back" },
      { text: `${errors6} ${elsewhere}`, why: "error that would not go back" },
    ],
  };
}
