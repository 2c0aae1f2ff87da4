// What is done to a router while its devices send. `act` attacks, `undo` puts back what a user, a
// DHCP client or procd would put back; the daemon's own state is never restored by hand.

import { ECHO_ATTACKS } from "./attacks-echo.mjs";
import { UPLINK_ATTACKS } from "./attacks-uplinks.mjs";
import { killAll, pidsOf, planOf, protect } from "./daemon.mjs";
import { startGateway, startRouter } from "./lab.mjs";
import { TRAFFIC, newAddressOf } from "./probe.mjs";
import { nsIp, nsRun, run, sleep, waitFor } from "./sh.mjs";
import {
  DEVICES, GATEWAYS, NET, WAN_DEV, WEB, addressOf, applySystemFirewall, connectUplink,
  disconnectUplink, macOf,
} from "./topology.mjs";

const OUR_PROTOCOL = 173;
const SWITCH_ROUNDS = 4;
const SWITCH_PAUSE_MS = 100;
const FLOOD_ROUTES = 50_000;
const FLOOD_NETWORK = "11.0.0.0/8";
const RESPAWN_MS_MAX = 5000;

/**
 * One row, one attack. `isEnvironment`: it is also made while the positive control runs, with the
 * daemon stopped. `control: "naive"`: the control needs tunnels, so it runs with a router that has
 * them and nothing that guards. `traffic`: what the devices send, UDP to the web host unless told.
 * `probes` chooses columns, `change` edits the configuration. `isOfTwo`: it needs a second uplink.
 * `isLeading`: it decides itself by which uplink packets leave. `locations`: where
 * devices belong afterwards; null if their probes reach the gateways from outside too.
 * `isAstray`: the control also counts what is in another tunnel than the sender's.
 * `isDelivered: false`: probes need not arrive afterwards. `controlMin`: packets that the control
 * must see. `repairMs`: leaking is tolerated for this long. `prepare` happens before it is counted
 * what leaks.
 */
export const ATTACKS = [
  { name: "none", act: () => {}, undo: () => {} },
  { name: "ping", traffic: TRAFFIC.ping, act: () => {}, undo: () => {} },
  { name: "gateways dead", act: killGateways, undo: restartGateways },
  { name: "mover killed", act: (lab) => killAll([pidsOf(lab.daemons.router).mover]),
    undo: restartRouter },
  { name: "decider killed", act: killDecider, undo: () => {} },
  { name: "all killed", act: (lab) => killAll(pidsOf(lab.daemons.router).all),
    undo: restartRouter },
  { name: "option 121 /1", isEnvironment: true, isLeading: true,
    ...foreignRoutes("128.0.0.0/1", "::/1") },
  { name: "option 121 /24", isEnvironment: true, isLeading: true,
    ...foreignRoutes("203.0.113.0/24", "2001:db8:cafe::/64") },
  { name: "option 121 /32", isEnvironment: true, isLeading: true,
    ...foreignRoutes(WEB.v4, WEB.v6) },
  { name: "LocalNet address", isEnvironment: true, isLeading: true, act: () => localNet("add"),
    undo: () => localNet("del") },
  { name: "server's own address", isEnvironment: true, traffic: TRAFFIC.server,
    isDelivered: false, locations: null, act: () => {}, undo: () => {} },
  { name: "mangle flushed", act: () => flushChain(), undo: () => {} },
  { name: "rules deleted", act: () => deleteRules(), undo: () => {} },
  { name: "our table flushed", act: () => nsRun("router", "nft flush table inet adit"),
    undo: () => {} },
  { name: "our table deleted", act: () => nsRun("router", "nft delete table inet adit"),
    undo: () => {} },
  { name: "whole ruleset flushed", act: () => nsRun("router", "nft flush ruleset"),
    undo: () => applySystemFirewall() },
  { name: "location switched", act: switchLocations, undo: () => {} },
  { name: "uplink replaced", isEnvironment: true, act: replaceUplink, undo: () => {} },
  { name: "TUN deleted", act: () => nsIp("router", ["link del wrt0"]), undo: () => {} },
  { name: "TUN renamed", act: () => nsIp("router", ["link set wrt0 name away0"]),
    undo: () => {} },
  { name: "TUN moved away", act: moveTun, undo: () => run(["ip", "netns", "del", "away"]) },
  { name: "TUN's name taken", act: takeTunName, undo: () => nsIp("router", ["link del wrt0"]) },
  { name: "port left its bridge", isEnvironment: true,
    act: leaveBridge, undo: joinBridge },
  { name: "interface renamed", isEnvironment: true,
    act: () => nsIp("router", [`link set ${NET.guest.dev} name guest0`]),
    undo: () => nsIp("router", [`link set guest0 name ${NET.guest.dev}`]) },
  { name: "renamed, decider killed",
    act: async (lab) => {
      nsIp("router", [`link set ${NET.guest.dev} name guest0`]);
      await waitFor("an empty plan", RESPAWN_MS_MAX,
        () => planOf(lab.daemons.router)?.length === 0);
      await killDecider(lab);
    },
    undo: () => nsIp("router", [`link set guest0 name ${NET.guest.dev}`]) },
  { name: "interface made anew", act: remakeGuest, undo: () => {} },
  { name: "50,000 foreign routes", act: floodRoutes,
    undo: () => nsRun("router", ["ip", "route", "flush", "root", FLOOD_NETWORK]) },
  { name: "no firewall, LAN bounced", change: (config) => ({ ...config, no_iptables: 1 }),
    isDelivered: false, prepare: meetPhone, act: bounceLan, undo: () => {} },
  { name: "ruleset + rules gone", act: wipeBothLayers, undo: () => applySystemFirewall(),
    repairMs: 500 },
  { name: "IPv4 rule alone", ...alone("v4"), act: () => {}, undo: () => {} },
  { name: "IPv6 rule alone", ...alone("v6"), act: () => {}, undo: () => {} },
  // The flows of the control go on, at addresses of which nobody knows whose they are: blocked.
  { name: "IPv4 alone, new addresses", ...alone("v4"), traffic: TRAFFIC["new addresses"],
    isEnvironment: true, isDelivered: false, act: addNewAddresses, undo: () => {} },
  { name: "IPv4 alone, table deleted", ...alone("v4"),
    act: () => nsRun("router", "nft delete table inet adit"), undo: () => {} },
  { name: "IPv4 alone, rules deleted", ...alone("v4"), act: () => deleteRules(), undo: () => {} },
  { name: "IPv4 alone, quiet", ...alone("v4"),
    probes: ({ device, family }) => device === "tv" && family === "v6",
    act: forgetQuiet, undo: () => {} },
  ...ECHO_ATTACKS,
  ...UPLINK_ATTACKS,
];

async function killGateways(lab) {
  for (const name of Object.keys(GATEWAYS)) await killAll(pidsOf(lab.daemons[name]).all);
}

function restartGateways(lab) {
  for (const name of Object.keys(GATEWAYS)) startGateway(lab, name);
}

function restartRouter(lab) {
  startRouter(lab);
}

// The mover starts another decider by itself; that is the repair.
async function killDecider(lab) {
  const { decider } = pidsOf(lab.daemons.router);
  if (decider === undefined) throw new Error("the router has no decider process");
  await killAll([decider]);
  await waitFor("a new decider", RESPAWN_MS_MAX, () => {
    const fresh = pidsOf(lab.daemons.router).decider;
    return fresh !== undefined && fresh !== decider;
  });
}

/** The television is named by one of its addresses, and has two. */
function alone(family) {
  const isOf = ({ ip_addr: address }) => address.includes(":") === (family === "v6");
  return {
    change: (config) =>
      ({ ...config, protected_ip_addrs: config.protected_ip_addrs.filter(isOf) }),
    probes: ({ device }) => device === "tv",
  };
}

// They stay, or late answers to them would end in errors by the router; nothing prefers them.
function addNewAddresses() {
  const address = newAddressOf("tv");
  nsIp("tv", [`addr replace ${address.v4}/24 dev eth0`,
    `addr replace ${address.v6}/64 dev eth0 nodad preferred_lft 0`]);
}

// A device that uses IPv6 alone for a while, and a decider that did not see it with IPv4.
async function forgetQuiet(lab) {
  nsIp("router", [`neigh del ${addressOf(NET.lan, DEVICES.tv.host).v4} dev ${NET.lan.dev}`]);
  await killDecider(lab);
}

function foreignRoutes(prefix4, prefix6) {
  const via = addressOf(NET.wan, 1);
  const lines = (verb) => [`route ${verb} ${prefix4} via ${via.v4} dev ${WAN_DEV}`,
    `route ${verb} ${prefix6} via ${via.v6} dev ${WAN_DEV}`];
  return { act: () => nsIp("router", lines("add")), undo: () => nsIp("router", lines("del")) };
}

// The uplink claims that the destination's network is its own local one.
function localNet(verb) {
  const address = addressOf(NET.inet, 200);
  nsIp("router", [`addr ${verb} ${address.v4}/24 dev ${WAN_DEV}`,
    `addr ${verb} ${address.v6}/64 dev ${WAN_DEV}${verb === "add" ? " nodad" : ""}`]);
}

function flushChain() {
  nsRun("router", "nft flush chain inet adit marking");
}

function deleteRules() {
  for (const family of ["-4", "-6"]) {
    nsRun("router", ["ip", family, "rule", "flush", "protocol", String(OUR_PROTOCOL)]);
  }
}

function moveTun() {
  run(["ip", "netns", "add", "away"]);
  nsIp("router", ["link set wrt0 netns away"]);
}

// Another program's device, over which everything could be reached: ours is gone before it comes.
// The mover stands still meanwhile, or it is back with a TUN of its own before the thief has come.
function takeTunName(lab) {
  const { mover } = pidsOf(lab.daemons.router);
  process.kill(mover, "SIGSTOP");
  try {
    nsIp("router", ["link del wrt0", "link add wrt0 type veth peer name stolen netns uplink",
      "link set wrt0 up"]);
    nsIp("uplink", ["link set stolen master w0 up"]);
  } finally {
    process.kill(mover, "SIGCONT");
  }
}

/** IPv6 answers for an address on its own interface alone, so the device is told where to send. */
function leaveBridge() {
  nsIp("router", ["link set guest nomaster", "link set guest down", "link set guest up"]);
  const [{ address }] = JSON.parse(nsRun("router", "ip -j link show dev guest"));
  const router = addressOf(NET.guest, 1).v6;
  nsIp("guest", [`neigh replace ${router} lladdr ${address} dev eth0 nud permanent`]);
}

function joinBridge() {
  nsIp("guest", [`neigh del ${addressOf(NET.guest, 1).v6} dev eth0`]);
  nsIp("router", [`link set guest master ${NET.guest.dev}`]);
}

function remakeGuest() {
  const own = addressOf(NET.guest, 1);
  const { dev } = NET.guest;
  nsIp("router", [`link del ${dev}`, `link add ${dev} type bridge`, `link set ${dev} up`,
    `addr add ${own.v4}/24 dev ${dev}`, `addr add ${own.v6}/64 dev ${dev} nodad`,
    `link set guest master ${dev}`]);
}

/** Without a firewall an address has to be known at its device once. */
async function meetPhone(lab) {
  for (const family of ["v4", "v6"]) {
    nsRun("phone", ["ping", "-c", "1", "-w", "5", addressOf(NET.lan, 1)[family]]);
  }
  await waitFor("an empty plan", RESPAWN_MS_MAX, () => planOf(lab.daemons.router)?.length === 0);
}

/** An interface that goes down forgets its neighbours and its IPv6 addresses. */
function bounceLan() {
  const { dev } = NET.lan;
  nsIp("router", [`link set ${dev} down`, `link set ${dev} up`,
    `addr add ${addressOf(NET.lan, 1).v6}/64 dev ${dev} nodad`]);
}

// As a routing daemon with a full table.
async function floodRoutes() {
  const via = addressOf(NET.wan, 1).v4;
  const lines = Array.from({ length: FLOOD_ROUTES }, (_, at) =>
    `route add 11.${at >> 16}.${(at >> 8) & 255}.${at & 255}/32 via ${via} dev ${WAN_DEV}`);
  nsIp("router", lines);
  await sleep(SWITCH_PAUSE_MS);
}

function wipeBothLayers() {
  nsRun("router", ["sh", "-c", `ip -4 rule flush protocol ${OUR_PROTOCOL};`
    + ` ip -6 rule flush protocol ${OUR_PROTOCOL}; nft flush ruleset`]);
}

async function switchLocations(lab) {
  const { router } = lab.daemons;
  const tv = addressOf(NET.lan, DEVICES.tv.host);
  for (let round = 0; round < SWITCH_ROUNDS; round++) {
    const [first, second] = round % 2 === 0 ? ["de", "us"] : ["us", "de"];
    const moves = [["mac", macOf("phone"), first], ["ip", tv.v4, second], ["ip", tv.v6, second],
      ["iface", NET.guest.dev, first]];
    for (const [kind, what, location] of moves) {
      const done = protect(router, kind, what, location);
      if (done.status !== 0) throw new Error(`adit protect ${kind} ${what}: ${done.stderr}`);
    }
    await sleep(SWITCH_PAUSE_MS);
  }
  await waitFor("an empty plan", RESPAWN_MS_MAX, () => planOf(router)?.length === 0);
}

async function replaceUplink() {
  disconnectUplink();
  await sleep(SWITCH_PAUSE_MS);
  connectUplink();
}
