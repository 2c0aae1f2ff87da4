// The release archive and the copy of the feed that goes with it: its hash is the true one, and
// who builds from it finds the sources of every module beside the module.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { finish, makeChecks } from "../netns/lab/check.mjs";
import { run } from "../netns/lab/sh.mjs";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const TOP = `adit-${version}`;
const FOLDERS = ["build/test-packages/dist-1", "build/test-packages/dist-2"];
const ARCHIVE = `${FOLDERS[0]}/${TOP}.tar.xz`;
const MODULES = ["adit.mjs", "adit-cli.mjs", "policy.mjs"];
const SOURCES = ["ts/main.ts", "ts/main-cli.ts", "c/main.c", "package-lock.json",
  "rollup.config.mjs", "LICENSE", "build/monocypher/monocypher.c",
  "c/lib/patches/01-string-addition.patch"];
// As `make test-dist` says it.
const PUBLISHER = { MAINTAINER: "A Maintainer <one@adit.example>",
  SITE_URL: "https://site.example/adit", RELEASE_URL: "https://site.example/releases" };

const checks = makeChecks();
const { ok, same } = checks;
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const first = digest(readFileSync(`${FOLDERS[0]}/${TOP}.tar.xz`));
same(digest(readFileSync(`${FOLDERS[1]}/${TOP}.tar.xz`)), first, "the archive is the same again");
const makefile = readFileSync(`${FOLDERS[0]}/feed/adit/Makefile`, "utf8");
const value = (name) => new RegExp(`^ *${name}:=(.*)$`, "m").exec(makefile)?.[1];
same(value("PKG_HASH"), first, "the feed names its hash");
same(value("PKG_VERSION"), version, "and its version");
same(value("PKG_MAINTAINER"), PUBLISHER.MAINTAINER, "and who maintains it");
same(value("ADIT_URL"), PUBLISHER.SITE_URL, "and where it lives");
same(value("PKG_SOURCE_URL"), PUBLISHER.RELEASE_URL, "and where the archive is");
ok(makefile.includes("  URL:=https://bellard.org/quickjs\n"), "and nothing else is changed");
ok(/^cpe:/.test(value("PKG_CPE_ID")), "and what vulnerabilities are filed under");
const names = new Set(run(["tar", "-tJf", ARCHIVE]).split("\n"));
for (const name of SOURCES) ok(names.has(`${TOP}/${name}`), `the archive holds ${name}`);
ok(![...names].some((name) => name.includes("openwrt-feed")), "but not the feed");
for (const name of MODULES) {
  same(run(["tar", "-xJOf", ARCHIVE, `${TOP}/build/${name}`]),
    readFileSync(`build/${name}`, "utf8"), `build/${name} is what the sources make`);
}
process.exitCode = finish(checks);
