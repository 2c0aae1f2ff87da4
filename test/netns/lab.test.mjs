// The lab itself, without any daemon: if a probe could not be seen, every later zero would be
// empty.

import { differences, finish, makeChecks, part } from "./lab/check.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { exitAddress, makeLab, ping } from "./lab/lab.mjs";
import { PROBES, startCounter, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsRun, sleep } from "./lab/sh.mjs";
import {
  DEVICES, connectUplink, disconnectUplink, exitOf, setDeviceAddress, setUplinkCable,
} from "./lab/topology.mjs";

const RATE = 1000;
const RUN_MS = 500;
const SHARE_SEEN_MIN = 0.95;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await part(checks, "without adit every device leaves directly", () => direct(checks));
  await part(checks, "every probe is seen outside", () => visible(checks));
  await part(checks, "a drop at the router is seen as nothing", () => dropped(checks));
  await part(checks, "cables and addresses can change", () => changes(checks));
  checks.ok(lab.web.exitCode === null, "the web host is still there");
  return finish(checks);
});

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
