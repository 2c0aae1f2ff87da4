// The command line client as a person and as a script sees it.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { ADIT, adit, aditJson } from "./lab/daemon.mjs";
import { makeLab, ping, routerConfig, startAll } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsStart, stop, waitFor } from "./lab/sh.mjs";
import { macOf } from "./lab/topology.mjs";

const COMMANDS = ["status", "devices", "protect", "unprotect", "explain", "plan", "events",
  "config", "keygen", "version"];
const EVENT_MS_MAX = 3000;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  await startAll(lab);
  // A device that never sent anything is in no neighbour table.
  await ping("phone", { count: 2 });
  const { router } = lab.daemons;
  const parts = [
    ["help", () => help(checks, router)], ["usage errors", () => usage(checks, router)],
    ["--json", () => json(checks, router)], ["text", () => text(checks, router)],
    ["explain", () => explain(checks, router)], ["protect", () => protect(checks, router)],
    ["config check", () => configCheck(checks, lab)],
    ["what is amiss on the machine", () => amiss(checks, lab)],
    ["events", () => events(checks, router)],
    ["no daemon", () => noDaemon(checks, router)],
  ];
  return finishParts(checks, parts);
});

function help({ ok, same }, router) {
  const done = adit(router, "--help");
  same(done.status, 0, "exit status");
  for (const command of COMMANDS) ok(done.stdout.includes(command), `names ${command}`);
  const made = spawnSync(process.execPath, ["scripts/make-man.mjs", "build", "/run/adit-lab/man"]);
  const page = made.status === 0 ? readFileSync("/run/adit-lab/man/adit.1", "utf8") : "";
  ok(COMMANDS.every((command) => page.includes(`\n.SS ${command}\n`)), "the manual has them all",
    String(made.stderr));
  same(adit(router, "version").status, 0, "version: exit status");
  ok(/\d+\.\d+\.\d+/.test(adit(router, "version").stdout), "version: MAJOR.MINOR.PATCH");
}

function usage({ ok }, router) {
  const wrong = [["statu"], ["protect"], ["protect", "--kind", "mac", "zz", "us"], ["explain"],
    ["--nonsense"], ["protect", macOf("tv"), "atlantis"], ["unprotect", "no-such-rule"],
    ["protect", "--kind", "planet", "x", "us"], ["protect", "300.1.1.1/99", "us", "extra"]];
  for (const words of wrong) {
    const done = adit(router, ...words);
    const said = done.stderr.trim();
    ok(done.status > 0 && said !== "" && !/^\s+at /m.test(said),
      `adit ${words.join(" ")}: status ${done.status}`, said.split("\n")[0]);
  }
  const lost = adit(router, "protect", macOf("tv"), "atlantis").stderr;
  ok(lost.includes("atlantis") && lost.includes("us"), "an unknown location is named, with ours");
}

function json({ ok }, router) {
  const status = aditJson(router, "status");
  const names = (status?.locations ?? []).map(({ name, state }) => `${name} ${state}`).join(", ");
  ok(names === "us up, de up", "status: locations", names);
  ok(status?.role === "router" && Number.isInteger(status?.operations), "status: role, operations");
  for (const command of ["devices", "plan", "version"]) {
    ok(aditJson(router, command) !== undefined, `${command}: is JSON`);
  }
  const devices = JSON.stringify(aditJson(router, "devices"));
  ok(devices.includes(macOf("phone")), "devices: the phone is there", devices.slice(0, 80));
}

function text({ ok }, router) {
  for (const command of ["status", "devices", "plan"]) {
    const done = adit(router, command);
    ok(done.status === 0 && done.stdout.trim() !== "" && !done.stdout.startsWith("{"),
      `${command}: prints text`, done.stdout.split("\n")[0]);
  }
}

function explain({ ok, same }, router) {
  const phone = aditJson(router, "explain", "192.168.1.10");
  same(phone?.location, "us", "the phone by its address: location");
  ok(JSON.stringify(phone?.rule ?? "").toLowerCase().includes(macOf("phone")),
    "the phone by its address: the MAC rule decided", JSON.stringify(phone?.rule));
  same(aditJson(router, "explain", macOf("phone"))?.location, "us", "the phone by its MAC");
  const tv = aditJson(router, "explain", "2001:db8:1a:1::20");
  const last = tv?.reasons?.at(-1) ?? "";
  ok(tv?.location === "de" || (tv?.outcome === "unknown" && /through de\.$/.test(last)),
    "the tv by IPv6, or what becomes of it unless it is another device", JSON.stringify(tv));
  const there = aditJson(router, "explain", "192.168.1.10", "198.51.100.200");
  same([there?.outcome, there?.table, there?.iface].join(" "), "tunnel 47 wrt0",
    "the phone to a destination beyond: its tunnel");
  same(aditJson(router, "explain", macOf("phone"), "192.168.1.1")?.outcome, "router",
    "the phone to the router");
  same(adit(router, "explain", macOf("phone"), "nowhere").status, 1, "no address: refused");
  const told = adit(router, "explain", "192.168.1.10", "198.51.100.200");
  ok(told.status === 0 && /table 47 leads it into wrt0/.test(told.stdout), "a destination: text",
    told.stdout.split("\n").at(-2));
  const laptop = adit(router, "explain", "192.168.1.30");
  ok(laptop.status === 0 && /direct|no rule|left alone/i.test(laptop.stdout), "the laptop: text",
    laptop.stdout.split("\n")[0]);
}

function protect({ same }, router) {
  const mac = macOf("laptop");
  same(adit(router, "protect", mac, "de", "--when-down", "direct").status, 0, "protect");
  same(aditJson(router, "explain", mac)?.location, "de", "the rule is in force at once");
  same(adit(router, "unprotect", mac).status, 0, "unprotect");
  same(adit(router, "unprotect", mac).status > 0, true, "unprotect twice is an error");
}

function configCheck({ ok, same }, lab) {
  const { router } = lab.daemons;
  same(adit(router, "config", "check", router.file).status, 0, "the lab's own file is good");
  const bad = { ...routerConfig(lab), tun_ifname: 7, wan_ifname: "", colour: "red",
    protected_ip_addrs: [{ ip_addr: "300.1.1.1", vl: "de" }, { ip_addr: "10.0.0.1", vl: "xx" }] };
  const file = "/run/adit-lab/bad.json";
  writeFileSync(file, JSON.stringify(bad));
  const done = adit(router, "config", "check", file);
  const said = done.stdout + done.stderr;
  ok(done.status > 0, "a bad file: exit status", String(done.status));
  for (const path of ["tun_ifname", "wan_ifname", "protected_ip_addrs[0].ip_addr",
    "protected_ip_addrs[1].vl"]) {
    ok(said.includes(path), `a bad file: names ${path}`);
  }
  ok(said.includes("colour"), "an unknown key is mentioned");
  ok(adit(router, "config", "check", "/nonexistent.json").status > 0, "a missing file is an error");
}

/** The check, the log and the status tell of the same, and of nothing once it is mended. */
async function amiss({ ok, same }, lab) {
  const { router } = lab.daemons;
  const { file: token } = lab.secrets.us.token;
  const check = (...words) => adit(router, "config", "check", ...words).stderr;
  same(check(router.file), "", "a good machine: no warning");
  chmodSync(token, 0o644);
  const told = `locations[0].token_file: expected a file of root's that others may not read ` +
    `(its owner is 0, its mode 0644), not "${token}"`;
  ok(check(router.file).includes(`${router.file}: ${told}`), "an open token file: config check");
  same(check("--elsewhere", router.file), "", "with --elsewhere: no warning");
  same(adit(router, "reload").status, 0, "reload");
  await waitFor("a line in the log", EVENT_MS_MAX, () => router.child.text.includes(told));
  ok(adit(router, "status").stdout.includes(`others than root may read: ${token}\n`), "status");
  chownSync(token, 1000, 0);
  chmodSync(token, 0o600);
  ok(check(router.file).includes("its owner is 1000"), "a token file of another user");
  chownSync(token, 0, 0);
  adit(router, "reload");
  same(aditJson(router, "status").exposed_files.length, 0, "mended: status tells of nothing");
  const file = "/run/adit-lab/gone.json";
  writeFileSync(file, JSON.stringify({ ...routerConfig(lab), uplinks: ["eth8", "wwan*"],
    protected_ifaces: [{ iface: "br-none", vl: "us" }] }));
  const lines = check(file).trim().split("\n");
  same(lines.map((line) => line.replace(/.*json: /, "")).join("; "),
    'uplinks[0]: expected an interface that exists, not "eth8"; ' +
    'protected_ifaces[0].iface: expected an interface that exists, not "br-none"',
    "interfaces that do not exist");
  same(adit(router, "config", "check", file).status, 0, "they are warnings");
}

async function events({ ok }, router) {
  const follower = nsStart("router", [ADIT, "--socket", router.socket, "--json", "events",
    "--replay"]);
  await waitFor("an event line", EVENT_MS_MAX, () => follower.text.includes("\n"));
  const lines = follower.text.trim().split("\n");
  ok(lines.every((line) => typeof JSON.parse(line) === "object"), "every line is JSON", lines[0]);
  ok(follower.text.includes("route_connected"), "a tunnel that came up is told");
  await stop(follower, "SIGKILL");
}

function noDaemon({ ok }, router) {
  const done = adit({ ...router, socket: "/run/no-such.sock" }, "status");
  ok(done.status > 0 && done.stderr.includes("/run/no-such.sock"), "the message names the socket",
    done.stderr.trim());
  const offline = { ...router, socket: "/run/no-such.sock" };
  const pair = adit(offline, "--json", "keygen", "/run/adit-lab/pair");
  ok(/"sha256\/[\w+/]{43}="/.test(pair.stdout), "keygen needs no daemon and prints the pin",
    pair.stdout.trim() + pair.stderr.trim());
  ok(/[0-9a-f]{64}/.test(adit(offline, "keygen", "--token").stdout), "keygen --token");
}
