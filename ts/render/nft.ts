/**
 * A table of nftables as text for `nft -f`, and the canonical form of its structure, which
 * ts/reconcile/nft-read.ts makes from what is read back. Every rule carries a comment with its
 * reason and a hash of its text: that is how a rule is recognised.
 */
import type { DesiredFirewall, FirewallElement } from "../model/desired.js";

export interface NftMap {
  readonly name: string;
  readonly key: "ether_addr" | "ipv4_addr" | "ipv6_addr" | "ifname" | "mark";
  /** Undefined makes a set. */
  readonly value: "verdict" | "ipv4_addr" | "ipv6_addr" | undefined;
}

export interface NftRule {
  readonly text: string;
  /** At most 100 characters without quotes. */
  readonly why: string;
}

export interface NftHook {
  readonly type: "filter" | "nat" | "route";
  readonly hook: "prerouting" | "forward" | "output" | "postrouting";
  readonly priority: number;
}

export interface NftChain {
  readonly name: string;
  /** Undefined for a chain that rules jump to. */
  readonly hook: NftHook | undefined;
  readonly rules: readonly NftRule[];
}

export interface NftTable {
  readonly maps: readonly NftMap[];
  readonly chains: readonly NftChain[];
  readonly elements: readonly FirewallElement[];
}

const tableName = "inet adit";
/** Elements on one line of a script. */
const elementsPerLine = 100;

export function renderTable(table: NftTable): DesiredFirewall {
  const body = [...table.maps.map(mapText), ...table.chains.map(chainText)];
  return {
    script: `table ${tableName} {\n${body.join("")}}\n`,
    structure: structureText(
      table.maps.map(({ name, key, value }) => mapLine(name, key, value ?? "", "")),
      table.chains.map(({ name, hook, rules }) =>
        chainLine(
          name,
          hook === undefined ? "" : `${hook.type} ${hook.hook} ${hook.priority} accept`,
          rules.map(commentOf),
        ),
      ),
    ),
    elements: new Map(table.elements.map((element) => [elementKey(element), element])),
  };
}

export function elementKey(element: { readonly map: string; readonly key: string }): string {
  return `${element.map} ${element.key}`;
}

/** Order of maps and chains does not matter, order of rules does. */
export function structureText(maps: readonly string[], chains: readonly string[]): string {
  return [...[...maps].sort(), ...[...chains].sort()].join("\n");
}

export function mapLine(name: string, key: string, value: string, flags: string): string {
  return ["map", name, key, value, flags].join(" ").trimEnd();
}

export function chainLine(name: string, hook: string, comments: readonly string[]): string {
  return [`chain ${name} ${hook}`.trimEnd(), ...comments.map((text) => `  ${text}`)].join("\n");
}

function commentOf(rule: NftRule): string {
  return `adit: ${rule.why} #${hashText(rule.text)}`;
}

/** FNV-1a, 32 bits: tells texts apart, resists nobody who wants to collide. */
function hashText(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function mapText({ name, key, value }: NftMap): string {
  const type = value === undefined ? key : `${key} : ${value}`;
  return `  ${value === undefined ? "set" : "map"} ${name} { type ${type}; }\n`;
}

function chainText({ name, hook, rules }: NftChain): string {
  const lines = rules.map((rule) => `    ${rule.text} comment "${commentOf(rule)}"\n`);
  const head =
    hook === undefined
      ? ""
      : `    type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;\n`;
  return `  chain ${name} {\n${head}${lines.join("")}  }\n`;
}

/** The whole table anew, whatever stood there, as one transaction. */
export function replaceScript(firewall: DesiredFirewall): string {
  const fresh = `table ${tableName} {}\ndelete table ${tableName}\n`;
  return fresh + firewall.script + elementsScript("add", [...firewall.elements.values()]);
}

export function removeScript(): string {
  return `table ${tableName} {}\ndelete table ${tableName}\n`;
}

/** Lines that add or delete elements, grouped by map. */
export function elementsScript(
  verb: "add" | "delete",
  elements: readonly FirewallElement[],
): string {
  const byMap = new Map<string, string[]>();
  for (const element of elements) {
    const texts = byMap.get(element.map) ?? [];
    texts.push(verb === "add" ? addText(element) : keyText(element.map, element.key));
    byMap.set(element.map, texts);
  }
  const lines: string[] = [];
  for (const [map, texts] of byMap) {
    for (let at = 0; at < texts.length; at += elementsPerLine) {
      const part = texts.slice(at, at + elementsPerLine).join(", ");
      lines.push(`${verb} element ${tableName} ${map} { ${part} }\n`);
    }
  }
  return lines.join("");
}

function addText({ map, key, value }: FirewallElement): string {
  const text = keyText(map, key);
  return value === "" ? text : `${text} : ${value}`;
}

const nameSets: readonly string[] = ["lan", "inward", "uplink", "free"];

/** Interface names are quoted because some are words of the nft language. */
function keyText(map: string, key: string): string {
  return nameSets.includes(map) || map.includes("iface_") ? `"${key}"` : key;
}
