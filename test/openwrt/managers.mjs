// Package managers of a router's root. Each has the same calls, whether it is the real program or
// the rules of it as we read them: a feed is a folder at /feed with an index that must be signed.

import { createHash, createPublicKey, verify } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readApk, readIndex } from "./apk.mjs";
import { installApk, removeApk } from "./install-apk.mjs";
import { unpackIpk } from "./ipk.mjs";
import { installPackage, removePackage, sh } from "./root.mjs";

const OPKG_CONF = `dest root /
lists_dir ext /var/opkg-lists
option check_signature
arch all 1
arch x86_64 10
src/gz adit file:///feed
`;
// What opkg asks about signatures; on a router it is a script around usign.
const OPKG_KEY = `#!/bin/sh
exec node /usr/lib/opkg-verify.mjs "$2" "$3"
`;

/** The real apk-tools 3; `program` is its path. */
export function realApk(root, program, keys) {
  cpSync(program, join(root, "usr/bin/apk"));
  for (const dir of ["lib/apk/db", "etc/apk/keys"]) mkdirSync(join(root, dir), { recursive: true });
  cpSync(keys.apkPublic, join(root, "etc/apk/keys/publisher.pem"));
  writeFileSync(join(root, "etc/apk/repositories"), "/feed/packages.adb\n");
  sh(root, "apk add --initdb --arch x86_64 --no-network");
  return {
    kind: "apk",
    update: () => sh(root, "apk update"),
    install: (...names) => sh(root, `apk add ${names.join(" ")}`),
    installFile: (name) => sh(root,
      `apk add --allow-untrusted --repositories-file /dev/null /feed/${name}`),
    upgrade: () => sh(root, "apk upgrade"),
    remove: (...names) => sh(root, `apk del ${names.join(" ")}`),
  };
}

/** The real opkg; `program` is its path. */
export function realOpkg(root, program, keys) {
  cpSync(program, join(root, "usr/bin/opkg"));
  sh(root, "mkdir -p /usr/lib/opkg /var/opkg-lists /run/lock /etc/opkg");
  writeFileSync(join(root, "etc/opkg.conf"), OPKG_CONF);
  cpSync(keys.usignPublic, join(root, "etc/opkg/publisher.pub"));
  cpSync("test/openwrt/stand-in/opkg-verify.mjs", join(root, "usr/lib/opkg-verify.mjs"));
  writeFileSync(join(root, "usr/sbin/opkg-key"), OPKG_KEY, { mode: 0o755 });
  const names = "adit-static luci-app-adit";
  return {
    kind: "ipk",
    update: () => sh(root, "opkg update"),
    install: (...words) => sh(root, `opkg install ${words.join(" ")}`),
    installFile: (name) => sh(root, `opkg install /feed/${name}`),
    upgrade: () => sh(root, `opkg update && opkg upgrade ${names}`),
    remove: (...words) => sh(root, `opkg remove ${words.join(" ")}`),
  };
}

/** Either of them by its rules. */
export function ownManager(root, kind, keys) {
  const installed = new Map();
  let feed = [];
  const tried = (body) => {
    try {
      return body();
    } catch (error) {
      return { status: 1, stdout: "", stderr: error.message };
    }
  };
  const read = kind === "apk" ? feedOfApk : feedOfIpk;
  const update = () => tried(() => {
    feed = [];
    feed = read(join(root, "feed"), keys);
    return { status: 0, stdout: "", stderr: "" };
  });
  const bring = (wanted) => outputOf(inOrder(wanted, feed, installed).map((each) => {
    const next = each.load();
    const done = put(root, kind, next, installed.get(each.name));
    installed.set(each.name, next);
    return done;
  }));
  return {
    kind,
    update,
    install: (...names) => tried(() => bring(names)),
    installFile: (name) => tried(() => {
      const file = join(root, "feed", name);
      const alone = kind === "apk" ? entryOfApk(file) : entryOfIpk(file);
      feed = [alone];
      return bring([alone.name]);
    }),
    upgrade: () => tried(() => {
      update();
      return bring(feed.filter(({ name, version }) => installed.has(name)
        && installed.get(name).version !== version).map(({ name }) => name));
    }),
    remove: (...names) => tried(() => outputOf(names.map((name) => {
      const found = [...installed.values()].find((each) => isNamed(each, name));
      installed.delete(found.name);
      return kind === "apk" ? removeApk(root, found.apk) : removePackage(root, found.file);
    }))),
  };
}

const isNamed = ({ name, provides }, wanted) => name === wanted || provides.includes(wanted);

/** What to install for `wanted`, dependencies first; an exception names what nobody has. */
function inOrder(wanted, feed, installed) {
  const order = [];
  const visit = (name, by) => {
    if (order.some((each) => isNamed(each, name))) return;
    const isThere = [...installed.values()].some((each) => isNamed(each, name));
    if (by !== undefined && isThere) return;
    const found = feed.find((each) => isNamed(each, name));
    if (found === undefined) throw new Error(`${name}: no such package, required by ${by}`);
    for (const each of found.depends) visit(each, found.name);
    order.push(found);
  };
  for (const name of wanted) visit(name);
  return order;
}

function put(root, kind, next, former) {
  if (kind === "apk") return installApk(root, next.apk, { former: former?.apk });
  return installPackage(root, next.file, { isUpgrade: former !== undefined });
}

function feedOfApk(folder, keys) {
  const key = readFileSync(keys.apkPublic);
  const { packages } = readIndex(readFileSync(join(folder, "packages.adb")), { key });
  return packages.map(({ name, version, hashes, fileSize }) =>
    entryOfApk(join(folder, `${name}-${version}.apk`), { hashes, fileSize }));
}

function entryOfApk(file, listed) {
  const load = () => {
    const bytes = readFileSync(file);
    const apk = readApk(bytes);
    const isListed = listed === undefined
      || (apk.identity === listed.hashes && bytes.length === listed.fileSize);
    if (!isListed) throw new Error(`${file}: not what the index lists`);
    const { name, version, provides } = apk.info;
    return { name, version, provides: namesOf(provides), apk };
  };
  const { info } = readApkHead(file);
  return { name: info.name, version: info.version, depends: namesOf(info.depends),
    provides: namesOf(info.provides), load };
}

// What is damaged shows itself when it is loaded; the index knows the rest.
function readApkHead(file) {
  try {
    return readApk(readFileSync(file));
  } catch {
    const [, name, version] = /([^/]*)-([^-]*-r\d+)\.apk$/.exec(file);
    return { info: { name, version, depends: [], provides: [] } };
  }
}

const namesOf = (list) => list.map((each) => each.replace(/=.*/, ""));

function feedOfIpk(folder, keys) {
  const text = readFileSync(join(folder, "Packages"));
  checkUsign(text, readFileSync(join(folder, "Packages.sig"), "utf8"), keys.usignPublic);
  return text.toString().trimEnd().split("\n\n").map((entry) => {
    const field = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(entry)?.[1] ?? "";
    return entryOfIpk(join(folder, field("Filename")), field);
  });
}

function entryOfIpk(file, field) {
  const { fields } = field === undefined ? unpackIpk(file) : { fields: null };
  const get = field ?? ((name) => fields[name] ?? "");
  const list = (name) => get(name).split(", ").filter((word) => word !== "");
  const [name, version, provides] = [get("Package"), get("Version"), list("Provides")];
  const load = () => {
    const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
    if (field !== undefined && digest !== field("SHA256sum")) {
      throw new Error(`${file}: not what the index lists`);
    }
    unpackIpk(file);
    return { name, version, provides, file };
  };
  return { name, version, provides, depends: list("Depends"), load };
}

/** A signature as usign makes it: algorithm, the key's name, Ed25519. */
function checkUsign(bytes, signature, keyFile) {
  const payload = (text) => Buffer.from(text.split("\n")[1] ?? "", "base64");
  const [key, given] = [payload(readFileSync(keyFile, "utf8")), payload(signature)];
  const raw = createPublicKey({ format: "jwk",
    key: { kty: "OKP", crv: "Ed25519", x: key.subarray(10).toString("base64url") } });
  if (!given.subarray(0, 10).equals(key.subarray(0, 10))
    || !verify(null, bytes, raw, given.subarray(10))) throw new Error("no signature by the key");
}

function outputOf(results) {
  const failed = results.find(({ status }) => status !== 0);
  return { status: failed?.status ?? 0, stdout: results.map(({ stdout }) => stdout).join(""),
    stderr: results.map(({ stderr }) => stderr).join("") };
}
