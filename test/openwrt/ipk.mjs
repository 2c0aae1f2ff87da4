// Reads an .ipk as opkg does: a gzipped tar whose members lead with ./, two of them gzipped tars.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const BLOCK = 512;
const field = (block, at, length) =>
  block.subarray(at, at + length).toString("latin1").replace(/\0.*$/s, "");
const octal = (block, at, length) => parseInt(field(block, at, length).trim() || "0", 8);

/** The members of a tar, in order. GNU's long names are not needed and not read. */
export function readTar(bytes) {
  const members = [];
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0;) {
    const head = bytes.subarray(at, at + BLOCK);
    const size = octal(head, 124, 12);
    members.push({
      name: field(head, 0, 100), mode: octal(head, 100, 8), uid: octal(head, 108, 8),
      gid: octal(head, 116, 8), mtime: octal(head, 136, 12), type: field(head, 156, 1),
      link: field(head, 157, 100), magic: head.subarray(257, 265).toString("latin1"),
      user: field(head, 265, 32), content: bytes.subarray(at + BLOCK, at + BLOCK + size),
    });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

/** The parts of a package, or an exception that says what opkg would stumble over. */
export function unpackIpk(file) {
  const outer = readTar(gunzipSync(readFileSync(file)));
  const part = (name) => {
    const found = outer.find((member) => member.name === name);
    if (found === undefined) throw new Error(`${file}: no member ${name}`);
    return found.content;
  };
  if (part("./debian-binary").toString() !== "2.0\n") throw new Error(`${file}: not version 2.0`);
  const controls = readTar(gunzipSync(part("./control.tar.gz")));
  const members = readTar(gunzipSync(part("./data.tar.gz")));
  const control = Object.fromEntries(controls.filter(({ type }) => type === "0")
    .map(({ name, content }) => [name.slice(2), content.toString()]));
  const fields = Object.fromEntries(
    [...control.control.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, key, value]) => [key, value]));
  return {
    outer, controls, members, control, fields, name: fields.Package,
    conffiles: (control.conffiles ?? "").split("\n").filter((path) => path !== ""),
    data: { bytes: part("./data.tar.gz"), names: members.map(({ name }) => name) },
  };
}
