/** IPv4 and IPv6 addresses and prefixes. */
import { expect, isText, memo, mistake } from "./check.js";
import type { Device } from "./types.js";

/** Two groups of 16 bits for IPv4, eight for IPv6. */
type Groups = readonly number[];

interface Prefix {
  readonly groups: Groups;
  readonly bits: number;
  /** How IPv4 addresses in it begin, if its length is whole octets; empty otherwise. */
  readonly start: string;
}

const groupBits = 16;
const groupsOf6 = 8;

/**
 * Whether an address, or any address of a device, lies in one of the prefixes. IPv4 never lies in
 * an IPv6 prefix. Bits of a prefix beyond its length do not count, and without a length it is one
 * address.
 *
 * @example
 * ```ts
 * inPrefix(device, "192.168.20.0/24", "fd00:20::/64")
 * inPrefix("10.1.2.3", "10.0.0.0/8")
 * ```
 */
export function inPrefix(of: Device | string, ...prefixes: string[]): boolean {
  for (const text of prefixes) {
    const prefix = parsePrefix(text);
    if (isText(of) ? holds(prefix, of) : holdsOne(prefix, of.addresses)) return true;
  }
  return false;
}

const isIn6 = ({ groups }: Prefix): boolean => groups.length === groupsOf6;

/** The kernel writes IPv4 addresses in one way only, so most need not be parsed. */
function holdsOne(prefix: Prefix, addresses: readonly string[]): boolean {
  const { start } = prefix;
  for (let i = 0; i < addresses.length; i += 1) {
    const address = addresses[i] as string;
    if (start === "" ? holds(prefix, address) : address.startsWith(start)) return true;
  }
  return false;
}

function holds(prefix: Prefix, address: string): boolean {
  const groups = isIn6(prefix) === address.includes(":") ? anAddress(address) : undefined;
  return groups !== undefined && covers(prefix, groups);
}

function anAddress(text: string): Groups {
  const groups = parseAddress(text);
  if (groups === undefined) throw mistake("inPrefix", text, "an IPv4 or IPv6 address");
  return groups;
}

function covers({ groups, bits }: Prefix, address: Groups): boolean {
  for (let i = 0, left = bits; left > 0; i += 1, left -= groupBits) {
    const ignored = Math.max(0, groupBits - left);
    if ((groups[i] as number ^ address[i] as number) >> ignored !== 0) return false;
  }
  return true;
}

/** The prefix of a text such as `10.0.0.0/8`, or a mistake. */
export const parsePrefix = memo((text): Prefix => {
  expect(isText(text), "prefix", text, expectedPrefix);
  const [address = "", length, ...rest] = text.split("/");
  const groups = parseAddress(address);
  const bitsMax = (groups?.length ?? 0) * groupBits;
  const bits = length === undefined ? bitsMax : parseDecimal(length, bitsMax);
  if (groups === undefined || rest.length > 0 || Number.isNaN(bits)) {
    throw mistake("prefix", text, expectedPrefix);
  }
  const isWhole = groups.length !== groupsOf6 && bits % 8 === 0 && bits > 0 && bits < bitsMax;
  return { groups, bits, start: isWhole ? `${address.split(".", bits / 8).join(".")}.` : "" };
});

const expectedPrefix = 'an address and a length such as "10.0.0.0/8" or "fd00::/8"';

function parseAddress(text: string): Groups | undefined {
  return text.includes(":") ? parse6(text) : parse4(text);
}

function parse4(text: string): Groups | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts.map((part) => parseDecimal(part, 255));
  return Number.isNaN(a + b + c + d) ? undefined : [a << 8 | b, c << 8 | d];
}

/** A number without sign and leading zeroes, as 010 means two things; NaN for anything else. */
function parseDecimal(text: string, max: number): number {
  const value = +text;
  return value >= 0 && value <= max && `${value}` === text ? value : NaN;
}

/** RFC 4291 section 2.2: groups, at most one `::`, and perhaps an IPv4 address at the end. */
function parse6(text: string): Groups | undefined {
  const halves = text.split("::");
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (head === undefined || halves.length > 2) return undefined;
  if (halves.length === 1) return head.length === groupsOf6 ? head : undefined;
  if (tail === undefined || head.length + tail.length >= groupsOf6) return undefined;
  const between = Array<number>(groupsOf6 - head.length - tail.length).fill(0);
  return [...head, ...between, ...tail];
}

function parseGroups(text: string, isLast: boolean): Groups | undefined {
  if (text === "") return [];
  const words = text.split(":");
  const embedded = isLast && text.includes(".") ? parse4(words.pop() ?? "") : [];
  const groups = words.map(parseGroup);
  if (embedded === undefined || groups.some(Number.isNaN)) return undefined;
  return [...groups, ...embedded];
}

/** One to four hexadecimal digits; NaN for anything else, also for the blanks that Number skips. */
function parseGroup(text: string): number {
  return text.length <= 4 && text.trim() === text ? Number(`0x${text}`) : NaN;
}
