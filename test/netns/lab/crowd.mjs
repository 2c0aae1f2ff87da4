// Many devices on the LAN that wake, roam and get further addresses, each with connections on which
// only the server speaks. A connection whose tracking is forgotten stays silent from then on.

import { writeFileSync } from "node:fs";
import { TOOLS } from "./daemon.mjs";
import { nsIp, nsRun, nsStart, nsTry, run, sleep, waitFor } from "./sh.mjs";
import { NET, WEB } from "./topology.mjs";

const PORT = 4100;
const TALK_MS = 300;
const START_MS_MAX = 10_000;
/** Time in which every connection is spoken to, whatever became of its device's neighbour entry. */
const HEARD_MS_MAX = 20_000;
const ADDRESSES_MAX = 4;
const NETWORK = "10.50";

/** One third through each tunnel, one third past both. */
const LOCATIONS = ["us", "de", ""];

const SERVER = `
import { createServer } from "node:net";
const all = new Set();
createServer((socket) => {
  all.add(socket.on("error", () => {}).on("data", () => {}).on("close", () => all.delete(socket)));
}).listen(${PORT}, () => console.log("ready"));
setInterval(() => { for (const socket of all) socket.write("!"); }, ${TALK_MS});
`;

/** Rules for the configuration of a router that `count` such devices use. */
export function crowdRules(count) {
  return Array.from({ length: count }, (_, i) => ({ mac_addr: macOf(i), vl: locationOf(i) }))
    .filter(({ vl }) => vl !== "");
}

/** Adds the devices to the lab, with one connection each. */
export async function startCrowd(dir, count) {
  const script = `${dir}/talk.mjs`;
  writeFileSync(script, SERVER);
  const server = nsStart("internet", [process.execPath, script]);
  await waitFor("the server that talks", START_MS_MAX, () => server.text.includes("ready"));
  nsIp("router", [`addr add ${NETWORK}.0.1/16 dev ${NET.lan.dev}`]);
  const keeper = nsStart("internet", [`${TOOLS}/flow-keep`, WEB.v4, String(PORT)]);
  await waitFor("flow-keep", START_MS_MAX, () => keeper.text === "ready\n");
  const crowd = { keeper, next: 0, devices: [], connections: 0 };
  for (let i = 0; i < count; i++) await addDevice(crowd, i);
  return crowd;
}

/** What happens to a device; all of it leaves its connections where policy wants them. */
export const EVENTS = {
  // Nobody has heard of it for long, and the neighbour table has forgotten it.
  sleeps: (device) => {
    for (const address of device.addresses) {
      nsTry("router", ["ip", "neigh", "del", address, "dev", NET.lan.dev]);
    }
  },
  // It comes back by another cable, or to another access point.
  roams: ({ name }) => {
    nsIp("router", [`link set ${name} nomaster`, `link set ${name} master ${NET.lan.dev}`]);
  },
  // A further lease or a privacy address; what has the old one goes on.
  moves: async (device, crowd) => {
    if (device.addresses.length < ADDRESSES_MAX) await addAddress(crowd, device);
  },
};

/** The connections that the server did not reach in time: their numbers, and of how many. */
export async function silentOnes({ keeper }, ms = HEARD_MS_MAX) {
  await ask(keeper, "read");
  const end = performance.now() + ms;
  let silent = [];
  do {
    await sleep(2 * TALK_MS);
    const before = silent;
    const [, alive, numbers] = /heard \d+ of (\d+):(.*)/.exec(await ask(keeper, "read")) ?? [];
    silent = numbers.trim().split(" ").filter(Boolean).map(Number);
    if (before.length > 0) silent = silent.filter((one) => before.includes(one));
    if (silent.length === 0) return { silent, alive: Number(alive) };
  } while (performance.now() < end);
  return { silent, alive: NaN };
}

/** What a router would do that forgets all flows of whoever shows up. */
export function forgetFlows({ addresses }) {
  nsRun("router", ["conntrack", "-D", "-s", addresses[0]]);
}

/** Every device speaks, so that nothing is silent that was not cut for good. */
export const speak = ({ keeper }) => ask(keeper, "ask");

async function addDevice(crowd, i) {
  const name = `crowd${i}`;
  run(["ip", "netns", "add", name]);
  run(`ip link add ${name} netns router type veth peer name eth0 netns ${name}`);
  nsIp("router", [`link set ${name} master ${NET.lan.dev} up`]);
  nsIp(name, ["link set lo up", `link set eth0 address ${macOf(i)} up`,
    `addr add ${NETWORK}.255.${i % 250}/32 dev eth0`]);
  const device = { name, mac: macOf(i), addresses: [], connections: [] };
  crowd.devices.push(device);
  await addAddress(crowd, device);
}

async function addAddress(crowd, device) {
  const number = ++crowd.next;
  const address = `${NETWORK}.${1 + (number >> 8)}.${number & 255}`;
  nsIp(device.name, [`addr add ${address}/16 dev eth0`,
    `route replace default via ${NETWORK}.0.1`]);
  const answer = await ask(crowd.keeper, `open ${device.name} ${address}`);
  if (!answer.startsWith("open")) throw new Error(`${device.name}: ${answer}`);
  device.addresses.push(address);
  device.connections.push(crowd.connections);
  crowd.connections += 1;
}

async function ask(keeper, command) {
  keeper.text = "";
  keeper.stdin.write(`${command}\n`);
  await waitFor(`an answer of flow-keep to ${command}`, START_MS_MAX, () =>
    keeper.text.endsWith("\n"));
  return keeper.text.trim();
}

const locationOf = (i) => LOCATIONS[i % LOCATIONS.length];

function macOf(i) {
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  return `02:00:00:01:${hex(i >> 8)}:${hex(i & 255)}`;
}
