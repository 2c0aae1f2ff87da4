// A decider that loops, eats memory, throws or dies costs no packet, and says what happened.
// The daemon is started with --test-hooks, which allows POST /v1/test/{loop,alloc,throw}.

import { finish, makeChecks, part } from "./lab/check.mjs";
import { killAll, pidsOf } from "./lab/daemon.mjs";
import { makeLab, ping, startAll, startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsAsync, nsTry, sleep, waitFor } from "./lab/sh.mjs";
import { exitOf } from "./lab/topology.mjs";

// The kernel's timers round up: asked for 5 ms, ping sends every 6 ms here, so never above 10 ms.
const PING_INTERVAL_S = 0.005;
const PING_COUNT = 1500;
const LEAD_MS = 500;
const LINE_SHOWN_MAX = 160;
const REPORT_MS_MAX = 8000;
const EXIT_MS_MAX = 3000;

const FAULTS = [
  { name: "loop", endsDecider: true, report: /did not answer|no answer|deadline|stuck|loop|hung/i },
  { name: "alloc", endsDecider: true, report: /memory|alloc/i },
  { name: "throw", endsDecider: false, report: /throw|exception|error/i },
  { name: "kill -9", endsDecider: true, report: /signal 9|killed|SIGKILL/i },
];

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await startAll(lab, { flags: ["--test-hooks"] });
  for (const fault of FAULTS) {
    await part(checks, fault.name, () => underPing(checks, lab, fault));
  }
  await part(checks, "without the flag the hooks are refused", () => noHooks(checks, lab));
  return finish(checks);
});

async function underPing(checks, lab, fault) {
  const { router } = lab.daemons;
  const { decider } = pidsOf(router);
  const logged = router.child.text.length;
  // A device that was just seen gets rules of its own and its flows begin anew: no fault's doing.
  await ping("phone");
  await waitReady(lab);
  const pinging = ping("phone", { count: PING_COUNT, intervalS: PING_INTERVAL_S });
  await sleep(LEAD_MS);
  await provoke(router, fault);
  await waitFor(`the log to name ${fault.name}`, REPORT_MS_MAX,
    () => fault.report.test(router.child.text.slice(logged)));
  checks.ok(true, "the log names it", firstMatch(router.child.text.slice(logged), fault.report));
  if (fault.endsDecider) await newDecider(checks, router, decider);
  await waitReady(lab);
  const { received, missing } = await pinging;
  checks.ok(received >= PING_COUNT && missing.length === 0, "no forwarded packet was lost",
    `${missing.length} of ${PING_COUNT} without answer: ${missing.slice(0, 5)}`);
  for (const family of ["v4", "v6"]) {
    const want = exitOf("us", "phone")[family];
    checks.same((await waitExit("phone", family, want, EXIT_MS_MAX)).got, want,
      `the decision stays, IP${family}`);
  }
}

async function provoke(router, { name }) {
  if (name === "kill -9") return killAll([pidsOf(router).decider]);
  // The decider may die before it can answer, so only the connection is of interest.
  return nsAsync("router", ["curl", "-s", "--max-time", "1", "--unix-socket", router.socket, "-X",
    "POST", `http://localhost/v1/test/${name}`]);
}

async function newDecider(checks, router, old) {
  await waitFor("another decider", REPORT_MS_MAX, () => {
    const { decider } = pidsOf(router);
    return decider !== undefined && decider !== old;
  });
  checks.ok(true, "the mover started another decider");
}

function firstMatch(text, pattern) {
  return text.split("\n").find((line) => pattern.test(line))?.slice(0, LINE_SHOWN_MAX) ?? "";
}

async function noHooks(checks, lab) {
  await killAll(pidsOf(lab.daemons.router).all);
  const router = startRouter(lab);
  await waitReady(lab);
  const answer = nsTry("router", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
    "--unix-socket", router.socket, "-X", "POST", "http://localhost/v1/test/throw"]);
  checks.same(answer.stdout, "403", "status of POST /v1/test/throw");
}
