/** How a network without IPv4 leads to IPv4 addresses: which prefix, and how it holds them. */
import type { Ip } from "./ip.js";
import { formatIp, ipBytes, prefixFamily } from "./ip.js";

/** A resolver of such a network answers about it with addresses in its prefix (RFC 7050). */
export const nat64Name = "ipv4only.arpa";
/** Any global address: whoever has a route to it has IPv6. */
export const nat64Anywhere: Ip = "2000::";

/** The addresses of that name (RFC 7050 section 8.2), by their first three bytes and the last. */
const wellKnownHead = [192, 0, 0] as const;
const wellKnownTails = [170, 171] as const;
/** Where the four bytes stand by the length of the prefix (RFC 6052 section 2.2); 8 is left out. */
const places: readonly (readonly number[])[] = [
  [12, 13, 14, 15],
  [9, 10, 11, 12],
  [7, 9, 10, 11],
  [6, 7, 9, 10],
  [5, 6, 7, 9],
  [4, 5, 6, 7],
];

/** IPv4 addresses as the prefix holds them that an answer about the name shows; others stay. */
export function throughNat64(addresses: readonly Ip[], answers: readonly Ip[]): readonly Ip[] {
  const [first] = answers.filter((answer) => placeOf(answer) !== undefined);
  const place = first === undefined ? undefined : placeOf(first);
  if (first === undefined || place === undefined) return addresses;
  return addresses.map((address) => {
    if (prefixFamily(address) === 6) return address;
    const bytes = ipBytes(first);
    ipBytes(address).forEach((byte, at) => (bytes[place[at] ?? 0] = byte));
    return formatIp(bytes);
  });
}

function placeOf(answer: Ip): readonly number[] | undefined {
  const bytes = ipBytes(answer);
  return places.find((place) => {
    const held = place.map((at) => bytes[at] ?? 0);
    const isKnown = wellKnownHead.every((byte, at) => held[at] === byte);
    return isKnown && wellKnownTails.some((tail) => held[3] === tail);
  });
}
