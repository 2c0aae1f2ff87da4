/**
 * The reference: what the configuration means, written down a second time and plainly. The
 * invariants compare the kernel's behaviour with this, never with what the bundle believes.
 */
import { API_PATH, BUS_PATH } from "./machine.js";
import { contains, netOf } from "./net.js";
import type { Random } from "./random.js";
import type { ScriptAnswers } from "./script-answers.js";
import type { ScriptAnswer } from "./scripts.js";
import type { Device } from "./topology.js";
import {
  GATEWAY_PORT, LANS, locations, nameOf, RESOLVER, SECOND, TOKEN, TUN, UPLINK,
} from "./topology.js";

export interface ReferenceRule {
  readonly kind: "mac" | "ip" | "iface";
  readonly subject: string;
  /** A location's name, `direct`, or `block` of a script. */
  readonly vl: string;
  /** `block`, `direct`, a location's name, or `rules` of a script. */
  readonly whenDown: string;
  /** Connections from outside are not answered. */
  readonly inbound?: "block";
  /** What holds while it is down, if `whenDown` is `rules`. */
  readonly rules?: ReferenceRule;
  /** Made for the device because it has this address, which the owner's rule is about. */
  readonly holder?: string;
}

/** A second uplink is there for when the first is gone, or takes its share of packets. */
export type SecondUse = "spare" | "balanced";

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
  /** A policy script decides. */
  readonly scripted?: boolean;
  /** The user speaks ubus. */
  readonly bus?: boolean;
  /** The owner knows only the IPv4 address of a device that has IPv6 too. */
  readonly oneFamily?: boolean;
  readonly second?: SecondUse | undefined;
}

/** The rule of whoever has none, in default-gateway mode. */
const EVERYBODY: ReferenceRule = { kind: "iface", subject: "", vl: "us", whenDown: "block" };

export class ReferencePolicy {
  readonly rules: ReferenceRule[] = [];
  /** Answers of the policy script, if there is one. */
  answers: ScriptAnswers | undefined;

  constructor(readonly variation: Variation) {}

  /** The same rules, to be kept while this one changes. */
  copy(): ReferencePolicy {
    const copied = new ReferencePolicy(this.variation);
    copied.rules.push(...this.rules);
    copied.answers = this.answers;
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

  /** Rules of which any may be in force; undefined is an unprotected source. */
  rulesFor(device: Device, src: string): (ReferenceRule | undefined)[] {
    const { answers } = this;
    if (answers === undefined) return [this.#ownRule(device, src) ?? this.#everybody()];
    return answers.candidates(device.mac).map((answer) => this.#advised(device, src, answer));
  }

  /** The rules that hold once everything has settled: one, unless the script fails. */
  settledRules(device: Device, src: string, wallMs: number): (ReferenceRule | undefined)[] {
    const { answers } = this;
    if (answers === undefined) return this.rulesFor(device, src);
    const settled = answers.settled(device.mac, device.iface, wallMs);
    return settled.map((answer) => this.#advised(device, src, answer));
  }

  /** The owner's own rule, or that for everybody; undefined if there is none. */
  ownRuleFor(device: Device, src: string): ReferenceRule | undefined {
    return this.#ownRule(device, src) ?? this.#everybody();
  }

  /** True for a destination that a script may have opened for everybody. */
  mayBypass(dst: string): boolean {
    return this.answers?.bypass().some((prefix) => covers(prefix, dst)) ?? false;
  }

  /** True for one that is open when nothing disturbs. */
  bypasses(dst: string): boolean {
    return this.answers?.settledBypass().some((prefix) => covers(prefix, dst)) ?? false;
  }

  /** MAC before address before what else the device has before interface. */
  #ownRule(device: Device, src: string): ReferenceRule | undefined {
    const find = (kind: string, subject: string): ReferenceRule | undefined =>
      this.rules.find((rule) => rule.kind === kind && rule.subject === subject);
    const named = find("mac", device.mac) ?? find("ip", src);
    const iface = find("iface", device.iface);
    return named ?? this.#wholeRule(device, iface ?? this.#everybody()) ?? iface;
  }

  /** A device that has the address of a rule is under it with all that it has, if that blocks. */
  #wholeRule(
    { mac, addr4, addr6 }: Device, next: ReferenceRule | undefined,
  ): ReferenceRule | undefined {
    const rule = this.rules.find(
      ({ kind, subject, vl }) =>
        kind === "ip" && vl !== "direct" && (subject === addr4 || subject === addr6),
    );
    const whole = rule && { ...rule, kind: "mac" as const, subject: mac, holder: rule.subject };
    if (whole?.whenDown !== "direct" || next === undefined) return whole;
    return { ...whole, whenDown: "rules", rules: next };
  }

  #everybody(): ReferenceRule | undefined {
    return this.variation.defaultGateway ? EVERYBODY : undefined;
  }

  /** A script moves and blocks; it opens only where no rule of the owner's says otherwise. */
  #advised(device: Device, src: string, answer: ScriptAnswer): ReferenceRule {
    const own = this.#ownRule(device, src);
    const rule = { kind: "mac", subject: device.mac, whenDown: "block" } as const;
    const direct = own ?? { ...rule, vl: "direct" };
    switch (answer.kind) {
      case "via": {
        const { location: vl, whenDown } = answer;
        if (whenDown !== "direct") return { ...rule, vl, whenDown };
        return { ...rule, vl, whenDown: "rules", rules: direct };
      }
      case "direct":
        return direct;
      case "block":
        return { ...rule, vl: "block" };
      default:
        return own ?? { ...rule, kind: "iface", subject: device.iface, vl: "block" };
    }
  }
}

function covers(prefix: string, dst: string): boolean {
  return contains(netOf(prefix), netOf(dst));
}

/** Where a rule's traffic may go at all, whatever is up: names of locations, `uplink`. */
export function allowedOf(rule: ReferenceRule | undefined): Set<string> {
  if (rule === undefined || rule.vl === "direct") return new Set(["uplink"]);
  if (rule.vl === "block") return new Set();
  const allowed = new Set([rule.vl]);
  if (rule.rules !== undefined) return new Set([...allowed, ...allowedOf(rule.rules)]);
  if (rule.whenDown === "direct") allowed.add("uplink");
  else if (rule.whenDown !== "block") allowed.add(rule.whenDown);
  return allowed;
}

/** Where it must go once everything has settled. */
export function expectedOf(
  rule: ReferenceRule | undefined, isUp: (name: string) => boolean,
): string {
  if (rule === undefined || rule.vl === "direct") return "uplink";
  if (rule.vl === "block") return "blocked";
  if (isUp(rule.vl)) return rule.vl;
  if (rule.rules !== undefined) return expectedOf(rule.rules, isUp);
  if (rule.whenDown === "direct") return "uplink";
  return rule.whenDown !== "block" && isUp(rule.whenDown) ? rule.whenDown : "blocked";
}

/** Rules of a run: one of each kind, with targets by chance. */
export function startingRules(
  devices: readonly Device[], random: Random, { oneFamily }: Variation,
): ReferenceRule[] {
  const [phone, tv, guest] = devices as [Device, Device, Device];
  const any = (): string => random.pick(locations).name;
  const guestVl = any();
  const other = locations.find(({ name }) => name !== guestVl)?.name ?? "block";
  const rules: ReferenceRule[] = [
    { kind: "mac", subject: phone.mac, vl: any(), whenDown: "block" },
    { kind: "ip", subject: tv.addr4, vl: any(), whenDown: random.pick(["block", "direct"]) },
    { kind: "ip", subject: tv.addr6, vl: any(), whenDown: "block" },
    { kind: "iface", subject: guest.iface, vl: guestVl, whenDown: random.pick(["block", other]) },
  ];
  return rules.filter(({ subject }) => oneFamily !== true || subject !== tv.addr6);
}

/** The same as the router's configuration file. */
export function configText(
  rules: readonly ReferenceRule[],
  pins: ReadonlyMap<string, string>,
  variation: Variation,
  policy: object = {},
): string {
  const written = (kind: string, key: string): object[] =>
    rules
      .filter((rule) => rule.kind === kind)
      .map(({ subject, vl, whenDown, inbound }) => ({
        [key]: subject, vl, when_down: whenDown, ...(inbound && { inbound }),
      }));
  return JSON.stringify({
    role: "router",
    tun_ifname: TUN,
    wan_ifname: UPLINK,
    ...(variation.second !== undefined && { uplinks: [SECOND] }),
    lan_ifnames: LANS,
    vl_default: "us",
    default_gateway: variation.defaultGateway ? 1 : 0,
    api: { socket: API_PATH },
    ...(variation.bus === true && { ubus: { socket: BUS_PATH } }),
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
    policy,
    protected_mac_addrs: written("mac", "mac_addr"),
    protected_ip_addrs: written("ip", "ip_addr"),
    protected_ifaces: written("iface", "iface"),
  });
}
