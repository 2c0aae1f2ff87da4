/** Whose flows are forgotten, when more is to be forgotten than a plan's own elements say. */
import assert from "node:assert";
import { suite } from "uvu";
import { protocolOurs } from "../../ts/model/kernel.js";
import { desireRouter } from "../../ts/policy/router.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldFirewall, foldMessage, foldResult } from "../../ts/reconcile/fold.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { router } from "./support/configs.js";

const mac = "02:00:00:00:00:50";
const everybody = ["0.0.0.0/0", "::/0"];
const places = { src: "", dst: "", iif: "", oif: "", invert: false, suppress: -1 };
const words = { family: 4, priority: 10, fwmark: 8, fwmask: 8, table: 47, action: 1 };
const rule = { type: "rule", deleted: false, ...words, ...places } as const;

type Words = Parameters<typeof router>[0];

/** A router whose table has everything that is wanted, with some elements changed. */
function settled(config: Words, change: (elements: Map<string, string>) => void): ObservedStore {
  const store = emptyObserved();
  const facts = { flags: 1, mtu: 1_500, master: 0, mac: "" };
  [[2, "br-lan"] as const, [4, "eth1"] as const, [9, "wrt0"] as const].forEach(([index, name]) =>
    foldMessage(store, { type: "link", deleted: false, index, name, ...facts }),
  );
  foldMessage(store, { ...rule, protocol: protocolOurs });
  foldFirewall(store, undefined);
  const { firewall } = desireRouter(router(config), store, [], 0);
  const wanted = [...(firewall?.elements ?? [])].map(([key, { value }]) => [key, value] as const);
  const elements = new Map(wanted);
  change(elements);
  store.firewall = { kind: "present", structure: firewall?.structure ?? "", elements };
  return store;
}

function forgotten(config: Words, store: ObservedStore): string[] {
  return planChanges(desireRouter(router(config), store, [], 0), store).flatMap(({ operation }) =>
    operation.kind === "conntrack" ? [operation.prefix] : [],
  );
}

const test = suite("reconcile: whose flows are forgotten");

test("a repaired guard forgets what went past it", () => {
  const tv = { protected_ip_addrs: [{ ip_addr: "10.0.0.7", vl: "us" }] };
  const store = settled(tv, (elements) => elements.delete("ip4_32_guard 10.0.0.7"));
  assert.deepStrictEqual(forgotten(tv, store), ["10.0.0.7/32"]);
});

test("who takes over forgets everybody when the rule of a MAC goes, once", () => {
  const store = settled({}, (elements) => elements.set(`mac_mark ${mac}`, "goto loc_1"));
  assert.deepStrictEqual(forgotten({}, store), everybody);
  for (const prefix of everybody) foldResult(store, { kind: "conntrack", prefix }, 0);
  assert.deepStrictEqual(forgotten({}, store), []);
  const neighbour = { index: 2, addr: "10.0.0.5", mac, state: 0x02 };
  foldMessage(store, { type: "neighbour", deleted: false, ...neighbour });
  assert.deepStrictEqual(forgotten({}, store), ["10.0.0.5/32"]);
});

test("nobody else's flows are forgotten when a MAC is moved or gets a rule", () => {
  const phone = { protected_mac_addrs: [{ mac_addr: mac, vl: "us" }] };
  const moved = settled(phone, (elements) => elements.set(`mac_mark ${mac}`, "goto loc_2"));
  assert.deepStrictEqual(forgotten(phone, moved), []);
  const added = settled(phone, (elements) => elements.delete(`mac_mark ${mac}`));
  assert.deepStrictEqual(forgotten(phone, added), []);
});

test("a note counts where something of ours is in the kernel", () => {
  const store = emptyObserved();
  store.staleFlows.add("10.0.0.5/32");
  foldFirewall(store, undefined);
  assert.deepStrictEqual([store.isHeir, [...store.staleFlows]], [false, []]);
  const heir = emptyObserved();
  heir.staleFlows.add("10.0.0.5/32");
  foldMessage(heir, { ...rule, protocol: protocolOurs });
  foldFirewall(heir, undefined);
  assert.deepStrictEqual([heir.isHeir, [...heir.staleFlows]], [true, ["10.0.0.5/32"]]);
});

test.run();
