/**
 * What a swap is judged by, and what the status names as missing. Goal: a device that is blocked on
 * purpose is no harm, one whose tunnel is gone is; an interface that is not there is named once.
 */
import assert from "node:assert";
import { suite } from "uvu";
import type { Engine } from "../../ts/engine/engine-state.js";
import { missingIfnames } from "../../ts/engine/machine.js";
import { healthOf } from "../../ts/engine/swap-view.js";
import type { Rule } from "../../ts/model/config.js";
import { router } from "./support/configs.js";
import { lan, phone, tv } from "./support/devices.js";

const test = suite("health");
const store = lan();

function engineOf(rules: readonly Rule[], names: readonly string[] = []): Engine {
  const config = { ...router({ lan_ifnames: names }), rules };
  const tunnels = { bySlot: new Map(), rttMs: new Map() };
  const core = { config, store, files: new Map() };
  return { core, tunnels, advice: { isExpected: false } } as unknown as Engine;
}

const ruleOf = (mac: string, target: Rule["target"]): Rule => {
  return { match: { kind: "mac", mac }, target, whenDown: { kind: "block" } };
};
const blocked = ruleOf(tv, { kind: "block" });
const dark = ruleOf(phone, { kind: "location", name: "us" });

test("counts devices that belong to a location only", () => {
  assert.strictEqual(healthOf(engineOf([])), 1);
  assert.strictEqual(healthOf(engineOf([blocked])), 1);
  assert.strictEqual(healthOf(engineOf([dark])), 0);
  assert.strictEqual(healthOf(engineOf([blocked, dark])), 0);
});

test("names interfaces that are missing", () => {
  const iface = (name: string): Rule => {
    return { ...blocked, match: { kind: "iface", iface: name } };
  };
  const { core } = engineOf([iface("br-x"), iface("br-lan"), dark], ["br-lan", "br-x", "br-y"]);
  assert.deepStrictEqual(missingIfnames(core), ["br-x", "br-y"]);
});

test.run();
