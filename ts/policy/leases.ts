/** Names of devices from the lease file of dnsmasq. Whoever asks for a lease chooses the name. */
import type { Mac } from "../model/ip.js";
import { parseMac } from "../model/ip.js";

const linesMax = 4_096;
/** Longer lines are no leases: a client identifier has at most 255 bytes. */
const lineMax = 1_024;
const nameText = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9_])?$/;

/**
 * Names by MAC. A line: expiry, MAC, address, name or `*`, client identifier. IPv6 leases carry no
 * MAC. Names that are no host names are left out, and so is what comes after too many lines.
 */
export function parseLeases(text: string): ReadonlyMap<Mac, string> {
  const names = new Map<Mac, string>();
  for (const line of text.split("\n", linesMax)) {
    const [expiry = "", who = "", , name = ""] = line.slice(0, lineMax).split(" ");
    const mac = /^\d+$/.test(expiry) ? parseMac(who) : undefined;
    if (mac !== undefined && nameText.test(name)) names.set(mac, name);
  }
  return names;
}
