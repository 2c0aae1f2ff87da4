// What a router says itself about packets that came out of a tunnel: ICMP errors and rejects, which
// quote the packet, go to its sender, and are routed as the router's own.

import { TRAFFIC } from "./probe.mjs";
import { nsIp, nsRun, nsSysctl, nsTry } from "./sh.mjs";
import { DEVICES, NET, WAN_DEV, addressOf } from "./topology.mjs";

const SMALL_MTU = 1280;
const USUAL_MTU = 1500;
const USUAL_ERRORS = 1000;
const MANY_ERRORS = 100_000;
const BRIDGES = [NET.lan.dev, NET.guest.dev];
const naive = { control: "naive" };

export const ECHO_ATTACKS = [
  { name: "smaller LAN MTU", ...naive, traffic: TRAFFIC["large answers"],
    act: () => setMtu(SMALL_MTU), undo: () => setMtu(USUAL_MTU) },
  { name: "hops end at the router", ...naive, traffic: TRAFFIC["expiring answers"],
    act: () => limitErrors(false), undo: () => limitErrors(true) },
  { name: "device gone", ...naive, act: () => hideDevices(), undo: () => showDevices() },
  { name: "firewall rejects", ...naive, act: () => rejectAnswers("reject"), undo: acceptAnswers },
  { name: "stale source, hops end", isEnvironment: true, isDelivered: false,
    traffic: TRAFFIC["stale source"], act: () => limitErrors(false),
    undo: () => limitErrors(true) },
  { name: "borrowed inner source", ...naive, isAstray: true, isDelivered: false,
    traffic: TRAFFIC["borrowed source"], act: () => {}, undo: () => {} },
];

function setMtu(mtu) {
  limitErrors(mtu === USUAL_MTU);
  nsIp("router", BRIDGES.map((dev) => `link set ${dev} mtu ${mtu}`));
}

/** Kernels send few errors a second; without that limit each packet would show its own. */
function limitErrors(isLimited) {
  const ms = isLimited ? 1000 : 0;
  nsSysctl("router", { "net.ipv4.icmp_ratelimit": ms, "net.ipv6.icmp.ratelimit": ms });
  for (const name of ["icmp_msgs_per_sec", "icmp_msgs_burst"]) {
    nsTry("router", `sysctl -q -w net.ipv4.${name}=${isLimited ? USUAL_ERRORS : MANY_ERRORS}`);
  }
}

/** The devices go on sending and answer no question for their hardware address. */
function hideDevices() {
  limitErrors(false);
  for (const dev of BRIDGES) {
    nsSysctl("router", { [`net.ipv4.neigh.${dev}.retrans_time_ms`]: 20,
      [`net.ipv6.neigh.${dev}.retrans_time_ms`]: 20, [`net.ipv4.neigh.${dev}.mcast_solicit`]: 1,
      [`net.ipv6.neigh.${dev}.mcast_solicit`]: 1 });
  }
  for (const device of Object.keys(DEVICES)) {
    const { net } = DEVICES[device];
    const mac = nsRun("router", ["cat", `/sys/class/net/${net.dev}/address`]).trim();
    const router = addressOf(net, 1);
    nsIp(device, [router.v4, router.v6].map((address) =>
      `neigh replace ${address} lladdr ${mac} nud permanent dev eth0`));
    nsRun(device, ["nft", "-f", "-"], { input: DEAF });
  }
  for (const dev of BRIDGES) nsRun("router", ["ip", "neigh", "flush", "dev", dev]);
}

const DEAF = `
table netdev deaf {
  chain arrived {
    type filter hook ingress device eth0 priority 0; policy accept;
    ether type arp drop
    icmpv6 type nd-neighbor-solicit drop
  }
}
`;

function showDevices() {
  for (const device of Object.keys(DEVICES)) {
    nsRun(device, "nft delete table netdev deaf");
    const router = addressOf(DEVICES[device].net, 1);
    nsIp(device, [router.v4, router.v6].map((address) => `neigh del ${address} dev eth0`));
  }
  limitErrors(true);
}

/** As a zone of fw4 does with what comes from a network that it does not forward. */
function rejectAnswers(verdict) {
  limitErrors(false);
  nsRun("router", ["nft", "-f", "-"], { input: `
table inet zones {
  chain forward {
    type filter hook forward priority 1; policy accept;
    iifname != "${WAN_DEV}" oifname { ${BRIDGES.map((dev) => `"${dev}"`).join(", ")} } ${verdict}
  }
}
` });
}

function acceptAnswers() {
  nsTry("router", "nft delete table inet zones");
  limitErrors(true);
}
