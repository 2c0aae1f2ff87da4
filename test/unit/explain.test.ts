/**
 * An explanation never says the opposite of what the kernel would do: whatever a silent device
 * turns out to be, what then happens was either said, or the outcome was said to be unknown.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { RouterConfig } from "../../ts/model/config.js";
import { decideSource, decisionWords } from "../../ts/policy/device.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { explain } from "../../ts/render/explain.js";
import { router, state, welcomeOf } from "./support/configs.js";
import { lan } from "./support/devices.js";

const test = suite("explain");
const states = ["us", "de", "fr"].map((name, at) => state(name, "up", welcomeOf(at + 1)));
const phone = { mac_addr: "02:00:00:00:00:50", vl: "us" };

interface Told {
  readonly outcome: string;
  readonly location: string;
  readonly reasons: readonly string[];
}

function told(config: RouterConfig, subject: string): Told {
  const found = explain(config, lan(), states, subject);
  assert.ok("reasons" in found, JSON.stringify(found));
  return found;
}

test("an address of which no MAC is known may be that of a rule", () => {
  const config = router({ protected_mac_addrs: [phone] });
  const { outcome, location, reasons } = told(config, "10.0.0.99");
  assert.deepStrictEqual([outcome, location], ["unknown", ""]);
  assert.ok(reasons.some((line) => line.includes("mac 02:00:00:00:00:50, it goes through us")));
  assert.strictEqual(reasons.at(-1), "Otherwise it is left alone.");
});

test("without a rule that could decide otherwise the outcome is known", () => {
  assert.strictEqual(told(router(), "10.0.0.99").outcome, "unmanaged");
  const config = router({ protected_mac_addrs: [phone], default_gateway: 1, vl_default: "us" });
  assert.deepStrictEqual(told(config, "10.0.0.99").location, "us");
});

test("a MAC that nobody has seen may come from a ruled address or interface", () => {
  const config = router({
    protected_ip_addrs: [{ ip_addr: "10.0.0.0/28", vl: "de" }],
    protected_ifaces: [{ iface: "br-guest", vl: "us" }],
  });
  const { outcome, reasons } = told(config, "02:00:00:00:99:99");
  assert.strictEqual(outcome, "unknown");
  assert.ok(reasons.some((line) => line.includes("it comes from address 10.0.0.0/28")));
  assert.ok(reasons.some((line) => line.includes("it is on interface br-guest")));
});

test("of many rules some are told and the rest counted", () => {
  const many = Array.from({ length: 30 }, (_, at) => {
    return { mac_addr: `02:00:00:00:01:${(at + 16).toString(16)}`, vl: "de" };
  });
  const { reasons } = told(router({ protected_mac_addrs: many }), "10.0.0.99");
  assert.ok(reasons.includes("22 more rules would decide otherwise."));
});

test("whatever a silent address turns out to be was possible by what was said", () => {
  const macs = ["02:00:00:00:77:01", "02:00:00:00:77:02", "02:00:00:00:77:03"];
  const way = fc.constantFrom("us", "de", "direct", "");
  const rules = fc.array(fc.tuple(fc.constantFrom(...macs), way), { maxLength: 3 });
  const gateway = fc.constantFrom(0, 1);
  const isWhole = fc.boolean();
  fc.assert(fc.property(rules, gateway, isWhole, (rows, default_gateway, whole) => {
    const list = [...new Map(rows)].map(([mac_addr, vl]) => ({ mac_addr, vl }));
    const ruled = whole ? { protected_ip_addrs: [{ ip_addr: "10.0.0.99", vl: "fr" }] } : {};
    const config = router({ protected_mac_addrs: list, default_gateway, ...ruled });
    const { outcome, location } = told(config, "10.0.0.99");
    if (outcome === "unknown") return;
    for (const mac of [...macs, "02:00:00:00:77:04"]) {
      const source = { mac, address: "10.0.0.99", iface: "br-lan" };
      const words = decisionWords(config, decideSource(config, statesByName(states), source));
      assert.deepStrictEqual([words.outcome, words.location], [outcome, location]);
    }
  }), { numRuns: 300 });
});

test.run();
