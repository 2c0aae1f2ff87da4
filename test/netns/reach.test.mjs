// What a gateway's clients reach beside the internet: nothing, unless its owner names it. The
// client is one of another make, so it sends to wherever it likes.

import { createSocket } from "node:dgram";
import { mkdirSync, readFileSync } from "node:fs";
import { TYPE, control, dial, frame, packet4 } from "../peer/wire.mjs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import {
  gatewayConfig, makeIdentity, makeToken, startDaemon, stopDaemon,
} from "./lab/daemon.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsStart, nsTry, run, sleep, stop, waitFor } from "./lab/sh.mjs";

const DIR = "/run/adit-reach";
const GATEWAY = "203.0.113.2";
const START_MS_MAX = 10_000;
const HEARD_MS = 700;
/** packet4 sends to the port of discarding. */
const SINK_PORT = 9;
const FAR = { internet: "203.0.113.1", metadata: "169.254.169.254", upstream: "10.8.8.8",
  lan: "192.168.77.1", "a public LAN": "198.51.100.1" };
const OWN = { "its outer address": GATEWAY, "its address in the LAN": "192.168.77.2",
  "its inner address": "10.64.0.1" };
const LINES_MAX = 8;

const SINK = `
  const { createSocket } = require("node:dgram");
  const bind = (address) => {
    const socket = createSocket("udp4");
    socket.on("message", () => console.log("heard " + address));
    socket.on("error", () => setTimeout(bind, 20, address));
    socket.bind(${SINK_PORT}, address, () => {
      if ((open += 1) === addresses.length) console.log("listens");
    });
  };
  const addresses = process.argv.slice(1);
  let open = 0;
  addresses.forEach(bind);
`;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  mkdirSync(DIR);
  run("ip netns add adit");
  for (const [near, far] of [["p0", "eth1"], ["p1", "eth2"]]) {
    run(`ip link add ${near} type veth peer name ${far} netns adit`);
    run(`ip link set ${near} up`);
  }
  for (const at of [FAR.internet, FAR.metadata, FAR.upstream]) run(`ip addr add ${at}/24 dev p0`);
  for (const at of [FAR.lan, FAR["a public LAN"]]) run(`ip addr add ${at}/24 dev p1`);
  nsIp("adit", ["link set lo up", "link set eth1 up", "link set eth2 up",
    `addr add ${GATEWAY}/24 dev eth1`, "addr add 192.168.77.2/24 dev eth2",
    "addr add 198.51.100.2/24 dev eth2", "route add 169.254.169.254 dev eth1",
    `route add default via ${FAR.internet}`]);
  run("ip route add 10.64.0.0/16 via 192.168.77.2");
  const all = [...Object.values(FAR), ...Object.values(OWN)].map((address) => `${address}/32`);
  return finishParts(checks, [
    ["by default", () => tryReach(checks, [], ["internet"])],
    ["control: with client_reach",
      () => tryReach(checks, all, [...Object.keys(FAR), ...Object.keys(OWN)])],
  ]);
});

async function tryReach(checks, reach, want) {
  const identity = makeIdentity(DIR, "gateway");
  const token = makeToken(DIR, "gateway");
  const config = gatewayConfig({ dir: `${DIR}/gateway`, identity, token, wan: "eth1", pool: 64 });
  const daemon = startDaemon("adit", { ...config, client_reach: reach });
  const secret = readFileSync(token.file, "utf8").trim();
  const sink = nsStart("adit", [process.execPath, "-e", SINK, ...Object.values(OWN)]);
  const ears = Object.entries(FAR).map(([name, address]) => listen(name, address));
  try {
    const peer = await waitFor("the gateway", START_MS_MAX, () => connect(secret).catch(() => {}));
    await waitFor("the sink", START_MS_MAX, () => sink.text.includes("listens"));
    for (const address of [...Object.values(FAR), ...Object.values(OWN)]) {
      peer.send(frame(TYPE.packet, packet4(peer.address, address)));
    }
    await sleep(HEARD_MS);
    const own = Object.keys(OWN).filter((name) => sink.text.includes(`heard ${OWN[name]}\n`));
    const heard = [...ears.filter((ear) => ear.heard).map((ear) => ear.name), ...own];
    for (const name of [...Object.keys(FAR), ...Object.keys(OWN)]) {
      const text = `a client ${want.includes(name) ? "reaches" : "does not reach"} ${name}`;
      checks.same(heard.includes(name), want.includes(name), text);
    }
    peer.close();
    if (reach.length === 0) await comeAndGo(checks, daemon, secret);
  } catch (error) {
    throw new Error(`${error.message}\n${daemon.child.text}\n${nsTry("adit", "ip addr").stdout}`);
  } finally {
    ears.forEach((ear) => ear.socket.close());
    await stop(sink, "SIGKILL");
    await stopDaemon(daemon);
  }
}

/** Who connects in a loop does not fill the log. */
async function comeAndGo({ ok }, daemon, secret) {
  for (let turn = 0; turn < 3 * LINES_MAX; turn++) (await connect(secret)).close();
  const lines = daemon.child.text.split("\n").filter((line) => line.includes("client home"));
  ok(lines.length <= LINES_MAX + 1, "its lines in the log are bounded", `${lines.length} lines`);
  ok(lines.some((line) => line.includes("comes and goes")), "the last one says so");
}

async function connect(secret) {
  const peer = await dial(443, { host: GATEWAY });
  peer.send(control({ v: 1, token: secret, segments: true }));
  const { addr4 = "" } = (await peer.nextControl()) ?? {};
  peer.address = addr4.split("/")[0];
  return peer;
}

function listen(name, address) {
  const socket = createSocket("udp4");
  const ear = { name, socket, heard: false };
  socket.on("message", () => (ear.heard = true));
  socket.bind(SINK_PORT, address);
  return ear;
}
