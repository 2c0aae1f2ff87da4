/** What a mover reports of its kernel, as canonical text without what chance decides. */
import type { MoverMessage } from "../../ts/host/contract.gen.js";
import { addressText, routeText, ruleText } from "../../runtime/sim/kernel-objects.js";
import type { Target } from "./target.js";
import { listTable, waitFor } from "./target.js";

/**
 * Every object of a fresh dump. One that began before the last change may still be on its way, so
 * that its beginning is let pass first: without that it is no whole one.
 */
export async function dumpOf(target: Target): Promise<readonly MoverMessage[]> {
  await target.ask({ type: "sysctl_get", key: "net/ipv4/ip_forward" });
  target.takeNews();
  await target.ask({ type: "watch" });
  const news = await waitFor(target, (sofar) => wholeDump(sofar) !== undefined);
  const dump = wholeDump(news);
  if (dump === undefined) throw new Error(`${target.name}: watch gave no dump`);
  return dump;
}

/** What stands between the last dump_end and its dump_begin. */
function wholeDump(news: readonly MoverMessage[]): readonly MoverMessage[] | undefined {
  const types = news.map(({ type }) => type);
  const end = types.lastIndexOf("dump_end");
  const begin = end < 0 ? -1 : types.lastIndexOf("dump_begin", end);
  return begin < 0 ? undefined : news.slice(begin + 1, end);
}

/** Sorted lines of routes, rules and addresses; link-local addresses are random and left out. */
export async function observe(target: Target): Promise<string> {
  const objects = await dumpOf(target);
  const names = new Map<number, string>();
  for (const item of objects) if (item.type === "link") names.set(item.index, item.name);
  const nameOf = (index: number): string => names.get(index) ?? `#${index}`;
  const lines = objects.map((item) => {
    switch (item.type) {
      case "route":
        return `route ${routeText(item, nameOf)}`;
      case "rule":
        return `rule ${ruleText(item)}`;
      case "address":
        return `address ${addressText(item, nameOf)} proto ${item.protocol}`;
      case "link":
        return `link ${item.name} up ${item.flags & 1} mtu ${item.mtu}`;
      default:
        return `${item.type} ${JSON.stringify(item)}`;
    }
  });
  return lines.filter((line) => !/\bfe80::|^(neighbour|nft_changed)/.test(line)).sort().join("\n");
}

/** The table as nft prints it, without handles, elements in order. */
export async function observeTable(target: Target): Promise<string> {
  const text = await listTable(target);
  return text === undefined ? "no table" : canonicalTable(text);
}

export function canonicalTable(text: string): string {
  const { nftables } = JSON.parse(text) as { nftables: Record<string, unknown>[] };
  const lines = nftables
    .filter((item) => !("metainfo" in item))
    .map((item) => JSON.stringify(item, withoutHandles));
  // The kernel lists sets in the order of their making, chains likewise; only rules depend on it.
  const rules = lines.filter((line) => line.startsWith('{"rule"'));
  return [...lines.filter((line) => !line.startsWith('{"rule"')).sort(), ...rules].join("\n");
}

/** From nftables 1.1 on, several flags of a packet are an expression and no list. */
function flagsOf(value: object): unknown[] | undefined {
  const { "|": flags, ...others } = value as { readonly "|"?: unknown };
  const isFlags = Array.isArray(flags) && flags.every((flag) => typeof flag === "string");
  return isFlags && Object.keys(others).length === 0 ? flags : undefined;
}

function withoutHandles(key: string, value: unknown): unknown {
  if (key === "handle") return undefined;
  if (key === "elem" && Array.isArray(value)) {
    return value.map((item: unknown) => JSON.stringify(item)).sort();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const flags = flagsOf(value);
  if (flags !== undefined) return flags;
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
