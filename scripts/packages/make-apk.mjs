// Makes an .apk of version 3 as OpenWrt's build does it with apk-tools: the same files below
// /lib/apk/packages, the same scripts, everything owned by root and dated SOURCE_DATE_EPOCH.
//
//   node scripts/packages/make-apk.mjs WORK FILE        WORK/data holds what is installed
//
// Environment: CONTROL, the control file's text; CONFFILES, PREINST, POSTINST, PRERM, POSTRM and
// PROVIDER_PRIORITY if there are any.

import { createHash } from "node:crypto";
import {
  existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { SCHEMA, encode, pack } from "./adb.mjs";
import { listOf, parseControl } from "./control.mjs";

const S_IFLNK = 0o120000;
const UNIQUE_ID_BYTES = 20;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const [work, file] = process.argv.slice(2);
const epoch = Number(process.env.SOURCE_DATE_EPOCH);
if (file === undefined || !Number.isSafeInteger(epoch) || process.env.CONTROL === undefined) {
  console.error("make-apk: expected WORK FILE, and CONTROL and SOURCE_DATE_EPOCH to be set");
  process.exit(2);
}
// The modes of a package are not a matter of who builds it.
process.umask(0o022);
const root = join(work, "data");
const fields = parseControl(process.env.CONTROL);
describe(root, fields, (process.env.CONFFILES ?? "").split(/\s+/).filter((path) => path !== ""));
writeFileSync(file, makeApk(readTree(root), fields, scriptsOf(fields.Package, process.env)));

/** What OpenWrt keeps on the router about a package: its files, its user, its configuration. */
function describe(top, { Package: name, "Require-User": user }, conffiles) {
  const put = (path, lines) => {
    mkdirSync(dirname(join(top, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(top, path), lines.map((line) => `${line}\n`).join(""), { mode: 0o644 });
  };
  const about = (kind) => `lib/apk/packages/${name}.${kind}`;
  const isThere = (path) => existsSync(join(top, path)) && lstatSync(join(top, path)).isFile();
  const keep = conffiles.filter((path) => !isThere(path));
  if (keep.length > 0) put(`lib/upgrade/keep.d/${name}`, keep);
  const files = readTree(top).flatMap(({ dir, files: inside }) =>
    inside.map((each) => `/${join(dir, each.name)}`)).sort(byBytes);
  if (user !== undefined) put(about("rusers"), [user]);
  put(about("list"), files);
  if (conffiles.length === 0) return;
  put(about("conffiles"), conffiles);
  const digests = conffiles.filter(isThere)
    .map((path) => `${path} ${sha256(readFileSync(join(top, path))).toString("hex")}`);
  if (digests.length > 0) put(about("conffiles_static"), digests);
}

/** Folders in the order of their names, the root first, each with its files. */
function readTree(top) {
  const dirs = readdirSync(top, { recursive: true }).map(String)
    .filter((path) => lstatSync(join(top, path)).isDirectory());
  return ["", ...dirs.sort(byBytes)].map((dir) => ({
    dir,
    mode: dir === "" ? 0o755 : lstatSync(join(top, dir)).mode & 0o7777,
    files: readdirSync(join(top, dir)).sort(byBytes).flatMap((name) =>
      readEntry(join(top, dir, name), name)),
  }));
}

function readEntry(path, name) {
  const stat = lstatSync(path);
  if (stat.isDirectory()) return [];
  if (stat.isSymbolicLink()) return [{ name, mode: 0o777, target: readlinkSync(path) }];
  if (stat.isFile()) return [{ name, mode: stat.mode & 0o7777, bytes: readFileSync(path) }];
  throw new Error(`${path}: expected a file, a link or a folder`);
}

/** apk runs one script where opkg runs two: OpenWrt's part, then the package's. */
function scriptsOf(name, { PREINST, POSTINST, PRERM, POSTRM }) {
  const body = (text = "") =>
    (text === "" ? "" : `${text.replace(/^\s*#!.*\n/gm, "").trimEnd()}\n`);
  const guard = '[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0\n'
    + '. ${IPKG_INSTROOT}/lib/functions.sh\n'
    + `export root="\${IPKG_INSTROOT}"\nexport pkgname="${name}"\n`;
  const install = `[ "\${IPKG_NO_SCRIPT}" = "1" ] && exit 0\n${guard}add_group_and_user\n`
    + `default_postinst\n${body(POSTINST)}`;
  const asUpgrade = (text) => `#!/bin/sh\nexport PKG_UPGRADE=1\n${text}`;
  const before = PREINST === undefined ? undefined : body(PREINST);
  return {
    preInstall: before && `#!/bin/sh\n${before}`,
    postInstall: `#!/bin/sh\n${install}`,
    preDeinstall: `#!/bin/sh\n${guard}default_prerm\n${body(PRERM)}`,
    postDeinstall: POSTRM && `#!/bin/sh\n${body(POSTRM)}`,
    preUpgrade: before && asUpgrade(before),
    postUpgrade: asUpgrade(install),
  };
}

function makeApk(tree, control, scripts) {
  const id = Buffer.alloc(UNIQUE_ID_BYTES);
  const database = (uniqueId) => encode({ object: [
    packageInfo(tree, control, uniqueId),
    { array: tree.map(folder) },
    { object: [null, scripts.preInstall, scripts.postInstall, scripts.preDeinstall,
      scripts.postDeinstall, scripts.preUpgrade, scripts.postUpgrade] },
  ] });
  // The package is known by the digest of its database with zeros in the digest's place.
  const bytes = database(sha256(database(id)).subarray(0, UNIQUE_ID_BYTES));
  const data = tree.flatMap(({ files }, at) => files
    .map(({ bytes: content }, index) => ({ content, place: [number(at + 1), number(index + 1)] }))
    .filter(({ content }) => content?.length > 0)
    .map(({ content, place }) => Buffer.concat([...place, content])));
  return pack(SCHEMA.package, bytes, { data });
}

function packageInfo(tree, control, uniqueId) {
  const installed = tree.flatMap(({ files }) => files)
    .reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  const provided = listOf(control.Provides).map((name) => `${name}=${control.Version}`);
  return { object: [
    control.Package, control.Version, uniqueId, control.Description,
    control.Architecture === "all" ? "noarch" : control.Architecture,
    control.License, control.Source, control.Maintainer, control.URL, null, null,
    Math.max(installed, 1), null, Number(process.env.PROVIDER_PRIORITY || 0) || null,
    { array: listOf(control.Depends).sort(byBytes).map(dependency) },
    { array: provided.sort(byBytes).map(dependency) },
  ] };
}

function dependency(text) {
  const [, name, version] = /^([A-Za-z0-9][\w.+-]*)(?:=(\S+))?$/.exec(text)
    ?? fail(`dependency '${text}', expected a name or name=version`);
  return { object: [name, version] };
}

function fail(message) {
  throw new Error(message);
}

function folder({ dir, mode, files }) {
  return { object: [dir, { object: [mode, "root", "root"] }, { array: files.map(entry) }] };
}

function entry({ name, mode, bytes, target }) {
  const access = { object: [mode, "root", "root"] };
  if (target === undefined) return { object: [name, access, bytes.length, epoch, sha256(bytes)] };
  const link = Buffer.concat([number(S_IFLNK).subarray(0, 2), Buffer.from(target)]);
  return { object: [name, access, target.length, epoch, null, link] };
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
