/**
 * Whatever a script answers: no source that a rule of the owner's protects leaves in clear, neither
 * in the end nor between two operations, with either layer alone; and every packet goes where a
 * linear reading of rules and answers sends it.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import type { RouteAdvice } from "../../ts/model/advice.js";
import type { RouterConfig } from "../../ts/model/config.js";
import type { HeldAdvice } from "../../ts/policy/advise.js";
import { adviseConfig } from "../../ts/policy/advise.js";
import { decideSource } from "../../ts/policy/device.js";
import { statesByName } from "../../ts/policy/outcome.js";
import { desireRouter } from "../../ts/policy/router.js";
import { coverWhole } from "../../ts/policy/whole.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import type { KernelModel } from "./support/kernel-model.js";
import { covers, ours } from "./support/kernel-model.js";
import type { Packet } from "./support/nft-model.js";
import type { Setting } from "./support/settings.js";
import {
  freshKernel,
  leaks,
  locationNames,
  macs,
  packetsOf,
  reference,
  setting,
} from "./support/settings.js";

const test = suite("advice: any answer");
const runs = 250;
const seed = 20_261_121;
/** Results of the linear reading besides the index of a location. */
const direct = 0;
const nobodys = -1;
const blocked = -2;

interface Advised extends Setting {
  readonly held: HeldAdvice | undefined;
}

const word = fc.constantFrom(...locationNames, "gone", "block", "direct");
const route: fc.Arbitrary<RouteAdvice> = fc.record({
  mac: fc.constantFrom(...macs),
  action: fc.constantFrom("via", "via", "direct", "block"),
  location: fc.constantFrom(...locationNames, "gone"),
  whenDown: word,
  why: fc.constant(""),
});
const destinations = ["203.0.113.0/24", "203.0.113.9/32", "198.18.0.0/15", "2001:db8::/32"];
const routes = fc.array(route, { maxLength: 4 }).map((list) => {
  return new Map(list.map((one) => [one.mac, one] as const));
});
const held: fc.Arbitrary<HeldAdvice> = fc.record({
  routes: fc.option(routes, { nil: undefined }),
  bypass: fc.oneof(fc.constant([]), fc.constant([]), fc.subarray(destinations)),
  peers: fc.constant(new Map()),
});
const advised: fc.Arbitrary<Advised> = fc
  .record({
    base: setting,
    held: fc.option(held, { nil: undefined }),
    unanswered: fc.constantFrom("block" as const, "builtin" as const),
    ifnames: fc.subarray(["br-lan", "br-guest"]),
    most: fc.constantFrom(0, 2, Infinity),
  })
  .map(({ base, held, unanswered, ifnames, most }) => {
    const policy = { ...base.config.policy, unanswered, ifnames };
    const rules = base.config.rules.slice(0, most);
    return { ...base, held, config: { ...base.config, policy, rules } };
  });

function inForce({ config, held, states }: Advised): RouterConfig {
  return adviseConfig(config, held, statesByName(states));
}

/** The same as `adviseConfig` and everything below it, read line by line. */
function reading(one: Advised, packet: Packet): number {
  const { config, held, states } = one;
  if (held?.bypass.some((prefix) => covers(prefix, packet.dst))) return direct;
  const isDown = (name: string): boolean => {
    return states.find((state) => state.name === name)?.state === "down";
  };
  const indexIn = (name: string): number => {
    return config.locations.findIndex((location) => location.name === name) + 1;
  };
  const advice = held?.routes?.get(packet.mac);
  const { action = "", location = "", whenDown = "" } = advice ?? {};
  if (action === "block") return blocked;
  const isVia = action === "via" && indexIn(location) > 0;
  const yields = isVia && whenDown === "direct" && isDown(location);
  if (isVia && !yields) {
    const isBetter = isDown(location) && indexIn(whenDown) > 0 && !isDown(whenDown);
    return indexIn(isBetter ? whenDown : location);
  }
  const rules = reference({ ...one, config: { ...config, defaultGateway: false } }, packet);
  if (rules !== nobodys) return rules;
  if (action === "direct" || yields) return direct;
  const { unanswered, ifnames } = config.policy;
  const routesAll = held === undefined || held.routes !== undefined;
  if (routesAll && unanswered === "block" && ifnames.includes(packet.iif)) return blocked;
  return config.defaultGateway ? 1 : nobodys;
}

function settle(kernel: KernelModel, next: Advised, check: (what: string) => void): void {
  for (let round = 0; round < 3; round++) {
    const observed = kernel.observe();
    const plan = planChanges(desireRouter(inForce(next), observed, next.states, 0), observed);
    if (plan.length === 0) return;
    for (const { operation, why } of plan) {
      kernel.apply(operation);
      check(why);
    }
  }
  assert.fail("the plan does not become empty");
}

function mayLeave(index: number): boolean {
  return index === direct || index === nobodys;
}

function checkEnd(kernel: KernelModel, one: Advised): void {
  for (const packet of packetsOf(one.neighbours)) {
    const index = reading(one, packet);
    const { oif, mark } = kernel.exitOf(packet);
    const expected = mayLeave(index) ? "eth1" : index === blocked ? "" : "wrt0";
    assert.strictEqual(oif, expected, JSON.stringify({ packet, index, held: one.held }));
    if (index > 0) assert.strictEqual((mark & 0x7f000000) >>> 24, index);
  }
}

test("no operation between two answers opens a hole, and the end is what they say", () => {
  fc.assert(
    fc.property(advised, advised, fc.boolean(), (first, other, isSame) => {
      // The same owner's rules and another answer is the common case.
      const second = isSame ? { ...first, held: other.held } : other;
      const kernel = freshKernel();
      kernel.neighbours = [...first.neighbours];
      settle(kernel, first, () => undefined);
      checkEnd(kernel, first);
      kernel.neighbours = [...second.neighbours];
      const guarded = packetsOf(second.neighbours).filter(
        (packet) =>
          !mayLeave(reading(second, packet)) &&
          !leaks(kernel, packet) &&
          (!mayLeave(reading(first, packet)) || !second.config.defaultGateway),
      );
      settle(kernel, second, (why) => {
        for (const packet of guarded) {
          assert.ok(!leaks(kernel, packet), `${JSON.stringify(packet)} leaks after: ${why}`);
        }
      });
      checkEnd(kernel, second);
    }),
    { numRuns: runs, seed },
  );
});

test("a source that a rule protects is never sent direct, whatever the answer", () => {
  fc.assert(
    fc.property(advised, (one) => {
      const kernel = freshKernel();
      kernel.neighbours = [...one.neighbours];
      const config = coverWhole(inForce(one), kernel.observe(), statesByName(one.states));
      for (const packet of packetsOf(one.neighbours)) {
        if (reference({ ...one, config: { ...one.config, defaultGateway: false } }, packet) <= 0) {
          continue;
        }
        const source = { mac: packet.mac, address: packet.src, iface: packet.iif };
        const { outcome } = decideSource(config, statesByName(one.states), source);
        assert.notStrictEqual(outcome?.kind, "direct", JSON.stringify({ packet, held: one.held }));
        assert.notStrictEqual(outcome, undefined);
      }
    }),
    { numRuns: runs * 4, seed },
  );
});

test("each layer holds alone, with and without the process that holds the TUN", () => {
  fc.assert(
    fc.property(advised, fc.boolean(), (one, killed) => {
      const kernel = freshKernel();
      kernel.neighbours = [...one.neighbours];
      settle(kernel, one, () => undefined);
      if (killed) kernel.closeTun();
      const { rules, nft } = kernel;
      for (const packet of packetsOf(one.neighbours)) {
        if (mayLeave(reading(one, packet))) continue;
        kernel.nft = undefined;
        assert.ok(!leaks(kernel, packet), `${packet.src} passes the routing layer`);
        Object.assign(kernel, { nft, rules: rules.filter((rule) => rule.protocol !== ours) });
        assert.ok(!leaks(kernel, packet), `${packet.src} passes the guard`);
        Object.assign(kernel, { nft, rules });
      }
    }),
    { numRuns: runs, seed },
  );
});

test("without a firewall of ours nothing blocked or protected finds a way or a tunnel", () => {
  fc.assert(
    fc.property(advised, (wanted) => {
      const one = { ...wanted, config: { ...wanted.config, noIptables: true } };
      const kernel = freshKernel();
      kernel.neighbours = [...one.neighbours];
      settle(kernel, one, () => undefined);
      for (const packet of packetsOf(one.neighbours)) {
        const index = reading(one, packet);
        const { oif } = kernel.exitOf(packet);
        assert.strictEqual(oif, mayLeave(index) ? "eth1" : "wrt0", JSON.stringify(packet));
        const isV6Interface = packet.src.includes(":") && !kernel.hasNetworkOf(packet.src);
        const slot = kernel.slotOf(packet.src);
        if (index === blocked) assert.ok(slot === 0 || slot === 127, JSON.stringify(packet));
        if (index > 0 && !isV6Interface) assert.strictEqual(slot, index, JSON.stringify(packet));
      }
    }),
    { numRuns: runs, seed },
  );
});

test("the guard has an element for every device that may not leave in clear", () => {
  fc.assert(
    fc.property(advised, (one) => {
      const config = inForce(one);
      const kernel = freshKernel();
      kernel.neighbours = [...one.neighbours];
      const { firewall } = desireRouter(config, kernel.observe(), one.states, 0);
      for (const packet of packetsOf(one.neighbours)) {
        if (mayLeave(reading(one, packet)) || config.defaultGateway) continue;
        const elements = [...(firewall?.elements.values() ?? [])].filter(({ map, key }) => {
          const isGuard = map.endsWith("_guard") && key !== "";
          const bits = /^ip[46]_(\d+)_/.exec(map)?.[1];
          if (bits !== undefined) return isGuard && covers(`${key}/${bits}`, packet.src);
          return isGuard && (key === packet.mac || key === packet.iif);
        });
        const held = elements.filter(({ value }) => value !== "goto passed");
        assert.ok(held.length > 0, JSON.stringify(packet));
      }
    }),
    { numRuns: runs, seed },
  );
});

test.run();
