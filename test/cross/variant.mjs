// The package's variant for the system's TLS library, as a router would start it: the program of
// `make variant` under emulation, in a folder with the shared libraries that a router has.
//
//   node test/cross/variant.mjs mips|mips-gateway

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CPU = "24Kc";
const SECONDS_MAX = 120;
const [place] = process.argv.slice(2);
const [target, feature] = place.split("-");
const GATEWAY = { role: "gateway", clients: [], listen: [] };
const folder = mkdtempSync(join(tmpdir(), "adit-variant-"));
// The client's module is looked for beside the program.
const program = join(folder, "aditd");
copyFileSync(`build/variant-${place}/aditd`, program);
copyFileSync(`build/${feature === undefined ? "router/" : ""}adit-cli.mjs`,
  join(folder, "adit-cli.mjs"));
let passed = 0;
let failed = 0;

const run = (command, args) =>
  execFileSync(command, args, { encoding: "utf8", timeout: SECONDS_MAX * 1000 });

const emulate = (...args) =>
  run(`qemu-${target}`, ["-cpu", CPU, "-L", `build/system/${target}`, ...args]);

function check(what, test) {
  try {
    test();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${what}: ${error.message}`);
  }
}

function expect(text, pattern) {
  if (!pattern.test(text)) throw new Error(`expected ${pattern}, got ${JSON.stringify(text)}`);
}

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

check("needs the libraries of a router and no others", () => {
  const listed = run(`${target}-linux-gnu-readelf`, ["--dynamic", "--wide", program]);
  const names = [...listed.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name).sort();
  expect(names.join(" "), /^libc\.so libmbedcrypto\.so\.16 libmbedtls\.so\.21 libmbedx509\.so\.7$/);
});

check("says its version", () => {
  expect(emulate(program, "--version"), new RegExp(`\\b${version.replaceAll(".", "\\.")}\\b`));
});

if (feature === "gateway") check("makes a key and a certificate that OpenSSL takes", () => {
  const name = join(folder, "gateway");
  const pin = emulate("-0", "adit", program, "keygen", name).match(/sha256\/(\S{44})/)?.[1];
  const key = run("openssl", ["pkey", "-in", `${name}.key`, "-pubout", "-outform", "DER",
    "-out", join(folder, "der")]);
  expect(key, /^$/);
  const digest = run("openssl", ["dgst", "-sha256", "-binary", "-out", join(folder, "digest"),
    join(folder, "der")]);
  expect(digest, /^$/);
  expect(readFileSync(join(folder, "digest")).toString("base64"), new RegExp(`^${
    pin.replace(/[+/]/g, "\\$&")}$`));
  expect(run("openssl", ["verify", "-CAfile", `${name}.crt`, `${name}.crt`]), /: OK$/m);
});

if (feature === undefined) check("is no gateway, and says which package has one", () => {
  const file = join(folder, "gateway.json");
  writeFileSync(file, JSON.stringify(GATEWAY));
  const refused = spawnSync(`qemu-${target}`, ["-cpu", CPU, "-L", `build/system/${target}`,
    "-0", "adit", program, "config", "check", file], { encoding: "utf8" });
  expect(`${refused.status} ${refused.stderr}`, /^78 .*role: expected router .*adit-gateway/);
});

rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
