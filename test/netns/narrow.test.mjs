// A path that swallows large packets and tells nobody: no ICMP comes back, so no socket learns of
// it. Connections come about and small packets pass. A tunnel there must not be up for ever.

import { finishParts, makeChecks } from "./lab/check.mjs";
import { waitSettled, waitUp } from "./lab/daemon.mjs";
import { makeLab, startGateways, withRouter } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsRun, nsTry, waitFor } from "./lab/sh.mjs";
import { GATEWAYS, WAN_DEV, WEB } from "./lab/topology.mjs";

const UP_MS_MAX = 20_000;
const EFFECT_MS_MAX = 10_000;
/** Four keepalives, the dial, and a ping. */
const MENDED_MS_MAX = 70_000;
const PATH_BYTES = 1200;
const SMALL = 500;
const LARGE = 1300;
const NAMES = Object.keys(GATEWAYS);

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  // The hole has to see packets as they are on a cable, not what a card would cut later.
  nsIp("router", [`link set ${WAN_DEV} gso_max_segs 1`]);
  for (const name of NAMES) nsIp(name, ["link set eth1 gso_max_segs 1"]);
  startGateways(lab);
  return finishParts(checks, [
    ["a path that begins to swallow large packets", () => falls(checks, lab)],
    ["a dial over such a path", () => dials(checks, lab)],
  ]);
});

function setHole(isThere) {
  const rule = `meta length > ${PATH_BYTES} drop`;
  const chain = `chain path { type filter hook forward priority 0; policy accept; ${rule}; };`;
  const table = `table inet hole { ${chain} };\n`;
  nsRun("uplink", ["nft", "-f", "-"], { input: isThere ? table : "delete table inet hole\n" });
}

function passes(ns, bytes, family = "v4") {
  const words = ["ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-s", String(bytes)];
  return nsTry(ns, [...words, WEB[family]]).status === 0;
}

/** Large packets all the while, until they come back. */
async function waitMended() {
  const start = performance.now();
  await waitFor("large packets in the tunnel", MENDED_MS_MAX, () => passes("phone", LARGE));
  return Math.round(performance.now() - start);
}

async function falls({ ok }, lab) {
  const until = async (router) => {
    await waitUp(router, NAMES, UP_MS_MAX);
    await waitSettled(router, EFFECT_MS_MAX);
  };
  await withRouter(lab, { until }, async (router) => {
    ok(passes("phone", LARGE), "large packets pass before");
    setHole(true);
    try {
      ok(passes("router", SMALL), "control: past the tunnels small packets pass");
      ok(!passes("router", LARGE), "control: past the tunnels large ones do not, and nobody tells");
      ok(!passes("phone", LARGE), "the tunnel does not carry them either");
      const ms = await waitMended();
      ok(true, "the tunnel carries them again", `after ${ms} ms`);
      ok(!passes("router", LARGE), "control: the path is as it was");
      const told = router.child.text.includes("large ones get lost");
      ok(told, "the log says why");
      ok(passes("phone", LARGE, "v6"), "and IPv6 as well");
    } finally {
      setHole(false);
    }
  });
}

async function dials({ ok }, lab) {
  setHole(true);
  try {
    const until = (router) => waitUp(router, NAMES, 2 * UP_MS_MAX);
    await withRouter(lab, { until }, async () => {
      const ms = await waitMended();
      ok(true, "a new session carries large packets", `after ${ms} ms`);
    });
  } finally {
    setHole(false);
  }
}
