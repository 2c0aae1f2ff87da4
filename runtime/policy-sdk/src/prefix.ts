/** IPv4 and IPv6 addresses and prefixes. */
import { expect, memo, mistake } from "./check.js";
import type { Device } from "./types.js";

/** Two groups of 16 bits for IPv4, eight for IPv6. */
type Groups = readonly number[];

interface Prefix {
  readonly groups: Groups;
  readonly bits: number;
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
  const addresses = typeof of === "string" ? [of] : of.addresses;
  const wanted = prefixes.map(parsePrefix);
  return addresses.some((address) => {
    const groups = parseAddress(address);
    if (groups === undefined) throw mistake("inPrefix", address, "an IPv4 or IPv6 address");
    return wanted.some((prefix) => covers(prefix, groups));
  });
}

function covers({ groups, bits }: Prefix, address: Groups): boolean {
  if (groups.length !== address.length) return false;
  return groups.every((group, index) => {
    const left = bits - index * groupBits;
    if (left <= 0) return true;
    const ignored = left >= groupBits ? 0 : groupBits - left;
    return (group ^ address[index] as number) >> ignored === 0;
  });
}

/** The prefix of a text such as `10.0.0.0/8`, or a mistake. */
export const parsePrefix = memo((text): Prefix => {
  expect(typeof text === "string", "prefix", text, expectedPrefix);
  const [address = "", length, ...rest] = text.split("/");
  const groups = parseAddress(address);
  const bitsMax = (groups?.length ?? 0) * groupBits;
  const bits = length === undefined ? bitsMax : parseNumber(length, 10, 3);
  if (groups === undefined || rest.length > 0 || !(bits <= bitsMax)) {
    throw mistake("prefix", text, expectedPrefix);
  }
  return { groups, bits };
});

const expectedPrefix = 'an address and a length such as "10.0.0.0/8" or "fd00::/8"';

function parseAddress(text: string): Groups | undefined {
  return text.includes(":") ? parse6(text) : parse4(text);
}

function parse4(text: string): Groups | undefined {
  const parts = text.split(".").map((part) => parseNumber(part, 10, 3));
  if (parts.length !== 4 || !parts.every((part) => part <= 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return [a << 8 | b, c << 8 | d];
}

/** RFC 4291 section 2.2: groups, at most one `::`, and perhaps an IPv4 address at the end. */
function parse6(text: string): Groups | undefined {
  const halves = text.split("::").map(parseGroups);
  const [head, tail] = halves;
  if (head === undefined || halves.length > 2) return undefined;
  if (halves.length === 1) return head.length === groupsOf6 ? head : undefined;
  if (tail === undefined || head.length + tail.length >= groupsOf6) return undefined;
  return [...head, ...Array(groupsOf6 - head.length - tail.length).fill(0) as number[], ...tail];
}

function parseGroups(text: string, half: number, halves: readonly string[]): Groups | undefined {
  if (text === "") return [];
  const words = text.split(":");
  const embedded = half === halves.length - 1 && text.includes(".") ? parse4(words.pop() ?? "") : [];
  const groups = words.map((word) => parseNumber(word, 16, 4));
  if (embedded === undefined || !groups.every((group) => group <= 0xffff)) return undefined;
  return [...groups, ...embedded];
}

const digits = "0123456789abcdef";

/** A number of at most so many digits; NaN for anything else, as for 010, which means two things. */
function parseNumber(text: string, base: 10 | 16, digitsMax: number): number {
  if (text.length < 1 || text.length > digitsMax) return NaN;
  if (base === 10 && text.length > 1 && text[0] === "0") return NaN;
  let value = 0;
  for (const digit of text.toLowerCase()) {
    const worth = digits.indexOf(digit);
    if (worth < 0 || worth >= base) return NaN;
    value = value * base + worth;
  }
  return value;
}
