// Secrets that are not in order are told in words: a token that two routers have, which then wait
// for each other instead of evicting each other several times a second; a gateway's key that is
// none.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { aditJson, startDaemon, stopDaemon, waitUp } from "./lab/daemon.mjs";
import { makeLab, routerConfig, startGateway, startRouter } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { sleep, waitFor } from "./lab/sh.mjs";

const DIR = "/run/adit-token";
const UP_MS_MAX = 20_000;
const TOLD_MS_MAX = 10_000;
/** Both have been evicted by then, and have waited. */
const QUARREL_MS = 20_000;
/** Whoever was evicted comes back after 2.5 s at the earliest, and after longer each time. */
const ARRIVALS_MAX = 10;
const ARRIVALS_MIN = 3;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  mkdirSync(DIR);
  return finishParts(checks, [
    ["one token on two routers", () => oneToken(checks, lab)],
    ["a gateway's certificate or key that is none", () => wrongKeys(checks, lab)],
  ]);
});

function onlyUs(config) {
  return { ...config, locations: config.locations.filter(({ name }) => name === "us"),
    protected_ip_addrs: [] };
}

/** The laptop is no device of a rule, so its own tunnel goes past those of the router. */
function startSecond(lab) {
  return startDaemon("laptop", { ...onlyUs(routerConfig(lab)), wan_ifname: "eth0",
    lan_ifnames: [], protected_ifaces: [], api: { socket: `${DIR}/adit.sock` } });
}

function reasonOf(router) {
  return aditJson(router, "status")?.locations[0]?.reason ?? "";
}

async function oneToken({ ok }, lab) {
  const gateway = startGateway(lab, "us");
  const first = startRouter(lab, { change: onlyUs });
  await waitUp(first, ["us"], UP_MS_MAX);
  const second = startSecond(lab);
  for (const router of [first, second]) {
    await waitFor(`${router.ns} to know why`, UP_MS_MAX,
      () => router.child.text.includes("another router has the token of this one"));
    ok(true, `${router.ns} says that another router has its token`, reasonOf(router));
  }
  const arrivals = () => gateway.child.text.split("client home is connected").length - 1;
  const before = arrivals();
  await sleep(QUARREL_MS);
  const count = arrivals() - before;
  ok(count <= ARRIVALS_MAX, "they do not evict each other all the time", `${count} arrivals`);
  ok(arrivals() >= ARRIVALS_MIN, "control: each of them tried again", `${arrivals()} arrivals`);
  ok(gateway.child.text.includes("two routers have its token"), "so does the gateway's log");
  for (const daemon of [second, first, gateway]) await stopDaemon(daemon);
}

async function wrongKeys({ same }, lab) {
  const [none, rubbish] = [`${DIR}/none`, `${DIR}/rubbish`];
  writeFileSync(rubbish, "not a key\n", { mode: 0o600 });
  const other = lab.secrets.de.identity;
  const cases = [
    ["key", none, "No such file or directory"],
    ["key", rubbish, "not PEM of the right kind"],
    ["key", other.key, "not the certificate's"],
    ["cert", none, "No such file or directory"],
    ["cert", rubbish, "not PEM of the right kind"],
  ];
  for (const [what, file, why] of cases) {
    const change = (config) => ({ ...config, listen: [{ ...config.listen[0], [what]: file }] });
    const { child, ...rest } = startGateway(lab, "us", { change });
    await waitFor(`the log to tell of ${what} ${file}`, TOLD_MS_MAX,
      () => child.text.includes("cannot use"));
    const line = child.text.split("\n").find((one) => one.includes("cannot use"));
    const word = what === "key" ? "key" : "certificate";
    same(line, `aditd: listen on :: port 443: cannot use ${word} "${file}": ${why}`,
      `${word} ${file}`);
    await stopDaemon({ child, ...rest });
  }
  rmSync(rubbish);
}
