// The daemon with Mbed TLS, as routers have it, and the one with OpenSSL, as gateways have it, in
// one network: either is router, and either is gateway.

import { finish, makeChecks, part } from "./lab/check.mjs";
import { adit, stopDaemon } from "./lab/daemon.mjs";
import { makeLab, ping, startGateway, startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { throughput, withThroughputServer } from "./lab/measure.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { GATEWAYS, exitOf } from "./lab/topology.mjs";

const EFFECT_MS_MAX = 10_000;
const PINGS = 50;
const BULK_MBIT_MIN = 20;
const PROGRAMS = { openssl: "aditd", mbedtls: "aditd-mbedtls" };

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  // One gateway of each kind stays; the router is replaced.
  for (const [name, library] of [["us", "openssl"], ["de", "mbedtls"]]) {
    startGateway(lab, name, { program: PROGRAMS[library] });
  }
  for (const library of Object.keys(PROGRAMS)) {
    await part(checks, `a router with ${library}`, () => route(checks, lab, library));
  }
  for (const name of Object.keys(GATEWAYS)) {
    checks.ok(lab.daemons[name].child.exitCode === null, `gateway ${name} is still there`);
  }
  return finish(checks);
});

async function route({ ok }, lab, library) {
  const router = startRouter(lab, { program: PROGRAMS[library] });
  await waitReady(lab);
  for (const [device, location] of [["phone", "us"], ["tv", "de"]]) {
    for (const family of ["v4", "v6"]) {
      const want = exitOf(location, device)[family];
      const { got, ms } = await waitExit(device, family, want, EFFECT_MS_MAX);
      ok(got === want, `${device} leaves through ${location}, IP${family}`, `${ms} ms, '${got}'`);
    }
    const { sent, received } = await ping(device, { count: PINGS });
    ok(received === sent, `${device} pings through ${location}`, `${received} of ${sent}`);
    await withThroughputServer(async () => {
      const mbit = await throughput(device);
      ok(mbit >= BULK_MBIT_MIN, `${device} gets bulk through ${location}`, `${mbit} Mbit/s`);
    });
  }
  const { stdout } = adit(router, "status");
  ok(/us/.test(stdout) && /de/.test(stdout), "the client program is answered");
  await stopDaemon(router);
}
