/**
 * Facts in, facts out: what the mover says becomes the observed state, and nothing else does. Where
 * the kernel keeps silent (IPv4 routes of an interface that goes down, a route replaced in place)
 * the state must follow all the same.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { MoverMessage } from "../../ts/host/contract.gen.js";
import { neighboursMax } from "../../ts/model/limits.js";
import type { Operation } from "../../ts/model/operation.js";
import { desireRouter } from "../../ts/policy/router.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldFirewall, foldMessage, foldResult } from "../../ts/reconcile/fold.js";
import { readFirewall } from "../../ts/reconcile/nft-read.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { router, state, welcomeOf } from "./support/configs.js";
import { KernelModel } from "./support/kernel-model.js";
import { listJson } from "./support/nft-model.js";

type Route = Extract<MoverMessage, { type: "route" }>;
type Link = Extract<MoverMessage, { type: "link" }>;

function link(index: number, name: string, change: Partial<Link> = {}): Link {
  const facts = { index, name, flags: 1, mtu: 1_500, master: 0, mac: "" };
  return { type: "link", deleted: false, ...facts, ...change };
}

function route(dst: string, oif: number, gateway: string, change: Partial<Route> = {}): Route {
  const facts = { table: 254, dst, oif, gateway, metric: 100, protocol: 3, kind: 1, scope: 0 };
  return { type: "route", deleted: false, ...facts, source: "", ...change };
}

function neighbour(addr: string, mac: string, bits: number): MoverMessage {
  return { type: "neighbour", deleted: false, index: 2, addr, mac, state: bits };
}

function folded(...messages: MoverMessage[]): ObservedStore {
  const store = emptyObserved();
  for (const message of messages) foldMessage(store, message);
  return store;
}

const fold = suite("reconcile: fold");

fold("a dump voids what was known and is complete at its end", () => {
  const store = folded(link(2, "br-lan"), { type: "dump_end" });
  store.sysctls.set("net/ipv4/ip_forward", "1");
  foldFirewall(store, undefined);
  assert.ok(store.complete);
  foldMessage(store, { type: "dump_begin" });
  assert.deepStrictEqual([store.links.size, store.sysctls.size, store.complete], [0, 0, false]);
  assert.strictEqual(store.firewall.kind, "unread");
});

fold("tells whether something of interest changed", () => {
  const store = folded(link(2, "br-lan"));
  assert.strictEqual(foldMessage(store, link(2, "br-lan")), false);
  assert.strictEqual(foldMessage(store, link(2, "br-lan", { flags: 0x11043 })), false);
  assert.strictEqual(foldMessage(store, link(2, "br-lan", { mtu: 1_400 })), true);
  assert.strictEqual(foldMessage(store, link(2, "br-lan", { flags: 0x1002 })), true);
  assert.strictEqual(foldMessage(store, { type: "result", error: 0, text: "" }), false);
});

fold("an interface that goes down takes its IPv4 routes along", () => {
  const store = folded(
    link(4, "eth1"),
    link(5, "eth2"),
    route("0.0.0.0/0", 4, "192.0.2.1"),
    route("10.0.0.0/8", 5, "198.51.100.1"),
    route("::/0", 4, "fe80::1"),
  );
  foldMessage(store, link(4, "eth1", { flags: 0 }));
  const left = [...store.routes.values()].map((row) => row.dst);
  assert.deepStrictEqual(left.sort(), ["10.0.0.0/8", "::/0"]);
});

fold("an interface that vanishes takes everything of it along", () => {
  const store = folded(
    link(4, "eth1"),
    {
      type: "address",
      deleted: false,
      index: 4,
      prefix: "192.0.2.2/24",
      scope: 0,
      flags: 0,
      protocol: 0,
    },
    route("::/0", 4, "fe80::1"),
    {
      type: "neighbour",
      deleted: false,
      index: 4,
      addr: "192.0.2.1",
      mac: "02:00:00:00:00:01",
      state: 2,
    },
  );
  store.sysctls.set("net/ipv4/conf/eth1/rp_filter", "2").set("net/ipv4/conf/eth10/rp_filter", "1");
  foldMessage(store, link(4, "eth1", { deleted: true }));
  const sizes = [store.links, store.addresses, store.routes, store.neighbours].map(
    (map) => map.size,
  );
  assert.deepStrictEqual(sizes, [0, 0, 0, 0]);
  assert.deepStrictEqual([...store.sysctls.keys()], ["net/ipv4/conf/eth10/rp_filter"]);
});

fold("an IPv4 route is replaced in place, and a late notice of the old one deletes nothing", () => {
  const store = folded(
    route("0.0.0.0/0", 4, "192.0.2.1"),
    route("0.0.0.0/0", 5, "198.51.100.1"),
    route("0.0.0.0/0", 4, "192.0.2.1", { deleted: true }),
  );
  assert.deepStrictEqual(
    [...store.routes.values()].map((row) => row.oif),
    [5],
  );
  foldMessage(store, route("0.0.0.0/0", 5, "198.51.100.1", { deleted: true }));
  assert.strictEqual(store.routes.size, 0);
});

fold("next hops of an IPv6 route are routes of their own", () => {
  const store = folded(route("::/0", 4, "fe80::1"), route("::/0", 5, "fe80::1"));
  assert.strictEqual(store.routes.size, 2);
});

fold("an unreachable IPv6 route is the same whether the kernel or we say it", () => {
  const facts = { table: 47, dst: "::/0", gateway: "", metric: 4_294_967_295, kind: 7, scope: 0 };
  const store = emptyObserved();
  const added = { ...facts, oif: "", source: "" };
  foldResult(store, { kind: "route", remove: false, route: added }, 0);
  foldMessage(store, route("::/0", 1, "", { ...facts, protocol: 173 }));
  assert.strictEqual(store.routes.size, 1);
  foldMessage(store, route("::/0", 1, "", { ...facts, protocol: 173, deleted: true }));
  assert.strictEqual(store.routes.size, 0);
});

fold("a neighbour between two live states interests nobody", () => {
  const store = folded(neighbour("10.0.0.1", "02:00:00:00:00:01", 0x02));
  assert.strictEqual(foldMessage(store, neighbour("10.0.0.1", "02:00:00:00:00:01", 0x04)), false);
  assert.strictEqual(foldMessage(store, neighbour("10.0.0.1", "02:00:00:00:00:01", 0x20)), true);
  assert.strictEqual(foldMessage(store, neighbour("10.0.0.1", "02:00:00:00:00:02", 0x02)), true);
});

fold("the neighbour table is bounded, and the oldest go first", () => {
  const store = emptyObserved();
  for (let i = 0; i < neighboursMax + 10; i++) {
    foldMessage(
      store,
      neighbour(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, "02:00:00:00:00:01", 2),
    );
  }
  assert.strictEqual(store.neighbours.size, neighboursMax);
  assert.ok(!store.neighbours.has("2 10.0.0.0"));
});

fold("an operation that failed is no fact", () => {
  const store = emptyObserved();
  foldResult(store, { kind: "sysctl", key: "net/ipv4/ip_forward", value: "1" }, -13);
  foldResult(store, { kind: "tun-open", tun: { name: "wrt0", offload: true, mtu: 1_500 } }, -1);
  assert.deepStrictEqual([store.sysctls.size, store.tun], [0, ""]);
});

fold("results alone, before any notice of the kernel, make the next plan empty", () => {
  const kernel = new KernelModel();
  kernel.addresses = [{ ifname: "br-lan", prefix: "192.168.1.1/24" }];
  kernel.neighbours = [{ ifname: "br-lan", addr: "192.168.1.50", mac: "02:00:00:00:00:50" }];
  const config = router({
    default_gateway: 1,
    protected_mac_addrs: [{ mac_addr: "02:00:00:00:00:50", vl: "us" }],
  });
  const states = [state("us", "up", welcomeOf(5))];
  const store = kernel.observe();
  store.forward = "";
  const apply = (operation: Operation): void => {
    kernel.apply(operation);
    foldResult(store, operation, 0, 9);
    if (operation.kind === "tun-open") foldMessage(store, link(9, "wrt0", { flags: 0 }));
  };
  const first = planChanges(desireRouter(config, store, states, 0), store);
  for (const { operation } of first) apply(operation);
  assert.strictEqual(store.firewall.kind, "unread");
  assert.ok(kernel.nft !== undefined);
  foldFirewall(store, listJson(kernel.nft));
  assert.deepStrictEqual(planChanges(desireRouter(config, store, states, 0), store), []);
  const fresh = kernel.observe();
  assert.deepStrictEqual(planChanges(desireRouter(config, fresh, states, 0), fresh), []);
});

fold.run();

const read = suite("reconcile: nft read back");

read("text that is none of nft's equals no wanted structure", () => {
  for (const text of ["", "{", "[]", '{"nftables": 7}', "null", '{"nftables": [7, null, {}]}']) {
    const found = readFirewall(text);
    assert.ok(found.kind === "present" && found.structure.includes("strange"), text);
  }
});

read("a foreign rule, chain, set or unknown object makes the structure differ", () => {
  const base = {
    nftables: [{ chain: { name: "guard", type: "filter", hook: "forward", prio: -5 } }],
  };
  const structureOf = (more: object[]): string => {
    const found = readFirewall(JSON.stringify({ nftables: [...base.nftables, ...more] }));
    return found.kind === "present" ? found.structure : "";
  };
  const plain = structureOf([]);
  const others = [
    { rule: { chain: "guard", expr: [] } },
    { rule: { chain: "elsewhere", comment: "adit: x" } },
    { chain: { name: "other" } },
    { set: { name: "s", type: "ipv4_addr" } },
    { set: { name: "s", type: ["ipv4_addr", "mark"], flags: ["interval"] } },
    { counter: { name: "c" } },
  ];
  const all = new Set([plain, ...others.map((item) => structureOf([item]))]);
  assert.strictEqual(all.size, others.length + 1);
});

read("elements are read in every form that nft has printed", () => {
  const text = JSON.stringify({
    nftables: [
      { map: { name: "snat4", type: "mark", map: "ipv4_addr", elem: [[16777216, "10.0.0.1"]] } },
      {
        map: { name: "m", type: "mark", map: "verdict", elem: [["0x02000000", { accept: null }]] },
      },
      {
        set: { name: "own6", type: "ipv6_addr", elem: ["fd00::1", { elem: { val: "::1.2.3.4" } }] },
      },
      {
        map: {
          name: "v",
          type: "ifname",
          map: "verdict",
          elem: [["a", { goto: { target: "x" } }]],
        },
      },
    ],
  });
  const found = readFirewall(text);
  assert.ok(found.kind === "present");
  assert.deepStrictEqual(Object.fromEntries(found.elements), {
    "snat4 0x01000000": "10.0.0.1",
    "m 0x02000000": "accept",
    "own6 fd00::1": "",
    "own6 ::102:304": "",
    "v a": "goto x",
  });
});

read("no JSON makes the reader throw", () => {
  const keys = fc.constantFrom(
    "nftables",
    "map",
    "set",
    "chain",
    "rule",
    "elem",
    "name",
    "comment",
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(keys, tie("node"), { maxKeys: 4 }),
    ),
  })).node;
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 5 }), (items) => {
      const found = readFirewall(JSON.stringify({ nftables: items }));
      assert.strictEqual(found.kind, "present");
    }),
    { numRuns: 500 },
  );
});

read.run();
