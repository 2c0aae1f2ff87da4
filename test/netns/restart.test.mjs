// Kills, restarts and orderly stops leave exactly the state that the configuration describes.
// CYCLES (50) start/stop cycles; make test runs fewer when the environment says so.

import { differences, finishParts, makeChecks } from "./lab/check.mjs";
import {
  aditJson, daemonPids, killAll, pidsOf, planOf, stopDaemon, waitSettled,
} from "./lab/daemon.mjs";
import { kernelState, ownTables } from "./lab/kernel.mjs";
import { makeLab, startAll, startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsRun, nsTry, sleep, waitFor } from "./lab/sh.mjs";
import { exitOf } from "./lab/topology.mjs";

const CYCLES = Number(process.env.CYCLES ?? 50);
const SETTLE_MS_MAX = 10_000;
const ORPHAN_MS_MAX = 3000;
const FOREIGN_NOTICE_MS = 600;
const KILL_POINTS_MS = [0, 20, 50, 100, 200, 400];

const FOREIGN_TABLES = `
table inet foreign {
  chain marks { type filter hook prerouting priority mangle; policy accept; meta mark set 0x1; }
}
table ip adit_lookalike { }
`;
const FOREIGN_LINES = ["ip rule add from 10.1.2.3 lookup 99 priority 12",
  "ip route add 10.9.0.0/16 dev eth1 table 47 metric 5",
  "ip -6 rule add from 2001:db8:77::1 lookup 99 priority 13"];

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  const untouched = kernelState("router");
  await startAll(lab);
  const parts = [
    ["kill -9 of everything, restart", () => killAndRestart(checks, lab)],
    ["kill -9 of the mover alone leaves no orphan", () => killMover(checks, lab)],
    ["kill -9 at many moments of a start", () => killWhileStarting(checks, lab)],
    ["a second apply makes no kernel operation", () => applyAgain(checks, lab)],
    ["foreign rules, routes and tables are never touched", () => foreign(checks, lab)],
    [`${CYCLES} cycles of start and stop`, () => cycles(checks, lab, untouched)],
    ["on_stop block keeps the block", () => blockOnStop(checks, lab)],
  ];
  return finishParts(checks, parts);
});

// The kernel invents a link-local address for each new TUN; everything else must be the same.
function comparable() {
  return kernelState("router").replaceAll(/fe80::[0-9a-f:]+(?=.*wrt0)/g, "fe80::")
    .replaceAll(/(wrt0.*)fe80::[0-9a-f:]+/g, "$1");
}

async function killAndRestart(checks, lab) {
  const before = comparable();
  for (let round = 1; round <= 3; round++) {
    await killAll(pidsOf(lab.daemons.router).all);
    startRouter(lab);
    await waitReady(lab);
    checks.same(differences(before, comparable()), "", `round ${round}: same kernel state as text`);
    checks.same(planOf(lab.daemons.router)?.length, 0, `round ${round}: adit plan is empty`);
    checks.same(routerProcesses(lab), 2, `round ${round}: one mover and one decider`);
  }
  await expectExit(checks);
}

function routerProcesses(lab) {
  const { all } = pidsOf(lab.daemons.router);
  return daemonPids().filter((pid) => all.includes(pid)).length;
}

async function expectExit(checks) {
  const want = exitOf("us", "phone").v4;
  const { got } = await waitExit("phone", "v4", want, SETTLE_MS_MAX);
  checks.same(got, want, "the phone leaves through us");
}

async function killMover(checks, lab) {
  const { mover, all } = pidsOf(lab.daemons.router);
  await killAll([mover]);
  await waitFor("the decider to follow its mover", ORPHAN_MS_MAX,
    () => daemonPids().every((pid) => !all.includes(pid)));
  checks.ok(true, "the decider ended with its mover");
  startRouter(lab);
  await waitReady(lab);
  await expectExit(checks);
}

async function killWhileStarting(checks, lab) {
  const before = comparable();
  for (const ms of KILL_POINTS_MS) {
    await killAll(pidsOf(lab.daemons.router).all);
    startRouter(lab);
    await sleep(ms);
  }
  await killAll(pidsOf(lab.daemons.router).all);
  startRouter(lab);
  await waitReady(lab);
  checks.same(differences(before, comparable()), "", "same kernel state as text");
}

async function applyAgain(checks, lab) {
  const { router } = lab.daemons;
  const before = aditJson(router, "status").operations;
  const reload = nsTry("router", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
    "--unix-socket", router.socket, "-X", "POST", "http://localhost/v1/reload"]);
  checks.ok(/^2/.test(reload.stdout), "the configuration is read again", reload.stdout);
  await waitSettled(router, SETTLE_MS_MAX);
  checks.same(aditJson(router, "status").operations, before, "kernel operations");
}

async function foreign(checks, lab) {
  for (const line of FOREIGN_LINES) nsRun("router", line);
  nsRun("router", ["nft", "-f", "-"], { input: FOREIGN_TABLES });
  await sleep(FOREIGN_NOTICE_MS);
  await waitSettled(lab.daemons.router, SETTLE_MS_MAX);
  await stopDaemon(lab.daemons.router);
  const rules = nsRun("router", "ip rule") + nsRun("router", "ip -6 rule");
  checks.ok(/10\.1\.2\.3/.test(rules) && /2001:db8:77::1/.test(rules), "rules in our range stay");
  checks.ok(/10\.9\.0\.0/.test(nsRun("router", "ip route show table 47")), "routes in 47 stay");
  checks.ok(/adit_lookalike/.test(nsRun("router", "nft list tables")), "similar tables stay");
  for (const line of FOREIGN_LINES) nsRun("router", line.replace(" add ", " del "));
  nsRun("router", "nft delete table inet foreign");
  nsRun("router", "nft delete table ip adit_lookalike");
}

async function cycles(checks, lab, untouched) {
  let different = "";
  for (let cycle = 0; cycle < CYCLES && different === ""; cycle++) {
    startRouter(lab);
    await waitSettled(lab.daemons.router, SETTLE_MS_MAX);
    await stopDaemon(lab.daemons.router);
    different = differences(untouched, kernelState("router"));
  }
  checks.same(different, "", "rules, routes, links, nftables and sysctls are as before");
}

async function blockOnStop(checks, lab) {
  startRouter(lab, { change: (config) => ({ ...config, on_stop: "block" }) });
  await waitReady(lab);
  await stopDaemon(lab.daemons.router);
  checks.same(ownTables("router").length, 1, "our table stays");
  const { got } = await waitExit("phone", "v4", exitOf("direct", "phone").v4, 1500);
  checks.same(got, "", "the phone stays blocked");
}
