/**
 * A reference model of the part of nftables that adit's scripts use: transactions of whole tables
 * and elements, and the walk of a packet through chains. It reads the very text that the kernel
 * would get.
 */

export interface Packet {
  readonly mac: string;
  readonly src: string;
  readonly dst: string;
  readonly iif: string;
}

interface Chain {
  readonly hook: string;
  readonly rules: string[];
}

export interface NftState {
  readonly maps: Map<string, { readonly type: string; readonly elements: Map<string, string> }>;
  readonly chains: Map<string, Chain>;
}

/** Applies a script as one transaction to a copy; throws where nft would refuse. */
export function applyScript(before: NftState | undefined, script: string): NftState | undefined {
  let state = before === undefined ? undefined : copyOf(before);
  const lines = script.split("\n").map((line) => line.trim());
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line === "") continue;
    if (line === "table inet adit {}") state ??= { maps: new Map(), chains: new Map() };
    else if (line === "delete table inet adit") state = undefined;
    else if (line === "table inet adit {") {
      const end = lines.indexOf("}", at);
      const until = lastClose(lines, at, end);
      state = readTable(lines.slice(at + 1, until));
      at = until;
    } else applyElements(state, line);
  }
  return state;
}

/** The table's own brace is the last line that is a brace before an element line or the end. */
function lastClose(lines: readonly string[], at: number, first: number): number {
  let last = first;
  for (let i = at + 1; i < lines.length && !/^(add|delete) element/.test(lines[i] ?? ""); i++) {
    if (lines[i] === "}") last = i;
  }
  return last;
}

function copyOf(state: NftState): NftState {
  const maps = [...state.maps].map(
    ([name, { type, elements }]) => [name, { type, elements: new Map(elements) }] as const,
  );
  return { maps: new Map(maps), chains: new Map(state.chains) };
}

function readTable(lines: readonly string[]): NftState {
  const state: NftState = { maps: new Map(), chains: new Map() };
  let chain: { hook: string; rules: string[] } | undefined;
  for (const line of lines) {
    const map = /^(?:map|set) (\S+) \{ type (.+); \}$/.exec(line);
    const head = /^chain (\S+) \{$/.exec(line);
    const hook = /^type (\S+) hook (\S+) priority (\S+); policy accept;$/.exec(line);
    if (map) state.maps.set(map[1] ?? "", { type: map[2] ?? "", elements: new Map() });
    else if (head) state.chains.set(head[1] ?? "", (chain = { hook: "", rules: [] }));
    else if (hook && chain) chain.hook = `${hook[1]} ${hook[2]} ${hook[3]} accept`;
    else if (line !== "}") chain?.rules.push(line);
  }
  return state;
}

function applyElements(state: NftState | undefined, line: string): void {
  const found = /^(add|delete) element inet adit (\S+) \{ (.+) \}$/.exec(line);
  const elements = state?.maps.get(found?.[2] ?? "")?.elements;
  if (!found || !elements) throw new Error(`nft refuses: ${line}`);
  for (const text of (found[3] ?? "").split(", ")) {
    const [key = "", value = ""] = text.split(" : ");
    const plain = key.replace(/"/g, "");
    if (found[1] === "delete" && !elements.delete(plain)) throw new Error(`no element ${line}`);
    if (found[1] !== "add") continue;
    if ((elements.get(plain) ?? value) !== value) throw new Error(`element exists: ${line}`);
    elements.set(plain, value);
  }
}

/** What `nft -j list table inet adit` prints of it. */
export function listJson(state: NftState): string {
  const objects: unknown[] = [{ metainfo: {} }, { table: { family: "inet", name: "adit" } }];
  for (const [name, { type, elements }] of state.maps) {
    const [key, value] = type.split(" : ");
    const elem = [...elements].map(([text, data]) => {
      const scalar = key === "mark" ? Number(text) : text;
      return value === undefined ? scalar : [scalar, dataJson(data)];
    });
    const common = { family: "inet", name, table: "adit", type: key };
    objects.push(
      value === undefined ? { set: { ...common, elem } } : { map: { ...common, map: value, elem } },
    );
  }
  for (const [name, { hook }] of state.chains) {
    const [type, point, prio, policy] = hook.split(" ");
    const base = hook === "" ? {} : { type, hook: point, prio: Number(prio), policy };
    objects.push({ chain: { family: "inet", table: "adit", name, ...base } });
  }
  for (const [chain, { rules }] of state.chains) {
    for (const rule of rules) {
      const comment = /comment "(.*)"$/.exec(rule)?.[1];
      objects.push({ rule: { family: "inet", table: "adit", chain, comment, expr: [] } });
    }
  }
  return JSON.stringify({ nftables: objects });
}

function dataJson(data: string): unknown {
  const target = /^goto (\S+)$/.exec(data)?.[1];
  return target === undefined ? data : { goto: { target } };
}

export interface Walk {
  readonly verdict: "accept" | "drop";
  readonly mark: number;
}

/** Walks a base chain by name; no table accepts everything. */
export function walkChain(
  state: NftState | undefined,
  name: string,
  packet: Packet,
  oif: string,
  mark = 0,
): Walk {
  let current = state?.chains.get(name);
  let now = mark;
  for (let at = 0; current !== undefined && at < current.rules.length; at++) {
    const text = (current.rules[at] ?? "").replace(/ comment ".*"$/, "");
    const step = stepOf(state as NftState, text, packet, oif);
    if (step === undefined) continue;
    const set = /^meta mark set meta mark & (\S+) \| (\S+)$/.exec(step);
    if (set) now = ((now & Number(set[1])) | Number(set[2])) >>> 0;
    else if (step === "accept" || step === "return") return { verdict: "accept", mark: now };
    else if (step === "drop") return { verdict: "drop", mark: now };
    else {
      current = state?.chains.get(step.replace("goto ", ""));
      at = -1;
    }
  }
  return { verdict: "accept", mark: now };
}

/** What a matching rule does, undefined if it does not match. */
function stepOf(state: NftState, text: string, packet: Packet, oif: string): string | undefined {
  if (text.startsWith("meta mark set")) return text;
  // The walk is that of the first packet of a connection from the LAN.
  if (/^(ct|tcp) /.test(text)) return undefined;
  const lookup = /^(ether|ip|ip6|iifname)(?: saddr)?(?: & (\S+))? vmap @(\S+)$/.exec(text);
  if (lookup) {
    const key = keyOf(lookup[1] ?? "", lookup[2], packet);
    return key === undefined ? undefined : state.maps.get(lookup[3] ?? "")?.elements.get(key);
  }
  const past = /^(ip6?) daddr(?: & (\S+))? @(bypass\S+) (.+)$/.exec(text);
  if (past) {
    const key = keyOf(past[1] ?? "", past[2], { ...packet, src: packet.dst });
    const isIn = key !== undefined && state.maps.get(past[3] ?? "")?.elements.has(key);
    return isIn === true ? past[4] : undefined;
  }
  const names = /^([io]ifname) (!= )?(?:\{ (.+?) \}|"(\S+)"|@(\S+)) ?(.*)$/.exec(text);
  if (!names) return text.replace("counter ", "");
  const [, field, not, several, one, set, rest] = names;
  const list = several?.replace(/"/g, "").split(", ") ?? (one === undefined ? undefined : [one]);
  const known = list ?? [...(state.maps.get(set ?? "")?.elements.keys() ?? [])];
  const matches = known.includes(field === "iifname" ? packet.iif : oif) !== (not !== undefined);
  return matches ? stepOf(state, rest ?? "", packet, oif) : undefined;
}

function keyOf(field: string, mask: string | undefined, packet: Packet): string | undefined {
  if (field === "ether") return packet.mac;
  if (field === "iifname") return packet.iif;
  if ((field === "ip6") !== packet.src.includes(":")) return undefined;
  return mask === undefined ? packet.src : maskedText(packet.src, mask);
}

function maskedText(address: string, mask: string): string {
  if (!address.includes(":")) {
    const parts = mask.split(".").map(Number);
    return address
      .split(".")
      .map((part, i) => Number(part) & (parts[i] ?? 0))
      .join(".");
  }
  const masked = wide(address) & wide(mask);
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((masked >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/** The bits of an IPv6 address, by a way that shares nothing with the code under test. */
export function wide(address: string): bigint {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const middle = new Array<string>(8 - left.length - right.length).fill("0");
  const groups = tail === undefined ? left : [...left, ...middle, ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
