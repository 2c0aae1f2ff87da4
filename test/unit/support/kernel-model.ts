/**
 * A reference model of a router's kernel for plans: it holds what operations write, reports it as
 * the mover would, and answers where a packet would leave.
 */
import type { MoverMessage } from "../../../ts/host/contract.gen.js";
import type {
  DesiredFlows,
  DesiredForward,
  DesiredRoute,
  DesiredRule,
} from "../../../ts/model/desired.js";
import { flowsPast } from "../../../ts/model/desired.js";
import type { Operation } from "../../../ts/model/operation.js";
import type { ObservedStore } from "../../../ts/reconcile/fold.js";
import {
  emptyObserved,
  foldFirewall,
  foldMessage,
  foldResult,
  foldSysctl,
} from "../../../ts/reconcile/fold.js";
import type { NftState, Packet } from "./nft-model.js";
import { applyScript, listJson, walkChain, wide } from "./nft-model.js";

export const ours = 173;
export const main = 254;

export interface ModelRoute extends DesiredRoute {
  readonly protocol: number;
}

export interface ModelRule extends DesiredRule {
  readonly protocol: number;
}

export interface Neighbour {
  readonly ifname: string;
  readonly addr: string;
  readonly mac: string;
}

/** Interface names by index; the TUN gets the last. */
const fixedLinks = new Map([
  [2, "br-lan"],
  [3, "br-guest"],
  [4, "eth1"],
  [5, "wwan0"],
]);
const tunIndex = 9;

const sysctlsAtStart: readonly (readonly [string, string])[] = [
  ["net/ipv4/ip_forward", "0"],
  ["net/ipv4/icmp_errors_use_inbound_ifaddr", "0"],
  ["net/ipv6/conf/all/forwarding", "0"],
  ["net/ipv6/conf/eth1/accept_ra", "0"],
  ["net/ipv4/conf/eth1/rp_filter", "0"],
  ["net/ipv6/conf/wwan0/accept_ra", "0"],
  ["net/ipv4/conf/wwan0/rp_filter", "0"],
  ["net/ipv4/conf/br-lan/arp_ignore", "0"],
  ["net/ipv4/conf/br-guest/arp_ignore", "0"],
];
/** What comes and goes with a TUN. */
function sysctlOf(tun: string): string {
  return `net/ipv4/conf/${tun}/rp_filter`;
}

export class KernelModel {
  routes: ModelRoute[] = [];
  rules: ModelRule[] = [];
  addresses: { ifname: string; prefix: string }[] = [];
  neighbours: Neighbour[] = [];
  sysctls = new Map(sysctlsAtStart);
  nft: NftState | undefined;
  tun = "";
  tunUp = false;
  tunMtu = 1_500;
  forward: DesiredForward = { byDestination: false, hairpin: false, entries: [] };
  /** By what flows were last compared. */
  flows: DesiredFlows = flowsPast;

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "tun-open":
        if (this.tun !== "") throw new Error("a TUN is open");
        this.tun = operation.tun.name;
        this.sysctls.set(sysctlOf(this.tun), "0");
        return;
      case "tun-close":
        this.closeTun();
        return;
      case "link":
        if (operation.name !== this.tun) throw new Error(`no link ${operation.name}`);
        this.tunUp = operation.up;
        this.tunMtu = operation.mtu;
        return;
      case "address":
        if (!operation.remove && operation.address.ifname !== this.tun) throw new Error("no TUN");
        this.addresses = toggled(this.addresses, operation.address, operation.remove);
        return;
      case "route":
        this.setRoute({ ...operation.route, protocol: ours }, operation.remove);
        return;
      case "rule": {
        const rule = { ...operation.rule, why: "", protocol: ours };
        this.rules = toggled(this.rules, rule, operation.remove);
        return;
      }
      case "sysctl":
        this.sysctls.set(operation.key, operation.value);
        return;
      case "firewall":
        this.nft = applyScript(this.nft, operation.script);
        return;
      case "forward":
        this.forward = operation.forward;
        return;
      case "conntrack":
        this.flows = operation.flows;
        return;
      case "listen":
        throw new Error("a router does not listen");
    }
  }

  /** What dies with the process that holds the TUN. */
  closeTun(): void {
    const { tun } = this;
    this.routes = this.routes.filter((route) => route.oif !== tun || tun === "");
    this.addresses = this.addresses.filter((address) => address.ifname !== tun);
    this.sysctls.delete(sysctlOf(tun));
    this.tun = "";
    this.tunUp = false;
    this.forward = { byDestination: false, hairpin: false, entries: [] };
  }

  private setRoute(route: ModelRoute, remove: boolean): void {
    if (!remove && route.oif !== "" && this.linkNames().every((name) => name !== route.oif)) {
      throw new Error(`no interface for ${JSON.stringify(route)}`);
    }
    const same = (row: ModelRoute): boolean =>
      row.table === route.table && row.dst === route.dst && row.metric === route.metric;
    const blocked = this.routes.find((row) => same(row) && keyText(row) !== keyText(route));
    if (!remove && blocked) throw new Error(`EEXIST ${JSON.stringify(route)}`);
    this.routes = toggled(this.routes, route, remove);
  }

  private linkNames(): string[] {
    return [...fixedLinks.values(), ...(this.tun === "" ? [] : [this.tun])];
  }

  /** A fresh dump, as a decider gets it that has just started; the TUN's owner is alive. */
  observe(): ObservedStore {
    const store = emptyObserved();
    store.tun = this.tun;
    store.tunIndex = this.tun === "" ? 0 : tunIndex;
    for (const message of this.dump()) foldMessage(store, message);
    for (const name of ["wrt0", "adit0"]) foldSysctl(store, sysctlOf(name), "");
    for (const [key, value] of this.sysctls) foldSysctl(store, key, value);
    foldFirewall(store, this.nft === undefined ? undefined : listJson(this.nft));
    foldResult(store, { kind: "forward", forward: this.forward }, 0);
    store.flows = this.flows;
    return store;
  }

  private dump(): MoverMessage[] {
    const deleted = false;
    const messages: MoverMessage[] = [{ type: "dump_begin" }];
    const links = [...fixedLinks, ...(this.tun === "" ? [] : ([[tunIndex, this.tun]] as const))];
    const indexOf = (ifname: string): number => links.find(([, name]) => name === ifname)?.[0] ?? 0;
    for (const [index, name] of links) {
      const flags = index !== tunIndex || this.tunUp ? 0x1043 : 0x1002;
      const mtu = index === tunIndex ? this.tunMtu : 1_500;
      messages.push({ type: "link", deleted, index, name, flags, mtu, master: 0, mac: "" });
    }
    for (const { ifname, prefix } of this.addresses) {
      const index = indexOf(ifname);
      const kind = { scope: 0, flags: 0x80, protocol: 0 };
      messages.push({ type: "address", deleted, index, prefix, ...kind });
    }
    for (const { oif, ...route } of this.routes) {
      const isV6Unreachable = oif === "" && route.dst.includes(":");
      const index = isV6Unreachable ? 1 : indexOf(oif);
      messages.push({ type: "route", deleted, ...route, oif: index });
    }
    for (const { why: _why, ...rule } of this.rules) {
      messages.push({ type: "rule", deleted, ...rule, oif: "", suppress: -1 });
    }
    for (const { ifname, addr, mac } of this.neighbours) {
      const index = indexOf(ifname);
      messages.push({ type: "neighbour", deleted, index, addr, mac, state: 0x02 });
    }
    messages.push({ type: "dump_end" });
    return messages;
  }

  /** Where a forwarded packet leaves: an interface, "" if nowhere; and with which mark. */
  exitOf(packet: Packet): { readonly oif: string; readonly mark: number } {
    const { mark } = walkChain(this.nft, "marking", packet, "");
    const oif = this.routeOf(packet, mark);
    const { verdict } = walkChain(this.nft, "guard", packet, oif);
    return { oif: verdict === "accept" ? oif : "", mark };
  }

  /** The slot that the mover finds for a source: the longest prefix wins. */
  slotOf(source: string): number {
    const found = this.forward.entries.filter(({ prefix }) => covers(prefix, source));
    found.sort((left, right) => lengthOf(right.prefix) - lengthOf(left.prefix));
    return found[0]?.slot ?? 0;
  }

  /** True if an interface address has the source in its network. */
  hasNetworkOf(source: string): boolean {
    return this.addresses.some(({ prefix }) => covers(prefix, source));
  }

  private routeOf(packet: Packet, mark: number): string {
    const family = packet.src.includes(":") ? 6 : 4;
    const fallback = { ...blankRule, family, priority: 32_766, table: main } as ModelRule;
    const rules = [...this.rules.filter((rule) => rule.family === family), fallback];
    rules.sort((left, right) => left.priority - right.priority);
    for (const rule of rules) {
      if (!ruleMatches(rule, packet, mark)) continue;
      const oif = this.lookup(rule.table, packet.dst);
      if (oif !== undefined) return oif;
    }
    return "";
  }

  private lookup(table: number, dst: string): string | undefined {
    const found = this.routes.filter((row) => row.table === table && covers(row.dst, dst));
    found.sort(
      (left, right) => lengthOf(right.dst) - lengthOf(left.dst) || left.metric - right.metric,
    );
    const usable = found.find((row) => row.oif !== this.tun || this.tun === "" || this.tunUp);
    return usable?.oif;
  }
}

const blankRule = {
  src: "",
  dst: "",
  iif: "",
  fwmark: 0,
  fwmask: 0,
  action: 1,
  invert: false,
  why: "",
  protocol: 2,
};

function ruleMatches(rule: ModelRule, packet: Packet, mark: number): boolean {
  return (
    (rule.src === "" || covers(rule.src, packet.src)) &&
    (rule.dst === "" || covers(rule.dst, packet.dst)) &&
    (rule.iif === "" || rule.iif === packet.iif) &&
    (rule.fwmask === 0 || (mark & rule.fwmask) >>> 0 === rule.fwmark)
  );
}

function lengthOf(prefix: string): number {
  return Number(prefix.split("/")[1]);
}

/** Bits of an address as one number; by a way that shares nothing with the code under test. */
function bitsOf(address: string): bigint {
  if (address.includes(":")) return wide(address);
  return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

export function covers(prefix: string, address: string): boolean {
  if (prefix.includes(":") !== address.includes(":")) return false;
  const width = prefix.includes(":") ? 128 : 32;
  const shift = BigInt(width - lengthOf(prefix));
  return bitsOf(prefix.split("/")[0] ?? "") >> shift === bitsOf(address) >> shift;
}

function keyText(item: object): string {
  return JSON.stringify(Object.entries(item).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Adding what exists and removing what is gone succeed, as the contract says. */
function toggled<T extends object>(list: readonly T[], item: T, remove: boolean): T[] {
  const others = list.filter((row) => keyText(row) !== keyText(item));
  return remove ? others : [...others, item];
}
