// The kernel's state as text, for comparing before with after.

import { nsRun } from "./sh.mjs";

// Everything that a router daemon could want to change; per-interface trees are listed whole.
const SYSCTL_TREES = ["net.ipv4.conf", "net.ipv6.conf", "net.ipv4.ip_forward", "net.netfilter",
  "net.ipv4.neigh", "net.ipv6.neigh"];
// These change by themselves: counters, timers and secrets of the kernel.
const SYSCTL_MOVING = /nf_conntrack_count|stable_secret|\.mc_forwarding/;

/** Rules, routes of all tables, links, addresses, nftables and sysctls of a namespace. */
export function kernelState(ns) {
  return [
    section("rules 4", nsRun(ns, "ip -d -4 rule")), section("rules 6", nsRun(ns, "ip -d -6 rule")),
    section("routes 4", routes(ns, "-4")), section("routes 6", routes(ns, "-6")),
    section("links", links(ns)), section("nft", nsRun(ns, "nft -s list ruleset")),
    section("sysctl", sysctls(ns)),
  ].join("\n");
}

/** Only what belongs to adit: its rules, its routes, its table. */
export function ownState(ns) {
  const ours = (text) => text.split("\n").filter((line) => /proto 173\b/.test(line)).join("\n");
  return ["-4", "-6"].flatMap((family) => [
    section(`rules ${family}`, ours(nsRun(ns, ["ip", "-d", family, "rule"]))),
    section(`routes ${family}`, ours(routes(ns, family))),
  ]).concat(section("nft", tableText(ns))).join("\n");
}

/** Names of adit's tables that are loaded. */
export function ownTables(ns) {
  return nsRun(ns, "nft list tables").split("\n").filter((line) => / adit$/.test(line));
}

function tableText(ns) {
  return ownTables(ns).length === 0 ? "" : nsRun(ns, "nft -s list table inet adit");
}

// Cached exceptions and remaining lifetimes are not configuration.
function routes(ns, family) {
  const text = nsRun(ns, ["ip", "-d", family, "route", "show", "table", "all"]);
  const lines = text.split("\n").map((line) => line.replace(/ expires \d+sec/, "").trimEnd());
  return lines.filter((line) => line !== "" && !/ cache /.test(line)).sort().join("\n");
}

// Interface numbers rise with every new TUN, so names stand for them.
function links(ns) {
  const text = nsRun(ns, "ip -o -d addr");
  return text.split("\n").map((line) => line.replace(/^\d+: /, "")).sort().join("\n");
}

function sysctls(ns) {
  const text = nsRun(ns, ["sysctl", ...SYSCTL_TREES]);
  return text.split("\n").filter((line) => !SYSCTL_MOVING.test(line)).sort().join("\n");
}

const section = (name, text) => `# ${name}\n${text.trim()}`;
