// What the processes may do and how much memory they take.

import { readFileSync, readlinkSync, readdirSync } from "node:fs";
import { finish, makeChecks, part } from "./lab/check.mjs";
import { pidsOf } from "./lab/daemon.mjs";
import { makeLab, startAll } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";

const UID = "30473";
const CAP_NET_BIND_SERVICE = 1n << 10n;
const CAP_NET_ADMIN = 1n << 12n;
const PSS_KIB_MAX = 10 * 1024;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await startAll(lab);
  for (const name of ["router", "us"]) {
    await part(checks, `${name}: mover`, () => mover(checks, lab.daemons[name]));
    await part(checks, `${name}: decider`, () => decider(checks, lab.daemons[name]));
  }
  await part(checks, "memory", () => memory(checks, lab));
  return finish(checks);
});

function statusOf(pid) {
  const lines = readFileSync(`/proc/${pid}/status`, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
}

function capabilities(text) {
  return BigInt(`0x${text}`);
}

function mover({ ok, same }, daemon) {
  const status = statusOf(pidsOf(daemon).mover);
  const allowed = CAP_NET_ADMIN | CAP_NET_BIND_SERVICE;
  for (const set of ["CapEff", "CapPrm", "CapBnd"]) {
    const value = capabilities(status[set]);
    ok((value & ~allowed) === 0n && (value & CAP_NET_ADMIN) !== 0n,
      `${set} is CAP_NET_ADMIN, at most with CAP_NET_BIND_SERVICE`, `0x${value.toString(16)}`);
  }
  same(status.CapAmb, "0".repeat(16), "no ambient capability");
  same(status.NoNewPrivs, "1", "no_new_privs");
  same(status.Uid.split("\t")[0], UID, "real user id");
}

function decider({ ok, same }, daemon) {
  const { decider: pid } = pidsOf(daemon);
  const status = statusOf(pid);
  for (const set of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) {
    same(status[set], "0".repeat(16), `${set} is empty`);
  }
  same(status.Uid, [UID, UID, UID, UID].join("\t"), "user ids");
  same(status.Gid, [UID, UID, UID, UID].join("\t"), "group ids");
  same(status.Groups.trim(), "", "no further groups");
  same(status.NoNewPrivs, "1", "no_new_privs");
  same(status.Seccomp, "2", "seccomp filter");
  const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  const devices = files.filter((file) => /^\/dev\/(?!null$)/.test(file));
  ok(devices.length === 0, "no device is open", devices.join(" "));
}

function memory({ ok }, lab) {
  const sizes = pidsOf(lab.daemons.router).all.map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]));
  const sum = sizes.reduce((total, size) => total + size, 0);
  ok(sizes.length >= 2 && sum < PSS_KIB_MAX, "all router processes, both tunnels up",
    `${sizes.join(" + ")} = ${sum} KiB proportional share, limit ${PSS_KIB_MAX}`);
}
