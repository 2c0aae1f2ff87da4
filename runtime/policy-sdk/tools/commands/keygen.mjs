// adit-policy keygen: a key pair for signed scripts.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT, fileError, usageError } from "../errors.mjs";
import { writeWhole } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { keyLine, makeKeys } from "../signing.mjs";

export const command = {
  usage: "NAME",
  about: [
    "Makes NAME.key, the secret to sign with, and NAME.pub, and prints the line that belongs",
    "into policy.public_keys of the router's configuration. The form is that of usign.",
  ].join("\n"),
  options: {},
  run,
};

async function run({ positionals, folder }) {
  const [name] = positionals;
  if (name === undefined) throw usageError("keygen: a name is missing, such as my-key");
  const [secret, open] = [resolve(folder, `${name}.key`), resolve(folder, `${name}.pub`)];
  for (const file of [secret, open]) {
    if (existsSync(file)) throw fileError(`${file}: is there already and is not replaced`);
  }
  const { publicText, secretText, number } = makeKeys();
  writeWhole(secret, secretText, 0o600);
  writeWhole(open, publicText);
  const [secretName, publicName] = [shownPath(secret, folder), shownPath(open, folder)];
  return {
    code: EXIT.ok,
    report: { ok: true, secret: secretName, public: publicName, number, key: keyLine(publicText) },
    text: `${secretName} and ${publicName}\n"public_keys": ["${keyLine(publicText)}"]\n`,
  };
}
