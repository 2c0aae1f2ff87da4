// The mover's block before the first decision, here before a decision that never comes, since the
// configuration is refused: a device of which one address is named is blocked whole as soon as it
// sends from that, and nobody else is.

import { finish, makeChecks } from "./lab/check.mjs";
import { startRouter } from "./lab/lab.mjs";
import { DEFAULT_PROBES, PROBES, makeProbedLab, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsRun, sleep, waitFor } from "./lab/sh.mjs";
import { DEVICES, NET, addressOf } from "./lab/topology.mjs";

const RATE = 500;
const SECONDS = 60;
const WATCH_MS = 500;
const END_MS_MAX = 5000;
const PACKETS_MIN = 50;
const BAD_CONFIGURATION = 78;

const all = [...PROBES, ...DEFAULT_PROBES];
const of = (device, family) => all.filter((one) => one.device === device && one.family === family);
const TV4 = of("tv", "v4");
const TV6 = of("tv", "v6");

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const { lab, outside } = await makeProbedLab();
  const seen = (probes) => packets(outside, probes);
  checks.ok(await seen([...TV4, ...TV6]) >= PACKETS_MIN, "control: the television is seen");
  const { child } = startRouter(lab, { change: (config) => ({ ...config, tun_ifname: 7,
    protected_mac_addrs: [], protected_ifaces: [],
    protected_ip_addrs: [{ ip_addr: addressOf(NET.lan, DEVICES.tv.host).v4, vl: "us" }] }) });
  await waitFor("aditd to refuse the configuration", END_MS_MAX, () => child.exitCode !== null);
  checks.same(child.exitCode, BAD_CONFIGURATION, "aditd refuses the configuration");
  checks.ok(await seen(TV6) >= PACKETS_MIN, "control: nobody knows yet whose IPv6 it is");
  checks.same(await seen(TV4), 0, "what is named is blocked");
  checks.same(await seen(TV6), 0, "and then its IPv6 too");
  checks.ok(await seen(of("laptop", "v4")) >= PACKETS_MIN, "nobody else is");
  nsRun("router", "nft delete table inet adit");
  checks.ok(await seen(TV6) >= PACKETS_MIN, "control: the block alone held it");
  return finish(checks);
});

async function packets(outside, probes) {
  await outside.reset();
  const running = startProbes({ rate: RATE, seconds: SECONDS, probes });
  await sleep(WATCH_MS);
  await running.stop();
  const counts = await outside.read();
  return probes.reduce((total, { flow }) => total + counts[flow].packets, 0);
}
