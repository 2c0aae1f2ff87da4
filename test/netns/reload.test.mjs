// UCI with the daemon itself: one that is not enabled ends well, SIGHUP touches what changed and
// nothing else, and a file with a mistake is told by its name and line and changes nothing.

import { writeFileSync } from "node:fs";
import { uciText } from "../openwrt/uci-text.mjs";
import { differences, finish, makeChecks, part } from "./lab/check.mjs";
import { aditJson, waitSettled } from "./lab/daemon.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { makeLab, ping, routerConfig, startAll, startRouter, waitExit } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { waitFor } from "./lab/sh.mjs";
import { DEVICES, NET, addressOf, exitOf, macOf } from "./lab/topology.mjs";

const END_MS_MAX = 3000;
const TOLD_MS_MAX = 3000;
const EXIT_MS_MAX = 5000;
const SETTLE_MS_MAX = 10_000;
const PING_COUNT = 150;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await part(checks, "not enabled", () => notEnabled(checks, lab));
  await startAll(lab, { textOf: uciText, change: (config) => config });
  await part(checks, "SIGHUP, one rule more", () => oneMore(checks, lab));
  const config = routerConfig(lab);
  const line = uciText(config).split("\n").findIndex((one) => one.includes("tun_ifname")) + 1;
  await part(checks, "SIGHUP, UCI with a mistake", () =>
    mistake(checks, lab, uciText({ ...config, tun_ifname: "no name" }),
      `:${line}: adit 'main', option 'tun_ifname': expected `));
  await part(checks, "SIGHUP, UCI that is not enabled", () =>
    mistake(checks, lab, uciText({ enabled: 0, ...config }), ": expected option enabled '1'"));
  await part(checks, "SIGHUP, JSON with a mistake", () =>
    mistake(checks, lab, JSON.stringify({ ...config, tun_ifname: 7 }), ": tun_ifname: expected "));
  await part(checks, "SIGHUP, no configuration at all", () =>
    mistake(checks, lab, "neither", ":1: expected JSON, which begins with "));
  return finish(checks);
});

async function notEnabled({ same, ok }, lab) {
  const before = kernelState("router");
  const { child, file } = startRouter(lab, { textOf: uciText,
    change: (config) => ({ enabled: 0, ...config }) });
  await waitFor("aditd to end", END_MS_MAX, () => child.exitCode !== null);
  same(child.exitCode, 0, "exit status");
  ok(child.text.includes(`${file}: expected option enabled '1'`), "the log says why",
    child.text.trim());
  same(differences(before, kernelState("router")), "", "the kernel is as it was");
}

/** Saves the file and sends the signal; returns what was logged until the words appeared. */
async function reload({ child, file }, text, words) {
  const logged = child.text.length;
  writeFileSync(file, text);
  child.kill("SIGHUP");
  await waitFor(`"${words}" in the log`, TOLD_MS_MAX, () =>
    child.text.slice(logged).includes(words));
  return child.text.slice(logged);
}

async function oneMore({ same, ok }, lab) {
  const { router } = lab.daemons;
  const laptop = macOf("laptop");
  // Who never sent anything is in no neighbour table.
  for (const device of ["laptop", "phone"]) await ping(device, { count: 2 });
  await waitSettled(router, SETTLE_MS_MAX);
  const config = routerConfig(lab);
  config.protected_mac_addrs.push({ mac_addr: laptop, vl: "de" });
  const before = spreadState();
  const { sessions } = aditJson(router, "status");
  const pinging = ping("phone", { count: PING_COUNT });
  await reload(router, uciText(config), "reloaded");
  const { got } = await waitExit("laptop", "v4", exitOf("de").v4, EXIT_MS_MAX);
  same(got, exitOf("de").v4, "the laptop leaves through de");
  await waitSettled(router, SETTLE_MS_MAX);
  const { sent, received } = await pinging;
  same(received, sent, "the phone's pings are all answered");
  same(aditJson(router, "status").sessions.started, sessions.started, "tunnels stay");
  const changed = differences(before, spreadState()).split("\n");
  const foreign = changed.filter((line) => !line.includes(laptop) && !isOf("laptop", line));
  ok(changed.length > 1 && foreign.length === 0, "only the laptop's own lines differ",
    foreign.join("\n"));
}

/** The kernel's state with a line for each element of a map or set. */
function spreadState() {
  return kernelState("router").replaceAll(/elements = \{([^}]*)\}/g, (_all, elements) =>
    elements.split(",").map((one) => one.trim()).join("\n"));
}

function isOf(device, line) {
  const { v4, v6 } = addressOf(NET.lan, DEVICES[device].host);
  return [v4, v6, "fe80:"].some((address) => line.includes(`from ${address}`));
}

async function mistake({ same, ok }, lab, text, expected) {
  const { router } = lab.daemons;
  const before = kernelState("router");
  const { operations } = aditJson(router, "status");
  const said = await reload(router, text, "the old configuration stays");
  ok(said.includes(router.file + expected), "the log names the file and the place", said.trim());
  same(aditJson(router, "status").operations, operations, "kernel operations");
  same(differences(before, kernelState("router")), "", "the kernel is as it was");
}
