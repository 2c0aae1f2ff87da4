/**
 * Answers to connections that came in by an uplink leave by it. The first packet of such a
 * connection marks its tracking entry; only what goes in its reply direction, from a device to
 * which the owner's firewall led it, may go past the tunnels. So a packet from outside opens a
 * way for nothing but what answers it: a new connection of the device is never a reply, and one
 * that a helper expected counts only if it came in by an uplink itself.
 */
import type { RouterConfig } from "../model/config.js";
import type { FirewallElement } from "../model/desired.js";
import type { NftChain, NftRule } from "../render/nft.js";
import { hex32, ourMask, uplinkMark } from "./marks.js";

/** What a packet must be to be an answer of a device. */
const forwardedAnswer = "ct direction reply ct status dnat";

/** Goes before all look-ups, where packets come in. */
export function arrivalRules(config: RouterConfig): NftRule[] {
  const { mask, clear } = markTexts(config);
  const others = "ct direction original meta l4proto != { icmp, icmpv6 }";
  return [
    {
      text: `iifname != @uplink ct state related ${others} ct mark & ${mask} != 0 ${clear}`,
      why: "expected by a helper but not from outside",
    },
    { text: `iifname "${config.tunIfname}" return`, why: "comes out of a tunnel" },
    { text: "iifname @uplink goto arriving", why: "comes from outside" },
  ];
}

/** In the chains that mark for a location, for devices whose rule does not forbid it. */
export function answerRule(): NftRule {
  return { text: `${forwardedAnswer} jump answering`, why: "may answer who came by an uplink" };
}

/** The same for what the router itself sends. */
export function ownAnswerRule(): NftRule {
  return { text: "ct direction reply jump answering", why: "may answer who came by an uplink" };
}

/** In the guard, which looks at the tracking entry and not at the packet's mark. */
export function answeredRule(): NftRule {
  return { text: `${forwardedAnswer} jump answered`, why: "may answer who came by an uplink" };
}

export function answerChains(config: RouterConfig, uplinks: readonly string[]): NftChain[] {
  const { mask, keep } = markTexts(config);
  const chain = (name: string, rules: readonly NftRule[]): NftChain => {
    return { name, hook: undefined, rules };
  };
  const markOf = (rank: number): string => hex32(uplinkMark(config, rank));
  const syn = "tcp flags & (syn | ack) == syn";
  const beginning = { text: `${syn} return`, why: "begins a connection, answers none" };
  return [
    chain(
      "arriving",
      uplinks.map((name, rank) => ({
        text: `iifname "${name}" ct state new ct mark set ct mark & ${keep} | ${markOf(rank)}`,
        why: "a connection from outside",
      })),
    ),
    ...uplinks.map((name, rank) =>
      chain(`answer_${rank + 1}`, [
        {
          text: `meta mark set meta mark & ${maskOut(config)} | ${markOf(rank)}`,
          why: `an answer by ${name}`,
        },
        { text: "accept", why: "leaves by the uplink that it came from" },
      ]),
    ),
    chain("answering", [
      beginning,
      { text: `ct mark & ${mask} vmap @answer`, why: "by the uplink that it came from" },
    ]),
    chain("answered", [
      beginning,
      ...uplinks.map((name, rank) => ({
        text: `ct mark & ${mask} == ${markOf(rank)} oifname "${name}" accept`,
        why: "by the uplink that it came from",
      })),
    ]),
  ];
}

/** Elements of the map `answer`, mark to chain. */
export function answerElements(
  config: RouterConfig,
  uplinks: readonly string[],
): FirewallElement[] {
  return uplinks.map((_, rank) => {
    const key = hex32(uplinkMark(config, rank));
    return { map: "answer", key, value: `goto answer_${rank + 1}` };
  });
}

function markTexts(config: RouterConfig): { mask: string; keep: string; clear: string } {
  const keep = hex32((~config.markMask & 0xffffffff) >>> 0);
  return { mask: hex32(config.markMask), keep, clear: `ct mark set ct mark & ${keep}` };
}

/** What is kept of a packet's mark. */
function maskOut(config: RouterConfig): string {
  return hex32((~ourMask(config) & 0xffffffff) >>> 0);
}
