/** Whose the interface with the TUN's name is. */
import type { Observed } from "../model/observed.js";

/** A name is no identity: others may own it before us, or take it when our device is gone. */
export function hasImpostor(name: string, { links, tunIndex }: Observed): boolean {
  return [...links.values()].some((link) => link.name === name && link.index !== tunIndex);
}
