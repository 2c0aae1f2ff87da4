// A decider that loops, eats memory, throws or dies costs no packet, and says what happened.
// The daemon is started with --test-hooks, which allows POST /v1/test/{loop,alloc,throw}.

import { writeFileSync } from "node:fs";
import { finish, makeChecks, part } from "./lab/check.mjs";
import { ADIT, adit, aditJson, killAll, pidsOf } from "./lab/daemon.mjs";
import { makeLab, ping, startAll, startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsAsync, nsStart, nsTry, sleep, stop, waitFor } from "./lab/sh.mjs";
import { exitOf, macOf } from "./lab/topology.mjs";

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
  await part(checks, "what is told after a crash", () => tells(checks, lab));
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

/** The last words of the dead are about something else, and the daemon is as old as its tunnels. */
async function tells({ ok, same }, lab) {
  const { router } = lab.daemons;
  const { decider } = pidsOf(router);
  const before = aditJson(router, "status");
  const rule = { mac_addr: macOf("tv"), vl: "us", when_down: "never" };
  writeFileSync(router.file, JSON.stringify({ ...router.config, protected_mac_addrs: [rule] }));
  ok(adit(router, "reload").stderr.includes("when_down"), "control: its last words are of others");
  await killAll([decider]);
  await newDecider({ ok }, router, decider);
  // A later decider reads the file again and would wait for it to be mended.
  writeFileSync(router.file, JSON.stringify(router.config));
  await waitReady(lab);
  const after = aditJson(router, "status");
  const cause = "killed by signal 9 (Killed)";
  same(after.last_death, cause, "the cause is the signal alone");
  const { text } = router.child;
  ok(new RegExp(`the decider ended after \\d+ ms: ${cause.replace(/[()]/g, "\\$&")}$`, "m")
    .test(text), "so it is in the log");
  ok(after.mover_uptime_ms > before.mover_uptime_ms && after.uptime_ms < before.uptime_ms,
    "forwarding goes on, deciding began anew");
  const shown = adit(router, "status").stdout;
  const [, seconds] = /^router \S+, ready, up (\d+) s\n/.exec(shown) ?? [];
  ok(Number(seconds) >= Math.floor(before.mover_uptime_ms / 1000), "`up` counts from the start",
    shown.split("\n")[0]);
  ok(shown.includes(`last: ${cause}\n`), "status names the cause");
  await replays({ ok, same }, router, cause);
}

async function replays({ ok, same }, router, cause) {
  const reader = nsStart("router", [ADIT, "--socket", router.socket, "--json", "events",
    "--replay"]);
  await waitFor("the events", REPORT_MS_MAX, () => reader.text.includes('"ready"'));
  const events = reader.text.trim().split("\n").map((line) => JSON.parse(line));
  await stop(reader, "SIGKILL");
  same(`${events[0].event}: ${events[0].reason_details}`, `restarted: ${cause}`,
    "the replay begins with the crash");
  same(events.filter(({ event }) => event === "route_connected").map((one) => one.route_name)
    .sort().join(), "de,us", "then the tunnels that it found up, once each");
  ok(events.every(({ time }, at) => at === 0 || time >= events[at - 1].time), "in their order");
}

async function noHooks(checks, lab) {
  await killAll(pidsOf(lab.daemons.router).all);
  const router = startRouter(lab);
  await waitReady(lab);
  const answer = nsTry("router", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
    "--unix-socket", router.socket, "-X", "POST", "http://localhost/v1/test/throw"]);
  checks.same(answer.stdout, "403", "status of POST /v1/test/throw");
}
