// Two uplinks on a real kernel: tunnels that go over the better one that lives, answers that leave
// by the uplink that asked, networks beside the uplinks that stay reachable.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { aditJson, waitSettled, waitUp } from "./lab/daemon.mjs";
import { exitAddress, makeLab, ping, startGateways, withRouter } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { SECOND, buildSecondUplink, leadOverSecond, setUplinkDead } from "./lab/second.mjs";
import { nsAsync, nsIp, nsRun, nsStart, nsSysctl, nsTry, stop, waitFor } from "./lab/sh.mjs";
import { DEVICES, GATEWAYS, NET, WAN_DEV, WEB, addressOf, exitOf, macOf } from "./lab/topology.mjs";

const UP_MS_MAX = 20_000;
const EFFECT_MS_MAX = 10_000;
const DEAD_MS_MAX = 15_000;
const SERVICE_PORT = 8080;
const NAMES = Object.keys(GATEWAYS);
const SERVICE = join(dirname(fileURLToPath(import.meta.url)), "lab/tcp.mjs");
const FIRST_ADDRESS = addressOf(NET.wan, 2);
const SECOND_ADDRESS = addressOf(SECOND, 2);

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  buildSecondUplink();
  leadOverSecond("add", { table: 102 });
  startGateways(lab);
  const parts = [
    ["a dead uplink that stays up is left", () => deadUplink(checks, lab)],
    ["forwarded ports answer by the uplink that asked", () => forwarded(checks, lab)],
    ["services of the router under default_gateway", () => ownServices(checks, lab)],
    ["networks beside the uplinks", () => reachable(checks, lab)],
    ["a rule that covers the router's own uplink address", () => ownAddress(checks, lab)],
  ];
  return finishParts(checks, parts);
});

function withUplinks(lab, change, body) {
  const two = (config) => change({ ...config, uplinks: [SECOND.dev] });
  const until = async (router) => {
    await waitUp(router, NAMES, UP_MS_MAX);
    await waitSettled(router, EFFECT_MS_MAX);
  };
  return withRouter(lab, { change: two, until }, body);
}

function uplinksOf(router) {
  return (aditJson(router, "status")?.locations ?? []).map(({ uplink, state }) =>
    (state === "up" ? uplink : state));
}

async function waitOver(router, dev, ms) {
  const start = performance.now();
  await waitFor(`all tunnels over ${dev}`, ms, () => uplinksOf(router).every((one) => one === dev));
  return Math.round(performance.now() - start);
}

async function deadUplink({ ok }, lab) {
  await withUplinks(lab, (config) => config, async (router) => {
    await waitOver(router, WAN_DEV, EFFECT_MS_MAX);
    setUplinkDead("uplink", true);
    try {
      const ms = await waitOver(router, SECOND.dev, DEAD_MS_MAX);
      ok(true, "tunnels go over the other uplink", `after ${ms} ms`);
      const exit = await exitAddress("phone", "v4");
      ok(exit === exitOf("us", "phone").v4, "the phone is back in its tunnel", exit);
      const { locations } = aditJson(router, "status");
      ok(locations.every(({ uplink_reason: why }) => /^eth1 failed: /.test(why)), "status says why",
        locations[0].uplink_reason);
    } finally {
      setUplinkDead("uplink", false);
    }
    nsIp("router", [`link set ${WAN_DEV} down`, `link set ${WAN_DEV} up`,
      `route replace default via ${addressOf(NET.wan, 1).v4}`,
      `addr replace ${FIRST_ADDRESS.v6}/64 dev ${WAN_DEV} nodad`,
      `route replace ::/0 via ${addressOf(NET.wan, 1).v6}`]);
    const ms = await waitOver(router, WAN_DEV, 60_000);
    ok(true, "and return when the better one carries again", `after ${ms} ms`);
  });
}

/** What an owner's firewall does for a forwarded port, on both uplinks. */
function forwardPort(to) {
  const where = `iifname { "${WAN_DEV}", "${SECOND.dev}" } tcp dport ${SERVICE_PORT}`;
  nsRun("router", ["nft", `table ip forwards { chain pre { `
    + `type nat hook prerouting priority dstnat; ${where} dnat to ${to}; }; }`]);
  nsRun("router", ["nft", "insert rule inet fw4 forward ct status dnat accept"]);
}

async function asks(address) {
  const { stdout } = await nsAsync("internet",
    ["curl", "-s", "--http0.9", "--max-time", "2", `http://${address}:${SERVICE_PORT}/`]);
  return stdout.includes("hello");
}

async function forwarded({ ok }, lab) {
  const phone = addressOf(NET.lan, DEVICES.phone.host);
  const service = nsStart("phone", [process.execPath, SERVICE, String(SERVICE_PORT)]);
  await waitFor("the service", EFFECT_MS_MAX, () => service.text.includes("ready"));
  forwardPort(`${phone.v4}:${SERVICE_PORT}`);
  for (const inbound of ["allow", "block"]) {
    const change = (config) => ({ ...config,
      protected_mac_addrs: [{ mac_addr: macOf("phone"), vl: "us", inbound }] });
    await withUplinks(lab, change, async () => {
      for (const address of [FIRST_ADDRESS.v4, SECOND_ADDRESS.v4]) {
        const isHeard = await asks(address);
        ok(isHeard === (inbound === "allow"), `inbound ${inbound}, asked at ${address}`);
      }
      const exit = await exitAddress("phone", "v4");
      ok(exit === exitOf("us", "phone").v4, "its own connections keep to the tunnel", exit);
    });
  }
  await forged(ok, lab);
  await stop(service);
  nsRun("router", "nft delete table ip forwards");
}

/**
 * Somebody on the uplink claims to be the host that the phone will talk to: what answers him leaves
 * by the uplink, a connection that the phone begins with the same ports does not.
 */
async function forged(ok, lab) {
  const counters = ["syn", "syn | ack"].map((flags) => `ip saddr ${FIRST_ADDRESS.v4} ip daddr `
    + `${WEB.v4} tcp sport ${SERVICE_PORT} tcp flags & (syn | ack) == ${flags} counter`);
  await withUplinks(lab, (config) => config, async () => {
    nsIp("uplink", [`addr add ${WEB.v4}/32 dev lo`]);
    nsRun("uplink", ["nft", "-f", "-"], { input: `table ip seen {\nchain passing {
      type filter hook prerouting priority -500; policy accept;\n${counters.join("\n")}\n}\n}\n` });
    const heard = await nsAsync("uplink", ["curl", "-s", "--http0.9", "--max-time", "2",
      "--interface", WEB.v4, "--local-port", "80", `http://${FIRST_ADDRESS.v4}:${SERVICE_PORT}/`]);
    ok(heard.stdout.includes("hello"), "a forged connection is answered where it came from");
    await nsAsync("phone", ["curl", "-s", "--max-time", "2", "--local-port",
      String(SERVICE_PORT), `http://${WEB.v4}/`]);
    const [begun, answered] = [...nsRun("uplink", "nft list table ip seen")
      .matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
    ok(answered > 0 && begun === 0, "and opens no way out for a connection of the phone",
      `${answered} answers, ${begun} beginnings`);
    nsRun("uplink", "nft delete table ip seen");
    nsIp("uplink", [`addr del ${WEB.v4}/32 dev lo`]);
  });
}

async function ownServices({ ok }, lab) {
  const service = nsStart("router", [process.execPath, SERVICE, String(SERVICE_PORT)]);
  await waitFor("the service", EFFECT_MS_MAX, () => service.text.includes("ready"));
  const change = (config) => ({ ...config, default_gateway: 1 });
  await withUplinks(lab, change, async () => {
    for (const address of [FIRST_ADDRESS.v4, SECOND_ADDRESS.v4]) {
      ok(await asks(address), `the router answers at ${address}`);
    }
    ok(await asks(`[${SECOND_ADDRESS.v6}]`), `the router answers at ${SECOND_ADDRESS.v6}`);
    const exit = await exitAddress("laptop", "v4");
    ok(exit === exitOf("us", "laptop").v4, "everybody else is in the tunnel", exit);
    const { stdout } = await nsAsync("router", ["curl", "-s", "--max-time", "2",
      "http://203.0.113.80/"]);
    ok(stdout.trim() === exitOf("us", "laptop").v4, "and so is the router", stdout.trim());
  });
  await stop(service);
}

async function reachable({ ok }, lab) {
  nsSysctl("laptop", { "net.ipv4.ip_forward": 1 });
  nsIp("laptop", ["addr add 10.77.0.1/24 dev lo"]);
  const via = addressOf(NET.lan, DEVICES.laptop.host).v4;
  nsIp("router", [`route add 10.77.0.0/24 via ${via}`]);
  for (const mode of [0, 1]) {
    const change = (config) => ({ ...config, default_gateway: mode });
    await withUplinks(lab, change, async () => {
      const answers = async (device) =>
        (await nsAsync(device, ["ping", "-n", "-c", "2", "-W", "1", "10.77.0.1"])).status === 0;
      ok(await answers("phone"), `default_gateway ${mode}: a network behind a LAN router`);
      ok(await answers("guest"), `default_gateway ${mode}: from another LAN`);
      const guest = addressOf(NET.guest, DEVICES.guest.host).v6;
      const six = await nsAsync("phone", ["ping", "-n", "-c", "2", "-W", "1", guest]);
      ok(six.status === 0, `default_gateway ${mode}: globally routed IPv6 between two LANs`);
    });
  }
  nsIp("router", ["route del 10.77.0.0/24"]);
}

async function ownAddress({ ok }, lab) {
  const change = (config) => ({ ...config,
    protected_ip_addrs: [{ ip_addr: "198.51.0.0/16", vl: "us" }] });
  await withUplinks(lab, change, async (router) => {
    const { status } = nsTry("router", ["ping", "-n", "-c", "2", "-W", "1", "203.0.113.80"]);
    ok(status === 0, "the router reaches the world");
    ok(uplinksOf(router).every((one) => one === WAN_DEV), "tunnels are up");
    const { received } = await ping("phone", { count: 3 });
    ok(received > 0, "devices are in their tunnels");
  });
}
