// Protected devices leak nothing from the moment a router begins to forward until aditd rules it,
// nor while the package is upgraded, restarted or removed, nor when the firewall is loaded again.
// The package is the one that `make test-packages` makes, with the native binary inside; its own
// init scripts run in the order of OpenWrt's boot. Controls show that each probe is seen when it
// leaks.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  installPackage, makeRoot, removePackage, sh, shRun, upgradeByApk,
} from "../openwrt/root.mjs";
import { uciText } from "../openwrt/uci-text.mjs";
import { finish, makeChecks, part } from "./lab/check.mjs";
import { adit, isAlive, killAll, pidsOf, planOf } from "./lab/daemon.mjs";
import { makeLab, routerConfig, startGateway, waitReady } from "./lab/lab.mjs";
import { PROBES, startCounter, startEchoes, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsRun, nsSysctl, nsTry, run, sleep, waitFor } from "./lab/sh.mjs";
import { GATEWAYS, SYSTEM_FIREWALL, WEB, connectUplink } from "./lab/topology.mjs";

const FOLDER = "build/test-packages/1/mips_24kc";
const PACKAGE = join(FOLDER, readdirSync(FOLDER).find((name) => name.startsWith("adit-static_")));
const LOG = "var/log/standin.log";
const TREE = "/run/tree";
const RATE = 500;
const PROBE_S_MAX = 60;
const STEP_MS = 200;
const LEAK_PACKETS_MIN = 25;
const DELIVER_MS_MAX = 15_000;
const END_MS_MAX = 10_000;
const UPLINK_MS_MAX = 10_000;
const INCLUDE = 'include "/usr/share/nftables.d/ruleset-post/*.nft"\n';

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const env = await makeEnv();
  const parts = [
    ["control: a boot without the block", () => control(checks, env)],
    ["a boot", () => bootWell(checks, env)],
    ["the firewall is loaded again", () => reloadFirewall(checks, env)],
    ["a restart", () => during(checks, env, () => service(env, "restart"))],
    ["an upgrade by opkg", () => during(checks, env, () => upgrade(env))],
    ["an upgrade by apk", () => during(checks, env, () => apk(env))],
    ["new firmware", () => during(checks, env, () => firmware(env))],
    ["held, and the firewall is loaded again", () => during(checks, env, () => hold(env))],
    ["control: a stop lets go", () => stopped(checks, env)],
    ["a boot with a mistake in the configuration", () => bootBadly(checks, env)],
    ["a boot with a misspelt protection", () => bootMisspelt(checks, env)],
    ["control: a stop lets go of the block of a boot", () => stoppedBadly(checks, env)],
    ["a removal, and letting go after it", () => removal(checks, env)],
  ];
  for (const [name, body] of parts) await part(checks, name, body);
  return finish(checks);
});

async function makeEnv() {
  const lab = await makeLab();
  mkdirSync(TREE);
  run(["mount", "-t", "tmpfs", "tmpfs", TREE]);
  const root = makeRoot(`${TREE}/router`);
  for (const name of Object.keys(GATEWAYS)) startGateway(lab, name);
  await startEchoes();
  installPackage(root, PACKAGE, { ns: "router" });
  const config = uciText(configOf(lab, root));
  writeFileSync(join(root, "etc/config/adit"), config);
  return { lab, root, config, outside: await startCounter("uplink", "w0"),
    inside: await startCounter("internet", "br0") };
}

function configOf(lab, root) {
  const { api: _api, ...config } = routerConfig(lab);
  for (const { name, token_file: file } of config.locations) {
    writeFileSync(join(root, "etc/adit", `${name}.token`), readFileSync(file), { mode: 0o600 });
  }
  const locations = config.locations.map((each) =>
    ({ ...each, token_file: `/etc/adit/${each.name}.token` }));
  return { ...config, locations };
}

function service({ root }, action) {
  return shRun(root, `/etc/init.d/adit ${action}`, { ns: "router" });
}

// As fw4 does it: one transaction that replaces its own table and includes what packages brought.
function loadFirewall({ root }) {
  shRun(root, "nft -f -", { ns: "router", input: SYSTEM_FIREWALL + INCLUDE });
}

/** What a router knows that was just switched on. */
async function powerOff({ lab, root }) {
  const { router } = lab.daemons;
  sh(root, "/etc/init.d/adit stop", { ns: "router" });
  if (router !== undefined) await killAll(pidsOf(router).all.filter(isAlive));
  nsSysctl("router", { "net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0 });
  nsTry("router", "ip link del eth1");
  nsRun("router", "nft flush ruleset");
  nsTry("router", "conntrack -F");
  for (const name of ["run/adit", "run/adit-block", "tmp/procd.json"]) {
    rmSync(join(root, name), { recursive: true, force: true });
  }
}

// Whoever waits for the uplink's neighbours leaks nothing, with or without a block.
function carries() {
  return [WEB.v4, WEB.v6].every((address) =>
    nsTry("router", `ping -n -c 1 -W 1 ${address}`).status === 0);
}

/** The steps of a boot that concern us, in their order, with time between them. */
async function boot(env, { block = true } = {}) {
  nsSysctl("router", { "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1 });
  await sleep(STEP_MS);
  if (block) shRun(env.root, "/etc/init.d/adit-block boot", { ns: "router" });
  await sleep(STEP_MS);
  loadFirewall(env);
  await sleep(STEP_MS);
  connectUplink();
  await waitFor("the uplink carries both families", UPLINK_MS_MAX, carries);
  await sleep(2 * STEP_MS);
  sh(env.root, "/etc/init.d/adit boot", { ns: "router" });
}

/** Waits for the daemon that the stand-in of procd started, and takes it into the lab. */
async function ready({ lab, root, inside }) {
  const file = join(root, "tmp/procd.json");
  const { pid } = JSON.parse(readFileSync(file, "utf8")).adit;
  const child = { pid, get text() { return readFileSync(join(root, LOG), "utf8"); } };
  lab.daemons.router = { ns: "router", socket: join(root, "run/adit/adit.sock"), child };
  await waitReady(lab);
  await inside.reset();
  await waitFor("every probe delivered through its tunnel", DELIVER_MS_MAX, async () => {
    const counts = await inside.read();
    return PROBES.every(({ flow }) => counts[flow].packets > 0);
  });
}

/** Runs `act` while the probes run; gives the packets of each probe that leaked meanwhile. */
async function underProbes({ outside }, act) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: PROBE_S_MAX });
  try {
    await sleep(STEP_MS);
    await act();
    await sleep(STEP_MS);
  } finally {
    await probes.stop();
  }
  const counts = await outside.read();
  return PROBES.map(({ flow }) => counts[flow].packets);
}

function isTight({ same }, leaks, what) {
  for (const [at, { rule, family }] of PROBES.entries()) {
    same(leaks[at], 0, `${what}: nothing leaks, ${rule} rule, ${family}`);
  }
}

function isOpen({ ok }, leaks, what) {
  for (const [at, { rule, family }] of PROBES.entries()) {
    ok(leaks[at] >= LEAK_PACKETS_MIN, `${what}: it leaks, ${rule} rule, ${family}`,
      `${leaks[at]} packets`);
  }
}

async function control(checks, env) {
  await powerOff(env);
  const leaks = await underProbes(env, async () => {
    await boot(env, { block: false });
    await ready(env);
  });
  isOpen(checks, leaks, "without the block");
}

async function bootWell(checks, env) {
  await powerOff(env);
  const leaks = await underProbes(env, async () => {
    await boot(env);
    await ready(env);
  });
  isTight(checks, leaks, "boot");
  checks.ok(!tableText().includes("chain boot"), "the daemon's table is in the place of the block");
}

function tableText() {
  return nsTry("router", "nft list table inet adit").stdout;
}

async function reloadFirewall(checks, env) {
  const before = tableText();
  await during(checks, env, async () => {
    for (let round = 0; round < 3; round++) {
      loadFirewall(env);
      await sleep(STEP_MS);
    }
  });
  const shape = (text) => text.replaceAll(/packets \d+ bytes \d+/g, "");
  checks.same(shape(tableText()), shape(before), "the daemon's table is what it was");
  checks.same(planOf(env.lab.daemons.router)?.length, 0, "and there is nothing to repair");
}

/** Something that must end with the daemon at work again. */
async function during(checks, env, act) {
  const leaks = await underProbes(env, async () => {
    await act();
    await ready(env);
  });
  isTight(checks, leaks, "meanwhile");
}

function upgrade({ root }) {
  const done = installPackage(root, PACKAGE, { ns: "router", isUpgrade: true });
  if (done.status !== 0) throw new Error(`upgrade: ${done.stderr}`);
}

async function apk({ root }) {
  upgradeByApk(root, "adit-static", { ns: "router" });
}

/** procd ends every service with SIGTERM before it starts the second stage of sysupgrade. */
async function firmware(env) {
  const { pid } = env.lab.daemons.router.child;
  const mark = join(env.root, "tmp/root/sbin/upgraded");
  mkdirSync(dirname(mark), { recursive: true });
  writeFileSync(mark, "");
  process.kill(pid, "SIGTERM");
  await waitFor("the end of the daemon", END_MS_MAX, () => !isAlive(pid));
  await sleep(STEP_MS);
  rmSync(mark);
  service(env, "start");
}

async function hold(env) {
  service(env, "hold");
  await sleep(STEP_MS);
  loadFirewall(env);
  await sleep(STEP_MS);
  service(env, "start");
}

async function stopped(checks, env) {
  const leaks = await underProbes(env, async () => {
    service(env, "stop");
    await sleep(2 * STEP_MS);
  });
  isOpen(checks, leaks, "stopped");
}

function writeConfig({ root }, text) {
  writeFileSync(join(root, "etc/config/adit"), text);
}

function withMistake(config) {
  return config.replace(/endpoint '[^']*'/, "endpoint 'nowhere'");
}

async function bootBadly(checks, env) {
  writeConfig(env, withMistake(env.config));
  await powerOff(env);
  const leaks = await underProbes(env, async () => {
    await boot(env);
    await sleep(2 * STEP_MS);
    loadFirewall(env);
  });
  isTight(checks, leaks, "boot");
  checks.same(sh(env.root, "/etc/init.d/adit running", { ns: "router" }).status, 1,
    "the daemon is not started");
  writeConfig(env, env.config);
  const mended = await underProbes(env, async () => {
    service(env, "reload");
    await ready(env);
  });
  isTight(checks, mended, "the mistake is mended");
}

/** What looks like protection and is none leaves nobody open, and the log says so. */
async function bootMisspelt(checks, env) {
  const slips = {
    "a section": (text) => text.replaceAll("config protected_", "config proteced_"),
    "`enabled`": (text) => text.replace("option enabled", "option enabeld"),
  };
  for (const [what, slip] of Object.entries(slips)) {
    writeConfig(env, slip(env.config));
    await powerOff(env);
    const leaks = await underProbes(env, async () => {
      await boot(env);
      await sleep(2 * STEP_MS);
      loadFirewall(env);
    });
    isTight(checks, leaks, `${what} misspelt`);
  }
  const log = readFileSync(join(env.root, LOG), "utf8");
  for (const word of ["did you mean protected_mac_addr?", "did you mean enabled?"]) {
    checks.ok(log.includes(word), `the log says: ${word}`);
  }
}

async function stoppedBadly(checks, env) {
  for (const [how, act] of [
    ["stopped", () => service(env, "stop")],
    ["not enabled", () => {
      writeConfig(env, env.config.replace("enabled '1'", "enabled '0'"));
      service(env, "reload");
    }],
  ]) {
    writeConfig(env, withMistake(env.config));
    await powerOff(env);
    await boot(env);
    const leaks = await underProbes(env, async () => {
      act();
      await sleep(2 * STEP_MS);
    });
    isOpen(checks, leaks, how);
  }
  writeConfig(env, env.config);
  await bootWell(checks, env);
}

async function removal(checks, env) {
  let said = "";
  const leaks = await underProbes(env, async () => {
    said = removePackage(env.root, PACKAGE, { ns: "router" }).stdout;
    await sleep(STEP_MS);
    loadFirewall(env);
    await sleep(2 * STEP_MS);
  });
  isTight(checks, leaks, "removed");
  checks.ok(tableText().includes("chain guard"), "the table stays until the next boot");
  checks.ok(!isAlive(env.lab.daemons.router.child.pid), "the daemon is gone");
  checks.ok(adit(env.lab.daemons.router, "status").status !== 0, "nobody answers");
  await letGo(checks, env, said);
}

/** What the removal said is tried to the letter. */
async function letGo(checks, env, said) {
  const command = said.split("\n").find((line) => line.includes("ip rule del"));
  const leaks = await underProbes(env, async () => {
    shRun(env.root, command, { ns: "router" });
    await sleep(2 * STEP_MS);
  });
  isOpen(checks, leaks, "let go by hand");
}
