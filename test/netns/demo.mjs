// make demo: devices behind a router leave through the tunnel that policy chose for them.
//
// Shows the policy as a table, then moves a phone, kills a gateway, kills the daemon and pulls the
// uplink's cable, each under probes at 1,000 packets/s that are counted where a leak would show.
// Exit status 0 only if everything held.

import { differences, finish, makeChecks } from "./lab/check.mjs";
import {
  aditJson, isAlive, killAll, pidsOf, planOf, protect, stopDaemon,
} from "./lab/daemon.mjs";
import {
  exitAddress, makeLab, ping, startAll, startGateway, startRouter, waitExit, waitReady,
} from "./lab/lab.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { throughput, withThroughputServer } from "./lab/measure.mjs";
import { PICTURE, tableLines } from "./lab/picture.mjs";
import { PROBES, startCounter, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { sleep } from "./lab/sh.mjs";
import {
  DEVICES, addressOf, exitOf, macOf, setDeviceAddress, setUplinkCable,
} from "./lab/topology.mjs";

const RATE = 1000;
const ACT_S_MAX = 60;
const WATCH_MS = 800;
const EFFECT_MS_MAX = 10_000;

await runSandboxed(import.meta.url, demo);

async function demo() {
  const started = performance.now();
  const checks = makeChecks();
  console.log(PICTURE);
  const lab = await makeLab();
  const before = kernelState("router");
  const stage = { lab, checks, before, policy: { phone: "us", tv: "de", guest: "us" },
    outside: await startCounter("uplink", "w0"), proven: [] };
  await positiveControl(stage);
  await act(stage, "Start: two gateways, one router", startTheLab);
  await act(stage, "The policy, and what the web host really saw", showTable);
  await act(stage, "The phone gets new addresses", movePhoneAddress);
  await act(stage, "adit protect: the phone moves to de at run time", protectPhone);
  await act(stage, "Gateway us dies", killGateway);
  await act(stage, "kill -9 of the whole router daemon, then a restart", killRouter);
  await act(stage, "The uplink's cable is pulled and put back", pullCable);
  await act(stage, "The daemon stops", stopRouter);
  return summary(stage, performance.now() - started);
}

function summary({ checks, proven }, ms) {
  const { failures } = checks.count;
  console.log(`\n── In ${(ms / 1000).toFixed(0)} s on this machine`);
  for (const row of tableLines(["what", "leaked in clear", "effect"], proven)) console.log(row);
  if (failures.length > 0) console.log("Failed:");
  for (const failure of failures) console.log(`  ${failure}`);
  return finish(checks);
}

async function act(stage, title, body) {
  console.log(`\n── ${title}`);
  try {
    await body(stage);
  } catch (error) {
    stage.checks.ok(false, title, error.message);
  }
}

// A counter that never sees anything proves nothing, so first everything leaks on purpose.
async function positiveControl({ outside, checks }) {
  console.log("── Without adit: does our counter see what leaves the router in clear?");
  const { leaks } = await underProbes({ outside }, () => {});
  const seen = PROBES.map(({ flow }) => leaks[flow].packets);
  checks.ok(seen.every((packets) => packets > 0),
    "all six probes (MAC, address, interface; IPv4, IPv6) are seen", `${seen.join(", ")} packets`);
}

/** Runs `body` while all protected devices send, and tells what leaked meanwhile. */
async function underProbes({ outside }, body) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: ACT_S_MAX });
  let sent = {};
  try {
    await body();
    await sleep(WATCH_MS);
  } finally {
    sent = await probes.stop();
  }
  const leaks = await outside.read();
  const total = (counts) => counts.reduce((sum, count) => sum + count, 0);
  return { leaks, leaked: total(Object.values(leaks).map(({ packets }) => packets)),
    sent: total(Object.values(sent)) };
}

/** `body` gives the effect in words for the summary. */
async function actUnderProbes(stage, what, body) {
  let effect = "";
  const { leaked, sent } = await underProbes(stage, async () => { effect = await body(); });
  stage.checks.ok(leaked === 0, "nothing leaked", `${leaked} of ${sent} packets left in clear`);
  stage.proven.push([what, `${leaked} of ${sent} packets`, effect]);
}

async function startTheLab({ lab, checks, proven }) {
  const start = performance.now();
  await startAll(lab);
  const ms = Math.round(performance.now() - start);
  checks.ok(planOf(lab.daemons.router)?.length === 0, "both tunnels up, adit plan is empty",
    `${ms} ms after the start`);
  proven.push(["start", "", `both tunnels up after ${ms} ms`]);
}

async function showTable(stage) {
  const rows = [];
  await withThroughputServer(async () => {
    for (const device of Object.keys(DEVICES)) rows.push(await tableRow(stage, device));
  });
  const head = ["device", "decided by", "location", "exit IPv4", "exit IPv6", "round trip",
    "throughput"];
  console.log(tableLines(head, rows.map((row) => row.cells)).join("\n"));
  for (const row of rows) {
    stage.checks.ok(row.isRight, `${row.device} leaves through ${row.location}, IPv4 and IPv6`);
  }
}

async function tableRow({ lab, policy }, device) {
  const location = policy[device] ?? "direct";
  const v4 = await exitAddress(device, "v4");
  const v6 = await exitAddress(device, "v6");
  const want = exitOf(location, device);
  const { rttMs } = await ping(device);
  const { net, host } = DEVICES[device];
  const told = aditJson(lab.daemons.router, "explain", addressOf(net, host).v4) ?? {};
  return { device, location, isRight: v4 === want.v4 && v6 === want.v6,
    cells: [device, ruleText(told.rule), told.location || "direct", v4 || "none", v6 || "none",
      `${rttMs.toFixed(2)} ms`, `${await throughput(device)} Mbit/s`] };
}

function ruleText(rule) {
  if (rule === undefined || rule === null || rule === "") return "no rule";
  return typeof rule === "string" ? rule : rule.name ?? `${rule.kind} ${rule.subject}`;
}

/** Checks both families; gives the milliseconds until both were right. */
async function checkExit({ checks }, device, location, text) {
  const start = performance.now();
  for (const family of ["v4", "v6"]) {
    const want = exitOf(location, device)[family];
    const { got, ms } = await waitExit(device, family, want, EFFECT_MS_MAX);
    checks.ok(got === want, `${text}, IP${family}`,
      got === want ? `seen as ${got} after ${ms} ms` : `seen as '${got}', expected ${want}`);
  }
  return Math.round(performance.now() - start);
}

async function movePhoneAddress(stage) {
  await actUnderProbes(stage, "phone changes its addresses", async () => {
    setDeviceAddress("phone", 11);
    const ms = await checkExit(stage, "phone", "us", "phone at .11 still leaves through us");
    return `still through us, IPv4 and IPv6 seen after ${ms} ms`;
  });
}

async function protectPhone(stage) {
  await actUnderProbes(stage, "phone moved by adit protect", async () => {
    const done = protect(stage.lab.daemons.router, "mac", macOf("phone"), "de");
    stage.checks.ok(done.status === 0, `adit protect ${macOf("phone")} de`, done.stderr.trim());
    const ms = await checkExit(stage, "phone", "de", "phone leaves through de");
    return `through de, IPv4 and IPv6 seen after ${ms} ms`;
  });
}

async function killGateway(stage) {
  const { lab, checks } = stage;
  await actUnderProbes(stage, "gateway us killed", async () => {
    await killAll(pidsOf(lab.daemons.us).all);
    await sleep(WATCH_MS);
    const [v4, v6] = [await exitAddress("guest", "v4", 1), await exitAddress("guest", "v6", 1)];
    checks.ok(v4 === "" && v6 === "", "guest is blocked, IPv4 and IPv6", `got '${v4}' '${v6}'`);
    await checkExit(stage, "tv", "de", "tv still leaves through de");
    return "its devices are blocked, the others go on";
  });
  await actUnderProbes(stage, "gateway us back", async () => {
    startGateway(lab, "us");
    const ms = await checkExit(stage, "guest", "us", "gateway back, guest leaves through us");
    return `its devices are back after ${ms} ms`;
  });
}

async function killRouter(stage) {
  const { lab, checks } = stage;
  await actUnderProbes(stage, "kill -9 of the router daemon", async () => {
    await killAll(pidsOf(lab.daemons.router).all);
    await sleep(WATCH_MS);
    const v4 = await exitAddress("tv", "v4", 1);
    checks.ok(v4 === "", "with no daemon at all the tv is blocked", `got '${v4}'`);
    return "protected devices are blocked by the kernel alone";
  });
  await actUnderProbes(stage, "router daemon restarted", async () => {
    const start = performance.now();
    startRouter(lab);
    await waitReady(lab);
    const ms = Math.round(performance.now() - start);
    await checkExit(stage, "guest", "us", "restarted, guest leaves through us");
    await checkExit(stage, "tv", "de", "restarted, tv leaves through de");
    return `tunnels up and plan empty after ${ms} ms`;
  });
  // A crash must not undo what a user decided at run time; only an orderly stop does.
  await checkExit(stage, "phone", "de", "restarted, phone still leaves through de");
}

async function pullCable(stage) {
  await actUnderProbes(stage, "uplink unplugged and plugged in", async () => {
    setUplinkCable(false);
    await sleep(WATCH_MS);
    setUplinkCable(true);
    const ms = await checkExit(stage, "guest", "us", "cable back, guest leaves through us");
    await checkExit(stage, "tv", "de", "cable back, tv leaves through de");
    return `devices are back after ${ms} ms`;
  });
}

async function stopRouter({ lab, checks, before, proven }) {
  const { router } = lab.daemons;
  await stopDaemon(router);
  const changes = differences(before, kernelState("router"));
  checks.ok(!isAlive(router.child.pid) && changes === "",
    "the host is as it was before: rules, routes, links, nftables, sysctls", changes);
  proven.push(["stop", "", changes === "" ? "host byte for byte as before" : "host differs"]);
}
