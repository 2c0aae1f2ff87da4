/**
 * The runner of policy scripts with a fake cage: whatever comes back, the last good answers stay;
 * calls are coalesced, failures back off, CPU time is bounded.
 */
import assert from "node:assert";
import { suite } from "uvu";
import { createAdvice } from "../../ts/engine/advice.js";
import { configInForce } from "../../ts/engine/in-force.js";
import type { Runner } from "../../ts/engine/advice.js";
import type { Cage, CageError } from "../../ts/engine/cage.js";
import { cageErrorText, isCageError, openCage } from "../../ts/engine/cage.js";
import type { Advice } from "../../ts/model/advice.js";
import type { RouterConfig } from "../../ts/model/config.js";
import { foldMessage } from "../../ts/reconcile/fold.js";
import { router } from "./support/configs.js";
import type { Behave } from "./support/fake-cage.js";
import { CageHost, failure, frame, result, script } from "./support/fake-cage.js";

const tv = "02:00:00:00:00:01";
const adopted = result({ api: 1, version: 1, functions: ["route", "onEvent"] });
const viaUs = { routes: [{ mac: tv, action: "via", location: "us" }], log: [] };
const config = router({ lan_ifnames: ["br-lan"], policy: { file: "/etc/adit/policy.mjs" } });

const quiet: Behave = (kind, text) => {
  if (kind === "L") return adopted;
  return result(text.startsWith('{"call":"event"') ? { effects: [], log: [] } : viaUs);
};

function decides(answer: ReturnType<Behave>): Behave {
  return (kind, text) => (text.startsWith('{"call":"decide"') ? answer : quiet(kind, text));
}

function hostOf(behave: Behave): CageHost {
  const host = new CageHost(config, behave);
  const { store } = host.core;
  const link = { type: "link", deleted: false, flags: 1, mtu: 1_500, master: 0, mac: "" } as const;
  foldMessage(store, { ...link, index: 2, name: "br-lan" });
  see(host, tv, "10.0.0.3");
  return host;
}

function see(host: CageHost, mac: string, addr: string, deleted = false): void {
  foldMessage(host.core.store, { type: "neighbour", deleted, index: 2, addr, mac, state: 2 });
}

const cage = suite("advice: cage");

function open(host: CageHost): Cage | CageError | undefined {
  let opened: Cage | CageError | undefined;
  openCage(host.core, script(), (answer) => (opened = answer));
  host.pass(3_000);
  return opened;
}

function ask(behave: Behave, chunk = Infinity): { host: CageHost; answer: Advice | CageError } {
  const host = hostOf(behave);
  host.chunk = chunk;
  const opened = open(host);
  assert.ok(opened !== undefined && !isCageError(opened));
  let answer: Advice | CageError | undefined;
  opened.decide({}, (one) => (answer = one));
  host.pass(2_000);
  assert.ok(answer !== undefined);
  return { host, answer };
}

function kindOf(behave: Behave): string {
  const { host, answer } = ask(behave);
  assert.ok(isCageError(answer));
  const isFatal = ["rubbish", "timeout", "memory", "died"].includes(answer.kind);
  assert.deepStrictEqual(host.killed, isFatal ? [1] : []);
  assert.strictEqual(host.core.cages.size, isFatal ? 0 : 1);
  return answer.kind;
}

cage("one that does not say what it loaded is closed", () => {
  const host = hostOf(() => result({ routes: [] }));
  const opened = open(host);
  assert.ok(opened !== undefined && isCageError(opened));
  assert.strictEqual(cageErrorText(opened), "rubbish: no list of functions");
  assert.deepStrictEqual([host.killed, host.core.cages.size], [[1], 0]);
});

cage("an answer is the same however it is cut", () => {
  for (const chunk of [1, 2, 3, 4, 5, 6, 7, 100, 65_536]) {
    const { answer } = ask(quiet, chunk);
    assert.ok(!isCageError(answer));
    assert.strictEqual(answer.routes?.get(tv)?.location, "us");
  }
});

cage("an answer in many small pieces takes little more memory than its bytes", () => {
  const host = hostOf(decides({ raw: frame("R", "x".repeat(300_000)).subarray(0, 200_000) }));
  host.chunk = 100;
  const opened = open(host);
  assert.ok(opened !== undefined && !isCageError(opened));
  opened.decide({}, () => undefined);
  host.pass(1_000);
  const { chunks, received } = opened as unknown as { chunks: Uint8Array[]; received: number };
  assert.strictEqual(received, 200_000);
  assert.ok(chunks.length <= 64, `${chunks.length} pieces`);
});

cage("a script that does not load is an error with its place", () => {
  const host = hostOf(() => failure("syntax", "unexpected token", "    at policy.mjs:3:7"));
  const opened = open(host);
  assert.ok(opened !== undefined && isCageError(opened));
  assert.strictEqual(cageErrorText(opened), "syntax: unexpected token at policy.mjs:3:7");
  assert.deepStrictEqual(host.killed, [1]);
});

cage("every way to fail has a name, and the process ends where it cannot be trusted", () => {
  const raw = (bytes: Uint8Array): Behave => decides({ raw: bytes });
  assert.strictEqual(kindOf(decides(failure("throw", "oops"))), "throw");
  assert.strictEqual(kindOf(decides(failure("limit", "100 ms"))), "limit");
  assert.strictEqual(kindOf(decides(undefined)), "timeout");
  assert.strictEqual(kindOf(raw(frame("R", "no json"))), "rubbish");
  assert.strictEqual(kindOf(raw(frame("R", "[".repeat(100_000)))), "rubbish");
  assert.strictEqual(kindOf(raw(new Uint8Array([255, 255, 255, 255, 82]))), "rubbish");
  assert.strictEqual(kindOf(raw(Buffer.concat([frame("R", "{}"), frame("R", "{}")]))), "rubbish");
  const died = (status: number, signal: number): Behave => {
    return decides({ died: { status, signal, text: "policy: last\u0007 words" } });
  };
  assert.strictEqual(kindOf(died(71, 0)), "memory");
  assert.strictEqual(kindOf(died(-1, 31)), "died");
});

cage("an answer that is no object is rubbish, but its process may go on", () => {
  for (const value of [null, 7, "text"]) {
    const { answer, host } = ask(decides(result(value)));
    assert.ok(isCageError(answer) && answer.kind === "rubbish");
    assert.deepStrictEqual(host.killed, []);
  }
});

cage("calls wait for each other, and too many are refused", () => {
  const host = hostOf(quiet);
  const opened = open(host) as Cage;
  const kinds: string[] = [];
  for (let at = 0; at < 12; at++) {
    opened.decide({ at }, (one) => kinds.push(isCageError(one) ? one.kind : "good"));
  }
  host.pass(100);
  assert.strictEqual(kinds.filter((one) => one === "good").length, 8);
  assert.strictEqual(kinds.filter((one) => one === "refused").length, 4);
  assert.deepStrictEqual(host.calls.map(({ call }) => (call["world"] as { at: number }).at), [
    ...Array(8).keys(),
  ]);
  assert.strictEqual(opened.usage.calls, 9);
});

cage("a silent script that is closed tells all who wait", () => {
  const host = hostOf(decides(undefined));
  const opened = open(host) as Cage;
  let told = 0;
  for (let at = 0; at < 3; at++) opened.decide({}, (one) => (told += isCageError(one) ? 1 : 0));
  opened.close();
  opened.close();
  assert.strictEqual(told, 3);
  opened.decide({}, (one) => (told += isCageError(one) ? 1 : 0));
  assert.strictEqual(told, 4);
  host.pass(10_000);
  assert.deepStrictEqual(host.killed, [1]);
});

cage.run();

const runner = suite("advice: runner");

interface Running {
  readonly host: CageHost;
  readonly advice: Runner;
  readonly changes: string[];
}

function begin(behave: Behave, host = hostOf(behave)): Running {
  const changes: string[] = [];
  const onChange = (why: string): void => void changes.push(why);
  const advice = createAdvice(host.core, { tunnels: host.tunnels, onChange });
  advice.load(() => advice.run(script()));
  return { host, advice, changes };
}

function rulesOf({ advice }: Running): string[] {
  const effective = configInForce(advice, config) as RouterConfig;
  return effective.rules.map(({ match, target }) => {
    const what = target.kind === "location" ? target.name : target.kind;
    return `${match.kind} ${what}`;
  });
}

function decisions(host: CageHost): number[] {
  return host.calls.filter(({ call }) => call["call"] === "decide").map(({ atMs }) => atMs);
}

function stateOf({ advice }: Running): string {
  return (advice.status as { state: string }).state;
}

runner("who has no answer waits from the first moment, then the answer holds", () => {
  const running = begin(quiet);
  assert.deepStrictEqual(rulesOf(running), []);
  running.host.work();
  assert.deepStrictEqual(rulesOf(running), ["iface block"]);
  running.host.pass(100);
  assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
  assert.strictEqual(stateOf(running), "running");
});

runner("without a script nothing is changed", () => {
  const host = hostOf(quiet);
  const hooks = { tunnels: host.tunnels, onChange: () => undefined };
  assert.strictEqual(configInForce(createAdvice(host.core, hooks), config), config);
});

runner("a storm of changes costs two calls a second, and none where nothing differs", () => {
  const { host, advice } = begin(quiet);
  host.pass(1_000);
  const before = decisions(host).length;
  for (let at = 0; at < 1_000; at++) {
    advice.note("a neighbour was confirmed");
    host.pass(10);
  }
  // Only the minute may have changed.
  assert.ok(decisions(host).length - before <= 1);
  for (let at = 0; at < 1_000; at++) {
    see(host, `02:00:00:00:01:${(at & 255).toString(16).padStart(2, "0")}`, `10.0.1.${at & 255}`);
    advice.note("a device came");
    host.pass(10);
  }
  const storm = decisions(host).slice(before + 1);
  assert.ok(storm.length >= 5 && storm.length <= 21, `${storm.length}`);
  storm.slice(1).forEach((atMs, at) => assert.ok(atMs - (storm[at] ?? 0) >= 500));
});

runner("it is asked every minute, and hears what happened", () => {
  const { host, advice } = begin(quiet);
  host.pass(300_000);
  assert.ok([5, 6].includes(decisions(host).length), `${decisions(host).length}`);
  see(host, "02:00:00:00:00:09", "10.0.0.9");
  advice.note("a device came");
  host.pass(1_000);
  const heard = host.calls.filter(({ call }) => call["call"] === "event");
  assert.deepStrictEqual(
    heard.map(({ call }) => call["event"]),
    [{ type: "started" }, { type: "joined", mac: "02:00:00:00:00:09" }],
  );
});

runner("a failing script keeps its answers, backs off, is degraded, and comes back", () => {
  const running = begin(quiet);
  const { host, advice } = running;
  const failures: string[] = [];
  advice.onFailure = ({ kind }) => failures.push(kind);
  host.pass(1_000);
  host.behave = decides(failure("throw", "oops", "at route (policy.mjs:4:2)"));
  host.pass(60_000);
  assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
  assert.ok(["failing", "degraded"].includes(stateOf(running)));
  host.pass(600_000);
  assert.strictEqual(stateOf(running), "degraded");
  const late = decisions(host).slice(-4);
  late.slice(1).forEach((atMs, at) => assert.ok(atMs - (late[at] ?? 0) >= 59_000));
  assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
  assert.ok(failures.length >= 5 && failures.every((kind) => kind === "throw"));
  const told = host.log.filter((line) => line.includes("oops at policy.mjs:4:2"));
  assert.strictEqual(told.length, 1, "the same failure is told once");
  assert.ok(host.events.includes("policy_failed"));
  host.behave = quiet;
  host.pass(61_000);
  assert.strictEqual(stateOf(running), "running");
});

for (const [name, reply] of [
  ["dies", { died: { status: 71, signal: 0, text: "" } }],
  ["is silent", undefined],
  ["answers rubbish", { raw: new Uint8Array([1, 0, 0, 0, 82]) }],
] as const) {
  runner(`a script that ${name} in every call gets ever fewer processes`, () => {
    const running = begin(quiet);
    const { host } = running;
    host.pass(1_000);
    host.behave = decides(reply);
    host.pass(600_000);
    assert.ok(host.opened >= 5 && host.opened < 22, `${host.opened} processes`);
    assert.strictEqual(host.log.length, 2, host.log.join("\n"));
    assert.ok(host.core.cages.size <= 1);
    assert.strictEqual(stateOf(running), "degraded");
    assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
    host.behave = quiet;
    host.pass(62_000);
    assert.strictEqual(stateOf(running), "running");
  });
}

runner("a script that never loads leaves the block", () => {
  const running = begin(() => failure("syntax", "no"));
  running.host.pass(600_000);
  assert.deepStrictEqual(rulesOf(running), ["iface block"]);
  assert.ok(running.host.opened < 22);
  assert.strictEqual(stateOf(running), "degraded");
});

runner("a script that does not load leaves the one before it in force, and is told", () => {
  const running = begin(quiet);
  const { host, advice } = running;
  host.pass(1_000);
  host.behave = (kind, text) => (kind === "L" ? failure("load", "no policy") : quiet(kind, text));
  advice.run(script("other"));
  host.pass(1_000);
  assert.ok(host.log.some((line) => line.includes("the former script stays: load: no policy")));
  assert.strictEqual(advice.active?.script.text, "x");
  assert.strictEqual(stateOf(running), "running");
  assert.deepStrictEqual(host.killed, [2]);
});

runner("CPU time of a minute is bounded", () => {
  const running = begin(decides(result(viaUs, 900_000)));
  const { host, advice } = running;
  for (let at = 0; at < 600; at++) {
    see(host, tv, `10.0.3.${at & 127}`, at % 2 === 0);
    advice.note("a change");
    host.pass(100);
  }
  assert.ok(decisions(host).length <= 9, `${decisions(host).length}`);
  assert.ok(host.log.some((line) => line.includes("pauses")));
  assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
});

runner("another decider begins with the answers of the one before", () => {
  const first = begin(quiet);
  first.host.pass(1_000);
  const second = hostOf(() => undefined);
  for (const [path, text] of first.host.files) second.files.set(path, text);
  const running = begin(() => undefined, second);
  second.work();
  assert.deepStrictEqual(rulesOf(running), ["mac us", "iface block"]);
});

runner("what another decider kept may be damaged", () => {
  for (const text of ["", "{", "[]", '{"bypass":7,"routes":[[]]}', '{"routes":["x"]}']) {
    const host = hostOf(() => undefined);
    host.files.set("/run/adit/policy-answers.json", text);
    const running = begin(() => undefined, host);
    host.work();
    assert.deepStrictEqual(rulesOf(running), ["iface block"], text);
  }
});

runner("effects are carried out, reconnects not too often", () => {
  const effects = [
    { effect: "notify", text: "hello" },
    { effect: "reconnect", location: "us" },
    { effect: "redecide", after_s: 7 },
  ];
  const { host, advice } = begin((kind, text) => {
    if (kind === "L") return adopted;
    return result(text.startsWith('{"call":"event"') ? { effects, log: [] } : viaUs);
  });
  host.pass(1_000);
  assert.deepStrictEqual(host.events, ["policy_notify"]);
  const before = decisions(host).length;
  host.pass(7_500);
  assert.strictEqual(decisions(host).length, before + 1);
  assert.ok(advice.lines.some(({ text }) => text === "hello"));
});

runner("the end of a script gives routing back to the rules", () => {
  const running = begin(quiet);
  const { host, advice } = running;
  host.pass(1_000);
  advice.adopt(undefined);
  assert.deepStrictEqual(rulesOf(running), []);
  host.pass(200_000);
  assert.deepStrictEqual(host.killed, [1]);
  assert.strictEqual(decisions(host).length, 1);
  assert.deepStrictEqual(host.core.deadlines.list(), []);
});

runner("lines of a script are bounded", () => {
  const log = Array.from({ length: 32 }, (_, at) => ({ level: "info", text: `line ${at}` }));
  const { host, advice } = begin(decides(result({ ...viaUs, log })));
  for (let at = 0; at < 100; at++) {
    see(host, tv, `10.0.3.${at}`);
    advice.note("a change");
    host.pass(500);
  }
  assert.ok(host.log.filter((line) => line.includes("line ")).length <= 240);
  assert.strictEqual(advice.lines.length, 64);
});

runner.run();
