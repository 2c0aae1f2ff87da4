/** Whose traffic an explanation is about: a MAC, an address or an interface, and what is known. */
import type { RouterConfig } from "../model/config.js";
import type { Family, Ip, Mac } from "../model/ip.js";
import { parseIp, parseMac, prefixContains, prefixFamily } from "../model/ip.js";
import type { Observed } from "../model/observed.js";
import type { Decision } from "../policy/device.js";
import { decideSource } from "../policy/device.js";
import { connectedOf, interfaceOf, neighboursOf } from "../policy/lan.js";
import type { RuleIndex, Source } from "../policy/match.js";
import type { States } from "../policy/outcome.js";
import { decideFallback } from "../policy/router.js";

export interface Subject extends Source {
  readonly device: string;
  readonly isInterface?: true;
  /** It is the router itself. */
  readonly isOwn?: true;
  readonly addresses: readonly Ip[];
}

/** The subject is a MAC, an address or the name of an interface. */
export function findSubject(
  config: RouterConfig,
  observed: Observed,
  text: string,
): Subject | undefined {
  const mac = parseMac(text);
  if (mac !== undefined) return ofMac(config, observed, mac);
  const address = parseIp(text);
  if (address !== undefined) return ofAddress(config, observed, address);
  const isKnown =
    [...observed.links.values()].some((link) => link.name === text) ||
    config.rules.some(({ match }) => match.kind === "iface" && match.iface === text);
  const one = { mac: "", address: "", iface: text, addresses: [] };
  return isKnown ? { device: text, isInterface: true, ...one } : undefined;
}

function ofMac(config: RouterConfig, observed: Observed, mac: Mac): Subject {
  const rows = neighboursOf(config, observed).filter((row) => row.mac === mac);
  const iface = observed.links.get(rows[0]?.index ?? 0)?.name ?? "";
  const addresses = rows.map((row) => row.addr);
  return { device: mac, mac, address: addresses[0] ?? "", iface, addresses };
}

function ofAddress(config: RouterConfig, observed: Observed, address: Ip): Subject {
  const row = neighboursOf(config, observed).find((neighbour) => neighbour.addr === address);
  if (row !== undefined) {
    const iface = observed.links.get(row.index)?.name ?? "";
    return { device: address, mac: row.mac, address, iface, addresses: [address] };
  }
  const own = interfaceOf(observed, address);
  const network = connectedOf(config, observed).find(({ prefix }) =>
    prefixContains(prefix, address),
  );
  const one = { device: address, mac: "", address, addresses: [address] };
  if (own !== undefined) return { ...one, iface: own, isOwn: true };
  return { ...one, iface: network?.ifname ?? "" };
}

/** What the router itself sends is under no rule on a source. */
export function decideSubject(
  config: RouterConfig,
  states: States,
  rules: RuleIndex,
  source: Source & Pick<Subject, "isOwn">,
): Decision {
  if (source.isOwn) return { rule: undefined, outcome: decideFallback(config, states) };
  return decideSource(config, states, source, rules);
}

export function describe(observed: Observed, subject: Subject): string[] {
  const { device, mac, iface, addresses, isOwn } = subject;
  if (isOwn) {
    const whose = `${device} is the router's own address on ${iface}`;
    return [`${whose}: what the router itself sends is under no rule on a source.`];
  }
  if (mac === "" && addresses.length === 0) {
    return [`${device} is an interface.`, ...bridgeSentence(observed, subject)];
  }
  const where = iface === "" ? "not seen on any interface of the LAN side" : `on ${iface}`;
  const names = [...(mac !== "" && mac !== device ? [mac] : []), ...addresses];
  const others = names.filter((name) => name !== device);
  const known = others.length === 0 ? "" : `, known as ${others.join(", ")}`;
  return [`${device} is ${where}${known}.`, ...bridgeSentence(observed, subject)];
}

/** The firewall and the routing rules see the bridge, so a rule for its port never matches. */
function bridgeSentence({ links }: Observed, { iface }: Subject): string[] {
  const port = [...links.values()].find((link) => link.name === iface);
  const bridge = port === undefined ? undefined : links.get(port.master);
  if (bridge === undefined) return [];
  return [`${iface} is a port of ${bridge.name}: its packets come from ${bridge.name}.`];
}

/** What is missing, and why nobody can know it. */
export function silenceSentence({ mac, address, iface }: Source, family = ""): string {
  const missing = [
    ...(mac === "" ? ["which MAC address it has"] : []),
    ...(address === "" ? [`which ${family}addresses it has`] : []),
    ...(iface === "" ? ["which interface it is on"] : []),
  ];
  return `It is silent: ${missing.join(" and ")} is known with its next packet.`;
}

/** The subject once for each of its addresses of a family, or without one if none is known. */
export function sourcesOf(
  config: RouterConfig,
  observed: Observed,
  subject: Subject,
  family: Family,
): Subject[] {
  const { mac, addresses } = subject;
  const rows = neighboursOf(config, observed).filter((row) => mac !== "" && row.mac === mac);
  const all = new Set([...addresses, ...rows.map(({ addr }) => addr)]);
  const asked = addresses.filter((address) => prefixFamily(address) === family);
  const known = [...all].filter((address) => prefixFamily(address) === family);
  const used = asked.length > 0 ? asked : known;
  return used.length === 0
    ? [{ ...subject, address: "" }]
    : used.map((address) => ({ ...subject, address }));
}
