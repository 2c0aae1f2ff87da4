// A router's package manager installs from a signed feed, keeps an edited configuration through an
// upgrade, refuses what lacks dependencies, is damaged or signed by a stranger, and removes. By the
// rules of opkg and apk as we read them, or with MANAGER=opkg and MANAGER=apk by the real programs,
// which OPKG_TOOL and APK_TOOL name.

import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { finish, makeChecks, part } from "../netns/lab/check.mjs";
import { runSandboxed } from "../netns/lab/sandbox.mjs";
import { run } from "../netns/lab/sh.mjs";
import { ownManager, realApk, realOpkg } from "../openwrt/managers.mjs";
import { makeRoot } from "../openwrt/root.mjs";

const BUILT = "build/test-packages";
const ARCH = "x86_64";
const DEPENDENCIES = ["kmod-tun", "kmod-nft-core", "kmod-nft-nat", "kmod-nft-fib",
  "kmod-nf-conntrack-netlink", "nftables-json", "luci-base"];
const NETWORK = `config interface 'lan'
\toption device 'br-lan'

config interface 'wan'
\toption device 'eth1'
`;
const FLIPS = 12;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  mkdirSync("/run/tree");
  run(["mount", "-t", "tmpfs", "tmpfs", "/run/tree"]);
  const keys = makeKeys("/run/tree/keys");
  const feeds = { first: makeFeed("/run/tree/first", "1", keys),
    next: makeFeed("/run/tree/next", "next", keys) };
  const { MANAGER = "own", APK_TOOL, OPKG_TOOL } = process.env;
  const managers = {
    own: [["opkg by its rules", (root) => ownManager(root, "ipk", keys)],
      ["apk by its rules", (root) => ownManager(root, "apk", keys)]],
    opkg: [["the real opkg", (root) => realOpkg(root, OPKG_TOOL, keys)]],
    apk: [["the real apk", (root) => realApk(root, APK_TOOL, keys)]],
  }[MANAGER];
  for (const [index, [name, make]] of managers.entries()) {
    await part(checks, name, () => {
      const root = makeRoot(`/run/tree/${index}`);
      writeFileSync(join(root, "etc/config/network"), NETWORK);
      tryManager(checks, root, make(root), feeds, keys);
    });
  }
  return finish(checks);
});

function tryManager(checks, root, manager, feeds, keys) {
  refusesAlone(checks, root, manager, feeds);
  refusesDamage(checks, root, manager, feeds, keys);
  installs(checks, root, manager, feeds);
  upgrades(checks, root, manager, feeds);
  removes(checks, root, manager);
}

function useFeed(root, folder) {
  rmSync(join(root, "feed"), { recursive: true, force: true });
  cpSync(folder, join(root, "feed"), { recursive: true });
}

function has(root, path) {
  return existsSync(join(root, path));
}

function isInstalled(root) {
  return has(root, "usr/sbin/aditd");
}

function fileOf({ kind }) {
  return kind === "apk" ? "adit-static-0.1.0-r1.apk" : `adit-static_0.1.0-r1_${ARCH}.ipk`;
}

function refusesAlone({ ok }, root, manager, feeds) {
  useFeed(root, feeds.first);
  const done = manager.installFile(fileOf(manager));
  ok(done.status !== 0 && /kmod-/.test(done.stdout + done.stderr),
    "without its dependencies a package is refused, and the message names them");
  ok(!isInstalled(root), "and nothing is installed");
}

function refusesDamage({ ok }, root, manager, feeds, keys) {
  const index = manager.kind === "apk" ? "packages.adb" : "Packages";
  const attempt = () => {
    const updated = manager.update();
    return [updated, manager.install("adit")];
  };
  for (const name of [index, fileOf(manager)]) {
    for (let each = 0; each < FLIPS; each++) {
      useFeed(root, feeds.first);
      const at = flip(join(root, "feed", name), (each + 0.5) / FLIPS);
      if (name === "Packages") run(["gzip", "-kfn9", join(root, "feed/Packages")]);
      attempt();
      if (!ok(!isInstalled(root), `${name} with a bit flipped at ${at} is refused`)) return;
    }
  }
  useFeed(root, feeds.first);
  sign(join(root, "feed"), makeKeys(join("/run/tree", `stranger-${manager.kind}-${root.length}`)));
  attempt();
  ok(!isInstalled(root), "so is a feed that a stranger signed");
  useFeed(root, feeds.first);
  sign(join(root, "feed"), keys);
}

function flip(file, share) {
  const bytes = readFileSync(file);
  // The head says how the rest is packed, and what is spoilt there is no package at all.
  const at = Math.floor(bytes.length * share);
  bytes[at] ^= 0x10;
  writeFileSync(file, bytes);
  return at;
}

function installs({ ok, same }, root, manager, feeds) {
  useFeed(root, feeds.first);
  const updated = manager.update();
  same(updated.status, 0, `the feed is taken ${said(updated)}`);
  const done = manager.install("adit", "luci-app-adit");
  same(done.status, 0, `adit and its pages are installed ${said(done)}`);
  ok(isInstalled(root) && has(root, "usr/share/kmod-tun/is"), "with what they need");
  same(readdirSync(join(root, "etc/rc.d")).sort().join(" "), "K10adit S18adit-block S25adit",
    "both services are enabled");
  ok(/^adit:x:30473:/m.test(readFileSync(join(root, "etc/passwd"), "utf8")), "the user is there");
  const config = readFileSync(join(root, "etc/config/adit"), "utf8");
  const shipped = readFileSync("openwrt-feed/adit/files/adit.config", "utf8");
  same(config.replace("\tlist lan_ifnames 'br-lan'\n\toption wan_ifname 'eth1'\n", ""), shipped,
    "the configuration is the shipped one with its comments, and the network's names");
}

function said({ status, stdout, stderr }) {
  return status === 0 ? "" : `${stdout}${stderr}`;
}

function upgrades({ ok, same }, root, manager, feeds) {
  const file = join(root, "etc/config/adit");
  appendFileSync(file, "\n# mine\nconfig location 'us'\n\toption token 'secret'\n");
  const before = readFileSync(file, "utf8");
  useFeed(root, feeds.next);
  const done = manager.upgrade();
  same(done.status, 0, `the next release is installed ${said(done)}`);
  ok(isNext(root, manager), "it is the next");
  same(readFileSync(file, "utf8"), before, "the edited configuration is as it was");
  ok(!has(root, "etc/uci-defaults/60-adit"), "the defaults have run");
  same(readdirSync(join(root, "etc/rc.d")).sort().join(" "), "K10adit S18adit-block S25adit",
    "both services are still enabled");
}

function isNext(root, manager) {
  const [database, version] = manager.kind === "apk" ? ["lib/apk/db/installed", "V:0.1.0-r2"]
    : ["usr/lib/opkg/status", "Version: 0.1.0-r2"];
  return !has(root, database) || readFileSync(join(root, database)).includes(version);
}

function removes({ ok, same }, root, manager) {
  const nft = join(root, "usr/sbin/nft");
  writeFileSync(nft, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const names = manager.kind === "apk" ? ["luci-app-adit", "adit"]
    : ["luci-app-adit", "luci-proto-adit", "adit-static"];
  const done = manager.remove(...names);
  same(done.status, 0, `a removal succeeds ${said(done)}`);
  ok(/stay blocked/.test(done.stdout) && /ip rule del/.test(done.stdout),
    "it says that devices stay blocked, and how to let go", done.stdout);
  ok(!isInstalled(root) && !has(root, "etc/init.d/adit"), "the files are gone");
  same(readdirSync(join(root, "etc/rc.d")).length, 0, "nothing stays enabled");
  ok(has(root, "etc/config/adit"), "the configuration stays");
}

/** The publisher's keys in the forms that the two index writers take. */
function makeKeys(dir) {
  mkdirSync(dir, { recursive: true });
  const paths = Object.fromEntries(["apk", "apkPublic", "usign", "usignPublic"]
    .map((name) => [name, join(dir, name)]));
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(paths.apk, ec.privateKey.export({ type: "sec1", format: "pem" }));
  writeFileSync(paths.apkPublic, ec.publicKey.export({ type: "spki", format: "pem" }));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const number = (key, name) => Buffer.from(key.export({ format: "jwk" })[name], "base64url");
  const [seed, point] = [number(privateKey, "d"), number(publicKey, "x")];
  const id = randomBytes(8);
  const text = (bytes) => `untrusted comment: a test's\n${bytes.toString("base64")}\n`;
  writeFileSync(paths.usign, text(Buffer.concat([Buffer.from("EdBK"), Buffer.alloc(4 + 16 + 8), id,
    seed, point])));
  writeFileSync(paths.usignPublic, text(Buffer.concat([Buffer.from("Ed"), id, point])));
  return paths;
}

/** A folder with our packages, stand-ins for what they depend on, and signed indices. */
function makeFeed(folder, built, keys) {
  mkdirSync(folder);
  for (const name of readdirSync(join(BUILT, built, ARCH)).filter((each) => /pk$/.test(each))) {
    cpSync(join(BUILT, built, ARCH, name), join(folder, name));
  }
  for (const name of DEPENDENCIES) makeDependency(folder, name);
  sign(folder, keys);
  return folder;
}

function makeDependency(folder, name) {
  const control = ["Package", "Version", "Source", "License", "Section", "Maintainer",
    "Architecture", "Installed-Size", "Description"].map((field, index) => `${field}: ${
    [name, "1-r1", "test", "MIT", "test", "test", ARCH, "0", name][index]}`).join("\n");
  const env = { PATH: process.env.PATH, CONTROL: control, SOURCE_DATE_EPOCH: "1" };
  const pack = (file, command) => {
    const work = join("/run/tree/work", file);
    mkdirSync(join(work, "data/usr/share", name), { recursive: true });
    writeFileSync(join(work, "data/usr/share", name, "is"), `${name}\n`);
    execFileSync(command[0], [...command.slice(1), work, join(folder, file)], { env });
  };
  pack(`${name}_1-r1_${ARCH}.ipk`, ["scripts/packages/make-ipk"]);
  pack(`${name}-1-r1.apk`, ["node", "scripts/packages/make-apk.mjs"]);
}

function sign(folder, keys) {
  run(["node", "scripts/packages/index-apk.mjs", folder, keys.apk]);
  run(["scripts/packages/index-ipk", folder, keys.usign]);
}
