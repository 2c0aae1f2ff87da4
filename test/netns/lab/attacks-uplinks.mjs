// What happens to a router that has two uplinks: the second takes over, leads away what it should
// not, or takes what is on its way back to a device.

import { aditJson } from "./daemon.mjs";
import { SECOND, leadOver, setUplinkDead } from "./second.mjs";
import { nsIp, nsRun, waitFor } from "./sh.mjs";
import { DEVICES, NET, WEB, addressOf } from "./topology.mjs";

const FIRST = 0;
const OTHER = 1;
const FAILOVER_MS_MAX = 20_000;

export const UPLINK_ATTACKS = [
  { name: "default moves over", isOfTwo: true, isEnvironment: true, isLeading: true,
    act: () => leadOver(OTHER), undo: () => leadOver(FIRST) },
  { name: "option 121 by the second", isOfTwo: true, isEnvironment: true, isLeading: true,
    act: () => leadToWeb("add"), undo: () => leadToWeb("del") },
  { name: "first uplink dead", isOfTwo: true, act: loseFirst,
    undo: () => setUplinkDead("uplink", false) },
  { name: "default and prefix move", isOfTwo: true, control: "naive", isLeading: true,
    probes: ({ family }) => family === "v6", act: () => takePrefix(), undo: () => givePrefix() },
];

function leadToWeb(verb) {
  const via = addressOf(SECOND, 1);
  nsIp("router", [`route ${verb} ${WEB.v4} via ${via.v4} dev ${SECOND.dev}`,
    `route ${verb} ${WEB.v6} via ${via.v6} dev ${SECOND.dev}`]);
}

/** Its cable stays in, and nothing comes through. */
async function loseFirst(lab) {
  setUplinkDead("uplink", true);
  await waitFor(`the tunnels over ${SECOND.dev}`, FAILOVER_MS_MAX, () => {
    const { locations = [] } = aditJson(lab.daemons.router, "status") ?? {};
    return locations.length > 0 && locations.every(({ uplink }) => uplink === SECOND.dev);
  });
}

/**
 * The second provider delegates another prefix: answers to what the devices still have follow the
 * default route. They go on sending to where the router was.
 */
function takePrefix() {
  for (const device of Object.keys(DEVICES)) {
    const { net } = DEVICES[device];
    const mac = nsRun("router", ["cat", `/sys/class/net/${net.dev}/address`]).trim();
    nsIp(device, [`neigh replace ${addressOf(net, 1).v6} lladdr ${mac} nud permanent dev eth0`]);
  }
  leadOver(OTHER);
  nsIp("router", [NET.lan, NET.guest].map((net) =>
    `addr del ${addressOf(net, 1).v6}/64 dev ${net.dev}`));
}

function givePrefix() {
  nsIp("router", [NET.lan, NET.guest].map((net) =>
    `addr replace ${addressOf(net, 1).v6}/64 dev ${net.dev} nodad`));
  leadOver(FIRST);
  for (const device of Object.keys(DEVICES)) {
    nsIp(device, [`neigh del ${addressOf(DEVICES[device].net, 1).v6} dev eth0`]);
  }
}
