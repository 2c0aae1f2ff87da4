/** Whom a tunnel dials next: each peer and each address once before any twice. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { Ip } from "../../ts/model/ip.js";
import { emptyPeerQueue, putAddresses, takeAddress, takePeer } from "../../ts/tunnel/peers.js";
import { seededRandom } from "./support/random.js";

const test = suite("peers");

test("every peer is tried once before any twice", () => {
  const property = fc.property(fc.integer({ min: 1, max: 16 }), fc.nat(), (count, seed) => {
    const random = seededRandom(seed);
    let queue = emptyPeerQueue;
    for (let round = 0; round < 3; round++) {
      const seen = new Set<number>();
      for (let turn = 0; turn < count; turn++) {
        const taken = takePeer(queue, count, random);
        queue = taken.queue;
        seen.add(taken.peer);
      }
      assert.strictEqual(seen.size, count);
    }
  });
  fc.assert(property);
});

test("addresses of a peer are given once each", () => {
  const found = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  let queue = putAddresses(emptyPeerQueue, 0, found, { nowMs: 0, random: seededRandom(3) });
  const given: (Ip | undefined)[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const taken = takeAddress(queue, 0, 0);
    queue = taken.queue;
    given.push(taken.address);
  }
  assert.strictEqual(given.pop(), undefined);
  assert.deepStrictEqual(given.sort(), found);
});

test("addresses age, families alternate, and no answer leaves those that there were", () => {
  const found = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"];
  const property = fc.property(fc.nat(), (seed) => {
    const at = { nowMs: 5, random: seededRandom(seed) };
    const queue = putAddresses(emptyPeerQueue, 0, found, at);
    const [first, second, third, fourth] = queue.addresses.get(0)?.left ?? [];
    const families = [first, second, third, fourth].map((one) => one?.includes(":"));
    assert.notStrictEqual(families[0], families[1]);
    assert.deepStrictEqual(families.slice(0, 2), families.slice(2));
    assert.strictEqual(takeAddress(queue, 0, 60_005).address, first);
    assert.strictEqual(takeAddress(queue, 0, 60_006).address, undefined);
    const kept = putAddresses(queue, 0, [], { ...at, nowMs: 60_006 });
    assert.deepStrictEqual([...(kept.addresses.get(0)?.left ?? [])].sort(), found);
  });
  fc.assert(property);
});

test.run();
