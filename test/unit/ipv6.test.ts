/** A kernel without IPv6, or one whose owner switched it off: nothing is asked that it refuses. */
import assert from "node:assert";
import { suite } from "uvu";
import type { Desired } from "../../ts/model/desired.js";
import { prefixFamily } from "../../ts/model/ip.js";
import type { Observed } from "../../ts/model/observed.js";
import { desireRouter } from "../../ts/policy/router.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import { foldMessage, foldResult, foldSysctl } from "../../ts/reconcile/fold.js";
import { planChanges } from "../../ts/reconcile/plan.js";
import { router, state, welcomeOf } from "./support/configs.js";
import { lan } from "./support/devices.js";

const test = suite("ipv6: off, on, absent");

const own = "net/ipv6/conf/wrt0/disable_ipv6";
const future = "net/ipv6/conf/default/disable_ipv6";
const forwarding = "net/ipv6/conf/all/forwarding";
const config = router({ default_gateway: 1, vl_default: "us" });
const states = [state("us", "up", welcomeOf(1))];

function store(values: Readonly<Record<string, string>>): ObservedStore {
  const made = lan();
  for (const [key, value] of Object.entries(values)) foldSysctl(made, key, value);
  return made;
}

function desire(observed: Observed): Desired {
  return desireRouter(config, observed, states, 0);
}

function sixes({ addresses, routes, rules }: Desired): object {
  return {
    addresses: addresses.filter(({ prefix }) => prefixFamily(prefix) === 6).length > 0,
    tun: routes.some(({ dst, oif }) => prefixFamily(dst) === 6 && oif === "wrt0"),
    ends: routes.some(({ dst, oif, table }) => dst === "::/0" && oif === "" && table === 47),
    rules: rules.some(({ family }) => family === 6),
  };
}

const all = { addresses: true, tun: true, ends: true, rules: true };

test("switched on everything is wanted, also while nobody knows", () => {
  assert.deepStrictEqual(sixes(desire(store({ [own]: "0", [future]: "1" }))), all);
  assert.deepStrictEqual(sixes(desire(store({}))), all);
});

test("switched off at the TUN the block stays, and nothing else of the TUN's", () => {
  const off = { addresses: false, tun: false, ends: true, rules: true };
  assert.deepStrictEqual(sixes(desire(store({ [own]: "1" }))), off);
  assert.deepStrictEqual(sixes(desire(store({ [own]: "", [future]: "1" }))), off);
});

test("of a kernel without IPv6 nothing is wanted, and IPv4 as ever", () => {
  const without = store({ [own]: "", [future]: "", [forwarding]: "" });
  const desired = desire(without);
  const none = { addresses: false, tun: false, ends: false, rules: false };
  assert.deepStrictEqual(sixes(desired), none);
  const with6 = desire(store({ [own]: "0" }));
  const isFour = ({ family }: { family: number }): boolean => family === 4;
  assert.deepStrictEqual(desired.rules, with6.rules.filter(isFour));
  const kinds = planChanges(desired, without).map(({ why }) => why);
  assert.ok(!kinds.some((why) => why.includes("net/ipv6") || why.includes("IPv6")), kinds.join());
});

test("neither key is ever written", () => {
  const { sysctls } = desire(store({ [own]: "1" }));
  assert.deepStrictEqual([sysctls.get(own), sysctls.get(future)], ["", ""]);
  const whys = planChanges(desire(store({ [own]: "1" })), store({ [own]: "1" }));
  assert.ok(!whys.some(({ why }) => why.includes("disable_ipv6")));
});

test("it is read again when an IPv6 address comes or goes, a TUN opens, an operation fails", () => {
  const known = (): ObservedStore => store({ [own]: "1", [forwarding]: "" });
  const address = (prefix: string): ObservedStore => {
    const made = known();
    const facts = { index: 2, prefix, scope: 0, flags: 0x80, protocol: 0 };
    foldMessage(made, { type: "address", deleted: false, ...facts });
    return made;
  };
  const isKnown = ({ sysctls }: Observed): boolean => sysctls.has(own) && sysctls.has(forwarding);
  assert.ok(isKnown(address("192.168.7.1/24")));
  assert.ok(!isKnown(address("fe80::7/64")));
  const tun = { name: "wrt0", offload: true, mtu: 1_500 };
  for (const error of [0, -13]) {
    const made = known();
    foldResult(made, { kind: "tun-open", tun }, error);
    assert.ok(!isKnown(made), String(error));
  }
});

test.run();
