// The lab itself, without any daemon: if a probe could not be seen, every later zero would be
// empty.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { differences, finish, makeChecks, part } from "./lab/check.mjs";
import { isAlive } from "./lab/daemon.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { exitAddress, makeLab, ping } from "./lab/lab.mjs";
import { PROBES, startCounter, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsRun, run, sleep, waitFor } from "./lab/sh.mjs";
import {
  DEVICES, connectUplink, disconnectUplink, exitOf, setDeviceAddress, setUplinkCable,
} from "./lab/topology.mjs";

const IDLE = "ADIT_LAB_IDLE";
const END_MS_MAX = 5000;
const RATE = 1000;
const RUN_MS = 500;
const SHARE_SEEN_MIN = 0.95;

await runSandboxed(import.meta.url, () => (process.env[IDLE] === "1" ? idle() : test()));

async function test() {
  const checks = makeChecks();
  const lab = await makeLab();
  await part(checks, "without adit every device leaves directly", () => direct(checks));
  await part(checks, "every probe is seen outside", () => visible(checks));
  await part(checks, "a drop at the router is seen as nothing", () => dropped(checks));
  await part(checks, "cables and addresses can change", () => changes(checks));
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"]) {
    await part(checks, `a lab that ends by ${signal} leaves nothing`, () => ended(checks, signal));
  }
  checks.ok(lab.web.exitCode === null, "the web host is still there");
  return finish(checks);
}

// The same script as a lab of its own, which the test above ends by force.
async function idle() {
  await makeLab();
  console.log(`built ${process.pid}`);
  await new Promise(() => {});
}

async function ended({ ok, same }, signal) {
  const around = { processes: processes(), namespaces: run("ip netns list") };
  const inner = { ...process.env, [IDLE]: "1", ADIT_LAB_INSIDE: "0" };
  const child = spawn(process.execPath, [process.argv[1]], { env: inner, detached: true });
  let said = "";
  child.stdout.on("data", (chunk) => { said += chunk; });
  await waitFor("the inner lab", END_MS_MAX, () => said.includes("built"));
  ok(processes().length > around.processes.length, "the inner lab runs");
  // An interrupt from a terminal reaches the whole process group, other signals the script alone.
  process.kill(signal === "SIGINT" ? -child.pid : child.pid, signal);
  await waitFor("the end of every process of it", END_MS_MAX,
    () => processes().length === around.processes.length);
  same(run("ip netns list"), around.namespaces, "the same namespaces as before");
  same(processes().join(" "), around.processes.join(" "), "the same processes as before");
}

function processes() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isAlive(Number(name)));
}

async function direct({ same }) {
  for (const device of Object.keys(DEVICES)) {
    for (const family of ["v4", "v6"]) {
      same(await exitAddress(device, family), exitOf("direct", device)[family],
        `${device} over IP${family}`);
    }
  }
}

async function visible({ ok }) {
  const outside = await startCounter("uplink", "w0");
  const probes = startProbes({ rate: RATE, seconds: 10 });
  await sleep(RUN_MS);
  const sent = await probes.stop();
  const seen = await outside.read();
  for (const { flow, rule, family } of PROBES) {
    const share = seen[flow].packets / sent[flow];
    ok(share >= SHARE_SEEN_MIN && share <= 1, `${rule} ${family}`,
      `${seen[flow].packets} of ${sent[flow]}`);
  }
  await outside.stop();
}

async function dropped({ ok }) {
  const drop = "add table inet t; add chain inet t f { type filter hook forward priority 0; "
    + "policy drop; }";
  const outside = await startCounter("uplink", "w0");
  nsRun("router", ["nft", drop]);
  const probes = startProbes({ rate: RATE, seconds: 10 });
  await sleep(RUN_MS);
  await probes.stop();
  nsRun("router", "nft delete table inet t");
  const seen = Object.values(await outside.read()).map(({ packets }) => packets);
  ok(seen.every((packets) => packets === 0), "nothing is counted", seen.join(" "));
  await outside.stop();
}

async function changes({ ok, same }) {
  const before = kernelState("router");
  disconnectUplink();
  connectUplink();
  setUplinkCable(false);
  const down = await ping("tv", { count: 2 });
  setUplinkCable(true);
  const up = await ping("tv", { count: 2 });
  ok(down.received === 0 && up.received === 2, "the cable decides",
    `${down.received} answers without, ${up.received} with`);
  setDeviceAddress("phone", 11);
  same(await exitAddress("phone", "v6"), "2001:db8:1a:1::11", "the phone's new address");
  const moving = /fe80|link\/ether|neigh\.|proxy_ndp/;
  const left = differences(before, kernelState("router")).split("\n")
    .filter((line) => line !== "" && !moving.test(line));
  same(left.join("\n"), "", "a replaced uplink looks like the old one");
}
