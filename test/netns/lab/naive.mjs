// A router whose tunnels carry while nothing guards them: the documented scheme of marks alone. It
// is what the controls of leaks are made with that need a tunnel, such as those by ICMP errors.

import { pidsOf } from "./daemon.mjs";
import { nsRun, nsTry } from "./sh.mjs";

const KEPT_CHAINS = /^(marking|nat|loc_\d+|direct|blocked)$/;
const OUR_PROTOCOL = 173;

/** Stops the decider where it stands, so that it repairs nothing. */
export function freezeDecider(lab) {
  process.kill(pidsOf(lab.daemons.router).decider, "SIGSTOP");
}

export function thawDecider(lab) {
  process.kill(pidsOf(lab.daemons.router).decider, "SIGCONT");
}

/** Takes both layers away and leaves what brings packets into their tunnel. */
export function stripGuard() {
  const chains = [...nsRun("router", "nft list table inet adit").matchAll(/^\tchain (\S+) \{/gm)]
    .map(([, name]) => name).filter((name) => !KEPT_CHAINS.test(name));
  const flush = chains.map((name) => `flush chain inet adit ${name}\n`).join("");
  nsRun("router", ["nft", "-f", "-"], { input: flush });
  for (const family of ["-4", "-6"]) {
    stripRules(family);
    nsRun("router", ["ip", family, "route", "flush", "table", "main", "proto",
      String(OUR_PROTOCOL)]);
  }
}

/** Words that name a listed rule and no other of its priority. */
function ruleWords(line) {
  const [, priority, source, iif = "lo"] = /^(\d+):\s+from (\S+)(?: iif (\S+))?/.exec(line);
  const place = line.includes(" iif ") ? ["iif", iif] : [];
  return ["priority", priority, "from", source, ...place];
}

function stripRules(family) {
  const list = nsRun("router", ["ip", family, "rule", "show"]).split("\n");
  for (const line of list.filter((each) => each.endsWith(`proto ${OUR_PROTOCOL}`))) {
    // What stays is the documented scheme: own sockets, and what is marked.
    if (line.includes("fwmark")) continue;
    nsTry("router", ["ip", family, "rule", "del", ...ruleWords(line)]);
  }
}
