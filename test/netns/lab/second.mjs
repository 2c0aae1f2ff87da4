// A second uplink for the lab: another provider, with its own router, on another cable.
//
//   router  eth2 198.51.101.2 ──── w0 198.51.101.1  uplink2  203.0.113.2 ── internet
//
// IPv6 twins in 2001:db8:52::/64. Nothing leads over it until somebody says so.

import { nsIp, nsRun, nsSysctl, run } from "./sh.mjs";
import {
  GATEWAYS, NET, WAN_DEV, WEB, addressLines, addressOf, plugIntoInternet, prepareNamespace,
  uplinkChains,
} from "./topology.mjs";

export const SECOND = { ns: "uplink2", dev: "eth2", v4: "198.51.101", v6: "2001:db8:52:" };

const OUTSIDE_HOST = 2;
/** Worse than any that a router chooses for its first uplink, in both families. */
const METRIC = 2048;
/** What mwan3 would call the two: a table, and a mark in bits of its own. */
const BALANCED = [
  { dev: WAN_DEV, net: NET.wan, table: 101, mark: "0x100" },
  { dev: SECOND.dev, net: SECOND, table: 102, mark: "0x200" },
];
const MARK_BITS = "0x3f00";
const PRIORITY_BALANCED = 2001;

export function buildSecondUplink() {
  run(["ip", "netns", "add", SECOND.ns]);
  prepareNamespace(SECOND.ns);
  plugIntoInternet(SECOND.ns, "i0", OUTSIDE_HOST);
  const [near, far] = [addressOf(SECOND, 1), addressOf(SECOND, 2)];
  nsIp(SECOND.ns, ["link add w0 type bridge", "link set w0 promisc on up",
    ...addressLines(near, "w0"), `route add default via ${addressOf(NET.inet, 1).v4}`,
    ...[NET.lan, NET.guest].map(({ v6 }) => `route add ${v6}:/64 via ${far.v6}`)]);
  // As hostile as the first: it answers for every address that a router asks for.
  nsSysctl(SECOND.ns, { "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.conf.w0.proxy_arp": 1, "net.ipv6.conf.w0.proxy_ndp": 1,
    "net.ipv4.neigh.w0.proxy_delay": 0, "net.ipv6.neigh.w0.proxy_delay": 0 });
  const hosts = [WEB, ...Object.values(GATEWAYS).map(({ host }) => addressOf(NET.inet, host))];
  nsIp(SECOND.ns, hosts.map(({ v6 }) => `neigh add proxy ${v6} dev w0`));
  for (const name of [...Object.keys(GATEWAYS), "internet"]) leadBack(name);
  run(`ip link add ${SECOND.dev} netns router type veth peer name p0 netns ${SECOND.ns}`);
  nsIp(SECOND.ns, ["link set p0 master w0 up"]);
  nsIp("router", [...addressLines(far, SECOND.dev), `link set ${SECOND.dev} up`]);
}

/** Hosts on the internet know the way back to the second provider's customers. */
function leadBack(name) {
  const via = addressOf(NET.inet, OUTSIDE_HOST);
  nsIp(name, [`route add ${SECOND.v4}.0/24 via ${via.v4}`,
    `route add ${SECOND.v6}:/64 via ${via.v6}`]);
}

/** Puts the second uplink's default routes into a table of the router, or takes them away. */
export function leadOverSecond(verb, { table = "main", metric = 100 } = {}) {
  const via = addressOf(SECOND, 1);
  nsIp("router", [`route ${verb} default via ${via.v4} table ${table} metric ${metric}`,
    `route ${verb} ::/0 via ${via.v6} table ${table} metric ${metric}`]);
}

/** An uplink that stays up and carries nothing, or carries again. */
export function setUplinkDead(ns, isDead) {
  const chain = (name, hook, priority) =>
    `chain ${name} { type filter hook ${hook} priority ${priority}; policy drop; }\n`;
  const table = `table inet dead {\n${chain("in_", "prerouting", -500)}`
    + `${chain("out_", "postrouting", 500)}}\n`;
  nsRun(ns, ["nft", "-f", "-"], { input: isDead ? table : "delete table inet dead\n" });
}

/**
 * How routers use two uplinks: the second is there for when the first is gone ("spare"), or new
 * packets take one or the other by turns ("balanced"), by tables and marks as mwan3 sets them.
 * May be done again, after somebody flushed what was there.
 */
export function useSecond(style) {
  nsIp("router", linesOfUse("replace", style));
  const balance = style === "spare" ? "" : BALANCE;
  nsRun("router", ["nft", "-f", "-"], { input: firewallWith(balance) });
}

/** Rules that lead marked packets to their uplink; once for each use, since rules add up. */
export function ruleBalanced(verb) {
  for (const [at, { table, mark }] of BALANCED.entries()) {
    const priority = PRIORITY_BALANCED + at;
    for (const family of ["-4", "-6"]) {
      nsRun("router", ["ip", family, "rule", verb, "fwmark", `${mark}/${MARK_BITS}`,
        "table", String(table), "priority", String(priority)]);
    }
  }
}

export function leaveSecond(style) {
  nsIp("router", linesOfUse("del", style));
  nsRun("router", "nft delete table inet second");
}

/** The uplink to which the best default routes of main lead, by its rank from 0. */
export function leadOver(rank) {
  nsIp("router", defaultLines("replace", BALANCED[rank], ""));
}

function linesOfUse(verb, style) {
  if (style === "spare") return defaultLines(verb, BALANCED[1], `metric ${METRIC}`);
  return BALANCED.flatMap((uplink) => defaultLines(verb, uplink, `table ${uplink.table}`));
}

function defaultLines(verb, { dev, net }, words) {
  const via = addressOf(net, 1);
  return [`route ${verb} default via ${via.v4} dev ${dev} ${words}`,
    `route ${verb} ::/0 via ${via.v6} dev ${dev} ${words}`];
}

/** Each packet has its turn, so that whatever leaves is seen on both. */
const TURNS = `meta mark & ${MARK_BITS} == 0 meta mark set meta mark | ${BALANCED[0].mark}
    numgen inc mod 2 == 0 meta mark set meta mark ^ 0x300`;

const BALANCE = `
  chain balance {
    type filter hook prerouting priority -149; policy accept;
    iifname { "${NET.lan.dev}", "${NET.guest.dev}" } jump turns
  }
  chain balance_own {
    type route hook output priority -149; policy accept;
    oifname { "${WAN_DEV}", "${SECOND.dev}" } jump turns
  }
  chain turns {
    ${TURNS}
  }`;

const firewallWith = (balance) => `
table inet second
delete table inet second
table inet second {${uplinkChains(SECOND.dev)}${balance}
}
`;
