/** Commands on kernel objects. Only what is marked as ours is ever made or removed. */
import type { MoverMessage } from "../../ts/host/contract.gen.js";
import { isKept } from "./flows.js";
import { errno, ours, rtn } from "./constants.js";
import { checkLink, checkRoute, checkRule } from "./mover-checks.js";
import type { Mover, Handlers, Answer } from "./mover.js";
import { result } from "./mover.js";
import { emptyRule } from "./kernel.js";
import type { Route, Rule } from "./kernel-objects.js";
import { familyOf, networkOf } from "./net.js";

const FLOW_ROWS_MAX = 16_384;
const SCRIPT_BYTES_MAX = 4 * 1024 * 1024;
const PART_BYTES_MAX = 49_152;
const DEFAULT_METRIC_V6 = 1_024;
const SYSCTL_READABLE = /^net\/(ipv4|ipv6|netfilter)\/[A-Za-z0-9_./-]+$/;

/** The list of c/sys/sysctl.c: what a router or gateway has to change, and to which digits. */
const WRITABLE: readonly (readonly [key: RegExp, value: RegExp])[] = [
  [/^net\/ipv4\/(ip_forward|icmp_errors_use_inbound_ifaddr)$/, /^[01]$/],
  [/^net\/ipv6\/conf\/all\/forwarding$/, /^[01]$/],
  [/^net\/ipv4\/conf\/(?!(all|default)\/)[^\s/:]{1,15}\/rp_filter$/, /^[0-2]$/],
  [/^net\/ipv6\/conf\/(?!(all|default)\/)[^\s/:]{1,15}\/accept_ra$/, /^[0-2]$/],
  [/^net\/ipv4\/conf\/(?!(all|default)\/)[^\s/:]{1,15}\/arp_ignore$/, /^[0-8]$/],
];

export function isWritableSysctl(key: string, value: string): boolean {
  return WRITABLE.some(([keys, values]) => keys.test(key) && values.test(value));
}

export const kernelHandlers: Handlers = {
  watch(mover) {
    mover.watching = true;
    return result(0);
  },

  link_set(mover, message) {
    const link = ownTun(mover, message.name);
    if (typeof link === "number") return result(link, `${message.name} is not our TUN`);
    const refused = checkLink(message);
    if (refused !== 0) return result(refused, `mtu ${message.mtu}`);
    return result(mover.kernel.setLink(link.index, message.up, message.mtu));
  },

  address_set(mover, message) {
    const link = ownTun(mover, message.name);
    if (typeof link === "number") return result(link, `${message.name} is not our TUN`);
    const { index } = link;
    const error = message.remove
      ? mover.kernel.removeAddress(index, message.prefix)
      : mover.kernel.addAddress(index, message.prefix, ours.PROTOCOL);
    const harmless = message.remove ? -errno.EADDRNOTAVAIL : -errno.EEXIST;
    return result(error === harmless ? 0 : error);
  },

  route_set(mover, message) {
    const refused = checkRoute(message);
    if (refused !== 0) return result(refused, "arguments");
    const link = linkOf(mover, message.oif);
    if (message.oif !== "" && link === undefined) {
      return message.remove ? result(0) : result(-errno.ENODEV, `no interface ${message.oif}`);
    }
    const { table, dst, gateway, metric, kind, scope, source } = message;
    const protocol = ours.PROTOCOL;
    const oif = link?.index ?? 0;
    const wanted = { table, dst, oif, gateway, metric, kind, scope, source, protocol };
    return message.remove ? removeRoute(mover, wanted) : addRoute(mover, wanted);
  },

  rule_set(mover, message) {
    const refused = checkRule(message);
    if (refused !== 0) return result(refused, "arguments");
    const { type: _type, remove, ...fields } = message;
    const blank = emptyRule(message.family as 4 | 6);
    const rule: Rule = { ...blank, ...fields, protocol: ours.PROTOCOL };
    const matches = (item: Rule): boolean =>
      (Object.keys(rule) as (keyof Rule)[]).every((key) => item[key] === rule[key]);
    const error = remove ? mover.kernel.removeRule(matches) : mover.kernel.addRule(rule);
    return result(error === (remove ? -errno.ENOENT : -errno.EEXIST) ? 0 : error);
  },

  sysctl_get(mover, message) {
    const readable = SYSCTL_READABLE.test(message.key) && !message.key.includes("..");
    const value = mover.kernel.sysctls.get(message.key);
    const error = !readable ? -errno.EPERM : value === undefined ? -errno.ENOENT : 0;
    return { message: { type: "sysctl_value", error, value: error === 0 ? (value ?? "") : "" } };
  },

  sysctl_set(mover, message) {
    if (!isWritableSysctl(message.key, message.value)) return result(-errno.EPERM, message.key);
    if (!mover.kernel.sysctls.has(message.key)) return result(-errno.ENOENT, message.key);
    mover.kernel.sysctls.set(message.key, message.value);
    return result(0);
  },

  nft_apply(mover, message, seq) {
    mover.script.push(message.script.slice());
    const bytes = mover.script.reduce((sum, part) => sum + part.length, 0);
    if (bytes > SCRIPT_BYTES_MAX) {
      mover.script = [];
      return result(-errno.EFBIG, "script over 4 MiB");
    }
    if (!message.last) return result(0);
    const script = Buffer.concat(mover.script).toString("utf8");
    mover.script = [];
    mover.runNft((answer) => {
      const { error, text } = mover.kernel.firewall.apply(mover.rewrite(script));
      if (error === 0) mover.kernel.emit({ type: "nft_changed" });
      answer(() => mover.reply(message, { type: "result", error, text }, seq));
    });
    return undefined;
  },

  nft_list(mover, message, seq) {
    mover.runNft((answer) => {
      const text = mover.kernel.firewall.list();
      const data = new Uint8Array(0);
      const absent: MoverMessage = { type: "nft_text", error: -errno.ENOENT, last: true, data };
      answer(() => {
        if (text === undefined) mover.reply(message, absent, seq);
        else sendText(mover, new TextEncoder().encode(text), seq);
      });
    });
    return undefined;
  },

  conntrack_delete(mover, message) {
    mover.flowRows.push(...message.rows);
    if (mover.flowRows.length > FLOW_ROWS_MAX) {
      mover.flowRows = [];
      return { message: { type: "conntrack_deleted", error: -errno.EFBIG, count: 0 } };
    }
    if (!message.last) return { message: { type: "conntrack_deleted", error: 0, count: 0 } };
    const law = mover.amend({ ...message, rows: mover.flowRows });
    mover.flowRows = [];
    const count = mover.kernel.deleteFlows((flow) => isKept(law, flow));
    return { message: { type: "conntrack_deleted", error: 0, count } };
  },
};

function sendText(mover: Mover, bytes: Uint8Array, seq: number): void {
  let offset = 0;
  do {
    const data = bytes.slice(offset, offset + PART_BYTES_MAX);
    offset += data.length;
    mover.send({ type: "nft_text", error: 0, last: offset >= bytes.length, data }, seq);
  } while (offset < bytes.length);
}

/** The name that the TUN was asked for under stands for our device alone. */
function linkOf(mover: Mover, name: string): { index: number } | undefined {
  const { tunnels, kernel, trustsNames } = mover;
  if (name !== tunnels.wanted || trustsNames) return kernel.linkNamed(name);
  return tunnels.tunName === name && tunnels.isHere() ? { index: tunnels.tunIndex } : undefined;
}

function ownTun(mover: Mover, name: string): { index: number } | number {
  if (name === "" || name !== mover.tunnels.tunName) return -errno.EPERM;
  return linkOf(mover, name) ?? -errno.ENODEV;
}

function addRoute(mover: Mover, wanted: Route): Answer {
  const error = mover.kernel.addRoute(wanted);
  if (error !== -errno.EEXIST) return result(error);
  if (mover.kernel.routes.some((item) => isSame(item, wanted))) return result(0);
  // An outdated route of ours is replaced, a foreign one is left alone.
  const removed = mover.kernel.removeRoute((item) => isInTheWay(item, wanted));
  return result(removed === 0 ? mover.kernel.addRoute(wanted) : error);
}

function removeRoute(mover: Mover, wanted: Route): Answer {
  const error = mover.kernel.removeRoute((item) => isSame(item, wanted));
  return result(error === -errno.ENOENT ? 0 : error);
}

function isInTheWay(item: Route, wanted: Route): boolean {
  const sameKey = item.table === wanted.table && item.dst === networkOf(wanted.dst);
  return sameKey && item.metric === metricOf(wanted) && item.protocol === ours.PROTOCOL;
}

function metricOf({ dst, metric }: Route): number {
  return familyOf(dst) === 6 && metric === 0 ? DEFAULT_METRIC_V6 : metric;
}

/** Equality in what a deletion by netlink compares: the source is left out, the protocol is in. */
function isSame(item: Route, wanted: Route): boolean {
  const unicast = wanted.kind === rtn.UNICAST;
  return (
    item.protocol === ours.PROTOCOL &&
    item.table === wanted.table &&
    item.dst === networkOf(wanted.dst) &&
    item.metric === metricOf(wanted) &&
    item.kind === wanted.kind &&
    (!unicast || (item.oif === wanted.oif && item.gateway === wanted.gateway))
  );
}
