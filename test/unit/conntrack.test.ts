/** Which flows are forgotten, and which are left alone, for every reason to look at them. */
import assert from "node:assert";
import { suite } from "uvu";
import { isKept } from "../../runtime/sim/flows.js";
import { protocolOurs } from "../../ts/model/kernel.js";
import type { FlowRow } from "../../ts/model/desired.js";
import { flowRowsMax } from "../../ts/model/limits.js";
import type { LocationState } from "../../ts/model/observed.js";
import type { Operation } from "../../ts/model/operation.js";
import { desireRouter } from "../../ts/policy/router.js";
import { desireStopped } from "./support/stop.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import {
  emptyObserved,
  foldFirewall,
  foldMessage,
  foldResult,
  foldSettled,
} from "../../ts/reconcile/fold.js";
import { planConntrack } from "../../ts/reconcile/kinds/conntrack.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { router, state, welcomeOf } from "./support/configs.js";

const mac = "02:00:00:00:00:50";
const other = "02:00:00:00:00:51";
const us = "10.64.0.5";
const de = "10.64.0.6";
const wan = "203.0.113.2";
const up = [state("us", "up", welcomeOf(5)), state("de", "up", welcomeOf(6))];

type Words = Parameters<typeof router>[0];

const phone = { protected_mac_addrs: [{ mac_addr: mac, vl: "us" }] };
const tv = { protected_ip_addrs: [{ ip_addr: "10.0.0.7", vl: "us" }] };
const guests = { protected_ifaces: [{ iface: "br-lan", vl: "us" }] };

/** A router that was never here before, with a LAN, an uplink and a TUN. */
function fresh(): ObservedStore {
  const store = emptyObserved();
  const facts = { flags: 1, mtu: 1_500, master: 0, mac: "" };
  [[2, "br-lan"] as const, [4, "eth1"] as const, [9, "wrt0"] as const].forEach(([index, name]) =>
    foldMessage(store, { type: "link", deleted: false, index, name, ...facts }),
  );
  const common = { type: "address", deleted: false, scope: 0, flags: 0, protocol: 0 } as const;
  foldMessage(store, { ...common, index: 2, prefix: "10.0.0.1/24" });
  foldMessage(store, { ...common, index: 4, prefix: `${wan}/24` });
  foldFirewall(store, undefined);
  return store;
}

function see(store: ObservedStore, addr: string, owner = mac, bits = 0x02): void {
  const neighbour = { index: 2, addr, mac: owner, state: bits };
  foldMessage(store, { type: "neighbour", deleted: false, ...neighbour });
}

function leave(store: ObservedStore, addr: string): void {
  see(store, addr, "", 0x20);
}

type Conntrack = Extract<Operation, { kind: "conntrack" }>;

function planned(config: Words, store: ObservedStore, states = up): Conntrack | undefined {
  const plan = planChanges(desireRouter(router(config), store, states, 0), store);
  const found = plan.flatMap(({ operation }) => {
    return operation.kind === "conntrack" ? [operation] : [];
  });
  assert.ok(found.length <= 1);
  return found[0];
}

/** Carries a plan out as far as flows depend on it. */
function apply(config: Words, store: ObservedStore, states = up): void {
  const desired = desireRouter(router(config), store, states, 0);
  for (const { operation } of planChanges(desired, store)) {
    if (operation.kind !== "firewall") foldResult(store, operation, 0);
  }
  const { structure = "", elements = [] } = desired.firewall ?? {};
  const values = [...elements].map(([key, { value }]) => [key, value] as const);
  store.firewall = { kind: "present", structure, elements: new Map(values) };
  foldSettled(store, desired);
}

function settled(config: Words, prepare: (store: ObservedStore) => void = () => {}): ObservedStore {
  const store = fresh();
  prepare(store);
  for (let round = 0; round < 2; round++) apply(config, store);
  return store;
}

interface Ends {
  readonly src: string;
  readonly as: string;
  readonly dst?: string;
  readonly answerer?: string;
}

/** What is kept of some flows; without a plan all of them are. */
function kept(operation: Conntrack | undefined, flows: readonly Ends[]): string[] {
  const law = operation?.judgement;
  const asLaw = law && { ...law, past: law.past.map((destination) => ({ destination })) };
  const left = flows.filter(({ src, as, dst = "192.0.2.7", answerer = dst }) =>
    asLaw === undefined || isKept(asLaw, { src, dst, answerer, answered: as, ports: "", mark: 0 }),
  );
  return left.map(({ src, as, dst }) => [src, as, dst].filter(Boolean).join(" "));
}

const test = suite("reconcile: which flows are forgotten");

test("a device that turns up keeps what its mark sent into the right tunnel", () => {
  const store = settled(phone);
  see(store, "10.0.0.5");
  const flows = [{ src: "10.0.0.5", as: us }, { src: "10.0.0.5", as: wan }];
  assert.deepStrictEqual(kept(planned(phone, store), flows), ["10.0.0.5 10.64.0.5"]);
  apply(phone, store);
  assert.ok(planned(phone, store) === undefined);
});

test("a device that wakes at its address, or sleeps, changes nothing of others", () => {
  const store = settled(phone, (one) => see(one, "10.0.0.5"));
  leave(store, "10.0.0.5");
  assert.ok(planned(phone, store) === undefined);
  foldSettled(store, desireRouter(router(phone), store, up, 0));
  see(store, "10.0.0.5");
  const flows = [{ src: "10.0.0.5", as: us }, { src: "10.0.0.9", as: us }];
  assert.strictEqual(kept(planned(phone, store), flows).length, 2);
});

test("a new protection cuts what leads elsewhere, and nothing on our side", () => {
  const store = settled({});
  const flows = [
    { src: "10.0.0.7", as: wan },
    { src: "10.0.0.7", as: "10.0.0.7", dst: "10.0.0.1" },
    { src: "10.0.0.7", as: "10.0.0.7", dst: "224.0.0.251" },
    { src: "10.0.0.7", as: "10.0.0.7", dst: "8.8.8.8", answerer: "10.0.0.1" },
    { src: "198.51.100.77", as: "198.51.100.77", dst: wan, answerer: "10.0.0.7" },
    { src: "10.0.0.8", as: wan },
  ];
  assert.deepStrictEqual(kept(planned(tv, store), flows).length, 5);
});

test("a moved device loses its flows, also while it is away", () => {
  const stays = { mac_addr: other, vl: "us" };
  const moved = { protected_mac_addrs: [{ mac_addr: mac, vl: "de" }, stays] };
  const before = { protected_mac_addrs: [{ mac_addr: mac, vl: "us" }, stays] };
  const flows = [{ src: "10.0.0.5", as: us }, { src: "10.0.0.9", as: us }];
  for (const isAway of [false, true]) {
    const store = settled(before, (one) => {
      see(one, "10.0.0.5");
      see(one, "10.0.0.9", other);
    });
    if (isAway) leave(store, "10.0.0.5");
    assert.deepStrictEqual(kept(planned(moved, store), flows), ["10.0.0.9 10.64.0.5"]);
  }
});

test("a device whose address nobody knows loses them too", () => {
  const store = settled(phone);
  const flows = [{ src: "10.0.0.5", as: us }, { src: "10.0.0.5", as: wan }];
  assert.deepStrictEqual(kept(planned({}, store), flows), ["10.0.0.5 203.0.113.2"]);
});

test("a location's new address cuts what has the old one", () => {
  const store = settled(tv);
  const states = [state("us", "up", welcomeOf(9)), up[1] as LocationState];
  const flows = [
    { src: "10.0.0.7", as: us },
    { src: "10.0.0.7", as: "10.64.0.9" },
    { src: "10.0.0.8", as: us },
    { src: "10.0.0.8", as: wan },
  ];
  const left = kept(planned(tv, store, states), flows);
  assert.deepStrictEqual(left, ["10.0.0.7 10.64.0.9", "10.0.0.8 203.0.113.2"]);
});

test("an outage of the tunnel cuts nothing, and its way past it everything", () => {
  const flows = [{ src: "10.0.0.7", as: us }];
  const down = [state("us", "down", welcomeOf(5)), up[1] as LocationState];
  assert.ok(planned(tv, settled(tv), down) === undefined);
  const open = { protected_ip_addrs: [{ ip_addr: "10.0.0.7", vl: "us", when_down: "direct" }] };
  assert.deepStrictEqual(kept(planned(open, settled(open), down), flows), []);
});

test("a repaired firewall cuts what began untranslated, and keeps the rest", () => {
  const flows = [{ src: "10.0.0.7", as: us }, { src: "10.0.0.7", as: "10.0.0.7" }];
  const [key] = ["ip4_32_guard 10.0.0.7"];
  const partial = settled(tv);
  assert.ok(partial.firewall.kind === "present");
  (partial.firewall.elements as Map<string, string>).delete(key as string);
  const absent = settled(tv);
  absent.firewall = { kind: "absent" };
  for (const store of [partial, absent]) {
    assert.deepStrictEqual(kept(planned(tv, store), flows), ["10.0.0.7 10.64.0.5"]);
  }
});

test("a successor looks once, and cuts only what is elsewhere", () => {
  const config = { ...phone, ...tv };
  const store = settled(config, (one) => see(one, "10.0.0.5"));
  store.flows = undefined;
  const flows = [
    { src: "10.0.0.5", as: us },
    { src: "10.0.0.5", as: de },
    { src: "10.0.0.7", as: us },
    { src: "10.0.0.99", as: us },
    { src: "10.0.0.99", as: wan },
    { src: "10.0.0.99", as: de },
  ];
  const left = kept(planned(config, store), flows);
  assert.deepStrictEqual(left, [
    "10.0.0.5 10.64.0.5",
    "10.0.0.7 10.64.0.5",
    "10.0.0.99 10.64.0.5",
    "10.0.0.99 203.0.113.2",
  ]);
});

test("what could not be forgotten is tried again", () => {
  const store = settled({});
  const operation = planned(tv, store) as Conntrack;
  foldResult(store, operation, -5);
  assert.ok(planned(tv, store) !== undefined);
  foldResult(store, operation, 0);
  assert.strictEqual(store.flowsOwed, false);
});

test("networks behind an interface follow its rule, hosts behind a second router too", () => {
  const store = settled({});
  const route = { table: 254, gateway: "10.0.0.2", metric: 0, protocol: 4, kind: 1 };
  const far = { ...route, dst: "10.5.0.0/16", oif: 2, scope: 0, source: "" };
  foldMessage(store, { type: "route", deleted: false, ...far });
  const flows = [
    { src: "10.0.0.7", as: wan },
    { src: "10.5.0.7", as: wan },
    { src: "10.5.0.7", as: us },
    { src: wan, as: wan, dst: "192.0.2.7" },
  ];
  const left = kept(planned(guests, store), flows);
  assert.deepStrictEqual(left, ["10.5.0.7 10.64.0.5", `${wan} ${wan} 192.0.2.7`]);
});

test("in default-gateway mode our own way to a gateway stays", () => {
  const everybody = { default_gateway: 1, vl_default: "us" };
  const peers = [{ ...up[0], peers: ["198.51.100.10"] } as LocationState, up[1] as LocationState];
  const flows = [
    { src: wan, as: wan, dst: "198.51.100.10" },
    { src: wan, as: wan, dst: "192.0.2.123" },
    { src: "10.0.0.7", as: wan, dst: "198.51.100.10" },
    { src: "198.51.100.77", as: "198.51.100.77", dst: wan, answerer: wan },
  ];
  const left = kept(planned(everybody, fresh(), peers), flows);
  assert.deepStrictEqual(left, [
    `${wan} ${wan} 198.51.100.10`,
    `198.51.100.77 198.51.100.77 ${wan}`,
  ]);
});

test("a stop that opens cuts what was in a tunnel, one that blocks cuts nothing", () => {
  const flows = [{ src: "10.0.0.7", as: us }, { src: "10.0.0.7", as: wan }];
  for (const onStop of ["restore", "block"] as const) {
    const store = settled(tv);
    const desired = desireStopped({ ...router(tv), onStop }, store, new Map());
    const operation = planChanges(desired, store)
      .map((one) => one.operation)
      .find((one): one is Conntrack => one.kind === "conntrack");
    const left = kept(operation, flows);
    assert.strictEqual(left.length, onStop === "block" ? 2 : 1, left.join());
  }
});

test("with more rows than fit every flow is forgotten, but not on our side", () => {
  const store = settled({});
  const desired = desireRouter(router(tv), store, up, 0);
  const rows = Array.from({ length: flowRowsMax + 1 }, (_, at): [string, FlowRow] => {
    return [`10.${7 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}/32`, { place: 1, others: [] }];
  });
  const wanted = desired.flows && { ...desired.flows, rows: new Map(rows) };
  const [operation] = planConntrack({ ...desired, flows: wanted }, store);
  assert.ok(operation?.operation.kind === "conntrack");
  const flows = [
    { src: "10.7.0.7", as: us },
    { src: "10.0.0.7", as: "10.0.0.7", dst: "10.0.0.1" },
  ];
  assert.strictEqual(kept(operation.operation, flows).length, 1);
});

test("whether one was here before shows in what it left", () => {
  assert.deepStrictEqual([fresh().isHeir, fresh().flows !== undefined], [false, true]);
  const heir = emptyObserved();
  const places = { src: "", dst: "", iif: "", oif: "", invert: false, suppress: -1 };
  const words = { family: 4, priority: 10, fwmark: 8, fwmask: 8, table: 47, action: 1 };
  const rule = { type: "rule", deleted: false, ...words, ...places } as const;
  foldMessage(heir, { ...rule, protocol: protocolOurs });
  foldFirewall(heir, undefined);
  assert.deepStrictEqual([heir.isHeir, heir.flows], [true, undefined]);
});

test.run();
