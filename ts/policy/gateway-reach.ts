/**
 * What a gateway's clients do not reach unless its owner says so: the gateway itself but for a ping
 * of its inner addresses, other interfaces than the uplink, and whatever only somebody near can
 * mean, such as its LAN and the metadata service of its hoster.
 */
import type { GatewayConfig } from "../model/config.js";
import type { Prefix } from "../model/ip.js";
import { gatewayOfPool } from "../model/pool.js";
import type { NftChain, NftRule } from "../render/nft.js";

const priorityDoors = -150;
const priorityReach = -4;

/** RFC 6890: nothing of them is on the internet; of IPv6 all that lies beside 2000::/3. */
const near: readonly Prefix[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
  "::/3",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
];

export function reachChains(config: GatewayConfig): NftChain[] {
  const { tunIfname, wanIfname, clientReach, pool4, pool6 } = config;
  const inside = `iifname "${tunIfname}"`;
  const open = clientReach.map((prefix) => ruleFor(inside, prefix, "accept", "client_reach"));
  const pings = [pool4, pool6].flatMap((pool) => (pool === "" ? [] : pingRule(inside, pool)));
  const own = `${inside} fib daddr type local ct state != { established, related } counter drop`;
  const why = "near the gateway, not on the internet";
  const closed = near.map((prefix) => ruleFor(inside, prefix, "counter drop", why));
  const elsewhere = { text: `${inside} oifname != "${wanIfname}" counter drop`, why };
  return [
    {
      name: "doors",
      hook: { type: "filter", hook: "prerouting", priority: priorityDoors },
      rules: [...pings, ...open, { text: own, why: "the gateway itself" }],
    },
    {
      name: "reach",
      hook: { type: "filter", hook: "forward", priority: priorityReach },
      rules: [...open, ...closed, ...(wanIfname === "" ? [] : [elsewhere])],
    },
  ];
}

function ruleFor(inside: string, prefix: Prefix, verdict: string, why: string): NftRule {
  const field = prefix.includes(":") ? "ip6" : "ip";
  return { text: `${inside} ${field} daddr ${prefix} ${verdict}`, why };
}

function pingRule(inside: string, pool: Prefix): NftRule {
  const [field, kind] = pool.includes(":") ? ["ip6", "icmpv6"] : ["ip", "icmp"];
  const text = `${inside} ${field} daddr ${gatewayOfPool(pool)} ${kind} type echo-request accept`;
  return { text, why: "to see whether the tunnel carries" };
}
