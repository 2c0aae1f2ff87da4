// adit-policy bundle: the one module that a router loads, and its source map.

import { basename, resolve } from "node:path";
import { bundle } from "../bundler.mjs";
import { EXIT, SourceError, usageError } from "../errors.mjs";
import { readText, writeWhole } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { readCount } from "../numbers.mjs";
import { SCRIPT_BYTES_MAX, sizeFinding } from "./check.mjs";

const VERSION_MAX = 4_294_967_295;
const TARGET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const command = {
  usage: "[FILE] [OPTION...]",
  about: [
    "Bundles a policy, by default policy.ts, and the files it imports into one ES module with",
    "a source map beside it. The header that signed scripts need is its first line.",
  ].join("\n"),
  options: {
    out: { type: "string", short: "o", value: "FILE", about: "by default policy.mjs" },
    target: { type: "string", value: "NAME", about: "the router it is for, for the header" },
    version: { type: "string", value: "N", about: "counts up with each release, for the header" },
    "with-control": {
      type: "string", value: "FILE", about: "put the policy into this control module (adit.mjs)",
    },
  },
  run,
};

async function run({ positionals, values, folder }) {
  const file = resolve(folder, positionals[0] ?? "policy.ts");
  const control = values["with-control"];
  const standard = control === undefined ? "policy.mjs" : "adit-policy.mjs";
  const out = resolve(folder, values.out ?? standard);
  const banner = headerOf(values);
  const own = control === undefined ? banner : undefined;
  const built = await bundle(file, { banner: own, fileName: out });
  const policyBytes = Buffer.byteLength(built.code);
  if (policyBytes > SCRIPT_BYTES_MAX) {
    throw new SourceError([sizeFinding(file, policyBytes)]);
  }
  const head = own === banner ? "" : `${banner}\n`;
  const text = control === undefined ? built.code
    : head + withControl(built.code, readText(resolve(folder, control)));
  writeWhole(out, text);
  // The map keeps what the policy's own lines are, also where it is a text in the control module.
  writeWhole(`${out}.map`, `${JSON.stringify(relativeTo(built.map, out))}\n`);
  const name = shownPath(out, folder);
  return {
    code: EXIT.ok,
    report: { ok: true, file: name, map: `${name}.map`, bytes: Buffer.byteLength(text), policyBytes,
      sources: built.files.map((source) => shownPath(source, folder)) },
    text: `${name}: ${policyBytes} of ${SCRIPT_BYTES_MAX} bytes` +
      `${banner === undefined ? "" : `, ${banner.slice(3)}`}\n`,
  };
}

/** The first line; it is part of the bytes that are signed. */
function headerOf({ target, version, "with-control": control }) {
  if (target === undefined && version === undefined) return undefined;
  if (target === undefined || !TARGET.test(target)) {
    throw usageError(`--target: "${target ?? ""}", expected a name such as home-router`);
  }
  const number = readCount("--version", version ?? "", 0, 0, VERSION_MAX);
  const kind = control === undefined ? "policy" : "control";
  return `// adit-${kind} target=${target} version=${number}`;
}

/**
 * The router runs this policy unless its configuration names another or one was swapped in. The
 * text stands before the module's own, which asks whether there is such a name.
 */
function withControl(policy, control) {
  return `const aditPolicyText = ${JSON.stringify(policy)};\n${control}`;
}

/** Sources relative to where the map lies, so that it holds no path of this machine. */
function relativeTo(map, out) {
  const { version, names, mappings, sources, sourcesContent } = map;
  return { version, file: basename(out), sources, sourcesContent, names, mappings };
}
