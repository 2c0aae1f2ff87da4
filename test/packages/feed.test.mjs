// The feed's Makefile in OpenWrt's own build system: OPENWRT_DIR names a checkout of it. Nothing is
// written there.

import {
  cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish, makeChecks } from "../netns/lab/check.mjs";
import { run } from "../netns/lab/sh.mjs";

const OPENWRT = process.env.OPENWRT_DIR ?? "";
const PARTS = ["rules.mk", "include", "scripts", "package", "target", "config", "Config.in"];

const checks = makeChecks();
const top = mkdtempSync(join(tmpdir(), "adit-openwrt-"));
try {
  for (const name of PARTS) {
    if (existsSync(join(OPENWRT, name))) symlinkSync(join(OPENWRT, name), join(top, name));
  }
  mkdirSync(join(top, "tmp"));
  writeFileSync(join(top, ".config"), "");
  checkAdit(checks);
} finally {
  rmSync(top, { recursive: true });
}
process.exitCode = finish(checks);

/** What `make menuconfig` learns of a package. */
function dump(name) {
  const folder = join(top, "feeds/adit", name);
  cpSync(join("openwrt-feed", name), folder, { recursive: true });
  const words = ["make", "--no-print-dir", "-r", "-s", "-C", folder, "DUMP=1", "FEED=adit",
    `TOPDIR=${top}`, `INCLUDE_DIR=${top}/include`, `SCRIPT_DIR=${top}/scripts`];
  const env = { ...process.env, MAKEFLAGS: "", TMP_DIR: join(top, "tmp") };
  const text = run(words, { env });
  const file = join(top, "tmp", `${name}.info`);
  writeFileSync(file, `Source-Makefile: feeds/adit/${name}/Makefile\n${text}`);
  return { text, file };
}

function checkAdit({ ok }) {
  const { text, file } = dump("adit");
  const packages = [...text.matchAll(/^Package: (.*)$/gm)].map(([, name]) => name);
  ok(packages.join() === "adit,adit-static,adit-gateway", "three packages", packages.join());
  const variants = [...text.matchAll(/^Build-Variant: (.*)$/gm)].map(([, name]) => name);
  ok(variants.join() === "mbedtls,static,gateway", "variants", variants.join());
  ok(/^Depends: .*\+libmbedtls$/m.test(text), "the first needs the system's library");
  ok(/^Require-User: adit=30473:adit=30473$/m.test(text), "a user");
  const metadata = (what) => run(["perl", `-I${OPENWRT}/scripts`,
    `${OPENWRT}/scripts/package-metadata.pl`, what, file], { cwd: top });
  const config = metadata("config");
  ok(config.includes("config PACKAGE_adit\n"), "menuconfig shows it");
  ok(config.includes("config PACKAGE_adit-static\n"), "menuconfig shows the variant");
  ok(config.includes("feeds/adit/adit/Config.in"), "menuconfig shows the size options");
  ok(metadata("mk").includes("adit/variants += "), "the variants are built apart");
  ok(/^user adit 30473 /m.test(metadata("usergroup")), "the user is known to images");
}
