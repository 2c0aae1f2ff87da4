// The router's own errors about what came out of a tunnel reach whoever has to hear of them: a far
// host learns of a smaller MTU in the LAN through the tunnel by which its packets came.

import { finish, makeChecks, part } from "./lab/check.mjs";
import { makeLab, startAll } from "./lab/lab.mjs";
import { PROBES, TRAFFIC, startEchoes, startProbes } from "./lab/probe.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, nsRun, nsTry, waitFor } from "./lab/sh.mjs";
import { GATEWAYS, NET, addressOf } from "./lab/topology.mjs";

const SMALL_MTU = 1280;
const USUAL_MTU = 1500;
const RATE = 100;
const PROBE_S_MAX = 30;
const LEARN_MS_MAX = 10_000;

const SETUPS = { selective: 0, "default gateway": 1 };

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await startEchoes();
  for (const [name, defaultGateway] of Object.entries(SETUPS)) {
    await part(checks, `${name}: a far host learns of a smaller MTU`,
      () => learns(checks, lab, defaultGateway));
  }
  return finish(checks);
});

async function learns({ ok }, lab, defaultGateway) {
  await startAll(lab, { change: (config) => ({ ...config, default_gateway: defaultGateway }) });
  const probes = startProbes({ rate: RATE, seconds: PROBE_S_MAX,
    traffic: TRAFFIC["large answers"] });
  const seen = addressesOf("us").concat(addressesOf("de"));
  ok(seen.every((address) => !knowsSmall(address)), "control: none is known before");
  setMtu(SMALL_MTU);
  for (const address of seen) {
    await waitFor(`the far host to know the MTU towards ${address}`, LEARN_MS_MAX,
      () => knowsSmall(address));
    ok(true, `towards ${address}`);
  }
  await probes.stop();
  setMtu(USUAL_MTU);
  for (const family of ["-4", "-6"]) nsRun("internet", `ip ${family} route flush cache`);
  for (const { child } of Object.values(lab.daemons)) {
    child.kill("SIGTERM");
    await child.ended;
  }
}

/** Behind the gateway's own translation all devices of a location have these. */
function addressesOf(location) {
  const { v4, v6 } = addressOf(NET.inet, GATEWAYS[location].host);
  const probes = PROBES.filter((probe) => probe.location === location);
  const families = new Set(probes.map(({ family }) => family));
  return [...families].map((family) => (family === "v4" ? v4 : v6));
}

function knowsSmall(address) {
  const { stdout } = nsTry("internet", `ip route get ${address}`);
  return new RegExp(`\\bmtu ${SMALL_MTU}\\b`).test(stdout);
}

function setMtu(mtu) {
  nsIp("router", [NET.lan.dev, NET.guest.dev].map((dev) => `link set ${dev} mtu ${mtu}`));
}
