/** The packet mark: the location's index in the mask's bits, and the documented bit beside it. */
import type { RouterConfig } from "../model/config.js";
import { markDocumented, markIndexOwn, markIndexUplinks } from "../model/kernel.js";

/** Value of the lowest bit of the mask. */
function unitOf(mask: number): number {
  return (mask & -mask) >>> 0;
}

/** Bits that carry the location. */
export function locationBits(config: RouterConfig, index: number): number {
  return index * unitOf(config.markMask);
}

/** The whole mark of traffic for the location with that index, from 1. */
export function locationMark(config: RouterConfig, index: number): number {
  return locationBits(config, index) + markDocumented;
}

/** Mark of our own sockets: past every tunnel. */
export function ownMark(config: RouterConfig): number {
  return locationBits(config, markIndexOwn);
}

/** Mark of what leaves by one uplink, by its rank from 0: answers, and sockets of tunnels. */
export function uplinkMark(config: RouterConfig, rank: number): number {
  return locationBits(config, markIndexUplinks + 1 + rank);
}

/** Bits that are ours; what others keep in the rest of the mark is left alone. */
export function ourMask(config: RouterConfig): number {
  return config.markMask + markDocumented;
}

export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
