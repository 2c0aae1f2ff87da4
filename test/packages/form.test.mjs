// The packages have exactly the form that opkg reads, are the same bit for bit when built again,
// and hold what the feed's Makefile and package.json say.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { finish, makeChecks } from "../netns/lab/check.mjs";
import { run } from "../netns/lab/sh.mjs";
import { readApk, readIndex } from "../openwrt/apk.mjs";
import { unpackIpk } from "../openwrt/ipk.mjs";

const ARCHS = ["mips_24kc", "x86_64"];
const [FIRST, SECOND] = ["build/test-packages/1", "build/test-packages/2"];
const MODES = {
  "./usr/sbin/aditd": 0o755, "./etc/init.d/adit": 0o755, "./etc/init.d/adit-block": 0o755,
  "./etc/config/adit": 0o600, "./usr/lib/adit/adit.mjs": 0o644,
  "./usr/lib/adit/adit-cli.mjs": 0o644, "./usr/lib/adit/policy.mjs": 0o644,
  "./etc/uci-defaults/60-adit": 0o755, "./etc/hotplug.d/net/30-adit": 0o644,
  "./lib/netifd/proto/adit.sh": 0o755,
  "./lib/upgrade/keep.d/adit-static": 0o644, "./usr/share/rpcd/acl.d/adit.json": 0o644,
  "./usr/share/nftables.d/ruleset-post/20-adit.nft": 0o644,
};

const checks = makeChecks({ quiet: true });
const { ok, same } = checks;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

for (const arch of ARCHS) {
  for (const name of readdirSync(`${FIRST}/${arch}`)) {
    same(sha256(readFileSync(`${FIRST}/${arch}/${name}`)),
      sha256(readFileSync(`${SECOND}/${arch}/${name}`)), `${arch}/${name} is the same again`);
  }
  for (const name of ipksOf(arch)) checkForm(`${FIRST}/${arch}/${name}`);
  checkIndex(arch);
  checkApks(arch);
}
const isAdit = (name) => name.startsWith("adit-static_");
checkAdit(`${FIRST}/mips_24kc/${ipksOf("mips_24kc").find(isAdit)}`);
process.exitCode = finish(checks);

function ipksOf(arch) {
  return readdirSync(`${FIRST}/${arch}`).filter((name) => name.endsWith(".ipk"));
}

function checkForm(file) {
  const { outer, controls, members, control, fields, conffiles } = unpackIpk(file);
  same(outer.map(({ name }) => name).join(" "),
    "./debian-binary ./data.tar.gz ./control.tar.gz", `${file}: members`);
  for (const list of [outer, controls, members]) checkMembers(file, list);
  same(sorted(members), members.map(({ name }) => name).join(), `${file}: data is sorted`);
  for (const name of ["control", "postinst", "prerm"]) ok(name in control, `${file}: ${name}`);
  for (const name of ["Package", "Version", "Architecture", "Maintainer", "Section"]) {
    ok(fields[name], `${file}: ${name}`);
  }
  for (const path of conffiles) {
    ok(members.some(({ name }) => name === `.${path}`), `${file}: ${path} is installed`);
  }
  const scripts = Object.entries(control).filter(([name]) => /^(post|pre)/.test(name));
  for (const [name, text] of scripts) {
    ok(text.startsWith("#!/bin/sh\n"), `${file}: ${name} names its shell`);
    run(["busybox", "ash", "-n"], { input: text });
    // The others are OpenWrt's own words.
    if (name.endsWith("-pkg")) run(["shellcheck", "-"], { input: text });
  }
}

// Folder by folder: a slash comes before every other character.
function sorted(members) {
  const key = (name) => name.replaceAll("/", "\0");
  return members.map(({ name }) => name).sort((a, b) => (key(a) < key(b) ? -1 : 1)).join();
}

// busybox and libbb know GNU's old form; names of users would be looked up on the router.
function checkMembers(file, members) {
  const dates = new Set(members.map(({ mtime }) => mtime));
  same(dates.size, 1, `${file}: one date`);
  for (const { name, uid, gid, user, type, magic } of members) {
    ok(name.startsWith("./") && uid === 0 && gid === 0 && /^(root)?$/.test(user)
      && ["0", "2", "5"].includes(type) && magic === "ustar  \0", `${file}: ${name}`);
  }
}

function checkIndex(arch) {
  const text = readFileSync(`${FIRST}/${arch}/Packages`, "utf8");
  same(gunzipSync(readFileSync(`${FIRST}/${arch}/Packages.gz`)).toString(), text,
    `${arch}: both forms of the index`);
  const entries = text.trimEnd().split("\n\n");
  same(entries.length, ipksOf(arch).length, `${arch}: packages in the index`);
  for (const entry of entries) {
    const [, name] = /^Filename: (.*)$/m.exec(entry);
    const bytes = readFileSync(`${FIRST}/${arch}/${name}`);
    ok(!/^Source/m.test(entry), `${name}: nothing in the index that opkg takes for another field`);
    ok(entry.includes(`\nSize: ${bytes.length}\n`), `${name}: size in the index`);
    ok(entry.includes(`\nSHA256sum: ${sha256(bytes)}\n`), `${name}: digest in the index`);
  }
}

/** The .apk says and holds what its .ipk does, with OpenWrt's list of files beside. */
function checkApks(arch) {
  const { packages } = readIndex(readFileSync(`${FIRST}/${arch}/packages.adb`));
  same(packages.length, ipksOf(arch).length, `${arch}: packages in the index for apk`);
  for (const name of ipksOf(arch)) {
    const ipk = unpackIpk(`${FIRST}/${arch}/${name}`);
    const { Package, Version } = ipk.fields;
    const bytes = readFileSync(`${FIRST}/${arch}/${Package}-${Version}.apk`);
    const apk = readApk(bytes);
    const listed = packages.find((each) => each.name === Package);
    ok(listed?.hashes === apk.identity && listed.fileSize === bytes.length,
      `${Package}: digest and size in the index for apk`);
    checkApk(Package, ipk, apk);
  }
}

function checkApk(name, { fields, members, control }, { info, files, scripts }) {
  same(info.version, fields.Version, `${name}: version`);
  same(info.arch, fields.Architecture === "all" ? "noarch" : fields.Architecture, `${name}: arch`);
  same(info.depends.join(", "), (fields.Depends ?? "").split(", ").sort().join(", "),
    `${name}: dependencies`);
  const installed = members.filter(({ type }) => type !== "5");
  const shown = (list) => list.sort().join("\n");
  same(shown(files.filter(({ path, type }) => type !== "folder" && !path.startsWith("lib/apk/"))
    .map(({ path, mode, content, target }) => `./${path} ${mode} ${target ?? sha256(content)}`)),
  shown(installed.map(({ name: path, mode, type, link, content }) =>
    `${path} ${mode} ${type === "2" ? link : sha256(content)}`)), `${name}: the same files`);
  ok(files.every(({ user, group }) => user === "root" && group === "root"), `${name}: root's`);
  const list = files.find(({ path }) => path === `lib/apk/packages/${name}.list`);
  ok(installed.every((each) => list.content.includes(`${each.name.slice(1)}\n`)),
    `${name}: OpenWrt's list of its files`);
  for (const [part, point] of [["postinst-pkg", "post-install"], ["prerm-pkg", "pre-deinstall"],
    ["postrm", "post-deinstall"]]) {
    const own = (control[part] ?? "").replace(/^#!.*\n/, "").trim();
    ok((scripts[point] ?? "").includes(own), `${name}: its part in ${point}`);
  }
  for (const text of Object.values(scripts)) run(["busybox", "ash", "-n"], { input: text });
}

function checkAdit(file) {
  const { fields, members, conffiles } = unpackIpk(file);
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  same(fields.Version, `${version}-r1`, "the feed's version is that of package.json");
  same(fields["Require-User"], "adit=30473:adit=30473", "the user of the decider gets a name");
  same(conffiles.join(), "/etc/config/adit", "conffiles");
  const found = Object.fromEntries(members.filter(({ type }) => type === "0")
    .map(({ name, mode }) => [name, mode]));
  same(JSON.stringify(found, Object.keys(MODES).sort()),
    JSON.stringify(MODES, Object.keys(MODES).sort()), "files and their modes");
  same(Object.keys(found).length, Object.keys(MODES).length, "no other files");
  const link = members.find(({ name }) => name === "./usr/bin/adit");
  same(link?.link, "../sbin/aditd", "the client is the daemon by another name");
  const keep = members.find(({ name }) => name === "./lib/upgrade/keep.d/adit-static");
  same(keep?.content.toString(), "/etc/adit/\n", "sysupgrade keeps keys and state");
  JSON.parse(members.find(({ name }) => name === "./usr/share/rpcd/acl.d/adit.json").content);
  ok(true, "the ACL is JSON");
}
