/**
 * What becomes of a script on probation. Goal: it stays if devices fare no worse than before, and
 * goes at once if it dies, fails for everybody or answers rubbish; nobody else gets in meanwhile.
 * Method: a simulated household, faults in its cages and gateways.
 */
import assert from "node:assert";
import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import type { ApiAnswer } from "../../runtime/sim/api-client.js";
import { nodeEngine } from "../../runtime/sim/engine-node.js";
import { nodeRealms } from "../../runtime/sim/realm-node.js";
import { BUNDLES, PRELUDE } from "../../runtime/sim/run.js";
import { announce } from "../../runtime/sim/topology.js";
import { Random } from "../../runtime/sim/random.js";
import { digestOf, Household, scriptTo } from "./household.js";

const test = suite("sim: probation");

const bundle = readFileSync(BUNDLES.node, "utf8");
const engine = nodeEngine(bundle, nodeRealms(readFileSync(PRELUDE, "utf8")));
const [toUs, toDe] = [scriptTo("us"), scriptTo("de")];

function ask(household: Household, path: string, body: object = {}): ApiAnswer {
  return household.ask("POST", `/v1/policy/${path}`, body);
}

function causeOf({ status, body }: ApiAnswer): string {
  return `${status} ${(JSON.parse(body) as { cause?: string }).cause ?? ""}`;
}

function begin(policy: object = {}): Household {
  const household = new Household(engine, new Map(), policy);
  household.boot();
  return household;
}

/** A household in which `toUs` is confirmed and another script is on probation. */
function onProbation(script: string, seconds = 10): Household {
  const household = begin();
  assert.strictEqual(ask(household, "swap", { script: toUs }).status, 200);
  assert.strictEqual(ask(household, "confirm").status, 200);
  const { status, body } = ask(household, "swap", { script, confirm_s: seconds });
  assert.strictEqual(status, 200, body);
  household.run(200);
  assert.strictEqual(household.view().policy.pending?.sha256, digestOf(script));
  return household;
}

function outcome(household: Household): string {
  const { policy, script } = household.view();
  assert.strictEqual(policy.pending, null);
  const runs = script?.sha256 === digestOf(toUs) ? "us" : script === null ? "none" : "other";
  return `${policy.last?.action ?? ""} ${runs}: ${policy.last?.why ?? ""}`;
}

test("a script is confirmed at its deadline if devices fare as before", () => {
  const household = onProbation(toDe);
  household.run(9_000);
  assert.notStrictEqual(household.view().policy.pending, null);
  household.run(2_000);
  assert.match(outcome(household), /^confirm other: 100 % of devices have a way out, 100 % before/);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["de"]));
});

test("it is rolled back at its deadline if devices lost their way", () => {
  const household = onProbation(toDe);
  household.gateways.get("de")?.kill();
  household.run(12_000);
  assert.match(outcome(household), /^rollback us: 0 % of devices have a way out, 100 % before/);
  household.run(1_000);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["us"]));
});

test("a lazy tunnel that nobody asked for counts as a way out", () => {
  const lazy = `${toDe}// again`;
  const household = begin();
  assert.strictEqual(ask(household, "swap", { script: lazy, confirm_s: 5 }).status, 200);
  household.run(6_000);
  assert.match(outcome(household), /^confirm other/);
});

test("the first script that is ever asked knows the names of devices", () => {
  const leases = "/tmp/dhcp.leases";
  const household = begin({ leases_file: leases });
  const [{ mac, addr4 } = { mac: "", addr4: "" }] = household.devices;
  household.machine.files.put(leases, Buffer.from(`1900000000 ${mac} ${addr4} kettle *\n`));
  const { status, body } = ask(household, "try", { script: toDe });
  assert.strictEqual(status, 200, body);
  const { devices } = JSON.parse(body) as { devices: readonly { mac: string; name: string }[] };
  assert.strictEqual(devices.find((device) => device.mac === mac)?.name, "kettle");
});

const brittle = `import { definePolicy, via } from "adit:policy";
export default definePolicy({
  route(device, world) {
    if (world.devices.some(({ mac }) => mac.endsWith("77"))) throw new Error("too many");
    return via("de");
  },
});
`;

test("it is rolled back at once when it fails for everybody", () => {
  const household = onProbation(brittle, 60);
  const [first] = household.devices;
  assert.ok(first !== undefined);
  const guest = { ...first, mac: "02:00:00:00:01:77", addr4: "192.168.1.77", addr6: "fd00:1::77" };
  announce(household.machine.kernel, guest, new Random(1));
  household.run(1_500);
  assert.match(outcome(household), /^rollback us: throw: .*too many/);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["us"]));
});

for (const fault of ["dies", "memory", "silent", "rubbish", "frame"] as const) {
  test(`it is rolled back at once when its process ${fault}`, () => {
    const household = onProbation(toDe, 60);
    const { mover } = household.machine;
    assert.ok(mover !== undefined);
    let faults = 1;
    mover.cages.fault = () => (faults-- > 0 ? fault : "none");
    household.run(61_000);
    assert.match(outcome(household), /^rollback us: /);
    household.run(3_000);
    assert.deepStrictEqual(new Set(household.ways().values()), new Set(["us"]));
  });
}

test("what fails when it is asked in shadow is never swapped in", () => {
  const household = begin();
  const throwing = brittle.replace('"77"', '"10"');
  const cases: readonly (readonly [string, RegExp])[] = [
    [throwing, /^400 route of .* and 5 more: throw: .*too many/],
    ["export default 1;", /^400 /],
    ["export default {", /^400 syntax: /],
    ['import "./lib.mjs"; export default {};', /^400 import: .*adit-policy bundle puts all/],
    [scriptTo("nowhere"), /^400 .*nowhere/],
    ["x".repeat(262_145), /^413 script: expected at most 262144 bytes/],
    ['// \ud800\nexport default {};', /^400 script: expected well-formed text/],
  ];
  for (const [script, cause] of cases) {
    assert.match(causeOf(ask(household, "swap", { script })), cause);
    assert.strictEqual(household.view().script, null);
  }
  assert.deepStrictEqual([...household.flash()], []);
});

test("one swap at a time, and nothing to end without one", () => {
  const household = onProbation(toDe, 60);
  const second = causeOf(ask(household, "swap", { script: brittle }));
  assert.match(second, /^409 a script is on probation/);
  assert.strictEqual(ask(household, "try", { script: brittle }).status, 200);
  assert.strictEqual(ask(household, "rollback").status, 200);
  assert.match(outcome(household), /^rollback us: by the user/);
  assert.match(causeOf(ask(household, "confirm")), /^409 no script is on probation/);
  assert.match(causeOf(ask(household, "confirm", { module: "control" })), /^409 no control module/);
  assert.match(causeOf(ask(household, "rollback", { module: "control" })), /^409 .* came with/);
});

test("a flash that takes nothing refuses the swap and leaves what was", () => {
  const household = begin();
  household.machine.files.writeError = -28;
  assert.match(causeOf(ask(household, "swap", { script: toDe })), /^500 .*no space left/);
  assert.strictEqual(household.view().script, null);
  household.machine.files.writeError = 0;
  household.run(11_000);
  assert.strictEqual(ask(household, "swap", { script: toDe }).status, 200);
});

test("a probation outlives the decider, three times", () => {
  const household = onProbation(toDe, 60);
  for (let deaths = 0; deaths < 3; deaths++) {
    household.machine.killDecider("killed: signal 9");
    household.run(2_000);
    const { policy, script } = household.view();
    const digest = digestOf(toDe);
    assert.deepStrictEqual([policy.pending?.sha256, script?.sha256], [digest, digest]);
  }
  household.machine.killDecider("killed: signal 9");
  household.run(2_000);
  assert.match(outcome(household), /^rollback us: the decider ended 3 times: killed: signal 9/);
});

test("with keys only signed scripts are asked, and versions go up", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const head = Buffer.from("Ed\x01\x02\x03\x04\x05\x06\x07\x08", "latin1");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const key = Buffer.concat([head, raw]).toString("base64");
  const signed = (version: number, target = "home"): object => {
    const script = `// adit-policy target=${target} version=${version}\n${toDe}`;
    const bytes = Buffer.concat([head, sign(null, Buffer.from(script), privateKey)]);
    return { script, signature: `untrusted comment: x\n${bytes.toString("base64")}\n` };
  };
  const household = begin({ public_keys: [key], target: "home" });
  const refused = (body: object, why: RegExp): void => {
    for (const verb of ["try", "swap"]) assert.match(causeOf(ask(household, verb, body)), why);
  };
  refused({ script: toDe }, /^403 expected a signature/);
  refused({ ...signed(3), script: toDe }, /^403 expected bytes that key 0102030405060708 signed/);
  refused(signed(3, "work"), /^403 expected target=home/);
  assert.strictEqual(ask(household, "swap", signed(3)).status, 200);
  assert.strictEqual(ask(household, "confirm").status, 200);
  refused(signed(3), /^403 expected a version above 3/);
  assert.strictEqual(ask(household, "swap", signed(4)).status, 200);
  refused({ ...signed(9), module: "control" }, /^(400|403|409) /);
});

test("a control module that is no module or does not settle gives way to the former one", () => {
  const household = begin();
  const silenced = bundle.replace("beginLife(engineOf())", "0");
  assert.notStrictEqual(silenced, bundle);
  // Without indentation the text that is read here is no longer than a module may be.
  const unready = silenced.replace(/^ +/gm, "");
  for (const script of ["export {", "throw new Error(1);", unready]) {
    const { status, body } = ask(household, "swap", { script, module: "control", confirm_s: 5 });
    assert.strictEqual(status, 200, body);
    household.run(12_000);
    const { module, trial, control } = household.view();
    assert.deepStrictEqual([module, trial, control.pending], ["rom", false, null]);
    assert.strictEqual(control.last?.action, "rollback");
  }
});

test("a script that is taken back decides no more, though the former does not load", () => {
  const household = onProbation(toDe, 600);
  household.machine.killDecider("killed: signal 9");
  household.run(3_000);
  const cages = household.machine.mover?.cages;
  assert.ok(cages !== undefined);
  let failures = 1;
  cages.fault = (kind) => (kind === "L" && failures-- > 0 ? "dies" : "none");
  assert.strictEqual(ask(household, "rollback").status, 200);
  household.run(100);
  const { script } = household.view();
  assert.notStrictEqual(script?.sha256, digestOf(toDe));
  household.run(5_000);
  assert.match(outcome(household), /^rollback us: by the user/);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["us"]));
});

test("the answers of a former script whose process died hold again while it loads", () => {
  const household = onProbation(toDe, 600);
  const cages = household.machine.mover?.cages;
  const [former] = cages?.living() ?? [];
  assert.ok(cages !== undefined && former !== undefined);
  cages.kill(former);
  household.run(100);
  cages.fault = (kind) => (kind === "L" ? "dies" : "none");
  assert.strictEqual(ask(household, "rollback").status, 200);
  household.run(500);
  assert.deepStrictEqual(cages.living(), []);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["us"]));
});

/** A household of which no device is known. */
function empty(policy: object = {}): Household {
  const household = begin(policy);
  const { kernel } = household.machine;
  for (const { index, addr } of [...kernel.neighbours.values()]) {
    kernel.removeNeighbour(index, addr);
  }
  household.run(1_000);
  return household;
}

test("a bad script is refused though no device is known", () => {
  const household = empty();
  const spins = `import { definePolicy } from "adit:policy";
export default definePolicy({ route() { for (;;); } });
`;
  const cases: readonly (readonly [string, RegExp])[] = [
    [scriptTo("mars"), /^400 route of a new device on br-lan and \d more: .*"mars", expected one/],
    [spins, /^400 /],
    [brittle.replace('"77"', '""'), /^400 route of a new device on br-lan .*too many/],
  ];
  for (const [script, cause] of cases) {
    assert.match(causeOf(ask(household, "swap", { script })), cause);
    assert.strictEqual(household.view().script, null);
  }
  assert.strictEqual(ask(household, "swap", { script: toDe }).status, 200);
});

test("a script that is wrong about the devices that are there is refused as well", () => {
  const isMadeUp = 'world.devices.some(({ mac }) => mac.startsWith("02:ad:17:ff:"))';
  const script = `import { definePolicy, via } from "adit:policy";
export default definePolicy({
  route: (_device, world) => ${isMadeUp} ? via("us") : via("mars"),
});
`;
  assert.match(causeOf(ask(begin(), "swap", { script })), /^400 route of 02:.* and 3 more: .*mars/);
});

test("devices that a rule or a lease names are known before they speak", () => {
  const leases = "/tmp/dhcp.leases";
  const household = empty({ leases_file: leases });
  const [lamp, tv] = ["02:00:00:00:0a:01", "02:00:00:00:0a:02"];
  household.machine.files.put(leases, Buffer.from(`1900000000 ${lamp} 192.168.1.9 lamp *\n`));
  household.ask("POST", "/v1/protect", { kind: "mac", subject: tv, vl: "us" });
  const { status, body } = ask(household, "diff", { script: toDe });
  assert.strictEqual(status, 200, body);
  const told = JSON.parse(body) as { known: number; devices: { mac: string; new: string }[] };
  assert.strictEqual(told.known, 2);
  assert.deepStrictEqual(told.devices.map((one) => [one.mac, one.new]).sort(), [
    [lamp, "de"],
    [tv, "de"],
  ]);
});

function confirmed(...scripts: readonly string[]): Household {
  const household = begin();
  for (const script of scripts) {
    assert.strictEqual(ask(household, "swap", { script }).status, 200);
    assert.strictEqual(ask(household, "confirm").status, 200);
  }
  return household;
}

/** Which slot decides after the verb, and where devices go. */
function runsAfter(household: Household, verb: string): string {
  const answer = ask(household, verb);
  assert.strictEqual(answer.status, 200, answer.body);
  household.run(3_000);
  const ways = [...new Set(household.ways().values())].join();
  const { script } = household.view();
  return `${script === null ? "none" : script.origin} ${ways}`;
}

test("a confirmed script can be left for the one before, and that for none", () => {
  const household = confirmed(toUs, toDe);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["de"]));
  assert.strictEqual(runsAfter(household, "rollback"), "a us");
  assert.strictEqual(runsAfter(household, "rollback").split(" ")[0], "none");
  assert.match(causeOf(ask(household, "rollback")), /^409 there is no script to return to/);
  const again = new Household(engine, household.flash());
  again.boot();
  assert.strictEqual(again.view().script, null);
});

test("a removed script leaves what the configuration names, also for the next start", () => {
  const household = confirmed(toUs, toDe);
  assert.strictEqual(runsAfter(household, "remove").split(" ")[0], "none");
  assert.match(causeOf(ask(household, "remove")), /^409 no script was swapped in/);
  const again = new Household(engine, household.flash());
  again.boot();
  assert.strictEqual(again.view().script, null);
  assert.match(causeOf(ask(onProbation(toDe, 60), "remove")), /^409 a script is on probation/);
});

test("there is no way back to a script that another one was written over", () => {
  const household = confirmed(toUs, toDe);
  assert.strictEqual(ask(household, "swap", { script: brittle }).status, 200);
  assert.strictEqual(ask(household, "rollback").status, 200);
  household.run(1_000);
  assert.match(causeOf(ask(household, "rollback")), /^409 there is no script to return to/);
  assert.deepStrictEqual(new Set(household.ways().values()), new Set(["de"]));
});

test.run();
