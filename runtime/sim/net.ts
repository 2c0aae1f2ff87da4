/**
 * Addresses and prefixes of the simulated kernel, as 32-bit words. Written apart from
 * ts/model/ip.ts, so that a mistake there does not hide here.
 */
export interface Net {
  readonly family: 4 | 6;
  /** One word for IPv4, four for IPv6, most significant first, unsigned. */
  readonly words: readonly number[];
  readonly length: number;
}

const parsed = new Map<string, Net | undefined>();
const PARSED_MAX = 50_000;

/** An address or prefix; undefined if the text is neither. Results are cached. */
export function parseNet(text: string): Net | undefined {
  const known = parsed.get(text);
  if (known !== undefined || parsed.has(text)) return known;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  const net = parseUncached(text);
  parsed.set(text, net);
  return net;
}

export function netOf(text: string): Net {
  const net = parseNet(text);
  if (net === undefined) throw new RangeError(`"${text}" is neither an address nor a prefix`);
  return net;
}

export function familyOf(text: string): 4 | 6 {
  return netOf(text).family;
}

/** True if every address of `inner` is in `outer`. */
export function contains(outer: Net, inner: Net): boolean {
  if (outer.family !== inner.family || inner.length < outer.length) return false;
  return sameBits(outer.words, inner.words, outer.length);
}

export function overlaps(a: Net, b: Net): boolean {
  return a.family === b.family && sameBits(a.words, b.words, Math.min(a.length, b.length));
}

/** The address without prefix length. */
export function hostOf(prefix: string): string {
  const slash = prefix.indexOf("/");
  return slash < 0 ? prefix : prefix.slice(0, slash);
}

/** Canonical text of the network: host bits cleared, `/length` always there. */
export function networkOf(text: string): string {
  const net = netOf(text);
  const words = net.words.map((word, i) => (word & maskWord(net.length - 32 * i)) >>> 0);
  return `${formatWords(net.family, words)}/${net.length}`;
}

export function maskedAddress(address: Net, mask: Net): string {
  const words = address.words.map((word, i) => (word & (mask.words[i] ?? 0)) >>> 0);
  return formatWords(address.family, words);
}

export function hasHostBits(text: string): boolean {
  const net = netOf(text);
  return net.words.some((word, i) => (word & ~maskWord(net.length - 32 * i)) !== 0);
}

export function bitsOf(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** Orders addresses numerically; for sorted listings. */
export function compareNets(a: Net, b: Net): number {
  for (let i = 0; i < a.words.length; i++) {
    const difference = (a.words[i] ?? 0) - (b.words[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function formatWords(family: 4 | 6, words: readonly number[]): string {
  if (family === 4) {
    const word = words[0] ?? 0;
    return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join(".");
  }
  return formatGroups(words.flatMap((word) => [word >>> 16, word & 0xffff]));
}

/** RFC 5952: the longest run of at least two zero groups is shortened, the first of equals. */
function formatGroups(groups: readonly number[]): string {
  let best = 0;
  let start = -1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > best) [best, start] = [run, i];
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + best).join(":")}`;
}

function maskWord(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits);
}

function sameBits(a: readonly number[], b: readonly number[], length: number): boolean {
  for (let i = 0; 32 * i < length; i++) {
    if ((((a[i] ?? 0) ^ (b[i] ?? 0)) & maskWord(length - 32 * i)) !== 0) return false;
  }
  return true;
}

function parseUncached(text: string): Net | undefined {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const family = host.includes(":") ? 6 : 4;
  const words = family === 4 ? parseWords4(host) : parseWords6(host);
  if (words === undefined) return undefined;
  if (slash < 0) return { family, words, length: bitsOf(family) };
  const tail = text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(tail) ? Number(tail) : 999;
  return length > bitsOf(family) ? undefined : { family, words, length };
}

function parseWords4(text: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return [bytes.reduce((word, byte) => word * 256 + byte, 0)];
}

function parseWords6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "");
  const tail = groupsOf(halves[1] ?? "");
  if (head === undefined || tail === undefined) return undefined;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  const groups = [...head, ...Array<number>(gap).fill(0), ...tail];
  return [0, 2, 4, 6].map((i) => (groups[i] ?? 0) * 65_536 + (groups[i + 1] ?? 0));
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}
