/**
 * Which peer is dialled next: random order, each once before any twice; the same for the addresses
 * of a name. After a loss the next queued peer is taken, not the lost one (spec/peer-selector.md).
 */
import type { Ip } from "../model/ip.js";
import type { Random } from "../model/random.js";
import { shuffled } from "../model/random.js";

export interface PeerQueue {
  /** Positions of peers not tried in this round. */
  readonly peers: readonly number[];
  /** Addresses of a peer not tried since its name was resolved, by the peer's position. */
  readonly addresses: ReadonlyMap<number, readonly Ip[]>;
}

export const emptyPeerQueue: PeerQueue = { peers: [], addresses: new Map() };

/** Takes the next peer; `count` is at least 1. A round begins with those preferred, in order. */
export function takePeer(
  queue: PeerQueue,
  count: number,
  random: Random,
  prefer: readonly number[] = [],
): { readonly peer: number; readonly queue: PeerQueue } {
  const valid = queue.peers.filter((peer) => peer < count);
  const all = [...Array(count).keys()];
  const first = prefer.filter((one) => one < count);
  const rest = all.filter((one) => !first.includes(one));
  const round = valid.length > 0 ? valid : [...first, ...shuffled(rest, random)];
  const [peer = 0, ...peers] = round;
  return { peer, queue: { ...queue, peers } };
}

/** Takes the next known address of a peer; undefined if its name must be resolved first. */
export function takeAddress(
  queue: PeerQueue,
  peer: number,
): { readonly address: Ip | undefined; readonly queue: PeerQueue } {
  const [address, ...rest] = queue.addresses.get(peer) ?? [];
  const addresses = new Map(queue.addresses);
  addresses.set(peer, rest);
  return { address, queue: { ...queue, addresses } };
}

export function putAddresses(
  queue: PeerQueue,
  peer: number,
  found: readonly Ip[],
  random: Random,
): PeerQueue {
  const addresses = new Map(queue.addresses);
  addresses.set(peer, shuffled(found, random));
  return { ...queue, addresses };
}

/** The peer and its address come next again. */
export function putBack(queue: PeerQueue, peer: number, address: Ip): PeerQueue {
  const addresses = new Map(queue.addresses);
  const known = addresses.get(peer) ?? [];
  if (address !== "" && known[0] !== address) addresses.set(peer, [address, ...known]);
  return { peers: [peer, ...queue.peers.filter((one) => one !== peer)], addresses };
}
