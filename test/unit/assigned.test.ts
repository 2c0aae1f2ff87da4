/**
 * What a gateway may not assign. Goal: no address that the router has, is connected to, reaches
 * beside its uplinks or dials becomes an inner one, which would take it away from everybody.
 */
import assert from "node:assert";
import { suite } from "uvu";
import { redialDelayMsMin } from "../../ts/model/limits.js";
import { refusedBecause } from "../../ts/policy/assigned.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldMessage } from "../../ts/reconcile/fold.js";
import { router } from "./support/configs.js";
import { Bench } from "./support/tunnel-bench.js";

const test = suite("assigned addresses");

/** A LAN, an uplink behind others' translation, a hotel's coarse network, our TUN. */
function host(): ObservedStore {
  const store = emptyObserved();
  const names = ["lo", "br-lan", "eth1", "wlan0", "wrt0"];
  names.forEach((name, at) => {
    const facts = { mtu: 1_500, mac: "", flags: 1, master: 0 };
    foldMessage(store, { type: "link", deleted: false, index: at + 1, name, ...facts });
  });
  const prefixes: [number, string][] = [
    [1, "127.0.0.1/8"], [2, "192.168.1.1/24"], [2, "fd00:1::1/64"], [3, "192.168.178.20/24"],
    [4, "10.1.2.3/8"], [5, "100.73.0.73/32"], [5, "10.64.0.9/32"],
  ];
  for (const [index, prefix] of prefixes) {
    const facts = { index, prefix, flags: 0x80, scope: 0, protocol: 0 };
    foldMessage(store, { type: "address", deleted: false, ...facts });
  }
  const routes: [number, string, string][] = [
    [3, "0.0.0.0/0", "192.168.178.1"], [2, "172.20.0.0/16", "192.168.1.2"],
    [3, "10.64.0.0/16", "10.0.0.1"], [2, "172.0.0.0/8", ""],
  ];
  for (const [oif, dst, gateway] of routes) {
    const facts = { table: 254, metric: 0, protocol: 3, kind: 1, scope: 0, source: "" };
    foldMessage(store, { type: "route", deleted: false, oif, dst, gateway, ...facts });
  }
  const addr = "10.7.7.7";
  const who = { index: 4, addr, mac: "02:00:00:00:00:07", state: 2 };
  foldMessage(store, { type: "neighbour", deleted: false, ...who });
  return store;
}

const range = "lies outside inner_ranges";
const ours = "is an address of the TUN";
const asked = "is a gateway or a resolver that this router asks";

const refused: [address: string, why: string][] = [
  ["127.0.0.1", range], ["8.8.8.8", range], ["169.254.169.254", range], ["0.0.0.1", range],
  ["255.255.255.255", range], ["224.0.0.5", range], ["2001:db8::1", range], ["fe80::1", range],
  ["::1", range], ["::ffff:10.0.0.1", range],
  ["192.168.178.20", "is the router's own on eth1"], ["10.1.2.3", "is the router's own on wlan0"],
  ["192.168.178.1", "lies in the network of eth1"],
  ["192.168.1.77", "lies in the network of br-lan"],
  ["fd00:1::77", "lies in the network of br-lan"], ["10.7.7.7", "is a neighbour's on wlan0"],
  ["10.0.0.1", "is a next hop on eth1"], ["172.20.3.4", "lies in the network that br-lan leads to"],
  ["100.73.0.73", ours], ["100.73.1.5", ours], ["fdad:17::ff", ours], ["fdad:17::3", ours],
  ["10.5.5.5", asked], ["10.9.9.53", asked],
];

test("every address that is somebody's is refused, each for its reason", () => {
  const config = router({ resolvers: ["10.9.9.53"] });
  const store = host();
  const because = (address: string): string =>
    refusedBecause(address, config, store, new Set(["10.5.5.5"]));
  for (const [address, why] of refused) assert.strictEqual(because(address), why, address);
  // The same addresses are free where nobody has them; a coarse network is not anybody's whole.
  const bare = emptyObserved();
  for (const [address, why] of refused.filter(([, one]) => one !== range && one !== ours)) {
    const free = refusedBecause(address, router(), bare, new Set());
    assert.strictEqual(free, "", `${address} ${why}`);
  }
  for (const free of ["10.64.0.5", "10.200.0.1", "172.21.0.1", "100.64.0.1", "fd00:64::5"]) {
    assert.strictEqual(because(free), "", free);
  }
});

test("the owner's ranges stand in place of the default ones", () => {
  const config = router({ inner_ranges: ["198.18.0.0/15"] });
  const because = (address: string): string =>
    refusedBecause(address, config, emptyObserved(), new Set());
  assert.strictEqual(because("198.18.3.4"), "");
  assert.strictEqual(because("10.64.0.5"), range);
  assert.strictEqual(because("fd00:64::5"), range);
});

test("an address that the router cannot take is an error with words, and backs off", () => {
  const bench = new Bench();
  bench.refused.set("fd00:64::5", "lies outside inner_ranges");
  bench.take({ kind: "want" });
  bench.open(3);
  bench.greet(3);
  const told = "address: fd00:64::5, which the gateway assigned, lies outside inner_ranges";
  assert.strictEqual(bench.state.reason, told);
  assert.deepStrictEqual(bench.kinds(), ["close", "event"]);
  assert.strictEqual(bench.state.lastWelcome, undefined);
  assert.ok((bench.state.retryAtMs ?? 0) >= bench.nowMs + redialDelayMsMin / 2);
});

test("an address that the router came to use is forgotten, with its session and without", () => {
  const up = new Bench();
  up.up(1);
  up.take({ kind: "recheck" });
  assert.deepStrictEqual(up.kinds(), []);
  up.refused.set("10.64.0.5", "is the router's own on eth1");
  up.take({ kind: "recheck" });
  assert.deepStrictEqual(up.kinds(), ["close", "event"]);
  assert.match(up.state.reason, /^address: 10\.64\.0\.5, which .* own on eth1$/);
  const gone = new Bench();
  gone.up(1);
  gone.take({ kind: "closed", session: 1, reason: "reset: gone" });
  gone.refused.set("10.64.0.5", "is the router's own on eth1");
  gone.take({ kind: "recheck" });
  for (const { state } of [up, gone]) {
    const { session, welcome, lastWelcome, want4 } = state;
    assert.deepStrictEqual([session, welcome, lastWelcome, want4], [0, undefined, undefined, ""]);
  }
});

test.run();
