// Reads packages and indices of apk-tools 3 by the words of its manual page apk-v3, without a line
// of the program that writes ours. What apk would refuse is an exception.

import { createHash, createPublicKey, verify } from "node:crypto";
import { inflateRawSync } from "node:zlib";

const PACKAGE = ["info", "paths", "scripts", "triggers", "replacesPriority"];
const INDEX = ["description", "packages", "nameSpec"];
const INFO = ["name", "version", "hashes", "description", "arch", "license", "origin", "maintainer",
  "url", "commit", "buildTime", "installedSize", "fileSize", "providerPriority", "depends",
  "provides"];
const SCRIPTS = ["trigger", "pre-install", "post-install", "pre-deinstall", "post-deinstall",
  "pre-upgrade", "post-upgrade"];
const FOLDER = ["name", "acl", "files"];
const FILE = ["name", "acl", "size", "mtime", "hash", "target"];
const ACL = ["mode", "user", "group"];
const DEPENDENCY = ["name", "version", "match"];
const [ADB, SIGNATURE, DATA] = [0, 1, 2];

const digest = (name, bytes) => createHash(name).update(bytes).digest();
const hex = (bytes) => bytes?.toString("hex");

/** A package; with `key`, a public key in PEM, only if that key signed it. */
export function readApk(bytes, { key } = {}) {
  const { database, data, isSigned } = readBlocks(bytes, "pckg", key);
  const root = object(rootOf(database), PACKAGE);
  const scripts = Object.fromEntries(Object.entries(object(root.scripts, SCRIPTS))
    .map(([name, text]) => [name, text.toString()]));
  const files = readFiles(root.paths ?? [], data);
  return { info: readInfo(root.info), scripts, files, isSigned,
    identity: hex(digest("sha256", database)) };
}

/** What an index says of its packages. */
export function readIndex(bytes, { key } = {}) {
  const { database, isSigned } = readBlocks(bytes, "indx", key);
  const { packages = [] } = object(rootOf(database), INDEX);
  return { packages: packages.map(readInfo), isSigned };
}

function readBlocks(bytes, schema, key) {
  expect(bytes.toString("latin1", 0, 4) === "ADBd", "not packed by deflate");
  const whole = inflateRawSync(bytes.subarray(4));
  expect(whole.toString("latin1", 0, 8) === `ADB.${schema}`, `not of schema ${schema}`);
  const found = { [ADB]: [], [SIGNATURE]: [], [DATA]: [] };
  let last = ADB;
  for (let at = 8; at < whole.length;) {
    const [type, size] = [whole.readUInt32LE(at) >>> 30, whole.readUInt32LE(at) & 0x3fff_ffff];
    expect(size >= 4 && at + size <= whole.length && type in found && type >= last, "a bad block");
    found[type].push(whole.subarray(at + 4, at + size));
    last = type;
    at += Math.ceil(size / 8) * 8;
  }
  expect(found[ADB].length === 1, "not one database");
  const [database] = found[ADB];
  const isSigned = found[SIGNATURE].some((each) => isGood(schema, database, each, key));
  expect(key === undefined || isSigned, "no signature by the key");
  return { database, data: found[DATA], isSigned };
}

function isGood(schema, database, block, pem) {
  if (pem === undefined) return false;
  const key = createPublicKey(pem);
  const raw = key.asymmetricKeyType === "rsa" ? key.export({ type: "pkcs1", format: "der" })
    : key.export({ type: "spki", format: "der" }).subarray(-65);
  const isItsOwn = digest("sha512", raw).subarray(0, 16).equals(block.subarray(2, 18));
  const signed = Buffer.concat([Buffer.from(schema), block.subarray(0, 18),
    digest("sha512", database)]);
  return isItsOwn && block[0] === 0 && verify("sha512", signed, key, block.subarray(18));
}

/** Objects and arrays are both lists here: the first word of either says how many follow. */
function rootOf(bytes) {
  const read = (word) => {
    const [type, at] = [word >>> 28, word & 0x0fff_ffff];
    const blob = (width) => {
      const length = bytes.readUIntLE(at, width);
      expect(at + width + length <= bytes.length, "a value beyond the end");
      return bytes.subarray(at + width, at + width + length);
    };
    if (type === 0x1) return at;
    if (type === 0x2) return bytes.readUInt32LE(at);
    if (type >= 0x8 && type <= 0xa) return blob(1 << (type - 0x8));
    if (type === 0xd || type === 0xe) {
      return Array.from({ length: bytes.readUInt32LE(at) - 1 },
        (_, index) => read(bytes.readUInt32LE(at + 4 * (index + 1))));
    }
    expect(word === 0, `a value of type ${type}`);
    return undefined;
  };
  expect(bytes[0] === 0, "a version of tomorrow");
  return read(bytes.readUInt32LE(4));
}

function object(list = [], names) {
  return Object.fromEntries(names.map((name, index) => [name, list[index]])
    .filter(([, value]) => value !== undefined));
}

function readInfo(list) {
  const { hashes, depends = [], provides = [], ...info } = object(list, INFO);
  const dependency = (each) => {
    const { name, version } = object(each, DEPENDENCY);
    return version === undefined ? `${name}` : `${name}=${version}`;
  };
  const texts = Object.fromEntries(Object.entries(info)
    .map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString() : value]));
  return { ...texts, hashes: hex(hashes), depends: depends.map(dependency),
    provides: provides.map(dependency) };
}

/** Folders and files in order, each file with its content; every byte is under a digest. */
function readFiles(paths, data) {
  const blocks = [...data];
  const all = paths.flatMap((path, dirIndex) => {
    const { name: dir = "", acl, files = [] } = object(path, FOLDER);
    const inside = files.map((file, index) =>
      readFile(`${dir}`, object(file, FILE), blocks, [dirIndex + 1, index + 1]));
    return [{ path: `${dir}`, type: "folder", ...readAcl(acl) }, ...inside];
  });
  expect(blocks.length === 0, "more data than files");
  return all;
}

function readFile(dir, { name, acl, size, mtime, hash, target }, blocks, place) {
  const entry = { path: [dir, name].filter((part) => `${part}` !== "").join("/"), mtime,
    ...readAcl(acl) };
  if (target !== undefined) {
    expect(target.readUInt16LE(0) === 0o120000, "a target that is no link");
    return { ...entry, type: "link", target: target.toString("utf8", 2) };
  }
  const block = size === 0 ? Buffer.alloc(8) : blocks.shift() ?? Buffer.alloc(0);
  const content = block.subarray(8);
  expect(size === 0 || place.every((number, index) => block.readUInt32LE(4 * index) === number),
    `${entry.path}: data of another file`);
  expect(content.length === size && digest("sha256", content).equals(hash),
    `${entry.path}: not the bytes of its digest`);
  return { ...entry, type: "file", content };
}

function readAcl(list) {
  const { mode, user, group } = object(list, ACL);
  return { mode, user: `${user}`, group: `${group}` };
}

function expect(condition, what) {
  if (!condition) throw new Error(what);
}
