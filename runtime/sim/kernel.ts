/**
 * The simulated kernel: links, addresses, routes, rules, neighbours, connection tracking, sysctls,
 * and one nftables table. It behaves as Linux does where that matters to us, in particular in what
 * it does NOT say: IPv4 routes that vanish with their interface are reported to nobody.
 */
import { errno, iff, nud, rtn, rtprot, scope, table } from "./constants.js";
import type {
  Address, Flow, KernelEvent, Link, Neighbour, Route, Rule,
} from "./kernel-objects.js";
import { bitsOf, contains, familyOf, hasHostBits, hostOf, netOf, networkOf } from "./net.js";
import { Firewall } from "./nft-state.js";

export type Observer = (event: KernelEvent) => void;

const METRIC_V6_DEFAULT = 1024;
const METRIC_V6_KERNEL = 256;
const LOOPBACK_INDEX = 1;
const FLAGS_PERMANENT = 0x80;
/** IFAPROT_KERNEL_LO and IFAPROT_KERNEL_LL of linux/if_addr.h. */
const PROTOCOL_LOOPBACK = 1;
const PROTOCOL_LINK_LOCAL = 3;
const LOOPBACK_ADDRESSES = [["127.0.0.1/8", 0], ["::1/128", PROTOCOL_LOOPBACK]] as const;

export class Kernel {
  readonly links = new Map<number, Link>();
  readonly addresses: Address[] = [];
  readonly routes: Route[] = [];
  readonly rules: Rule[] = [];
  readonly neighbours = new Map<string, Neighbour>();
  readonly sysctls = new Map<string, string>();
  readonly flows: Flow[] = [];
  readonly firewall = new Firewall();
  readonly observers = new Set<Observer>();
  /** Interfaces on which somebody else's firewall gives IPv4 flows the interface's address. */
  readonly masquerading = new Set<string>();
  /** Told of every flow that is deleted. */
  onCut: (flow: Flow) => unknown = () => {};
  /** Another number after every change of links, addresses, routes, rules or neighbours. */
  version = 0;
  #nextIndex = LOOPBACK_INDEX;

  constructor() {
    for (const family of [4, 6] as const) this.#addStandardRules(family);
    this.sysctls.set("net/ipv4/ip_forward", "0");
    this.sysctls.set("net/ipv4/icmp_errors_use_inbound_ifaddr", "0");
    for (const name of ["all", "default"]) {
      for (const [key, value] of sysctlsOf(name)) this.sysctls.set(key, value);
    }
    const flags = iff.LOOPBACK | iff.UP | iff.RUNNING | iff.LOWER_UP;
    this.addLink({ name: "lo", flags, mtu: 65_536, master: 0, mac: "" });
    for (const [prefix, protocol] of LOOPBACK_ADDRESSES) {
      const index = LOOPBACK_INDEX;
      this.addresses.push({ index, prefix, scope: scope.HOST, flags: FLAGS_PERMANENT, protocol });
    }
  }

  linkName(index: number): string {
    return this.links.get(index)?.name ?? "";
  }

  linkNamed(name: string): Link | undefined {
    for (const link of this.links.values()) if (link.name === name) return link;
    return undefined;
  }

  isUp(index: number): boolean {
    return ((this.links.get(index)?.flags ?? 0) & iff.UP) !== 0;
  }

  addLink(wanted: Omit<Link, "index">): Link {
    const link = { ...wanted, index: this.#nextIndex++ };
    this.links.set(link.index, link);
    for (const [key, value] of sysctlsOf(link.name)) this.sysctls.set(key, value);
    this.emit({ type: "link", deleted: false, ...link });
    return link;
  }

  /** Everything that hangs on the interface goes first, as in unregister_netdevice. */
  deleteLink(index: number): void {
    const link = this.links.get(index);
    if (link === undefined) return;
    this.setLink(index, false, 0);
    for (const address of this.addresses.filter((item) => item.index === index)) {
      this.removeAddress(index, address.prefix);
    }
    for (const item of [...this.neighbours.values()]) {
      if (item.index === index) this.removeNeighbour(index, item.addr);
    }
    this.links.delete(index);
    for (const [key] of sysctlsOf(link.name)) this.sysctls.delete(key);
    this.emit({ type: "link", deleted: true, ...link });
  }

  renameLink(index: number, name: string): void {
    const link = this.links.get(index);
    if (link === undefined || this.linkNamed(name) !== undefined) return;
    for (const [key] of sysctlsOf(link.name)) this.sysctls.delete(key);
    for (const [key, value] of sysctlsOf(name)) this.sysctls.set(key, value);
    this.links.set(index, { ...link, name });
    this.emit({ type: "link", deleted: false, ...link, name });
  }

  setLink(index: number, up: boolean, mtu: number): number {
    const link = this.links.get(index);
    if (link === undefined) return -errno.ENODEV;
    const was = (link.flags & iff.UP) !== 0;
    const running = iff.UP | iff.RUNNING | iff.LOWER_UP;
    const flags = up ? link.flags | running : link.flags & ~running;
    const next = { ...link, flags, mtu: mtu === 0 ? link.mtu : mtu };
    if (was && !up) this.#takeDown(next);
    this.links.set(index, next);
    if (was !== up || next.mtu !== link.mtu) this.emit({ type: "link", deleted: false, ...next });
    if (!was && up) this.#bringUp(next);
    return 0;
  }

  addAddress(index: number, prefix: string, protocol = 0): number {
    const link = this.links.get(index);
    if (link === undefined) return -errno.ENODEV;
    if (this.addresses.some((item) => item.index === index && item.prefix === prefix)) {
      return -errno.EEXIST;
    }
    const wide = !prefix.startsWith("fe80:");
    const kind = { scope: wide ? scope.UNIVERSE : scope.LINK, flags: FLAGS_PERMANENT, protocol };
    const address: Address = { index, prefix, ...kind };
    this.addresses.push(address);
    this.emit({ type: "address", deleted: false, ...address });
    if (this.isUp(index)) this.#addConnected(address);
    return 0;
  }

  removeAddress(index: number, prefix: string): number {
    const at = this.addresses.findIndex((item) => item.index === index && item.prefix === prefix);
    const address = this.addresses[at];
    if (address === undefined) return -errno.EADDRNOTAVAIL;
    this.addresses.splice(at, 1);
    this.emit({ type: "address", deleted: true, ...address });
    const dst = networkOf(prefix);
    this.#dropRoutes(
      (route) =>
        route.oif === index && route.dst === dst && route.protocol === rtprot.KERNEL,
      true,
    );
    this.#dropRoutes((route) => route.source === hostOf(prefix), true);
    this.#leaveFamily(index, familyOf(prefix));
    return 0;
  }

  /** With NLM_F_CREATE | NLM_F_EXCL: a route of the same destination and metric is in the way. */
  addRoute(wanted: Route): number {
    const family = familyOf(wanted.dst);
    const metric = family === 6 && wanted.metric === 0 ? METRIC_V6_DEFAULT : wanted.metric;
    if (family === 4 && hasHostBits(wanted.dst)) return -errno.EINVAL;
    const unicast = wanted.kind === rtn.UNICAST;
    const oif = unicast ? wanted.oif : 0;
    const route: Route = { ...wanted, dst: networkOf(wanted.dst), metric, oif };
    const error = unicast ? this.#checkNexthop(route) : 0;
    if (error !== 0) return error;
    if (this.routes.some((item) => sameRouteKey(item, route))) return -errno.EEXIST;
    this.#putRoute(route);
    return 0;
  }

  /** Removes the first route for which `matches` holds. */
  removeRoute(matches: (route: Route) => boolean): number {
    const route = this.routes.find(matches);
    if (route === undefined) return -errno.ENOENT;
    this.#dropRoutes((item) => item === route, true);
    return 0;
  }

  /** With NLM_F_EXCL: an identical rule, protocol included, is in the way. */
  addRule(rule: Rule): number {
    if (this.rules.some((item) => sameRule(item, rule))) return -errno.EEXIST;
    const at = this.rules.findIndex((item) => item.priority > rule.priority);
    this.rules.splice(at < 0 ? this.rules.length : at, 0, rule);
    this.emit({ type: "rule", deleted: false, ...rule });
    return 0;
  }

  removeRule(matches: (rule: Rule) => boolean): number {
    const at = this.rules.findIndex(matches);
    const rule = this.rules[at];
    if (rule === undefined) return -errno.ENOENT;
    this.rules.splice(at, 1);
    this.emit({ type: "rule", deleted: true, ...rule });
    return 0;
  }

  setNeighbour(neighbour: Neighbour): void {
    this.neighbours.set(`${neighbour.index} ${neighbour.addr}`, neighbour);
    this.emit({ type: "neighbour", deleted: false, ...neighbour });
  }

  removeNeighbour(index: number, addr: string): void {
    const key = `${index} ${addr}`;
    const neighbour = this.neighbours.get(key);
    if (neighbour === undefined) return;
    this.neighbours.delete(key);
    this.emit({ type: "neighbour", deleted: true, ...neighbour, state: nud.FAILED });
  }

  /** Returns how many were not kept. */
  deleteFlows(isKept: (flow: Flow) => boolean): number {
    const cut = this.flows.filter((flow) => !isKept(flow));
    if (cut.length === 0) return 0;
    const gone = new Set(cut);
    const kept = this.flows.filter((flow) => !gone.has(flow));
    this.flows.splice(0, this.flows.length, ...kept);
    for (const flow of cut) this.onCut(flow);
    return cut.length;
  }

  /** True if the address is one of this machine's; IPv4 addresses stay local while down. */
  isLocal(addr: string): boolean {
    if (addr.startsWith("127.") || addr === "::1") return true;
    return this.addresses.some(
      ({ prefix }) => prefix.startsWith(addr) && hostOf(prefix) === addr,
    );
  }

  emit(event: KernelEvent): void {
    this.version++;
    for (const observer of this.observers) observer(event);
  }

  /** The objects that a dump reports, in the order in which the mover asks for them. */
  *dump(): Generator<KernelEvent> {
    for (const link of this.links.values()) yield { type: "link", deleted: false, ...link };
    for (const item of this.addresses) yield { type: "address", deleted: false, ...item };
    for (const item of this.routes) yield { type: "route", deleted: false, ...item };
    for (const item of this.rules) yield { type: "rule", deleted: false, ...item };
    for (const item of this.neighbours.values()) {
      yield { type: "neighbour", deleted: false, ...item };
    }
  }

  #addStandardRules(family: 4 | 6): void {
    const chosen: [number, number][] = [[0, table.LOCAL], [32_766, table.MAIN]];
    if (family === 4) chosen.push([32_767, table.DEFAULT]);
    for (const [priority, target] of chosen) {
      this.addRule({ ...emptyRule(family), priority, table: target, protocol: rtprot.KERNEL });
    }
  }

  /** IPv4 loses its routes in silence; IPv6 reports them, and loses its addresses too. */
  #takeDown(link: Link): void {
    const isOn = (route: Route): boolean => route.oif === link.index && route.kind === rtn.UNICAST;
    this.#dropRoutes((route) => isOn(route) && familyOf(route.dst) === 4, false);
    this.#dropRoutes((route) => isOn(route) && familyOf(route.dst) === 6, true);
    for (const address of this.addresses.filter((item) => item.index === link.index)) {
      if (familyOf(address.prefix) === 6) this.removeAddress(link.index, address.prefix);
    }
    for (const item of [...this.neighbours.values()]) {
      if (item.index === link.index) this.removeNeighbour(link.index, item.addr);
    }
  }

  #bringUp(link: Link): void {
    if ((link.flags & iff.LOOPBACK) !== 0) return;
    const linkLocal = `fe80::${(0x1000 + link.index).toString(16)}/64`;
    for (const address of this.addresses) {
      if (address.index === link.index) this.#addConnected(address);
    }
    if (link.master === 0) this.addAddress(link.index, linkLocal, PROTOCOL_LINK_LOCAL);
  }

  /** Without its last IPv4 address an interface silently loses its IPv4 routes. */
  #leaveFamily(index: number, family: 4 | 6): void {
    const isLeft = (item: Address): boolean =>
      item.index === index && familyOf(item.prefix) === family;
    if (family === 6 || this.addresses.some(isLeft)) return;
    this.#dropRoutes((route) => route.oif === index && familyOf(route.dst) === 4, false);
  }

  #addConnected(address: Address): void {
    const family = familyOf(address.prefix);
    if (family === 4 && netOf(address.prefix).length === bitsOf(4)) return;
    const route: Route = {
      table: table.MAIN,
      dst: networkOf(address.prefix),
      oif: address.index,
      gateway: "",
      metric: family === 4 ? 0 : METRIC_V6_KERNEL,
      protocol: rtprot.KERNEL,
      kind: rtn.UNICAST,
      scope: family === 4 ? scope.LINK : scope.UNIVERSE,
      source: family === 4 ? hostOf(address.prefix) : "",
    };
    if (!this.routes.some((item) => item.oif === route.oif && sameRouteKey(item, route))) {
      this.#putRoute(route);
    }
  }

  #checkNexthop(route: Route): number {
    if (!this.links.has(route.oif)) return -errno.ENODEV;
    if (!this.isUp(route.oif)) return -errno.ENETDOWN;
    if (route.source !== "" && !this.isLocal(route.source)) return -errno.EINVAL;
    if (route.gateway === "") return 0;
    const gateway = netOf(route.gateway);
    const reachable = this.routes.some(
      (item) => item.oif === route.oif && item.gateway === "" && contains(netOf(item.dst), gateway),
    );
    if (reachable) return 0;
    return gateway.family === 4 ? -errno.ENETUNREACH : -errno.EHOSTUNREACH;
  }

  #putRoute(route: Route): void {
    this.routes.push(route);
    this.emit({ type: "route", deleted: false, ...route });
  }

  #dropRoutes(matches: (route: Route) => boolean, say: boolean): void {
    const dropped = this.routes.filter(matches);
    if (dropped.length === 0) return;
    const gone = new Set(dropped);
    const kept = this.routes.filter((route) => !gone.has(route));
    this.routes.splice(0, this.routes.length, ...kept);
    this.version++;
    if (!say) return;
    for (const route of dropped) this.emit({ type: "route", deleted: true, ...route });
  }
}

/** Values that exist once for each interface, with the kernel's defaults. */
function sysctlsOf(name: string): [string, string][] {
  const four = {
    forwarding: "0", rp_filter: "0", arp_ignore: "0", arp_announce: "0", src_valid_mark: "0",
    send_redirects: "1", accept_redirects: "1", route_localnet: "0", arp_filter: "0",
  };
  const six = {
    forwarding: "0", accept_ra: "1", accept_ra_defrtr: "1", accept_redirects: "1",
    disable_ipv6: "0", addr_gen_mode: "0", autoconf: "1",
  };
  return [
    ...Object.entries(four)
      .map(([key, v]): [string, string] => [`net/ipv4/conf/${name}/${key}`, v]),
    ...Object.entries(six).map(([key, v]): [string, string] => [`net/ipv6/conf/${name}/${key}`, v]),
  ];
}

export function emptyRule(family: 4 | 6): Rule {
  return {
    family, priority: 0, src: "", dst: "", iif: "", oif: "", fwmark: 0, fwmask: 0, table: 0,
    action: 1, protocol: 0, invert: false, suppress: -1,
  };
}

export function sameRule(a: Rule, b: Rule): boolean {
  return (Object.keys(a) as (keyof Rule)[]).every((key) => a[key] === b[key]);
}

function sameRouteKey(a: Route, b: Route): boolean {
  return a.table === b.table && a.dst === b.dst && a.metric === b.metric;
}
