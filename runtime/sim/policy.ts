/**
 * The reference: what the configuration means, written down a second time and plainly. The
 * invariants compare the kernel's behaviour with this, never with what the bundle believes.
 */
import { API_PATH } from "./machine.js";
import type { Random } from "./random.js";
import type { Device } from "./topology.js";
import { GATEWAY_PORT, LANS, locations, nameOf, RESOLVER, TOKEN, TUN, UPLINK } from "./topology.js";

export interface ReferenceRule {
  readonly kind: "mac" | "ip" | "iface";
  readonly subject: string;
  /** A location's name or `direct`. */
  readonly vl: string;
  /** `block`, `direct` or a location's name. */
  readonly whenDown: string;
}

/** What a run varies beside the rules. */
export interface Variation {
  /** Locations are dialled on their first packet. */
  readonly lazy: boolean;
  /** Everything goes to the default location, the router's own traffic included. */
  readonly defaultGateway: boolean;
  /** Both gateways give addresses from the same pool. */
  readonly samePool: boolean;
  /** Gateways are known by name; a resolver on the uplink has their addresses. */
  readonly named: boolean;
}

/** The rule of whoever has none, in default-gateway mode. */
const EVERYBODY: ReferenceRule = { kind: "iface", subject: "", vl: "us", whenDown: "block" };

export class ReferencePolicy {
  readonly rules: ReferenceRule[] = [];

  constructor(readonly variation: Variation) {}

  /** The same rules, to be kept while this one changes. */
  copy(): ReferencePolicy {
    const copied = new ReferencePolicy(this.variation);
    copied.rules.push(...this.rules);
    return copied;
  }

  /** Adds a rule or replaces the one with the same subject. */
  protect(rule: ReferenceRule): void {
    this.unprotect(rule.kind, rule.subject);
    this.rules.push(rule);
  }

  unprotect(kind: string, subject: string): void {
    const at = this.rules.findIndex((rule) => rule.kind === kind && rule.subject === subject);
    if (at >= 0) this.rules.splice(at, 1);
  }

  /** MAC before address before interface; undefined for an unprotected source. */
  ruleFor(device: Device, src: string): ReferenceRule | undefined {
    const find = (kind: string, subject: string): ReferenceRule | undefined =>
      this.rules.find((rule) => rule.kind === kind && rule.subject === subject);
    const own = find("mac", device.mac) ?? find("ip", src) ?? find("iface", device.iface);
    return own ?? (this.variation.defaultGateway ? EVERYBODY : undefined);
  }
}

/** Where a rule's traffic may go at all, whatever is up: names of locations, `uplink`. */
export function allowedOf(rule: ReferenceRule | undefined): Set<string> {
  if (rule === undefined || rule.vl === "direct") return new Set(["uplink"]);
  const allowed = new Set([rule.vl]);
  if (rule.whenDown === "direct") allowed.add("uplink");
  else if (rule.whenDown !== "block") allowed.add(rule.whenDown);
  return allowed;
}

/** Where it must go once everything has settled. */
export function expectedOf(
  rule: ReferenceRule | undefined, isUp: (name: string) => boolean,
): string {
  if (rule === undefined || rule.vl === "direct") return "uplink";
  if (isUp(rule.vl)) return rule.vl;
  if (rule.whenDown === "direct") return "uplink";
  return rule.whenDown !== "block" && isUp(rule.whenDown) ? rule.whenDown : "blocked";
}

/** Rules of a run: one of each kind, with targets by chance. */
export function startingRules(devices: readonly Device[], random: Random): ReferenceRule[] {
  const [phone, tv, guest] = devices as [Device, Device, Device];
  const any = (): string => random.pick(locations).name;
  const guestVl = any();
  const other = locations.find(({ name }) => name !== guestVl)?.name ?? "block";
  return [
    { kind: "mac", subject: phone.mac, vl: any(), whenDown: "block" },
    { kind: "ip", subject: tv.addr4, vl: any(), whenDown: random.pick(["block", "direct"]) },
    { kind: "ip", subject: tv.addr6, vl: any(), whenDown: "block" },
    { kind: "iface", subject: guest.iface, vl: guestVl, whenDown: random.pick(["block", other]) },
  ];
}

/** The same as the router's configuration file. */
export function configText(
  rules: readonly ReferenceRule[],
  pins: ReadonlyMap<string, string>,
  variation: Variation,
): string {
  const written = (kind: string, key: string): object[] =>
    rules
      .filter((rule) => rule.kind === kind)
      .map(({ subject, vl, whenDown }) => ({ [key]: subject, vl, when_down: whenDown }));
  return JSON.stringify({
    role: "router",
    tun_ifname: TUN,
    wan_ifname: UPLINK,
    lan_ifnames: LANS,
    vl_default: "us",
    default_gateway: variation.defaultGateway ? 1 : 0,
    api: { socket: API_PATH },
    resolvers: variation.named ? [RESOLVER] : [],
    locations: locations.map(({ name, addr4, addr6 }) => ({
      name,
      type: "tls",
      dial: variation.lazy ? "lazy" : "now",
      token: TOKEN,
      peers: (variation.named ? [nameOf(name)] : [addr4, `[${addr6}]`]).map((host) => ({
        endpoint: `${host}:${GATEWAY_PORT}`,
        pin: pins.get(name),
      })),
    })),
    protected_mac_addrs: written("mac", "mac_addr"),
    protected_ip_addrs: written("ip", "ip_addr"),
    protected_ifaces: written("iface", "iface"),
  });
}
