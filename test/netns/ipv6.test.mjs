// IPv6 switched off by sysctl: for every interface before the daemon starts, or for the TUN alone.
// The daemon settles without it; when it comes back, nothing leaves in clear before the tunnel has
// it again. The control is the same change without a daemon, which every probe passes.

import { finish, makeChecks } from "./lab/check.mjs";
import { aditJson, planOf, stopDaemon, waitSettled } from "./lab/daemon.mjs";
import { startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { DEFAULT_PROBES, PROBES, makeProbedLab, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsRun, nsSysctl, sleep, waitFor } from "./lab/sh.mjs";
import { NET, WAN_DEV, addressOf, exitOf } from "./lab/topology.mjs";

const RATE = 500;
const SECONDS = 120;
const WATCH_MS = 700;
const READY_MS_MAX = 15_000;
const PACKETS_MIN = 50;
const MODES = [{ name: "selective", probes: PROBES, change: (config) => config },
  { name: "default gateway", probes: [...PROBES, ...DEFAULT_PROBES],
    change: (config) => ({ ...config, default_gateway: 1 }) }];

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  const { lab, outside } = await makeProbedLab();
  const control = MODES.at(-1);
  setIpv6("all", false);
  await watch(control, outside, "with the protection off, IPv6 switched on", comeBack,
    (packets, what) => checks.ok(packets >= PACKETS_MIN, `${what} are seen`, `${packets}`));
  for (const mode of MODES) await live(checks, lab, outside, mode);
  return finish(checks);
});

async function live(checks, lab, outside, mode) {
  const { ok, same } = checks;
  const none = (packets, what) => ok(packets === 0, `no ${what} leave`, `${packets}`);
  setIpv6("all", false);
  const router = startRouter(lab, { change: mode.change });
  await waitReady(lab);
  same(aditJson(router, "status")?.ready, true, `${mode.name}: ready without IPv6`);
  same(tunAddresses(), "", `${mode.name}: the TUN has no IPv6`);
  const here = await waitExit("phone", "v4", exitOf("us", "phone").v4, READY_MS_MAX);
  same(here.got, exitOf("us", "phone").v4, `${mode.name}: IPv4 goes through its tunnel`);
  await watch(mode, outside, "without IPv6", async () => {}, none);
  await watch(mode, outside, "IPv6 switched on", () => { comeBack(); return backInTunnel(router); },
    none);
  await usesTunnel(checks, mode, "IPv6 switched on");
  await watch(mode, outside, "IPv6 switched off at the TUN", async () => {
    setIpv6("wrt0", false);
    await waitSettled(router, READY_MS_MAX);
  }, none);
  same(aditJson(router, "status")?.ready, true, `${mode.name}: ready without IPv6 at the TUN`);
  await watch(mode, outside, "IPv6 switched on at the TUN", () => {
    setIpv6("wrt0", true);
    return backInTunnel(router);
  }, none);
  await usesTunnel(checks, mode, "IPv6 switched on at the TUN");
  await watch(mode, outside, "IPv6 switched off and on again", async () => {
    setIpv6("all", false);
    await waitSettled(router, READY_MS_MAX);
    comeBack();
    await backInTunnel(router);
  }, none);
  await stopDaemon(router);
}

async function usesTunnel({ same }, mode, when) {
  const want = exitOf("us", "guest").v6;
  const { got } = await waitExit("guest", "v6", want, READY_MS_MAX);
  same(got, want, `${mode.name}: IPv6 goes through its tunnel, ${when}`);
}

async function backInTunnel(router) {
  await waitFor("IPv6 of the TUN", READY_MS_MAX,
    () => tunAddresses().includes("fdad:17::ff") && planOf(router)?.length === 0);
}

async function watch(mode, outside, when, act, judge) {
  await outside.reset();
  const probes = startProbes({ rate: RATE, seconds: SECONDS, probes: mode.probes });
  await sleep(WATCH_MS);
  await act();
  await sleep(WATCH_MS);
  await probes.stop();
  const counts = await outside.read();
  for (const { flow, rule, family } of mode.probes) {
    if (family === "v6") judge(counts[flow].packets, `packets of the ${rule} rule, ${when}`);
  }
}

function setIpv6(where, isOn) {
  nsSysctl("router", { [`net.ipv6.conf.${where}.disable_ipv6`]: isOn ? 0 : 1 });
}

/** Addresses and routes do not come back by themselves; whoever set them up does it again. */
function comeBack() {
  setIpv6("all", true);
  const devices = [[NET.lan, 1, NET.lan.dev], [NET.guest, 1, NET.guest.dev], [NET.wan, 2, WAN_DEV]];
  nsIp("router", [
    ...devices.map(([net, host, dev]) => `addr add ${addressOf(net, host).v6}/64 dev ${dev} nodad`),
    `route replace ::/0 via ${addressOf(NET.wan, 1).v6} dev ${WAN_DEV}`,
  ]);
}

/** "" while IPv6 of the TUN is off. */
function tunAddresses() {
  return nsRun("router", "ip -6 -o addr show dev wrt0 scope global");
}
