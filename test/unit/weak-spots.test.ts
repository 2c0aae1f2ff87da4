/** Known limits that a router touches are told, and nothing else is. */
import assert from "node:assert";
import { suite } from "uvu";
import { addressesPerMacMax, weakSpotsMax } from "../../ts/model/limits.js";
import { weakSpots } from "../../ts/policy/weak-spots.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { foldMessage } from "../../ts/reconcile/fold.js";
import { router } from "./support/configs.js";
import { lan, phone, tv } from "./support/devices.js";

const test = suite("policy: weak spots");

function route(store: ObservedStore, dst: string, oif: number, protocol = 4): void {
  const facts = { table: 254, gateway: "10.0.0.77", metric: 0, kind: 1, source: "", scope: 0 };
  foldMessage(store, { type: "route", deleted: false, dst, oif, protocol, ...facts });
}

function rule(store: ObservedStore, priority: number, protocol = 3): void {
  const blank = { src: "", dst: "", iif: "", oif: "", fwmark: 0, fwmask: 0, suppress: -1 };
  const facts = { ...blank, family: 4, table: 99, action: 1, invert: false };
  foldMessage(store, { type: "rule", deleted: false, priority, protocol, ...facts });
}

test("a default route over a LAN, not over an uplink, not a network, not ours", () => {
  const config = router({ lan_ifnames: ["br-lan"] });
  const store = lan();
  route(store, "0.0.0.0/0", 4);
  route(store, "10.9.0.0/16", 2);
  route(store, "128.0.0.0/1", 2, 173);
  assert.deepStrictEqual(weakSpots(config, store), []);
  route(store, "0.0.0.0/1", 2);
  assert.match(weakSpots(config, store).join(), /^the route 0\.0\.0\.0\/1 of table 254 .*br-lan/);
});

test("rules of others before ours, not the kernel's own nor those behind", () => {
  const store = lan();
  for (const priority of [0, 8, 100, 32_766]) rule(store, priority);
  rule(store, 5, 173);
  assert.deepStrictEqual(weakSpots(router(), store), []);
  rule(store, 5);
  assert.match(weakSpots(router(), store).join(), /IPv4 of priority 5 .*firewall layer stands/);
});

test("a protected device with very many addresses, by MAC or covered whole", () => {
  const store = lan();
  for (let at = 0; at <= addressesPerMacMax; at++) {
    for (const mac of [tv, phone]) {
      const addr = `fd00::${mac === tv ? 1 : 2}:${(at + 1).toString(16)}`;
      foldMessage(store, { type: "neighbour", deleted: false, index: 2, addr, mac, state: 2 });
    }
  }
  assert.deepStrictEqual(weakSpots(router(), store), []);
  const byMac = router({ protected_mac_addrs: [{ mac_addr: tv, vl: "us" }] });
  assert.match(weakSpots(byMac, store).join(), new RegExp(`^${tv} has more than 32 addresses`));
  const rules = [{ ip_addr: "10.0.0.9", vl: "us" }];
  const whole = router({ protected_ip_addrs: rules, no_iptables: 1 });
  assert.match(weakSpots(whole, store).join(), new RegExp(`^${phone} .*nothing stands$`));
});

test("so many and no more", () => {
  const store = lan();
  for (let at = 0; at < 2 * weakSpotsMax; at++) route(store, `${4 * at}.0.0.0/6`, 2);
  const config = router({ lan_ifnames: ["br-lan"] });
  assert.strictEqual(weakSpots(config, store).length, weakSpotsMax);
});

test.run();
