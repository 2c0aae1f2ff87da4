// A router's file system for tests: this machine's programs below, an overlay with OpenWrt's names
// on top, busybox as the shell, stand-ins for what OpenWrt brings. Needs a mount namespace of its
// own.

import {
  chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, tryRun } from "../netns/lab/sh.mjs";
import { unpackIpk } from "./ipk.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const STAND_INS = [
  ["rc.common", "etc/rc.common"], ["functions.sh", "lib/functions.sh"],
  ["procd.sh", "lib/functions/procd.sh"], ["uci.mjs", "usr/bin/uci"], ["ubus.mjs", "usr/bin/ubus"],
];
const LOGGER = "#!/bin/sh\nshift 4\n{ [ $# = 0 ] && cat || echo \"$*\"; } >>/var/log/standin.log\n";
const PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Makes the file system at `dir`, a folder on a tmpfs; gives what the functions below take. */
export function makeRoot(dir) {
  const [upper, work, root] = ["upper", "work", "root"].map((name) => join(dir, name));
  for (const each of [upper, work, root]) mkdirSync(each, { recursive: true });
  run(["mount", "-t", "overlay", "overlay", "-o",
    `lowerdir=/,upperdir=${upper},workdir=${work}`, root]);
  for (const name of ["proc", "dev", "sys"]) {
    run(["mount", "--rbind", `/${name}`, join(root, name)]);
  }
  for (const name of ["tmp", "run"]) {
    run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", join(root, name)]);
  }
  for (const name of ["etc/config", "etc/rc.d", "usr/lib/opkg/info", "var/log", "usr/local/bin",
    "lib/functions"]) mkdirSync(join(root, name), { recursive: true });
  for (const [from, to] of STAND_INS) {
    cpSync(join(HERE, "stand-in", from), join(root, to));
    chmodSync(join(root, to), 0o755);
  }
  writeFileSync(join(root, "usr/bin/logger"), LOGGER, { mode: 0o755 });
  useBusybox(root);
  return root;
}

// /bin/sh is the shell of OpenWrt's scripts, with its own grep, sed, sort and so on.
function useBusybox(root) {
  for (const name of ["sh", "ash", "grep", "sed", "awk", "sort", "tr", "basename",
    "readlink"]) {
    const link = join(root, "usr/bin", name);
    rmSync(link, { force: true });
    symlinkSync("busybox", link);
  }
}

/** Runs a shell command in the file system, in network namespace `ns` if there is one. */
export function sh(root, command, { ns, env = {}, input } = {}) {
  const words = [...(ns === undefined ? [] : ["ip", "netns", "exec", ns]), "chroot", root,
    "/usr/bin/env", "-i", `PATH=${PATH}`, ...Object.entries(env).map(([key, value]) =>
      `${key}=${value}`), "/bin/sh", "-c", command];
  return tryRun(words, { input });
}

/** Like `sh`, but a failure is an exception. */
export function shRun(root, command, options) {
  const done = sh(root, command, options);
  if (done.status === 0) return done.stdout;
  throw new Error(`${command}: status ${done.status}: ${done.stdout}${done.stderr}`);
}

/**
 * Installs or upgrades a package as opkg does it: prerm of the former, files, postinst. Conffiles
 * that exist stay. With `offline` only files are written and scripts see IPKG_INSTROOT.
 */
export function installPackage(root, file, { ns, isUpgrade = false, offline = false } = {}) {
  const { name, data, control, conffiles } = unpackIpk(file);
  const info = join(root, "usr/lib/opkg/info");
  const env = { PKG_UPGRADE: isUpgrade ? "1" : "0" };
  if (isUpgrade) runScript(root, name, "prerm", { ns, env });
  const kept = conffiles.filter((path) => existsSync(join(root, path)));
  const skip = kept.flatMap((path) => ["--exclude", `.${path}`]);
  run(["tar", "-xzf", "-", "-C", root, "--no-overwrite-dir",
    "--keep-directory-symlink", ...skip], { input: data.bytes });
  for (const [part, text] of Object.entries(control)) {
    writeFileSync(join(info, `${name}.${part}`), text, { mode: 0o755 });
  }
  const list = data.names.filter((each) => !each.endsWith("/")).map((each) => each.slice(1));
  writeFileSync(join(info, `${name}.list`), `${list.join("\n")}\n`);
  if (offline) return runOffline(root, name, "postinst", env);
  return runScript(root, name, "postinst", { ns, env });
}

/** What apk runs after an upgrade, having stopped nothing: OpenWrt's part, then the package's. */
export function upgradeByApk(root, name, { ns } = {}) {
  const part = `/usr/lib/opkg/info/${name}.postinst-pkg`;
  const env = { PKG_UPGRADE: "1", pkgname: name };
  return shRun(root, `mv ${part} /tmp/part; . /lib/functions.sh; default_postinst; . /tmp/part`,
    { ns, env });
}

/** Removes a package as opkg does it; conffiles stay. */
export function removePackage(root, file, { ns } = {}) {
  const { name, data, control, conffiles } = unpackIpk(file);
  const env = { PKG_UPGRADE: "0" };
  const before = runScript(root, name, "prerm", { ns, env });
  const files = data.names.filter((each) => !each.endsWith("/"));
  for (const each of files.filter((path) => !conffiles.includes(path.slice(1)))) {
    rmSync(join(root, each), { force: true });
  }
  if (control.postrm === undefined) return before;
  const after = runScript(root, name, "postrm", { ns, env });
  return { ...after, status: before.status || after.status, stdout: before.stdout + after.stdout };
}

export function runScript(root, name, script, { ns, env }) {
  return sh(root, `/usr/lib/opkg/info/${name}.${script}`, { ns, env });
}

// An image is built on a PC: the scripts run outside, and the root is a folder.
function runOffline(root, name, script, env) {
  const file = join(root, "usr/lib/opkg/info", `${name}.${script}`);
  return tryRun(["env", "-i", `PATH=${PATH}`, `IPKG_INSTROOT=${root}`,
    `PKG_UPGRADE=${env.PKG_UPGRADE}`, "/bin/sh", file]);
}
