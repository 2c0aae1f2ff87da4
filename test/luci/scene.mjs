// The lab with a router and two gateways behind the pages, and a browser before them; and what a
// test of pages does over and over.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ADIT, aditAsync } from "../netns/lab/daemon.mjs";
import { makeLab, routerConfig, startAll, startRouter, waitReady } from "../netns/lab/lab.mjs";
import { nsStart, tryRun } from "../netns/lab/sh.mjs";
import { DEVICES, NET, WAN_DEV, WEB, addressOf, macOf } from "../netns/lab/topology.mjs";
import { findChrome, startChrome } from "./chrome.mjs";
import { dumpOf, sectionsOf, zonedOf } from "./configured.mjs";
import { createRpcd } from "./rpcd.mjs";
import { startServer } from "./server.mjs";
import { createUci } from "./uci.mjs";

const APP = "openwrt-feed/luci-app-adit";
const PROTOCOL = "openwrt-feed/luci-proto-adit";
const PICTURES = process.env.PICTURES ?? "build/luci";
const PICTURE_BYTES_MAX = 120_000;
const TRAFFIC_S = 7;
export const LINKS = { wan: WAN_DEV, lan: NET.lan.dev };
export const DESK = [1000, 800];
export const ADMIN = "a".repeat(32);
export const GUEST = "b".repeat(32);

export async function setScene() {
  const lab = await makeLab();
  const leases = Object.entries(DEVICES).map(([device, { net, host, mac }]) =>
    `1900000000 ${mac} ${addressOf(net, host).v4} ${device} *\n`);
  writeFileSync("/run/adit-lab/leases", leases.join(""));
  await startAll(lab, { change: withPolicy });
  for (const device of Object.keys(DEVICES)) startTraffic(device);
  const scene = { lab, session: ADMIN, daemon: { socket: lab.daemons.router.socket },
    names: Object.fromEntries(Object.keys(DEVICES).map((device) => [device, device])),
    files: new Map() };
  scene.uci = createUci({ configs: { adit: sectionsOf(withPolicy(routerConfig(lab))),
    ...zonedOf(LINKS) }, onCommit: (config, text) => reconfigure(scene, config, text) });
  scene.rpcd = createRpcd({ daemon: scene.daemon, objects: objectsOf(scene),
    sessions: { [ADMIN]: "admin", [GUEST]: "guest" },
    aclFolders: [APP, join(process.env.LUCI_DIR, "modules/luci-base")]
      .map((folder) => join(folder, "root/usr/share/rpcd/acl.d")) });
  scene.server = await startServer({ luci: process.env.LUCI_DIR, app: APP, protocol: PROTOCOL,
    rpcd: scene.rpcd, uci: scene.uci, session: () => scene.session });
  scene.page = await startChrome(findChrome(existsSync));
  await scene.page.resize(...DESK);
  mkdirSync(PICTURES, { recursive: true });
  return scene;
}

export const withPolicy = (config) =>
  ({ ...config, policy: { leases_file: "/run/adit-lab/leases", confirm_s: 60 } });

// What procd does through the init script when /etc/config/adit changed.
function reconfigure({ lab: { daemons: { router } } }, config, text) {
  if (config !== "adit") return;
  writeFileSync(router.file, text);
  void aditAsync(router, "reload");
}

// Enough for a graph to show something, and little enough for any machine.
function startTraffic(device) {
  const intervals = { phone: [0.002, 0.006, 0.003], tv: [0.01, 0.004, 0.02] }[device] ?? [1];
  const ping = (interval) => `ping -q -n -i ${interval} -s 1300 -w ${TRAFFIC_S} ${WEB.v4}`;
  nsStart(device, ["sh", "-c", `while :; do ${intervals.map(ping).join("; ")}; done`]);
}

const ok = (data) => [0, data];

/** The objects of rpcd that the pages ask, as far as they are asked. */
function objectsOf(scene) {
  const hints = () => Object.fromEntries(Object.entries(scene.names).map(([device, name]) =>
    [macOf(device).toUpperCase(), { name, ip6addrs: [],
      ipaddrs: [addressOf(DEVICES[device].net, DEVICES[device].host).v4] }]));
  const may = (session, path) => scene.rpcd.isAllowed(session, "file", path, "write");
  return {
    luci: { getFeatures: () => ok({}) },
    "luci-rpc": { getHostHints: () => ok(hints()) },
    uci: scene.uci.methods,
    file: {
      list: () => ok({ entries: [] }),
      exec: (args, session) => runCommand(scene, args, session),
      write: ({ path, data, mode }, session) => {
        if (!may(session, path)) return [6];
        scene.files.set(path, { data, mode: scene.files.get(path)?.mode ?? mode });
        return [0];
      },
      remove: ({ path }, session) => {
        if (!may(session, path)) return [6];
        return [scene.files.delete(path) ? 0 : 4];
      },
    },
    "network.interface": { dump: () => ok({ interface: dumpOf(LINKS) }) },
    session: { access: () => ok({ access: true }) },
  };
}

async function runCommand(scene, { command, params = [] }, session) {
  const line = [command, ...params].join(" ");
  if (!scene.rpcd.isAllowed(session, "file", line, "exec")) return [6];
  if (line === "/etc/init.d/adit start") await startAgain(scene);
  if (command !== "/usr/bin/adit") return ok({ code: 0 });
  const text = params.at(-1) === "/etc/config/adit" ? scene.uci.text()
    : scene.files.get(params.at(-1)).data;
  const file = "/run/adit-lab/checked";
  writeFileSync(file, text);
  const { status, stdout, stderr } = tryRun([ADIT, ...params.slice(0, -1), file]);
  return ok({ code: status, stdout, stderr });
}

async function startAgain(scene) {
  startRouter(scene.lab);
  await waitReady(scene.lab);
  scene.daemon.socket = scene.lab.daemons.router.socket;
}

export const open = ({ page, server }, view) => page.goto(`${server.url}admin/vpn/adit/${view}`);

export const button = (words, within = "document") =>
  `[...${within}.querySelectorAll("button")].find((one) => one.innerText.trim() === "${words}")`;

export const textOf = (selector) =>
  `(document.querySelector(${JSON.stringify(selector)})?.innerText ?? "")`;

export const rowOf = (device) =>
  `[...document.querySelectorAll("#view tr")].find((row) =>
    row.innerText.toLowerCase().includes("${macOf(device)}"))`;

export const says = (words) =>
  `document.querySelector("#maincontent").innerText.includes("${words}")`;

export async function picture({ page }, checks, name) {
  const bytes = await page.capture(join(PICTURES, `luci-${name}.png`));
  checks.ok(bytes < PICTURE_BYTES_MAX, `the picture luci-${name}.png is small`, `${bytes} bytes`);
}
