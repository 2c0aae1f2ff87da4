/**
 * Addresses as text. Inside the program an address is always in canonical form, so that equality is
 * that of strings: IPv4 without leading zeros, IPv6 as RFC 5952 writes it, a MAC in lower case with
 * colons. "" stands for none.
 */

/** Canonical IPv4 or IPv6 address, "" for none. */
export type Ip = string;
/** Canonical address, a slash and the length. Host bits may be set. "" for none. */
export type Prefix = string;
/** Canonical hardware address, "" for none. */
export type Mac = string;

export type Family = 4 | 6;

const macPattern = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;
const macBytesCount = 6;
const lengthPattern = /^(?:0|[1-9][0-9]{0,2})$/;
const ip4Pattern = /^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/;
const groupPattern = /^[0-9a-f]{1,4}$/i;
const groupsCount = 8;

/** RFC 1918 and RFC 4193. */
const privatePrefixes: readonly Prefix[] = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
];

/** Loopback, groups and what is valid on one link only: no router forwards a packet from these. */
const unroutedPrefixes: readonly Prefix[] = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "224.0.0.0/4",
  "255.255.255.255/32",
  "::/127",
  "::ffff:0.0.0.0/96",
  "fe80::/10",
  "ff00::/8",
];

/** The canonical form of an address, undefined if it is none. Zones are refused. */
export function parseIp(text: string): Ip | undefined {
  const bytes = parseBytes(text);
  return bytes && formatIp(bytes);
}

/** The canonical form of a prefix; a bare address is a prefix of full length. Keeps host bits. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const bytes = parseBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const lengthText = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1);
  const valid = lengthPattern.test(lengthText) && Number(lengthText) <= bytes.length * 8;
  return valid ? `${formatIp(bytes)}/${lengthText}` : undefined;
}

/** The canonical form of a MAC with `:` or `-`; undefined for anything else and for all zeros. */
export function parseMac(text: string): Mac | undefined {
  if (!macPattern.test(text)) return undefined;
  const mac = text.toLowerCase().replaceAll("-", ":");
  return /[1-9a-f]/.test(mac) ? mac : undefined;
}

/** True for the address of a group, the broadcast included: no device sends from it. */
export function isGroupMac(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/** Canonical text of 4 or 16 bytes, "" of none. */
export function formatIp(bytes: Uint8Array | readonly number[]): Ip {
  switch (bytes.length) {
    case 0:
      return "";
    case 4:
      return bytes.join(".");
    case 16:
      return formatV6(bytes);
    default:
      throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  }
}

/** The bytes of an address, none of "". Throws RangeError for what parseIp refuses. */
export function ipBytes(ip: Ip): Uint8Array {
  if (ip === "") return new Uint8Array(0);
  const bytes = parseBytes(ip);
  if (bytes === undefined) throw new RangeError(`${JSON.stringify(ip)} is not an address`);
  return Uint8Array.from(bytes);
}

/** Canonical text of 6 bytes, "" if all are zero. */
export function formatMac(bytes: Uint8Array | readonly number[]): Mac {
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  if (pairs.length !== macBytesCount) {
    throw new RangeError(`a MAC has 6 bytes, not ${pairs.length}`);
  }
  return pairs.some((pair) => pair !== "00") ? pairs.join(":") : "";
}

/** The bytes of a MAC, zeros of "". Throws RangeError for what parseMac refuses. */
export function macBytes(mac: Mac): Uint8Array {
  if (mac === "") return new Uint8Array(macBytesCount);
  const canonical = parseMac(mac);
  if (canonical === undefined) throw new RangeError(`${JSON.stringify(mac)} is not a MAC`);
  return Uint8Array.from(canonical.split(":"), (pair) => parseInt(pair, 16));
}

/** Family of a canonical address or prefix; it must not be "". */
export function prefixFamily(text: Ip | Prefix): Family {
  return text.includes(":") ? 6 : 4;
}

/** The prefix of that length which begins with that address, host bits kept. */
export function makePrefix(ip: Ip, length: number = ip.includes(":") ? 128 : 32): Prefix {
  return `${ip}/${length}`;
}

export function prefixAddress(prefix: Prefix): Ip {
  return prefix.slice(0, prefix.indexOf("/"));
}

export function prefixLength(prefix: Prefix): number {
  return Number(prefix.slice(prefix.indexOf("/") + 1));
}

/** The number of bits that tell the addresses of a prefix apart. */
export function prefixHostBits(prefix: Prefix): number {
  return (prefixFamily(prefix) === 4 ? 32 : 128) - prefixLength(prefix);
}

/** The prefix with its host bits cleared. */
export function prefixNetwork(prefix: Prefix): Prefix {
  const length = prefixLength(prefix);
  const bytes = ipBytes(prefixAddress(prefix)).map((byte, i) => byte & maskByte(length, i));
  return `${formatIp(bytes)}/${length}`;
}

/** True if the address, or every address of the inner prefix, is in the outer one. */
export function prefixContains(outer: Prefix, inner: Ip | Prefix): boolean {
  const length = prefixLength(outer);
  const isPrefix = inner.includes("/");
  if (isPrefix && prefixLength(inner) < length) return false;
  const left = ipBytes(prefixAddress(outer));
  const right = ipBytes(isPrefix ? prefixAddress(inner) : inner);
  if (left.length !== right.length) return false;
  return left.every((byte, i) => ((byte ^ (right[i] ?? 0)) & maskByte(length, i)) === 0);
}

/** True if two prefixes have an address in common. */
export function prefixesOverlap(left: Prefix, right: Prefix): boolean {
  return prefixContains(left, right) || prefixContains(right, left);
}

/**
 * True for a default route's destination and for the coarse pieces that some split one into.
 * Multicast has coarse routes of its own.
 */
export function isDefaultLike(prefix: Prefix): boolean {
  if (prefixFamily(prefix) === 6) return prefixLength(prefix) < 7;
  return prefixLength(prefix) < 8 && !prefixContains("224.0.0.0/3", prefix);
}

/** True for addresses and prefixes that lie wholly in a range for private use. */
export function isPrivate(text: Ip | Prefix): boolean {
  return privatePrefixes.some((range) => prefixContains(range, text));
}

/** fe80::/10 in canonical text; asked of every neighbour, so not by arithmetic. */
export function isLinkLocal(text: Ip | Prefix): boolean {
  return /^fe[89ab]/.test(text);
}

/** True if nothing that is forwarded comes from there. */
export function isUnrouted(text: Ip | Prefix): boolean {
  return unroutedPrefixes.some((range) => prefixContains(range, text));
}

function maskByte(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff00 >> bits) & 0xff;
}

function parseBytes(text: string): readonly number[] | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

/** Strict: four decimal numbers; a leading zero might mean octal to somebody else. */
function parseV4(text: string): readonly number[] | undefined {
  if (!ip4Pattern.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

function parseV6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const parsed = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  const [head, tail] = parsed;
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = groupsCount - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}

/** Groups between colons; the last one of an address may be an IPv4 address. */
function parseGroups(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const embedded = isLast && last.includes(".") ? parseV4(parts.pop() ?? "") : [];
  if (embedded === undefined || !parts.every((part) => groupPattern.test(part))) return undefined;
  return [...parts.map((part) => parseInt(part, 16)), ...pairUp(embedded)];
}

function pairUp(bytes: Uint8Array | readonly number[]): number[] {
  const pairs: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    pairs.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  }
  return pairs;
}

/** RFC 5952 section 4.2: the longest run of zero groups is left out, the first of equals. */
function formatV6(bytes: Uint8Array | readonly number[]): Ip {
  const hex: string[] = [];
  let run = 0;
  let longest = 0;
  let end = 0;
  for (const group of pairUp(bytes)) {
    hex.push(group.toString(16));
    run = group === 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      end = hex.length;
    }
  }
  if (end === 5 && longest === 5 && hex[5] === "ffff") {
    return `::ffff:${bytes.slice(12).join(".")}`;
  }
  if (longest < 2) return hex.join(":");
  return `${hex.slice(0, end - longest).join(":")}::${hex.slice(end).join(":")}`;
}
