/** Interfaces as they come, go and change: what they were called, and what became of our TUN. */
import type { ObservedLink } from "../model/observed.js";
import { formerNamesMax } from "../model/limits.js";

/** The part of the observed state that is kept here. */
interface Links {
  readonly links: ReadonlyMap<number, ObservedLink>;
  readonly linksBefore: ReadonlyMap<number, ObservedLink>;
  readonly formerNames: Map<number, readonly string[]>;
  tun: string;
  tunIndex: number;
}

/** A port of a bridge is no interface of its own, so what it was before ends there. */
export function noteFormer(store: Links, link: ObservedLink, isGone: boolean): void {
  const { links, linksBefore, formerNames } = store;
  const { index, name, master } = link;
  const old = links.get(index) ?? linksBefore.get(index);
  if (isGone || master !== 0) return void formerNames.delete(index);
  if (old === undefined) return;
  const bridge = links.get(old.master) ?? linksBefore.get(old.master);
  const gone = [old.name, ...(bridge === undefined ? [] : [bridge.name])];
  const names = new Set([...(formerNames.get(index) ?? []), ...gone]);
  names.delete(name);
  if (names.size > 0) formerNames.set(index, [...names].slice(-formerNamesMax));
}

/** Others may have deleted, moved or renamed it while nobody heard of that. */
export function lookForTun(store: Links): void {
  if (store.tunIndex === 0) return;
  const link = store.links.get(store.tunIndex);
  store.tun = link?.name ?? "";
  if (link === undefined) store.tunIndex = 0;
}

/** A dump is over: what it did not tell of is gone. */
export function endDump(store: Links): void {
  lookForTun(store);
  const { links, formerNames } = store;
  for (const index of formerNames.keys()) if (!links.has(index)) formerNames.delete(index);
}
