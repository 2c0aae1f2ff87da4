/**
 * From any state to any state: random configurations, random facts, random damage. The plan is
 * applied to a reference kernel one operation at a time, and after every single operation no packet
 * of a source that both states protect leaves by the uplink. At the end the plan is empty, every
 * packet goes where a linear reading of the rules sends it, and foreign objects are as they were.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { decideSource } from "../../ts/policy/device.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { desireRouter } from "../../ts/policy/router.js";
import { desireStopped } from "./support/stop.js";
import { coverWhole } from "../../ts/policy/whole.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import type { KernelModel } from "./support/kernel-model.js";
import { main, ours } from "./support/kernel-model.js";
import type { Packet } from "./support/nft-model.js";
import type { Setting } from "./support/settings.js";
import {
  foreignRoutes,
  freshKernel,
  leaks,
  packetsOf,
  reference,
  setting,
} from "./support/settings.js";

const test = suite("reconcile: any state to any state");

const runs = 250;
/** Applies until nothing is left to do; `check` runs after every operation. */
function settle(kernel: KernelModel, next: Setting, check: (what: string) => void): void {
  for (let round = 0; round < 3; round++) {
    const observed = kernel.observe();
    const plan = planChanges(desireRouter(next.config, observed, next.states, 0), observed);
    if (plan.length === 0) return;
    for (const { operation, why } of plan) {
      kernel.apply(operation);
      check(why);
    }
  }
  assert.fail("the plan does not become empty");
}

function checkEnd(kernel: KernelModel, next: Setting): void {
  for (const packet of packetsOf(next.neighbours)) {
    const index = reference(next, packet);
    const { oif, mark } = kernel.exitOf(packet);
    const expected = index > 0 ? "wrt0" : "eth1";
    assert.strictEqual(oif, expected, JSON.stringify({ packet, index, rules: next.config.rules }));
    if (index > 0) assert.strictEqual((mark & 0x7f000000) >>> 24, index);
    if (index > 0) assert.strictEqual(slotOf(kernel, mark, packet), index);
  }
  const foreign = kernel.routes.filter((route) => route.protocol !== ours);
  assert.deepStrictEqual(foreign.slice(0, 6), foreignRoutes());
  assert.strictEqual(kernel.rules.filter((rule) => rule.protocol !== ours).length, 1);
}

/** The slot that the mover finds by the source address after translation. */
function slotOf(kernel: KernelModel, mark: number, packet: Packet): number {
  const map = packet.src.includes(":") ? "snat6" : "snat4";
  const key = `0x${((mark & 0x7f000000) >>> 0).toString(16).padStart(8, "0")}`;
  const address = kernel.nft?.maps.get(map)?.elements.get(key) ?? "";
  return kernel.slotOf(address);
}

const damage = fc.constantFrom(
  "none",
  "all ours",
  "tun killed",
  "table flushed",
  "chain emptied",
  "rules deleted",
  "routes deleted",
  "option 121",
  "stray rule of ours",
);

function damageKernel(kernel: KernelModel, kind: string, share: number): void {
  const survives = (_: unknown, at: number): boolean => (at * 7 + share) % 3 !== 0;
  const blank = { src: "", dst: "", iif: "", fwmark: 0, fwmask: 0, action: 1, invert: false };
  const stray = { ...blank, why: "", family: 4 as const, priority: 20 + share, table: main };
  const isOurs = (item: { protocol: number }): boolean => item.protocol === ours;
  if (kind === "all ours") Object.assign(kernel, freshKernel());
  if (kind === "tun killed") kernel.closeTun();
  if (kind === "table flushed") kernel.nft = undefined;
  if (kind === "chain emptied") kernel.nft?.chains.get("guard")?.rules.pop();
  if (kind === "rules deleted") {
    kernel.rules = kernel.rules.filter((rule, at) => !isOurs(rule) || survives(rule, at));
  }
  if (kind === "routes deleted") {
    kernel.routes = kernel.routes.filter((row, at) => !isOurs(row) || survives(row, at));
  }
  if (kind === "option 121") {
    const base = { metric: 0, kind: 1, protocol: 16, source: "", scope: 0, table: main };
    const via = { ...base, oif: "eth1", gateway: "203.0.113.1" };
    for (const dst of ["0.0.0.0/1", "203.0.113.0/25", "203.0.113.9/32"]) {
      kernel.routes.push({ ...via, dst });
    }
  }
  if (kind === "stray rule of ours") kernel.rules.push({ ...stray, protocol: ours });
}

test("no operation of any transition opens a hole, and the end is what the rules say", () => {
  fc.assert(
    fc.property(setting, setting, damage, fc.nat(30), (first, second, kind, share) => {
      const kernel = freshKernel();
      kernel.neighbours = [...first.neighbours];
      settle(kernel, first, () => undefined);
      checkEnd(kernel, first);
      damageKernel(kernel, kind, share);
      kernel.neighbours = [...second.neighbours];
      const guarded = packetsOf(second.neighbours).filter(
        (packet) =>
          reference(second, packet) > 0 &&
          !leaks(kernel, packet) &&
          (reference(first, packet) > 0 || !second.config.defaultGateway),
      );
      settle(kernel, second, (why) => {
        for (const packet of guarded) {
          assert.ok(!leaks(kernel, packet), `${JSON.stringify(packet)} leaks after: ${why}`);
        }
      });
      checkEnd(kernel, second);
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("each layer holds alone, with and without the process that holds the TUN", () => {
  fc.assert(
    fc.property(setting, fc.boolean(), (only, killed) => {
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      settle(kernel, only, () => undefined);
      if (killed) kernel.closeTun();
      const { rules, nft } = kernel;
      for (const packet of packetsOf(only.neighbours)) {
        const isInside = reference(only, packet) > 0;
        const through = killed ? "" : "wrt0";
        kernel.nft = undefined;
        const byRouting = kernel.exitOf(packet).oif;
        assert.strictEqual(byRouting, isInside ? through : "eth1", JSON.stringify(packet));
        Object.assign(kernel, { nft, rules: rules.filter((rule) => rule.protocol !== ours) });
        assert.ok(!isInside || !leaks(kernel, packet), `${packet.src} passes the guard`);
        Object.assign(kernel, { nft, rules });
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("without a firewall of ours the routes and the mover's table alone say the same", () => {
  fc.assert(
    fc.property(setting, (wanted) => {
      const only = { ...wanted, config: { ...wanted.config, noIptables: true } };
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      settle(kernel, only, () => undefined);
      assert.strictEqual(kernel.nft, undefined);
      for (const packet of packetsOf(only.neighbours)) {
        const index = reference(only, packet);
        const { oif } = kernel.exitOf(packet);
        assert.strictEqual(oif, index > 0 ? "wrt0" : "eth1", JSON.stringify(packet));
        const isV6Interface = packet.src.includes(":") && !kernel.hasNetworkOf(packet.src);
        if (index > 0 && !isV6Interface) {
          assert.strictEqual(kernel.slotOf(packet.src), index, JSON.stringify(packet));
        }
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("a single source is decided as the linear reading says", () => {
  fc.assert(
    fc.property(setting, (only) => {
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      const config = coverWhole(only.config, kernel.observe(), statesByName(only.states));
      for (const packet of packetsOf(only.neighbours)) {
        const source = { mac: packet.mac, address: packet.src, iface: packet.iif };
        const { outcome } = decideSource(config, statesByName(only.states), source);
        const index = outcome?.kind === "tunnel" ? outcome.index : outcome === undefined ? -1 : 0;
        assert.strictEqual(index, reference(only, packet), JSON.stringify(packet));
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test("stopping leaves the host as found, and the block goes last", () => {
  fc.assert(
    fc.property(setting, fc.boolean(), (only, keepsBlock) => {
      const kernel = freshKernel();
      kernel.neighbours = [...only.neighbours];
      const before = new Map(kernel.sysctls);
      settle(kernel, only, () => undefined);
      const config = { ...only.config, onStop: keepsBlock ? "block" : "restore" } as const;
      const guarded = packetsOf(only.neighbours).filter((row) => reference(only, row) > 0);
      const observed = kernel.observe();
      const plan = planChanges(desireStopped(config, observed, before), observed);
      plan.forEach(({ operation, why }, at) => {
        kernel.apply(operation);
        const isLast = at === plan.length - 1 && !keepsBlock;
        for (const packet of guarded) {
          assert.ok(isLast || !leaks(kernel, packet), `${packet.src} leaks after: ${why}`);
        }
      });
      const after = kernel.observe();
      assert.deepStrictEqual(planChanges(desireStopped(config, after, before), after), []);
      assert.strictEqual(kernel.tun, "");
      if (!keepsBlock) {
        assert.deepStrictEqual(kernel.routes, foreignRoutes());
        assert.strictEqual(kernel.rules.length, 1);
        assert.strictEqual(kernel.nft, undefined);
        assert.deepStrictEqual(kernel.sysctls, before);
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
});

test.run();
