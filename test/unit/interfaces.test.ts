/** What counts as LAN, uplink, ours or untrusted, and which networks stay reachable. */
import assert from "node:assert";
import { suite } from "uvu";
import type { RouterConfig } from "../../ts/model/config.js";
import { isDefaultLike } from "../../ts/model/ip.js";
import { reachRoutesMax } from "../../ts/model/limits.js";
import type { Interfaces } from "../../ts/policy/interfaces.js";
import { classifyInterfaces, interfaceKinds } from "../../ts/policy/interfaces.js";
import { reachableNetworks, reachRoutes } from "../../ts/policy/reach.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { emptyObserved, foldMessage } from "../../ts/reconcile/fold.js";
import { router } from "./support/configs.js";

const mac = "02:00:00:00:00:50";
const up = 1;
const noArp = 0x80;
const permanent = 0x80;
const boot = 3;

/** br-lan is a bridge with a port, eth1 the uplink, eth2 bare, wg0 a tunnel of others. */
function host(): ObservedStore {
  const store = emptyObserved();
  const link = (index: number, name: string, flags = up, master = 0): void => {
    const facts = { mtu: 1_500, mac: "", flags, master };
    foldMessage(store, { type: "link", deleted: false, index, name, ...facts });
  };
  link(1, "lo");
  link(2, "br-lan");
  link(3, "lan1", up, 2);
  link(4, "eth1");
  link(5, "eth2");
  link(6, "wg0", up | noArp);
  link(9, "wrt0", up | noArp);
  foldMessage(store, { type: "dump_end" });
  addressAt(store, 2, "192.168.1.1/24");
  addressAt(store, 4, "203.0.113.2/24");
  addressAt(store, 5, "10.5.0.2/24");
  addressAt(store, 6, "10.9.0.1/24");
  addressAt(store, 9, "100.73.0.73/32");
  return store;
}

function addressAt(store: ObservedStore, index: number, prefix: string, flags = permanent): void {
  const facts = { index, prefix, flags, scope: 0, protocol: 0 };
  foldMessage(store, { type: "address", deleted: false, ...facts });
}

function routeAt(
  store: ObservedStore,
  dst: string,
  oif: number,
  { table = 254, gateway = "", protocol = boot, deleted = false, metric = 0 } = {},
): void {
  const kind = { kind: 1, scope: 0, source: "" };
  const facts = { table, dst, oif, gateway, metric, protocol, ...kind };
  foldMessage(store, { type: "route", deleted, ...facts });
}

function classify(extra: object, store: ObservedStore): Interfaces {
  return classifyInterfaces(router({ ...extra }), store);
}

const byMac = { protected_mac_addrs: [{ mac_addr: mac, vl: "us" }] };
const everything = { default_gateway: 1 };

const kinds = suite("interfaces: kinds");

kinds("a default route in any table, gone or not, makes an uplink", () => {
  for (const dst of ["0.0.0.0/0", "::/0", "128.0.0.0/1", "64.0.0.0/2", "2000::/3"]) {
    const store = host();
    routeAt(store, dst, 5, { table: 100 });
    routeAt(store, dst, 5, { table: 100, deleted: true });
    assert.strictEqual(interfaceKinds(router(), store)("eth2"), "uplink", dst);
    assert.deepStrictEqual(classify(everything, store).reachable, ["br-lan", "wg0"], dst);
  }
});

kinds("routes of multicast and of single networks make none, nor do our own", () => {
  const store = host();
  for (const dst of ["224.0.0.0/4", "10.0.0.0/8", "fc00::/7", "ff00::/8"]) routeAt(store, dst, 5);
  routeAt(store, "0.0.0.0/1", 9, { protocol: 173 });
  assert.strictEqual(interfaceKinds(router(), store)("eth2"), "untrusted");
  assert.deepStrictEqual([...store.learnedUplinks], []);
  assert.ok(isDefaultLike("0.0.0.0/7") && !isDefaultLike("240.0.0.0/4"));
});

kinds("an address on loan makes an uplink, an IPv6 one of a delegated prefix does not", () => {
  const store = host();
  addressAt(store, 2, "2001:db8::1/64", 0);
  assert.strictEqual(interfaceKinds(router(), store)("br-lan"), "untrusted");
  addressAt(store, 5, "10.5.0.3/24", 0);
  assert.strictEqual(interfaceKinds(router(), store)("eth2"), "uplink");
});

kinds("what the owner names is what he says", () => {
  const store = host();
  routeAt(store, "0.0.0.0/0", 2);
  routeAt(store, "0.0.0.0/0", 4, { metric: 1 });
  const config = router({ lan_ifnames: ["br-lan"], uplinks: ["eth*"] });
  const names = ["br-lan", "eth1", "eth2", "wg0", "wrt0", "lo"];
  assert.deepStrictEqual(
    names.map(interfaceKinds(config, store)),
    ["lan", "uplink", "uplink", "untrusted", "ours", "ours"],
  );
});

kinds("named uplinks keep their order, of a pattern those that exist", () => {
  const store = host();
  const orderOf = (uplinks: string[]): readonly string[] => classify({ uplinks }, store).uplinks;
  assert.deepStrictEqual(orderOf([]), ["eth1"]);
  assert.deepStrictEqual(orderOf(["wwan*", "eth2", "eth9"]), ["eth1", "eth2", "eth9"]);
  assert.deepStrictEqual(orderOf(["eth2", "eth1"]), ["eth2", "eth1"]);
  assert.deepStrictEqual(orderOf(["wg*", "eth*"]), ["wg0", "eth1", "eth2"]);
});

kinds.run();

const inward = suite("interfaces: where decrypted packets may go");

const inwardOf = (extra: object, store: ObservedStore): readonly string[] =>
  classify(extra, store).inward;

inward("without a name or a rule nowhere; a device's rule opens bridges alone", () => {
  assert.deepStrictEqual(inwardOf({}, host()), []);
  assert.deepStrictEqual(inwardOf(byMac, host()), ["br-lan"]);
  assert.deepStrictEqual(inwardOf({ lan_ifnames: ["lan9"] }, host()), ["lan9"]);
});

inward("where a device of a rule is, but for uplinks", () => {
  const store = host();
  const seen = { addr: "10.5.0.7", mac, state: 2 };
  foldMessage(store, { type: "neighbour", deleted: false, index: 5, ...seen });
  assert.deepStrictEqual(inwardOf(byMac, store), ["br-lan", "eth2"]);
  routeAt(store, "0.0.0.0/0", 5, { table: 7 });
  assert.deepStrictEqual(inwardOf(byMac, store), ["br-lan"]);
});

inward("where an address of a rule belongs", () => {
  const ruled = (ip: string): object => ({ protected_ip_addrs: [{ ip_addr: ip, vl: "us" }] });
  assert.deepStrictEqual(inwardOf(ruled("10.9.0.7"), host()), ["br-lan", "wg0"]);
  assert.deepStrictEqual(inwardOf(ruled("10.0.0.0/8"), host()), ["br-lan", "eth2", "wg0"]);
});

inward("with the default gateway in the tunnel wherever no uplink is", () => {
  const store = host();
  assert.deepStrictEqual(inwardOf(everything, store), ["br-lan", "eth2", "wg0"]);
  routeAt(store, "::/0", 5);
  assert.deepStrictEqual(inwardOf(everything, store), ["br-lan", "wg0"]);
});

inward.run();

const reach = suite("interfaces: networks that stay reachable");

function reachOf(config: RouterConfig, store: ObservedStore): string[] {
  const { reachable } = classifyInterfaces(config, store);
  const networks = reachableNetworks(config, store, reachable);
  const routes = reachRoutes(config, store, reachable);
  return [
    ...networks.map(({ prefix, ifname }) => `${prefix} ${ifname}`),
    ...routes.map(({ dst, gateway, oif }) => `${dst} ${gateway} ${oif}`),
  ];
}

reach("networks behind a LAN router and a tunnel of others, none behind an uplink", () => {
  const store = host();
  const config = router({ lan_ifnames: ["br-lan"] });
  routeAt(store, "10.77.0.0/16", 2, { gateway: "192.168.1.7" });
  routeAt(store, "10.9.1.5/32", 6);
  routeAt(store, "203.0.114.0/24", 4, { gateway: "203.0.113.1", protocol: 16 });
  routeAt(store, "10.78.0.0/16", 5, { gateway: "10.5.0.1" });
  routeAt(store, "10.79.0.0/16", 6, { table: 52 });
  assert.deepStrictEqual(reachOf(config, store), [
    "192.168.1.0/24 br-lan",
    "10.9.0.0/24 wg0",
    "10.77.0.0/16 192.168.1.7 br-lan",
    "10.9.1.5/32  wg0",
  ]);
  const more = router({ lan_ifnames: ["br-lan"], reach_tables: [52] });
  assert.deepStrictEqual(reachOf(more, store).at(-1), "10.79.0.0/16  wg0");
});

reach("nothing over a tunnel that holds a default route, nor link-local and multicast ones", () => {
  const store = host();
  const config = router({ lan_ifnames: ["br-lan"], reach_tables: [52, 254] });
  for (const dst of ["fe80::/64", "ff00::/8", "224.0.0.0/4", "0.0.0.0/1"]) routeAt(store, dst, 2);
  routeAt(store, "10.9.1.5/32", 6);
  routeAt(store, "0.0.0.0/0", 6, { table: 52 });
  assert.deepStrictEqual(reachOf(config, store), ["192.168.1.0/24 br-lan"]);
});

reach("globally routed networks of two LANs, and never more than the limit", () => {
  const store = host();
  const config = router({ lan_ifnames: ["br-lan", "eth2"] });
  addressAt(store, 2, "2001:db8:1::1/64");
  addressAt(store, 5, "2001:db8:2::1/64");
  const names = reachOf(config, store).filter((text) => text.startsWith("2001"));
  assert.deepStrictEqual(names, ["2001:db8:1::/64 br-lan", "2001:db8:2::/64 eth2"]);
  for (let at = 0; at < 300; at++) routeAt(store, `10.77.${at & 255}.${at >> 8}/32`, 2);
  const { reachable } = classifyInterfaces(config, store);
  assert.strictEqual(reachRoutes(config, store, reachable).length, reachRoutesMax);
});

reach.run();
