/**
 * Which peer is dialled next: random order, each once before any twice; the same for the addresses
 * of a name. After a loss the next queued peer is taken, not the lost one (spec/peer-selector.md).
 */
import type { Ip } from "../model/ip.js";
import { prefixFamily } from "../model/ip.js";
import type { Random } from "../model/random.js";
import { shuffled } from "../model/random.js";

/** A name whose answer is older is asked about again; a session that was lost was mostly longer. */
const addressAgeMsMax = 60_000;
/** Addresses of a name that are tried before it is asked about again. */
const addressesPerNameMax = 8;

interface NameAddresses {
  /** Not tried since the name was resolved. */
  readonly left: readonly Ip[];
  /** All of the last answer that had any. */
  readonly all: readonly Ip[];
  readonly sinceMs: number;
}

export interface PeerQueue {
  /** Positions of peers not tried in this round. */
  readonly peers: readonly number[];
  /** Addresses of names, by the peer's position. */
  readonly addresses: ReadonlyMap<number, NameAddresses>;
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
  nowMs: number,
): { readonly address: Ip | undefined; readonly queue: PeerQueue } {
  const known = queue.addresses.get(peer);
  if (known === undefined || nowMs - known.sinceMs > addressAgeMsMax) {
    return { address: undefined, queue };
  }
  const [address, ...left] = known.left;
  return { address, queue: withAddresses(queue, peer, { ...known, left }) };
}

/** Who answers nothing about a name leaves it with the addresses that it had. */
export function putAddresses(
  queue: PeerQueue,
  peer: number,
  found: readonly Ip[],
  { nowMs, random }: { readonly nowMs: number; readonly random: Random },
): PeerQueue {
  const all = found.length > 0 ? found : (queue.addresses.get(peer)?.all ?? []);
  const left = alternating(shuffled(all, random)).slice(0, addressesPerNameMax);
  return withAddresses(queue, peer, { left, all: left, sinceMs: nowMs });
}

export function hasAddress({ addresses }: PeerQueue, peer: number): boolean {
  return (addresses.get(peer)?.left.length ?? 0) > 0;
}

/** The peer comes next again, and so does the address unless it is "". */
export function putBack(queue: PeerQueue, peer: number, address: Ip): PeerQueue {
  const peers = [peer, ...queue.peers.filter((one) => one !== peer)];
  const known = queue.addresses.get(peer);
  if (known === undefined || address === "" || known.left[0] === address) {
    return { ...queue, peers };
  }
  return { ...withAddresses(queue, peer, { ...known, left: [address, ...known.left] }), peers };
}

/** By turns of each family, so that one that leads nowhere costs one try (RFC 8305 section 4). */
function alternating(addresses: readonly Ip[]): readonly Ip[] {
  const isFirst = (one: Ip): boolean => prefixFamily(one) === prefixFamily(addresses[0] ?? "");
  const first = addresses.filter(isFirst);
  const other = addresses.filter((one) => !isFirst(one));
  const pairs = addresses.flatMap((_one, at) => [first[at], other[at]]);
  return pairs.filter((one) => one !== undefined);
}

function withAddresses(queue: PeerQueue, peer: number, known: NameAddresses): PeerQueue {
  return { ...queue, addresses: new Map([...queue.addresses, [peer, known]]) };
}
