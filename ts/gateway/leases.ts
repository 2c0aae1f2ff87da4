/**
 * Who has which inner addresses on a gateway, as pure functions over an immutable book. A client
 * keeps its lease while it is away; the address goes to another only when the pool is exhausted.
 */
import type { ClientConfig, GatewayConfig } from "../model/config.js";
import type { Ip, Prefix } from "../model/ip.js";
import { parseIp, prefixContains } from "../model/ip.js";
import type { Lease } from "../model/lease.js";
import { clientsMax } from "../model/limits.js";
import { gatewayOfPool, hostOfPool, isHostOfPool, withLengthOf } from "../model/pool.js";
import type { Random } from "../model/random.js";

export interface HeldLease extends Lease {
  /** The session that carries its packets, 0 while the client is away. */
  readonly session: number;
}

/** Keyed by the client's name, in the order of their first admission. */
export type LeaseBook = ReadonlyMap<string, HeldLease>;

export interface Wish {
  readonly want4: Ip;
  readonly want6: Ip;
}

export type Admission =
  | { readonly kind: "admitted"; readonly book: LeaseBook; readonly lease: HeldLease }
  | { readonly kind: "full"; readonly why: string };

/** The client whose token has this digest; every client is compared, so time tells nothing. */
export function findClient(
  clients: readonly ClientConfig[],
  tokenSha256: string,
): ClientConfig | undefined {
  let found: ClientConfig | undefined;
  for (const client of clients) {
    if (equalInConstantTime(client.tokenSha256, tokenSha256)) found = client;
  }
  return found;
}

/** Gives the client its addresses: fixed, as wished, as before, any free one, in this order. */
export function admitClient(
  book: LeaseBook,
  config: GatewayConfig,
  client: ClientConfig,
  session: number,
  wish: Wish,
  random: Random,
): Admission {
  const next = withoutFixedHolders(book, client);
  const held = next.get(client.name);
  const pick = (pool: Prefix, fixed: Ip, before: Ip, want: Ip): Ip | undefined =>
    pickAddress(next, config, client.name, { pool, fixed, before, want }, random);
  const addr4 = pick(config.pool4, client.addr4, held?.addr4 ?? "", wish.want4);
  const addr6 = pick(config.pool6, client.addr6, held?.addr6 ?? "", wish.want6);
  if (addr4 === undefined || addr6 === undefined) {
    return { kind: "full", why: `no address of ${config.pool4} ${config.pool6} is free` };
  }
  const slot = held?.slot ?? freeSlot(next);
  const lease = { client: client.name, slot, addr4, addr6, session };
  const result = new Map(next);
  for (const other of next.values()) {
    const loses = other.addr4 === addr4 || (addr6 !== "" && other.addr6 === addr6);
    if (loses && other.client !== client.name) result.delete(other.client);
  }
  result.set(client.name, lease);
  return { kind: "admitted", book: result, lease };
}

/** Puts back a lease that the mover's memo remembers, unless its addresses are taken. */
export function restoreLease(book: LeaseBook, lease: HeldLease): LeaseBook | undefined {
  for (const other of book.values()) {
    const same4 = lease.addr4 !== "" && lease.addr4 === other.addr4;
    const same6 = lease.addr6 !== "" && lease.addr6 === other.addr6;
    if (same4 || same6 || lease.slot === other.slot || lease.client === other.client) {
      return undefined;
    }
  }
  return new Map(book).set(lease.client, lease);
}

/** The session ended; the lease stays for the client's return. */
export function releaseSession(book: LeaseBook, session: number): LeaseBook {
  const result = new Map(book);
  for (const lease of book.values()) {
    if (lease.session === session) result.set(lease.client, { ...lease, session: 0 });
  }
  return result;
}

/** Keeps the leases of clients that are configured still. */
export function keepClients(book: LeaseBook, clients: readonly ClientConfig[]): LeaseBook {
  const names = new Set(clients.map(({ name }) => name));
  return new Map([...book].filter(([name]) => names.has(name)));
}

interface Choice {
  readonly pool: Prefix;
  readonly fixed: Ip;
  readonly before: Ip;
  readonly want: Ip;
}

/** "" if the gateway has no pool of that family, undefined if nothing is free. */
function pickAddress(
  book: LeaseBook,
  config: GatewayConfig,
  client: string,
  choice: Choice,
  random: Random,
): Ip | undefined {
  const { pool, fixed, before, want } = choice;
  if (fixed !== "") return fixed;
  if (pool === "") return "";
  const reserved = reservedAddresses(config, client);
  const others = [...book.values()].filter((lease) => lease.client !== client);
  const held = new Set([...reserved, ...addressesOf(others)]);
  // A client whose address collides with another gateway's asks for a new one: that goes first.
  if (want !== "" && isUsable(want, pool, held)) return parseIp(want);
  if (before !== "" && isUsable(before, pool, held)) return before;
  const free = hostOfPool(pool, (address) => held.has(address), random);
  if (free !== undefined) return free;
  const living = new Set([...reserved, ...addressesOf(others.filter((one) => one.session !== 0))]);
  return hostOfPool(pool, (address) => living.has(address), random);
}

/** A fixed address belongs to its client, whoever holds it at the moment. */
function reservedAddresses(config: GatewayConfig, client: string): readonly Ip[] {
  const others = config.clients.filter(({ name }) => name !== client);
  return others.flatMap(({ addr4, addr6 }) => [addr4, addr6]).filter((address) => address !== "");
}

function addressesOf(leases: readonly Lease[]): readonly Ip[] {
  return leases.flatMap(({ addr4, addr6 }) => [addr4, addr6]);
}

function isUsable(address: Ip, pool: Prefix, held: ReadonlySet<Ip>): boolean {
  const canonical = parseIp(address);
  if (canonical === undefined || !prefixContains(pool, canonical)) return false;
  if (held.has(canonical)) return false;
  return isHostOfPool(withLengthOf(canonical, pool)) && canonical !== gatewayOfPool(pool);
}

function withoutFixedHolders(book: LeaseBook, client: ClientConfig): LeaseBook {
  const fixed = [client.addr4, client.addr6].filter((address) => address !== "");
  const keeps = (lease: Lease): boolean =>
    lease.client === client.name ||
    (!fixed.includes(lease.addr4) && !fixed.includes(lease.addr6));
  return new Map([...book].filter(([, lease]) => keeps(lease)));
}

function freeSlot(book: LeaseBook): number {
  const used = new Set([...book.values()].map(({ slot }) => slot));
  for (let slot = 1; slot <= clientsMax; slot++) if (!used.has(slot)) return slot;
  throw new Error("more leases than clients");
}

function equalInConstantTime(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index % Math.max(1, right.length));
  }
  return difference === 0;
}
