// What `make install` puts on a system is what `make uninstall` takes away again, and aditd works
// with the rights that the unit for systemd leaves it. There is no systemd here, so the rights that
// a program can be started with are taken from the unit's text.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { differences, finish, makeChecks, part } from "./lab/check.mjs";
import { stopDaemon } from "./lab/daemon.mjs";
import { kernelState } from "./lab/kernel.mjs";
import { makeLab, startAll, waitExit } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { run } from "./lab/sh.mjs";
import { exitOf } from "./lab/topology.mjs";

const PLACE = "/run/installed";
const PREFIX = "/opt/adit";
const UNIT = `${PLACE}${PREFIX}/lib/systemd/system/adit@.service`;
const EXIT_MS_MAX = 5000;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  make("install");
  const unit = readFileSync(UNIT, "utf8");
  await part(checks, "the unit", () => {
    checks.ok(unit.includes(`ExecStart=${PREFIX}/sbin/aditd `), "it names the installed program");
    checks.ok(statSync(`${PLACE}${PREFIX}/sbin/aditd`).mode & 0o100, "which is there");
  });
  await part(checks, "the rights that it leaves", () => serve(checks, unit));
  await part(checks, "make uninstall", () => {
    make("uninstall");
    checks.same(filesBelow(PLACE).join(" "), "", "no file is left");
  });
  return finish(checks);
});

function make(target) {
  run(["make", "--silent", target, `DESTDIR=${PLACE}`, `PREFIX=${PREFIX}`, "SYSTEMD=1"]);
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
}

async function serve(checks, unit) {
  const rights = settingOf(unit, "CapabilityBoundingSet").split(" ")
    .map((name) => `+${name.replace("CAP_", "").toLowerCase()}`);
  const under = ["setpriv", `--bounding-set=-all,${rights.join(",")}`,
    ...(settingOf(unit, "NoNewPrivileges") === "yes" ? ["--no-new-privs"] : [])];
  const lab = await makeLab();
  const untouched = kernelState("router");
  await startAll(lab, { under });
  for (const family of ["v4", "v6"]) {
    const want = exitOf("us", "phone")[family];
    checks.same((await waitExit("phone", family, want, EXIT_MS_MAX)).got, want,
      `the phone leaves through us, IP${family}`);
  }
  await stopDaemon(lab.daemons.router);
  checks.same(differences(untouched, kernelState("router")), "",
    "a stop leaves the host as it was");
}

function settingOf(unit, name) {
  return new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? "";
}
