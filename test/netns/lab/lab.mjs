// The whole lab: topology, web host, two gateways, a router, and questions to ask of them.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  gatewayConfig, makeIdentity, makeToken, pidsOf, startDaemon, stopDaemon, waitSettled, waitUp,
} from "./daemon.mjs";
import { PATIENCE, nsAsync, nsStart, waitFor } from "./sh.mjs";
import {
  DEVICES, GATEWAYS, NET, WAN_DEV, WEB, addressOf, buildTopology, macOf,
} from "./topology.mjs";

const DIR = "/run/adit-lab";
const WEB_MS_MAX = 5000;
const READY_MS_MAX = 10_000;
const HTTP_S_MAX = 2;

/** Builds the network and starts the web host; daemons are started by the functions below. */
export async function makeLab() {
  buildTopology();
  mkdirSync(DIR);
  const script = join(dirname(fileURLToPath(import.meta.url)), "web.mjs");
  const web = nsStart("internet", [process.execPath, script]);
  await waitFor("the web host", WEB_MS_MAX, () => web.text.includes("ready"));
  const secrets = Object.fromEntries(Object.keys(GATEWAYS).map((name) =>
    [name, { identity: makeIdentity(DIR, name), token: makeToken(DIR, name) }]));
  return { web, secrets, daemons: {}, change: (config) => config };
}

/** Starts one gateway, or starts it again; `change` edits the configuration. */
export function startGateway(lab, name, { change = (config) => config, ...options } = {}) {
  const config = gatewayConfig({ dir: `${DIR}/${name}`, ...lab.secrets[name], wan: "eth1",
    pool: GATEWAYS[name].pool });
  lab.daemons[name] = startDaemon(name, change(config), options);
  return lab.daemons[name];
}

export function startGateways(lab) {
  for (const name of Object.keys(GATEWAYS)) startGateway(lab, name);
}

/** Starts the router's daemon, or starts it again; `change` edits the configuration, for good. */
export function startRouter(lab, { change = lab.change, ...options } = {}) {
  lab.change = change;
  mkdirSync(`${DIR}/router`, { recursive: true });
  lab.daemons.router = startDaemon("router", change(routerConfig(lab)), options);
  return lab.daemons.router;
}

/** Starts both gateways and the router and waits until traffic can flow. */
export async function startAll(lab, options) {
  startGateways(lab);
  startRouter(lab, options);
  await waitReady(lab);
}

/** Runs the body with a router whose configuration was changed, and ends it. */
export async function withRouter(lab, { change, until }, body) {
  const router = startRouter(lab, { change });
  try {
    await until(router);
    await body(router);
  } catch (error) {
    throw new Error(`${error.message}\n${router.child.text.slice(-2000)}`, { cause: error });
  } finally {
    await stopDaemon(router);
  }
}

/** Waits until both tunnels are up and the router has nothing left to do. */
export async function waitReady(lab) {
  try {
    await waitUp(lab.daemons.router, Object.keys(GATEWAYS), READY_MS_MAX);
    await waitSettled(lab.daemons.router, READY_MS_MAX);
  } catch (error) {
    const logs = Object.values(lab.daemons).map((each) =>
      `--- ${each.ns}\n${each.child.text.slice(-3000)}`);
    throw new Error(`${error.message}\n${logs.join("\n")}`);
  }
}

/** The router's configuration: one rule of each kind, and a laptop that no rule names. */
export function routerConfig(lab) {
  const tv = addressOf(NET.lan, DEVICES.tv.host);
  return {
    role: "router", tun_ifname: "wrt0", wan_ifname: WAN_DEV,
    lan_ifnames: [NET.lan.dev, NET.guest.dev], vl_default: "", default_gateway: 0,
    locations: Object.keys(GATEWAYS).map((name) => ({
      name, type: "tls", token_file: lab.secrets[name].token.file, dial: "now",
      peers: [{ endpoint: `${addressOf(NET.inet, GATEWAYS[name].host).v4}:443`,
        pin: lab.secrets[name].identity.pin }],
    })),
    protected_mac_addrs: [{ mac_addr: macOf("phone"), vl: "us", when_down: "block" }],
    protected_ip_addrs: [{ ip_addr: tv.v4, vl: "de" }, { ip_addr: tv.v6, vl: "de" }],
    protected_ifaces: [{ iface: NET.guest.dev, vl: "us" }],
    api: { socket: `${DIR}/router/adit.sock` },
  };
}

/** The address that the web host saw for a device, or "" when nothing came back in time. */
export async function exitAddress(device, family, seconds = HTTP_S_MAX) {
  const url = family === "v6" ? `http://[${WEB.v6}]/` : `http://${WEB.v4}/`;
  const { status, stdout } = await nsAsync(device,
    ["curl", "-s", "--max-time", String(seconds), url]);
  return status === 0 ? stdout.trim() : "";
}

/**
 * Waits until a device leaves through the wanted address; gives the last one seen, and the ms. `ms`
 * is what an idle machine may need.
 */
export async function waitExit(device, family, want, ms) {
  const start = performance.now();
  let got = "";
  const spent = () => performance.now() - start;
  while (got !== want && spent() < PATIENCE * ms) got = await exitAddress(device, family, 1);
  return { got, ms: Math.round(spent()) };
}

/** Pings the web host; {sent, received, rttMs}. */
export async function ping(device, { family = "v4", count = 10, intervalS = 0.02 } = {}) {
  const seconds = Math.ceil(2 * count * intervalS) + 2;
  const { stdout } = await nsAsync(device, ["ping", "-n", "-i", String(intervalS), "-c",
    String(count), "-w", String(seconds), WEB[family]]);
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
  const seen = new Set([...stdout.matchAll(/ icmp_seq=(\d+) .*time=/g)].map(([, seq]) => +seq));
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((seq) => !seen.has(seq));
  const rtt = /= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1];
  return { sent: Number(sent), received: Number(received), missing, rttMs: Number(rtt ?? NaN) };
}

/** All process ids of the router's daemon. */
export const routerPids = (lab) => pidsOf(lab.daemons.router).all;
