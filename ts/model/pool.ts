/** Arithmetic on pools of inner addresses: hosts of a prefix, their order, a free one by chance. */
import type { Ip, Prefix } from "./ip.js";
import {
  formatIp,
  ipBytes,
  makePrefix,
  prefixAddress,
  prefixLength,
  prefixNetwork,
} from "./ip.js";
import type { Random } from "./random.js";
import { randomBelow } from "./random.js";

/** Addresses looked at from a random start; certain to find a free one while fewer are taken. */
const scanMax = 1_024;
/** Bits of the host part that are used; what lies above them stays zero in IPv6. */
const hostBitsMax = 31;

/** The address of an inner prefix, "" of "". */
export function addressOf(prefix: Prefix): Ip {
  return prefix === "" ? "" : prefixAddress(prefix);
}

/** The address with the pool's length, as a welcome carries it; "" of "". */
export function withLengthOf(address: Ip, pool: Prefix): Prefix {
  return address === "" ? "" : makePrefix(address, prefixLength(pool));
}

/** How many addresses of the pool the host numbers reach, including network and broadcast. */
function hostCount(pool: Prefix): number {
  const bits = ipBytes(prefixAddress(pool)).length * 8 - prefixLength(pool);
  return 2 ** Math.min(bits, hostBitsMax);
}

/** The address with that number in the pool; 0 is the network itself. */
function hostAt(pool: Prefix, host: number): Ip {
  const bytes = ipBytes(prefixAddress(prefixNetwork(pool)));
  let rest = host;
  for (let index = bytes.length - 1; rest > 0 && index >= 0; index--) {
    bytes[index] = (bytes[index] ?? 0) | (rest & 255);
    rest = Math.floor(rest / 256);
  }
  return formatIp(bytes);
}

/** The address that the gateway itself takes: the first of the pool. */
export function gatewayOfPool(pool: Prefix): Ip {
  return hostAt(pool, Math.min(1, hostCount(pool) - 1));
}

/** True if the address may belong to a client: neither network nor, in IPv4, broadcast. */
export function isHostOfPool(prefix: Prefix): boolean {
  const bits = ipBytes(prefixAddress(prefix)).length * 8;
  if (prefixLength(prefix) >= bits - 1) return true;
  if (prefixNetwork(prefix) === prefix) return false;
  return bits === 128 || hostAt(prefix, hostCount(prefix) - 1) !== prefixAddress(prefix);
}

/** A free address for a client, never network, broadcast or the gateway's; undefined if none is. */
export function hostOfPool(
  pool: Prefix,
  isTaken: (address: Ip) => boolean,
  random: Random,
): Ip | undefined {
  if (pool === "") return undefined;
  const count = hostCount(pool);
  const own = gatewayOfPool(pool);
  const start = randomBelow(random, count);
  for (let step = 0; step < Math.min(count, scanMax); step++) {
    const address = hostAt(pool, (start + step) % count);
    const usable = address !== own && isHostOfPool(withLengthOf(address, pool));
    if (usable && !isTaken(address)) return address;
  }
  return undefined;
}
