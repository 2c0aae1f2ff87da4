// What the package's scripts do on a router and in an image's root: installed, upgraded and removed
// by the rules of opkg, run by busybox with stand-ins for OpenWrt's own functions. The daemon in it
// is the native one, without a network to rule.

import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finish, makeChecks, part } from "../netns/lab/check.mjs";
import { runSandboxed } from "../netns/lab/sandbox.mjs";
import { run, waitFor } from "../netns/lab/sh.mjs";
import {
  installPackage, makeRoot, removePackage, sh, shRun, upgradeByApk,
} from "../openwrt/root.mjs";

const FOLDER = "build/test-packages/1/mips_24kc";
const PACKAGE = join(FOLDER, readdirSync(FOLDER).find((name) => name.startsWith("adit-static_")));
const RECORDED = JSON.parse(readFileSync("test/packages/procd-set.json", "utf8"));
const START_MS_MAX = 10_000;

const NETWORK = `
config interface 'lan'
\toption device 'br-lan'
\toption proto 'static'

config interface 'wan'
\toption device 'eth1'
\toption proto 'dhcp'

config interface 'vpn'
\toption proto 'adit'
`;

const CONFIG = `
config adit 'main'
\toption enabled '1'
\toption role 'router'
\toption tun_ifname 'wrt0'
\toption wan_ifname 'eth1'
\tlist lan_ifnames 'br-lan'

config location 'us'
\toption token 'secret'

config peer
\toption location 'us'
\toption endpoint '192.0.2.1:443'
\toption pin 'sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='

config protected_mac_addr
\toption mac_addr '02-00-5E-10-00-01'
\toption vl 'us'
`;

/** What looks like protection and is none. */
const MISSPELT = {
  "a section misspelt": (text) => text.replace("config protected_mac_addr", "config protected_mac"),
  "`enabled` misspelt": (text) => text.replace("option enabled", "option enabeld"),
  "a word that is neither yes nor no": (text) => text.replace("enabled '1'", "enabled 'ja'"),
  "the role misspelt": (text) => text.replace("role 'router'", "role 'ruoter'"),
  "a MAC address misspelt": (text) => text.replace("02-00-5E-10-00-01", "02-00-5E-10-00"),
};

const RULES = `
config protected_mac_addr
\toption mac_addr '02:00:5e:10:00:02'
\toption vl 'direct'

config protected_ip_addr
\toption ip_addr '192.168.0.0/16'
\toption whole_device '0'

config protected_ip_addr
\toption ip_addr '192.168.1.0/24'
\toption country_code 'direct'

config protected_ip_addr
\toption ip_addr '192.168.1.7'

config protected_ip_addr
\toption ip_addr 'fd00:1::/64'

config protected_iface
\toption iface 'br-guest'
`;

const BLOCK = `\t\toifname "br-lan" accept
\t\tether saddr 02:00:5E:10:00:01 counter drop
\t\tether saddr 02:00:5e:10:00:02 accept
\t\tether saddr @whole counter drop
\t\tip6 saddr fd00:1::/64 update @whole { ether saddr }
\t\tip6 saddr fd00:1::/64 counter drop
\t\tip saddr 192.168.1.7 update @whole { ether saddr }
\t\tip saddr 192.168.1.7 counter drop
\t\tip saddr 192.168.1.0/24 accept
\t\tip saddr 192.168.0.0/16 counter drop
\t\tiifname "br-guest" counter drop
`;

/** OpenWrt's network.sh, as netifd would answer it: the device of the default route, or none. */
const NETIFD = (device) => `network_find_wan() { [ -n '${device}' ] && export "$1=any"; }
network_find_wan6() { return 1; }
network_get_device() { export "$1=${device}"; }
`;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  mkdirSync("/run/tree");
  run(["mount", "-t", "tmpfs", "tmpfs", "/run/tree"]);
  const parts = [
    ["an image's root", () => image(checks, makeRoot("/run/tree/image"))],
    ["defaults", () => defaults(checks, makeRoot("/run/tree/defaults"))],
    ["the uplink", () => uplink(checks, (name) => makeRoot(`/run/tree/uplink-${name}`))],
    ["the block", () => block(checks, makeRoot("/run/tree/block"))],
    ["the service", () => service(checks, makeRoot("/run/tree/service"))],
    ["limits that others touch", () => limits(checks, makeRoot("/run/tree/limits"))],
    ["the interface", () => interfaces(checks, makeRoot("/run/tree/interface"))],
  ];
  for (const [name, body] of parts) await part(checks, name, body);
  return finish(checks);
});

function write(root, name, text) {
  writeFileSync(join(root, "etc/config", name), text);
}

function read(root, path) {
  return readFileSync(join(root, path), "utf8");
}

function calls(root) {
  if (!existsSync(join(root, "tmp/ubus.log"))) return [];
  return read(root, "tmp/ubus.log").trimEnd().split("\n");
}

function lastSet(root) {
  const line = calls(root).filter((each) => each.startsWith("set ")).at(-1) ?? "set null";
  return JSON.parse(line.slice("set ".length));
}

function image({ same, ok }, root) {
  const done = installPackage(root, PACKAGE, { offline: true });
  same(done.status, 0, `postinst succeeds ${done.stdout}${done.stderr}`);
  same(readdirSync(join(root, "etc/rc.d")).sort().join(" "), "K10adit S18adit-block S25adit",
    "both services are enabled");
  ok(existsSync(join(root, "etc/uci-defaults/60-adit")), "defaults wait for the first boot");
  ok(calls(root).length === 0 && !existsSync(join(root, "tmp/procd.json")), "nothing is started");
  same(done.stderr, "", "nothing is complained about");
}

function defaults({ same, ok }, root) {
  write(root, "network", NETWORK.replace("'dhcp'", "'pppoe'"));
  const installed = installPackage(root, PACKAGE);
  same(installed.status, 0, "postinst succeeds");
  same(shRun(root, "uci get adit.main.wan_ifname"), "pppoe-wan\n", "the uplink of the network");
  same(shRun(root, "uci get adit.main.lan_ifnames"), "br-lan\n", "the LAN of the network");
  same(shRun(root, "uci get adit.main.enabled"), "0\n", "not enabled by itself");
  ok(!existsSync(join(root, "etc/uci-defaults/60-adit")), "they run once");
  same(statSync(join(root, "etc/adit")).mode & 0o777, 0o700, "keys are nobody else's");
  same(statSync(join(root, "etc/config/adit")).mode & 0o777, 0o600, "nor is the configuration");
  same(JSON.stringify(lastSet(root).instances), "{}", "nothing is started while not enabled");
  shRun(root, "uci set adit.main.wan_ifname=eth7");
  write(root, "adit", `${read(root, "etc/config/adit")}
config protected_iface 'old'
\toption iface 'br-guest'
\toption country_code 'us'
`);
  const upgraded = installPackage(root, PACKAGE, { isUpgrade: true });
  same(upgraded.status, 0, "an upgrade succeeds");
  same(shRun(root, "uci get adit.main.wan_ifname"), "eth7\n", "what the owner wrote stays");
  same(shRun(root, "uci get adit.old.vl"), "us\n", "an option's older name is renewed");
  same(sh(root, "uci get adit.old.country_code").status, 1, "and goes");
  const feedTest = (version) => sh(root, `sh -s adit-static ${version}`,
    { input: readFileSync("openwrt-feed/adit/test.sh") });
  same(feedTest("0.1.0").status, 0, "the feed's own test passes");
  same(feedTest("9.9.9").status, 1, "and tells another version");
}

function uplink({ same }, rootOf) {
  const named = (name, network, device) => {
    const root = rootOf(name);
    write(root, "network", network);
    if (device !== undefined) {
      writeFileSync(join(root, "lib/functions/network.sh"), NETIFD(device));
    }
    installPackage(root, PACKAGE);
    return sh(root, "uci -q get adit.main.wan_ifname").stdout.trim();
  };
  const only = NETWORK.replace(/config interface 'wan'[^]*?\n\n/, "");
  same(named("modem", NETWORK.replace("eth1", "/dev/cdc-wdm0"), "wwan0"), "wwan0", "of a modem");
  same(named("client", only, "phy0-sta0"), "phy0-sta0", "of a Wi-Fi client, without a `wan`");
  same(named("down", NETWORK, ""), "eth1", "as configured, while nothing is up");
  same(named("first", NETWORK, undefined), "eth1", "and where netifd cannot be asked");
  same(named("none", only, ""), "", "none, where there is none");
}

function block({ same, ok }, root) {
  installPackage(root, PACKAGE);
  const show = () => shRun(root, "/etc/init.d/adit-block show");
  const body = () => show().split("policy accept;\n")[1]?.split("\t}\n")[0];
  const isEverything = (text, why) => same(text, "\t\tcounter drop\n", why);
  write(root, "adit", CONFIG.replace("enabled '1'", "enabled '0'") + RULES);
  same(show(), "", "none while not enabled");
  write(root, "adit", CONFIG.replace("'router'", "'gateway'"));
  same(show(), "", "none for a gateway");
  write(root, "adit", CONFIG + RULES);
  same(body(), BLOCK, "MAC before address, the longest prefix first, address before interface");
  write(root, "adit",
    CONFIG.replace("'router'\n", "'router'\n\toption whole_device 'off'\n") + RULES);
  same(body(), BLOCK.replace(/.* update .*\n/g, ""), "devices are not covered whole if told so");
  write(root, "adit", CONFIG.replace("'router'\n", "'router'\n\toption default_gateway 'on'\n"));
  ok(body().endsWith("drop\n\t\tcounter drop\n"), "with default_gateway everything else as well");
  write(root, "adit", CONFIG.replace("'router'\n", "'router'\n\toption policy_file '/p.mjs'\n"));
  ok(body().endsWith('\t\tiifname "br-lan" counter drop\n'), "a script's devices wait for it");
  write(root, "adit", CONFIG.replace("'router'\n",
    "'router'\n\toption policy_file '/p.mjs'\n\toption policy_unanswered 'builtin'\n"));
  ok(!body().includes("iifname"), "unless nobody has to wait");
  write(root, "adit", `${CONFIG}\tbroken line\n`);
  isEverything(body(), "everything, if the file cannot be read");
  write(root, "adit", CONFIG.replace("config adit", "confg adit"));
  isEverything(body(), "also if it cannot be read that the service is enabled");
  write(root, "adit", `${CONFIG.replace("'1'", "'0'")}\tbroken line\n`);
  same(show(), "", "but not if it says that nothing is enabled");
  write(root, "adit", CONFIG.replace("02-00", "02:00:zz"));
  ok(body().endsWith("\t\tcounter drop\n"), "everything, if a rule cannot be read");
  for (const [told, misspelt] of Object.entries(MISSPELT)) {
    write(root, "adit", misspelt(CONFIG + RULES));
    isEverything(body(), `everything, with ${told}`);
  }
  write(root, "adit", MISSPELT["a section misspelt"](CONFIG.replace("'1'", "'0'")));
  same(show(), "", "but not if nothing is enabled");
  loads({ same, ok }, root);
  tells({ ok }, root);
}

function tells({ ok }, root) {
  write(root, "adit", MISSPELT["a section misspelt"](CONFIG));
  shRun(root, "nft flush ruleset; /etc/init.d/adit enable; /etc/init.d/adit-block start");
  const log = read(root, "var/log/standin.log");
  ok(log.includes("did you mean protected_mac_addr?"), "the log names the word that was meant");
}

function loads({ same, ok }, root) {
  const table = () => sh(root, "nft list table inet adit").stdout;
  const file = join(root, "run/adit-block/block.nft");
  write(root, "adit", CONFIG + RULES);
  shRun(root, "/etc/init.d/adit-block start");
  ok(table().includes("ether saddr 02:00:5e:10:00:01"), "the kernel takes it");
  ok(existsSync(file), "the firewall will find it");
  const firewall = 'include "/usr/share/nftables.d/ruleset-post/*.nft"\n';
  shRun(root, "nft flush ruleset");
  shRun(root, "nft -f -", { input: firewall });
  ok(table().includes("ether saddr 02:00:5e:10:00:01"), "a start of the firewall loads it");
  shRun(root, "nft -f -", { input: firewall });
  same((table().match(/ether saddr 02:00:5e:10:00:01/g) ?? []).length, 1, "twice is once");
  shRun(root, "nft flush ruleset; rm -r /run/adit-block");
  shRun(root, "nft -f -", { input: firewall });
  ok(!table().includes("boot"), "without the file there is nothing to load");
  write(root, "adit", CONFIG.replace("02-00-5E", "0200:::5E").replace("-00-01", ":"));
  shRun(root, "nft flush ruleset; /etc/init.d/adit-block start");
  ok(table().includes("counter"), "a rule that nft would refuse costs nobody the firewall");
  shRun(root, "nft flush ruleset; nft add table inet adit; /etc/init.d/adit-block start");
  ok(!table().includes("boot"), "a table of the daemon's is left alone");
  shRun(root, "nft flush ruleset; /etc/init.d/adit disable; /etc/init.d/adit-block start");
  same(sh(root, "nft list table inet adit").status, 1, "none where the service is switched off");
}

async function service(checks, root) {
  const { same, ok } = checks;
  write(root, "network", NETWORK);
  installPackage(root, PACKAGE);
  write(root, "adit", CONFIG);
  mkdirSync(join(root, "run/adit-block"), { recursive: true });
  writeFileSync(join(root, "run/adit-block/block.nft"), "");
  shRun(root, "/etc/init.d/adit start");
  const { pid } = JSON.parse(read(root, "tmp/procd.json")).adit;
  same(JSON.stringify(lastSet(root), null, 2), JSON.stringify(RECORDED, null, 2),
    "procd gets what the real procd.sh sent");
  ok(!existsSync(join(root, "run/adit-block/block.nft")), "the firewall forgets the block");
  same(sh(root, "/etc/init.d/adit running").status, 0, "it runs");
  await waitFor("the socket", START_MS_MAX, () => existsSync(join(root, "run/adit/adit.sock")));
  reloads(checks, root, pid);
  restarts(checks, root, pid);
  removal(checks, root);
}

/** Kernels of test machines know no flow tables, so the first words of the listing are made up. */
function limits({ same }, root) {
  installPackage(root, PACKAGE);
  write(root, "adit", CONFIG);
  const warnings = (ruleset) => {
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    writeFileSync(join(root, "usr/local/bin/nft"), `#!/bin/sh
[ "$*" != "-t list ruleset" ] || { echo '${ruleset}'; exit 0; }
exec /usr/sbin/nft "$@"
`, { mode: 0o755 });
    writeFileSync(join(root, "var/log/standin.log"), "");
    shRun(root, "/etc/init.d/adit start; /etc/init.d/adit reload; /etc/init.d/adit stop");
    return [...read(root, "var/log/standin.log").matchAll(/flows are offloaded|redirects packets/g)]
      .join();
  };
  const table = (body) => `table inet fw4 { ${body} }`;
  same(warnings(table("chain forward { accept }")), "", "a plain firewall: no warning");
  same(warnings(table("flowtable ft { hook ingress priority filter; }")), "flows are offloaded",
    "flow offload: one warning, and none by a reload");
  same(warnings(table("udp dport 53 redirect to :53")), "redirects packets", "a redirection");
  same(warnings(table("meta l4proto tcp tproxy to :1080")), "redirects packets", "a tproxy");
}

function reloads({ same }, root, pid) {
  const count = () => calls(root).filter((line) => line === "kill 1").length;
  const running = () => JSON.parse(read(root, "tmp/procd.json")).adit?.pid;
  shRun(root, "/etc/init.d/adit reload");
  same(count(), 0, "a reload of what did not change sends nothing");
  write(root, "adit", CONFIG + RULES);
  shRun(root, "/etc/init.d/adit reload");
  same(count(), 1, "a reload after a change sends a signal");
  write(root, "adit", CONFIG.replace("192.0.2.1:443", "nowhere"));
  shRun(root, "/etc/init.d/adit reload");
  same(running(), pid, "a reload with a mistake leaves the daemon alone");
  write(root, "adit", CONFIG.replace("config adit", "confg adit"));
  shRun(root, "/etc/init.d/adit reload");
  same(running(), pid, "also with one that hides that the service is enabled");
  write(root, "adit", CONFIG);
}

function restarts({ same, ok }, root, first) {
  const running = () => JSON.parse(read(root, "tmp/procd.json")).adit?.pid;
  const since = (at) => calls(root).slice(at).filter((line) => !line.startsWith("set")).join("|");
  const killed = 'service signal { "name": "adit", "signal": 9 }|service delete { "name": "adit" }';
  const ended = 'service delete { "name": "adit" }';
  let at = calls(root).length;
  shRun(root, "/etc/init.d/adit restart");
  same(since(at), killed, "a restart kills, so that the block stays");
  ok(running() !== first, "and starts");
  at = calls(root).length;
  shRun(root, "/etc/init.d/adit stop");
  same(since(at), ended, "a stop ends in order");
  write(root, "adit", CONFIG.replace("192.0.2.1:443", "nowhere"));
  sh(root, "/etc/init.d/adit start");
  same(running(), undefined, "a configuration with a mistake is not started again and again");
  ok(/endpoint/.test(read(root, "var/log/standin.log")), "and the mistake is in the log");
  write(root, "adit", CONFIG.replace("config adit", "confg adit"));
  sh(root, "/etc/init.d/adit start");
  same(running(), undefined, "nor one that cannot be read");
  ok(/confg/.test(read(root, "var/log/standin.log")), "which is in the log as well");
  write(root, "adit", CONFIG);
  for (const command of ["hold", "shutdown"]) {
    shRun(root, "/etc/init.d/adit start");
    at = calls(root).length;
    shRun(root, `/etc/init.d/adit ${command}`);
    same(since(at), killed, `${command} kills`);
  }
}

function removal({ same, ok }, root) {
  const since = (at) => calls(root).slice(at).filter((line) => !line.startsWith("set")).join("|");
  const killed = 'service signal { "name": "adit", "signal": 9 }|service delete { "name": "adit" }';
  const running = () => JSON.parse(read(root, "tmp/procd.json")).adit?.pid;
  shRun(root, "/etc/init.d/adit start");
  const before = running();
  let at = calls(root).length;
  same(installPackage(root, PACKAGE, { isUpgrade: true }).status, 0, "an upgrade by opkg succeeds");
  same(since(at), killed, "it kills the former daemon");
  ok(running() !== before, "it starts the new one");
  ok(!existsSync(join(root, "run/adit-block/block.nft")), "it leaves no block behind");
  at = calls(root).length;
  upgradeByApk(root, "adit-static");
  same(since(at), killed, "an upgrade by apk restarts");
  shRun(root, "/etc/init.d/adit start");
  at = calls(root).length;
  same(removePackage(root, PACKAGE).status, 0, "a removal succeeds");
  same(since(at), killed, "it kills");
  same(readdirSync(join(root, "etc/rc.d")).length, 0, "nothing stays enabled");
  ok(existsSync(join(root, "etc/config/adit")), "the configuration stays");
}

function interfaces({ same }, root) {
  installPackage(root, PACKAGE);
  write(root, "network", NETWORK);
  write(root, "adit", CONFIG);
  const notified = () => calls(root).filter((line) => line.startsWith("network.interface")).at(-1);
  const hotplug = (action, device) => shRun(root, "(. /etc/hotplug.d/net/30-adit)",
    { env: { ACTION: action, DEVICENAME: device } });
  hotplug("add", "eth0");
  hotplug("remove", "wrt0");
  same(notified(), undefined, "other devices bring nothing up");
  hotplug("add", "wrt0");
  same(notified(), 'network.interface notify_proto { "interface": "vpn", "action": 5, '
    + '"available": true }', "the TUN brings the interface up");
  const proto = (words) => shRun(root, `INCLUDE_ONLY=1; . /lib/netifd/proto/adit.sh
    for each in proto_notify_error proto_set_available proto_init_update proto_send_update; do
      eval "$each() { echo $each \\"\\$@\\"; }"
    done
    ${words}`);
  same(proto("proto_adit_setup vpn || true"),
    "proto_notify_error vpn NO_DEVICE\nproto_set_available vpn 0\n", "no TUN, no interface");
  shRun(root, "uci set adit.main.tun_ifname=lo");
  same(proto("proto_adit_setup vpn"), "proto_init_update lo 1 1\nproto_send_update vpn\n",
    "the TUN is handed over as somebody else's");
}
