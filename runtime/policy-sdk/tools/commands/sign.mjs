// adit-policy sign: a detached signature beside a bundle.

import { resolve } from "node:path";
import { EXIT, fileError, usageError } from "../errors.mjs";
import { readBytes, readText, writeWhole } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { signBytes } from "../signing.mjs";

const HEADER = /^\/\/ adit-(policy|control) target=\S+ version=\d+\n/;

export const command = {
  usage: "FILE --key KEY [OPTION...]",
  about: [
    "Signs the very bytes of a bundle with a secret key of keygen, usign or signify. The bundle",
    "needs a header: adit-policy bundle --target NAME --version N.",
  ].join("\n"),
  options: {
    key: { type: "string", value: "FILE", about: "the secret key" },
    out: { type: "string", short: "o", value: "FILE", about: "by default FILE.sig" },
  },
  run,
};

async function run({ positionals, values, folder }) {
  const [file] = positionals;
  if (file === undefined) throw usageError("sign: the file to sign is missing");
  if (values.key === undefined) throw usageError("sign: --key is missing");
  const bytes = readBytes(resolve(folder, file));
  if (!HEADER.test(bytes.toString("utf8", 0, 256))) {
    throw fileError(`${file}: has no header in its first line; ` +
      "bundle it with --target and --version");
  }
  const keyFile = resolve(folder, values.key);
  const out = resolve(folder, values.out ?? `${file}.sig`);
  writeWhole(out, signBytes(bytes, readText(keyFile), keyFile));
  const name = shownPath(out, folder);
  return {
    code: EXIT.ok,
    report: { ok: true, file: shownPath(resolve(folder, file), folder), signature: name },
    text: `${name}\n`,
  };
}
