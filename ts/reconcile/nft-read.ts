/**
 * What `nft -j list table inet adit` printed, in the canonical form of ts/render/nft.ts. Tolerant
 * of JSON that it does not know: the structure then differs from every desired one, and is
 * replaced.
 */
import { parseIp } from "../model/ip.js";
import type { ObservedFirewall } from "../model/observed.js";
import { chainLine, elementKey, mapLine, structureText } from "../render/nft.js";

type Json = Readonly<Record<string, unknown>>;

/** Objects and elements beyond these are not looked at: no table of ours is that large. */
const objectsMax = 20_000;
const elementsMax = 100_000;

interface ReadChain {
  readonly hook: string;
  readonly comments: string[];
}

interface Found {
  readonly maps: string[];
  readonly chains: Map<string, ReadChain>;
  readonly elements: Map<string, string>;
  readonly strange: string[];
}

/** Text that is no JSON of nft gives a structure which equals none of ours. */
export function readFirewall(text: string): ObservedFirewall {
  const found: Found = { maps: [], chains: new Map(), elements: new Map(), strange: [] };
  for (const item of objectsOf(text)) readObject(item, found);
  const chains = [...found.chains].map(([name, { hook, comments }]) =>
    chainLine(name, hook, comments),
  );
  return {
    kind: "present",
    structure: structureText([...found.maps, ...found.strange], chains),
    elements: found.elements,
  };
}

function objectsOf(text: string): readonly unknown[] {
  try {
    const list = asObject(JSON.parse(text))["nftables"];
    return Array.isArray(list) ? list.slice(0, objectsMax) : [{ unreadable: {} }];
  } catch {
    return [{ unreadable: {} }];
  }
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function readObject(item: unknown, found: Found): void {
  const [kind, value] = Object.entries(asObject(item))[0] ?? ["empty", undefined];
  const object = asObject(value);
  switch (kind) {
    case "metainfo":
    case "table":
      return;
    case "map":
    case "set":
      readMap(object, found);
      return;
    case "chain":
      readChain(object, found);
      return;
    case "rule":
      readRule(object, found);
      return;
    default:
      found.strange.push(`strange ${kind}`);
  }
}

function word(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  return value === undefined ? "" : JSON.stringify(value);
}

function readMap(object: Json, found: Found): void {
  const { name, type, map, flags, elem } = object;
  found.maps.push(mapLine(word(name), word(type), word(map), word(flags)));
  if (!Array.isArray(elem)) return;
  for (const item of elem.slice(0, elementsMax) as unknown[]) {
    const isPair = map !== undefined && Array.isArray(item);
    const [key, value] = (isPair ? item : [item]) as unknown[];
    const text = type === "mark" ? markText(key) : addressText(scalarText(key));
    found.elements.set(elementKey({ map: word(name), key: text }), addressText(valueText(value)));
  }
}

/** The C library writes some IPv6 addresses with an IPv4 tail. */
function addressText(text: string): string {
  return text.includes(":") ? (parseIp(text) ?? text) : text;
}

function scalarText(key: unknown): string {
  const inner = asObject(key)["elem"];
  return inner === undefined ? word(key) : word(asObject(inner)["val"]);
}

/** A mark is a number, or a text of one from older versions. */
function markText(key: unknown): string {
  const value = Number(scalarText(key));
  return Number.isNaN(value) ? word(key) : `0x${value.toString(16).padStart(8, "0")}`;
}

function valueText(value: unknown): string {
  const [verdict, detail] = Object.entries(asObject(value))[0] ?? [];
  if (verdict === undefined) return word(value);
  const target = asObject(detail)["target"];
  return target === undefined ? verdict : `${verdict} ${word(target)}`;
}

function chainAt(name: string, found: Found): ReadChain {
  const chain = found.chains.get(name) ?? { hook: "", comments: [] };
  found.chains.set(name, chain);
  return chain;
}

function readChain(object: Json, found: Found): void {
  const { name, type, hook, prio, policy } = object;
  const words = hook === undefined ? [] : [type, hook, prio, policy];
  const { comments } = chainAt(word(name), found);
  found.chains.set(word(name), { hook: words.map(word).join(" "), comments });
}

/** A rule without our comment is foreign, which makes the structure differ. */
function readRule(object: Json, found: Found): void {
  chainAt(word(object["chain"]), found).comments.push(word(object["comment"]));
}
