// Every device leaves where the policy says, IPv4 and IPv6: at the start, after its address
// changed, after rules were moved, added and removed at run time, and while its tunnel is down.

import { finishParts, makeChecks } from "./lab/check.mjs";
import { adit, killAll, pidsOf, stopDaemon, waitUp } from "./lab/daemon.mjs";
import {
  exitAddress, makeLab, startAll, startGateway, startRouter, waitExit, waitReady,
} from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { DEVICES, NET, addressOf, exitOf, macOf, setDeviceAddress } from "./lab/topology.mjs";

const EFFECT_MS_MAX = 5000;
const REDIAL_MS_MAX = 30_000;
const POLICY = { phone: "us", tv: "de", guest: "us", laptop: "direct" };

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  const parts = [
    ["the file's policy", () => startAll(lab).then(() => expectAll(checks, POLICY))],
    ["the phone changes its address twice", () => changeAddresses(checks)],
    ["rules moved at run time", () => moveRules(checks, lab)],
    ["rules removed and added at run time", () => addRules(checks, lab)],
    ["priority MAC over address over interface", () => priorities(checks, lab)],
    ["when_down", () => whenDown(checks, lab)],
    ["default gateway mode", () => defaultGateway(checks, lab)],
  ];
  return finishParts(checks, parts);
});

async function expect({ ok }, device, location) {
  for (const family of ["v4", "v6"]) {
    const want = exitOf(location, device)[family];
    const { got, ms } = await waitExit(device, family, want, EFFECT_MS_MAX);
    ok(got === want, `${device} leaves through ${location}, IP${family}`,
      got === want ? `${ms} ms` : `got '${got}', expected ${want}`);
  }
}

async function expectAll(checks, policy) {
  for (const [device, location] of Object.entries(policy)) await expect(checks, device, location);
}

async function changeAddresses(checks) {
  for (const host of [11, 12]) {
    setDeviceAddress("phone", host);
    await expect(checks, "phone", "us");
  }
}

async function command({ ok }, lab, ...words) {
  const done = adit(lab.daemons.router, ...words);
  ok(done.status === 0, `adit ${words.join(" ")}`, done.status === 0 ? "" : done.stderr.trim());
}

async function moveRules(checks, lab) {
  const tv = addressOf(NET.lan, DEVICES.tv.host);
  await command(checks, lab, "protect", macOf("phone"), "de");
  await command(checks, lab, "protect", tv.v4, "us");
  await command(checks, lab, "protect", tv.v6, "us");
  await command(checks, lab, "protect", NET.guest.dev, "de");
  await expectAll(checks, { phone: "de", tv: "us", guest: "de", laptop: "direct" });
}

async function addRules(checks, lab) {
  const laptop = macOf("laptop").toUpperCase().replaceAll(":", "-");
  await command(checks, lab, "protect", laptop, "de");
  await command(checks, lab, "unprotect", NET.guest.dev);
  await expectAll(checks, { laptop: "de", guest: "direct" });
  await command(checks, lab, "unprotect", laptop);
  await command(checks, lab, "protect", NET.guest.dev, "us");
  await expectAll(checks, { laptop: "direct", guest: "us" });
}

async function priorities(checks, lab) {
  const guest = addressOf(NET.guest, DEVICES.guest.host);
  await command(checks, lab, "protect", guest.v4, "de");
  await command(checks, lab, "protect", guest.v6, "de");
  await expect(checks, "guest", "de");
  await command(checks, lab, "protect", macOf("guest"), "us");
  await expect(checks, "guest", "us");
  await command(checks, lab, "unprotect", macOf("guest"));
  await expect(checks, "guest", "de");
  await command(checks, lab, "unprotect", guest.v4);
  await command(checks, lab, "unprotect", guest.v6);
  await expect(checks, "guest", "us");
}

async function whenDown(checks, lab) {
  await command(checks, lab, "protect", macOf("laptop"), "us", "--when-down", "direct");
  await command(checks, lab, "protect", macOf("phone"), "us", "--when-down", "de");
  await expectAll(checks, { laptop: "us", phone: "us", guest: "us" });
  await killAll(pidsOf(lab.daemons.us).all);
  await expectAll(checks, { laptop: "direct", phone: "de" });
  for (const family of ["v4", "v6"]) {
    checks.same(await exitAddress("guest", family, 1), "", `guest is blocked, IP${family}`);
  }
  startGateway(lab, "us");
  await waitUp(lab.daemons.router, ["us"], REDIAL_MS_MAX);
  await expectAll(checks, { laptop: "us", phone: "us", guest: "us" });
}

async function defaultGateway(checks, lab) {
  // An orderly stop also forgets the rules that were made at run time.
  await stopDaemon(lab.daemons.router);
  startRouter(lab, { change: (config) =>
    ({ ...config, default_gateway: 1, vl_default: "de" }) });
  await waitReady(lab);
  await expectAll(checks, { laptop: "de", phone: "us", tv: "de", guest: "us", router: "de" });
}
