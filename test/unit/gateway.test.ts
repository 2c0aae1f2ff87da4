/**
 * Leases. Goal: no address and no slot belongs to two clients, whatever comes and goes; fixed
 * addresses, wishes and remembered ones are honoured in this order.
 */
import assert from "node:assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { suite } from "uvu";
import { parseConfig } from "../../ts/config/parse.js";
import type { HeldLease, LeaseBook } from "../../ts/gateway/leases.js";
import {
  admitClient,
  findClient,
  keepClients,
  releaseSession,
  restoreLease,
} from "../../ts/gateway/leases.js";
import type { Talk } from "../../ts/gateway/talk.js";
import { mayTell } from "../../ts/gateway/talk.js";
import type { ClientConfig, GatewayConfig } from "../../ts/model/config.js";
import { prefixContains } from "../../ts/model/ip.js";
import { gatewayOfPool, hostOfPool, isHostOfPool } from "../../ts/model/pool.js";
import { seededRandom } from "./support/random.js";

const test = suite("gateway");
const noWish = { want4: "", want6: "" };

function digest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A gateway with that many clients, c0, c1 and so on, whose tokens are their names. */
function gateway(count: number, extra: object = {}, fixed: object[] = []): GatewayConfig {
  const clients = Array.from({ length: count }, (_, index) => {
    return { name: `c${index}`, token_sha256: digest(`c${index}`), ...fixed[index] };
  });
  const listen = [{ type: "tls", address: "[::]:443", cert: "/etc/c.crt", key: "/etc/c.key" }];
  const json = { role: "gateway", wan_ifname: "eth0", listen, clients, ...extra };
  const { config, issues } = parseConfig(JSON.stringify(json));
  assert.deepStrictEqual(issues, []);
  assert.ok(config?.role === "gateway");
  return config;
}

function clientAt(config: GatewayConfig, index: number): ClientConfig {
  const client = config.clients[index];
  assert.ok(client !== undefined);
  return client;
}

function admit(
  book: LeaseBook,
  config: GatewayConfig,
  index: number,
  session: number,
  wish = noWish,
  seed = 1,
): { book: LeaseBook; lease: HeldLease } {
  const client = clientAt(config, index);
  const result = admitClient(book, config, client, session, wish, seededRandom(seed));
  assert.ok(result.kind === "admitted", JSON.stringify(result));
  return result;
}

function checkBook(book: LeaseBook, config: GatewayConfig): void {
  const seen = new Set<string | number>();
  const once = (what: string | number): void => {
    assert.ok(!seen.has(what), `${what} twice`);
    seen.add(what);
  };
  for (const [name, { client, slot, addr4, addr6, session }] of book) {
    assert.strictEqual(name, client);
    assert.ok(slot >= 1 && slot <= 500);
    once(slot);
    if (session !== 0) once(`session ${session}`);
    for (const [address, pool] of [
      [addr4, config.pool4],
      [addr6, config.pool6],
    ] as const) {
      once(address);
      assert.ok(prefixContains(pool, address), address);
      assert.notStrictEqual(address, gatewayOfPool(pool));
      assert.ok(isHostOfPool(`${address}/${pool.split("/")[1]}`), address);
    }
  }
}

test("no address and no slot belongs to two clients", () => {
  const reserved = ["10.64.0.1", "10.64.0.0", "10.64.0.15"];
  const wish = fc.constantFrom("", "10.64.0.2", ...reserved, "8.8.8.8", "x");
  const turn = fc.record({ client: fc.nat(9), leaves: fc.boolean(), want4: wish });
  const script = fc.array(turn, { maxLength: 60 });
  const fixed = [{ addr4: "10.64.0.7" }, {}, { addr6: "fd00:64::2" }];
  const config = gateway(10, { pool4: "10.64.0.0/28" }, fixed);
  const property = fc.property(script, fc.nat(), (turns, seed) => {
    const random = seededRandom(seed);
    let book: LeaseBook = new Map();
    turns.forEach(({ client, leaves, want4 }, index) => {
      const asked = { want4, want6: "" };
      const who = clientAt(config, client);
      const result = admitClient(book, config, who, index + 1, asked, random);
      assert.ok(result.kind === "admitted");
      book = result.book;
      checkBook(book, config);
      if (client === 0) assert.strictEqual(result.lease.addr4, "10.64.0.7");
      if (leaves) book = releaseSession(book, index + 1);
    });
  });
  fc.assert(property, { numRuns: 500 });
});

test("a client that comes back keeps its addresses and its slot", () => {
  const config = gateway(3);
  let { book, lease } = admit(new Map(), config, 0, 1);
  const first = lease;
  ({ book } = admit(book, config, 1, 2));
  book = releaseSession(book, 1);
  ({ lease } = admit(book, config, 0, 3, noWish, 99));
  assert.deepStrictEqual(lease, { ...first, session: 3 });
  ({ lease } = admit(book, config, 0, 4, { want4: "10.64.9.9", want6: "" }));
  assert.deepStrictEqual(lease, { ...first, addr4: "10.64.9.9", session: 4 });
});

test("a wish is granted if the address is free and of the pool", () => {
  const config = gateway(2);
  const wish = { want4: "10.64.7.7", want6: "fd00:64::77" };
  const { book, lease } = admit(new Map(), config, 0, 1, wish);
  assert.deepStrictEqual([lease.addr4, lease.addr6], ["10.64.7.7", "fd00:64::77"]);
  const other = admit(book, config, 1, 2, wish).lease;
  assert.notStrictEqual(other.addr4, "10.64.7.7");
  assert.notStrictEqual(other.addr6, "fd00:64::77");
});

test("a newer session of a client takes over from the older", () => {
  const config = gateway(1);
  const { book } = admit(new Map(), config, 0, 1);
  const next = admit(book, config, 0, 2);
  assert.strictEqual(next.book.size, 1);
  assert.strictEqual(releaseSession(next.book, 1).get("c0")?.session, 2);
});

test("an exhausted pool takes from who is away, never from who is here", () => {
  // A /29 has 8 addresses: network, gateway and broadcast are none for clients.
  const config = gateway(6, { pool4: "10.64.0.0/29" });
  let book: LeaseBook = new Map();
  for (let index = 0; index < 5; index++) ({ book } = admit(book, config, index, index + 1));
  const full = admitClient(book, config, clientAt(config, 5), 6, noWish, seededRandom(1));
  assert.strictEqual(full.kind, "full");
  book = releaseSession(book, 3);
  const away = book.get("c2");
  const { book: after, lease } = admit(book, config, 5, 6);
  assert.strictEqual(lease.addr4, away?.addr4);
  assert.ok(!after.has("c2"));
  checkBook(after, config);
});

test("who holds somebody's fixed address loses it when the owner comes", () => {
  const config = gateway(2, {}, [{}, { addr4: "10.64.0.9" }]);
  const squatter = { client: "c0", slot: 1, addr4: "10.64.0.9", addr6: "fd00:64::9", session: 1 };
  const book = restoreLease(new Map(), squatter);
  assert.ok(book !== undefined);
  const { book: after } = admit(book, config, 1, 2);
  assert.ok(!after.has("c0"));
  assert.strictEqual(after.get("c1")?.addr4, "10.64.0.9");
});

test("a remembered lease is restored only if nothing of it is taken", () => {
  const one = { client: "a", slot: 1, addr4: "10.64.0.5", addr6: "fd00:64::5", session: 1 };
  const book = restoreLease(new Map(), one);
  assert.ok(book !== undefined);
  const other = { client: "b", slot: 2, addr4: "10.64.0.6", addr6: "fd00:64::6", session: 2 };
  assert.strictEqual(restoreLease(book, other)?.size, 2);
  const addresses = [{ addr4: "10.64.0.5" }, { addr6: "fd00:64::5" }];
  for (const clash of [{ slot: 1 }, ...addresses, { client: "a" }]) {
    assert.strictEqual(restoreLease(book, { ...other, ...clash }), undefined);
  }
});

test("only configured clients keep their leases", () => {
  const config = gateway(3);
  let book: LeaseBook = new Map();
  for (let index = 0; index < 3; index++) ({ book } = admit(book, config, index, index + 1));
  assert.deepStrictEqual([...keepClients(book, config.clients.slice(1)).keys()], ["c1", "c2"]);
});

test("a token finds exactly its client", () => {
  const { clients } = gateway(20);
  for (const { name } of clients) {
    assert.strictEqual(findClient(clients, digest(name))?.name, name);
  }
  const strangers = ["", "c", digest("c20"), digest("c1").slice(1), `${digest("c1")}0`];
  for (const text of strangers) assert.strictEqual(findClient(clients, text), undefined, text);
});

test("a free host is found as long as there is one", () => {
  const pool = "192.0.2.0/26";
  const hosts: string[] = [];
  for (;;) {
    const host = hostOfPool(pool, (address) => hosts.includes(address), seededRandom(hosts.length));
    if (host === undefined) break;
    hosts.push(host);
  }
  assert.strictEqual(new Set(hosts).size, 61);
  for (const never of ["192.0.2.0", "192.0.2.1", "192.0.2.63"]) assert.ok(!hosts.includes(never));
});

test("a client gets so many lines of the log in a minute, and others theirs", () => {
  const talk: Talk = new Map();
  const told = (client: string, nowMs: number): string[] =>
    Array.from({ length: 10 }, () => mayTell(talk, client, nowMs));
  const want = [...Array<string>(7).fill("yes"), "last", "no", "no"];
  assert.deepStrictEqual(told("c0", 1_000), want);
  assert.deepStrictEqual(told("c1", 60_999), want);
  assert.deepStrictEqual(told("c0", 60_999), Array<string>(10).fill("no"));
  assert.deepStrictEqual(told("c0", 61_000), want);
});

test.run();
