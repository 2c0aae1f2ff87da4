// What the pages tell the owner of a router to type, typed on one: the package is installed, the
// commands of docs/openwrt.md, docs/dns.md and docs/migration.md are run in their order. uci and
// the services of OpenWrt's own are stand-ins. Not tried here is what needs a feed and a package
// manager (test/packages/managers.test.mjs has those), and how to let go by hand after a removal
// (test/netns/boot.test.mjs). docs/faq.md has nothing to type.

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finishParts, makeChecks } from "../netns/lab/check.mjs";
import { runSandboxed } from "../netns/lab/sandbox.mjs";
import { waitFor } from "../netns/lab/sh.mjs";
import { installPackage, makeRoot, sh } from "../openwrt/root.mjs";

const FOLDER = "build/test-packages/1/mips_24kc";
const PACKAGE = join(FOLDER, readdirSync(FOLDER).find((name) => name.startsWith("adit-static_")));
const START_MS_MAX = 10_000;
const NETWORK = `
config interface 'lan'
\toption device 'br-lan'

config interface 'wan'
\toption device 'eth1'
\toption proto 'dhcp'
`;
const DHCP = `
config dhcp 'lan'
\toption interface 'lan'
`;
/** Services that are not ours only have to be there. */
const OTHERS = ["network", "firewall", "dnsmasq"];
/** Lines that need a feed, a package manager, or another state than that of the page's reader. */
const NOT_HERE = /^(wget|echo .*customfeeds|apk|opkg|for p in)\b/;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const root = makeRoot("/run/tree");
  writeFileSync(join(root, "etc/config/network"), NETWORK);
  writeFileSync(join(root, "etc/config/dhcp"), DHCP);
  writeFileSync(join(root, "etc/config/firewall"), "");
  for (const name of OTHERS) {
    writeFileSync(join(root, `etc/init.d/${name}`), "#!/bin/sh\n", { mode: 0o755 });
  }
  installPackage(root, PACKAGE);
  return finishParts(checks, [
    ["docs/openwrt.md: configure", () => type(checks, root, "openwrt.md", "\n## Configure\n")],
    ["what came of it", () => configured(checks, root)],
    ["docs/dns.md", () => type(checks, root, "dns.md", "\n## Devices\n")],
    ["docs/migration.md", () => type(checks, root, "migration.md")],
    ["docs/openwrt.md: remove", () => type(checks, root, "openwrt.md", "\n## Remove\n")],
    ["no command is left out", () => complete(checks)],
  ]);
});

/** Commands of the fenced blocks below a heading of rank two; a here-document is one command. */
function commandsOf(page, heading = "") {
  const text = readFileSync(`docs/${page}`, "utf8");
  const start = text.indexOf(heading);
  if (start < 0) throw new Error(`${page} has no heading '${heading}'`);
  const end = heading === "" ? -1 : text.indexOf("\n## ", start + heading.length);
  const part = text.slice(start, end < 0 ? text.length : end);
  const blocks = [...part.matchAll(/^```\n([^]*?)^```$/gm)].map(([, body]) => body);
  return blocks.flatMap((body) => body.match(/^.*<<'END'\n[^]*?\nEND$|^.+$/gm) ?? []);
}

async function type({ ok }, root, page, heading) {
  const commands = commandsOf(page, heading).filter((line) => !NOT_HERE.test(line));
  if (commands.length === 0) throw new Error(`${page}: nothing to type`);
  for (const command of commands) {
    // The socket is there a moment after the start.
    if (/^adit (?!config)/.test(command)) {
      await waitFor("the socket", START_MS_MAX, () => existsSync(join(root, "run/adit/adit.sock")));
    }
    const { status, stdout, stderr } = sh(root, command);
    ok(status === 0, command.split("\n")[0], status === 0 ? "" : `${stdout}${stderr}`.trim());
  }
}

function configured({ ok, same }, root) {
  same(sh(root, "uci get adit.us.token_file").stdout, "/etc/adit/us.token\n", "the location");
  same(sh(root, "cat /etc/adit/us.token").stdout, "TOKEN\n", "the token");
  const check = sh(root, "adit config check /etc/config/adit");
  ok(!check.stderr.includes("token"), "the token is root's alone", check.stderr.trim());
  ok(sh(root, "adit status").stdout.includes("\nus "), "the daemon has the location");
  same(sh(root, "uci get network.vpn.proto").stdout, "adit\n", "the interface");
}

/** Each heading with commands is typed above, or all of it cannot be. */
function complete({ same }) {
  const typed = [["openwrt.md", "\n## Configure\n"], ["openwrt.md", "\n## Remove\n"],
    ["dns.md", "\n## Devices\n"], ["migration.md"]]
    .flatMap(([page, heading]) => commandsOf(page, heading));
  const pages = ["openwrt.md", "dns.md", "migration.md", "faq.md"];
  const all = pages.flatMap((page) => commandsOf(page));
  const left = all.filter((line) => !typed.includes(line) && !NOT_HERE.test(line));
  same(left.join("; "), "", "every command is typed, or said to be tried elsewhere");
}
