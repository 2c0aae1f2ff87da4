// What a process may use, and what it gets. Limits that are too low refuse the start with words, a
// stopped decider is replaced, and one that only waits for its turn is left alone.

import { readFileSync } from "node:fs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { adit, aditJson, isAlive, pidsOf, stopDaemon, waitUp } from "./lab/daemon.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { makeLab, startGateways, startRouter, withRouter } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsStart, run, stop, waitFor } from "./lab/sh.mjs";
import { GATEWAYS } from "./lab/topology.mjs";

const UP_MS_MAX = 20_000;
const END_MS_MAX = 3000;
/** Six silences of five seconds are enough to condemn a decider, and a margin. */
const BUSY_MS = 45_000;
const STOPPED_MS_MAX = 40_000;
const HOGS = 4;
const NICE_OF_DECIDER = -5;
const NICE_FIELD = 16;
const NAMES = Object.keys(GATEWAYS);

const ROWS = [
  ["-n", "64", "open files"], ["-v", "100000", "address space"], ["-f", "100", "size of files"],
  ["-t", "600", "processor time"],
];

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  startGateways(lab);
  return finishParts(checks, [
    ["limits that are too low refuse the start", () => refused(checks, lab)],
    ["limits that may be raised are", () => raised(checks, lab)],
    ["a decider that waits for its turn is not to blame", () => starved(checks, lab)],
    ["one that is stopped is", () => stopped(checks, lab)],
  ]);
});

/** Without CAP_SYS_RESOURCE nobody raises a hard limit. */
function limited(flag, value) {
  return ["setpriv", "--bounding-set", "-sys_resource", "sh", "-c",
    `ulimit ${flag} ${value} && exec "$@"`, "sh"];
}

async function refused({ ok, same }, lab) {
  const before = JSON.stringify(kernelState("router"));
  for (const [flag, value, words] of ROWS) {
    const router = startRouter(lab, { under: limited(flag, value) });
    await waitFor("aditd to end", END_MS_MAX, () => router.child.exitCode !== null);
    const told = router.child.text;
    ok(router.child.exitCode !== 0, `ulimit ${flag} ${value} refuses the start`);
    ok(told.includes(words) && told.includes(`(ulimit ${flag})`), "and says which", told.trim());
  }
  same(JSON.stringify(kernelState("router")), before, "the kernel is as it was");
}

async function raised({ ok }, lab) {
  const router = startRouter(lab, { under: ["sh", "-c", `ulimit -S -n 64 && exec "$@"`, "sh"] });
  await waitUp(router, NAMES, UP_MS_MAX);
  ok(true, "what may be raised is, and the router works");
  await stopDaemon(router);
}

function niceOf(pid) {
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[NICE_FIELD]);
}

/** RLIMIT_NICE counts from 20 downwards; a container may have kept us from raising it. */
function mayBeNice(pid) {
  const line = readFileSync(`/proc/${pid}/limits`, "utf8").match(/^Max nice priority +(\d+)/m);
  return Number(line[1]) >= 20 - NICE_OF_DECIDER;
}

function until(router) {
  return waitUp(router, NAMES, UP_MS_MAX);
}

/** All others want the one processor that it may use, and each is worth much more than it. */
async function starved({ ok, same }, lab) {
  await withRouter(lab, { until }, async (router) => {
    const { mover, decider } = pidsOf(router);
    const wanted = mayBeNice(mover) ? NICE_OF_DECIDER : niceOf(mover);
    same(niceOf(decider), wanted, "a decider is ahead of the packets, where that is allowed");
    run(["taskset", "-a", "-p", "-c", "0", String(decider)]);
    run(["renice", "-n", "19", "-p", String(decider)]);
    const hogs = Array.from({ length: HOGS }, () =>
      nsStart("internet", ["taskset", "-c", "0", "sh", "-c", "while :; do :; done"]));
    try {
      // Something to think about, all the while.
      for (const end = performance.now() + BUSY_MS; performance.now() < end;) {
        adit(router, "status");
      }
      ok(isAlive(decider), "it lives", router.child.text.slice(-500));
    } finally {
      for (const hog of hogs) await stop(hog);
    }
    const { decider_restarts: restarts } = aditJson(router, "status");
    same(restarts, 0, "and answers when it gets its turn again");
  });
}

async function stopped({ ok }, lab) {
  await withRouter(lab, { until }, async (router) => {
    const { decider } = pidsOf(router);
    process.kill(decider, "SIGSTOP");
    await waitFor("another decider", STOPPED_MS_MAX, () => !isAlive(decider));
    ok(router.child.text.includes("no answer to a ping"), "the log says why");
    await until(router);
  });
}
