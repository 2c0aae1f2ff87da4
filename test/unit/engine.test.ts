/**
 * The effects at the rim: requests and their answers, plans as messages, deadlines. Goal: nothing
 * is sent before its turn, nothing unbounded is kept, nothing waits without a name.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { base64Bytes, hexText } from "../../ts/engine/base64.js";
import { EventBus } from "../../ts/engine/events.js";
import { compareUplinks } from "../../ts/engine/uplink.js";
import { request } from "../../ts/host/channel.js";
import { Deadlines } from "../../ts/host/deadlines.js";
import { executePlan } from "../../ts/host/execute.js";
import { applyFirewall, listFirewall, readFile } from "../../ts/host/transfer.js";
import { eventHistoryMax, operationsInFlightMax } from "../../ts/model/limits.js";
import type { Operation, PlannedOperation } from "../../ts/model/operation.js";
import { done, FakeHost, refused } from "./support/fake-mover.js";

const test = suite("engine");

function sysctl(key: string, phase: number): PlannedOperation {
  return { operation: { kind: "sysctl", key, value: "1" }, phase, why: `set ${key}` };
}

function address(prefix: string, remove: boolean, phase: number): PlannedOperation {
  const operation: Operation = { kind: "address", remove, address: { ifname: "wrt0", prefix } };
  return { operation, phase, why: `${remove ? "remove" : "put"} ${prefix}` };
}

interface Run {
  readonly host: FakeHost;
  readonly told: string[];
  skipped: readonly PlannedOperation[] | undefined;
  readonly next: (good?: boolean) => boolean;
}

/** Executes a plan; `next` answers the oldest command that is under way. */
function execute(plan: readonly PlannedOperation[]): Run {
  const host = new FakeHost();
  const channel = host.channel();
  let answered = 0;
  const run: Run = {
    host,
    told: [],
    skipped: undefined,
    next: (good = true) => {
      const oldest = host.sent[answered];
      if (oldest === undefined) return false;
      answered += 1;
      host.answer(channel, oldest.seq, good ? done : refused);
      return true;
    },
  };
  executePlan(channel, plan, {
    onOutcome: ({ why }, { error }) => run.told.push(`${why} ${error}`),
    onDone: (skipped) => (run.skipped = skipped),
  });
  return run;
}

test("an empty plan is done at once", () => {
  assert.deepStrictEqual(execute([]).skipped, []);
});

test("a phase begins when the one before it is answered", () => {
  const run = execute([sysctl("c", 30), sysctl("a", 10), sysctl("b", 10)]);
  assert.strictEqual(run.host.sent.length, 2);
  run.next();
  assert.strictEqual(run.host.sent.length, 2);
  run.next();
  assert.strictEqual(run.host.sent.length, 3);
  assert.strictEqual(run.skipped, undefined);
  run.next();
  assert.deepStrictEqual(run.skipped, []);
  assert.deepStrictEqual(run.told, ["set a 0", "set b 0", "set c 0"]);
});

test("a bounded number of operations is under way, and all are done in the end", () => {
  const sizes = fc.integer({ min: 1, max: 3 * operationsInFlightMax });
  const property = fc.property(sizes, fc.integer({ min: 1, max: 4 }), (count, phases) => {
    const plan = Array.from({ length: count }, (_, at) => sysctl(`k${at}`, at % phases));
    const run = execute(plan);
    let answered = 0;
    do {
      assert.ok(run.host.sent.length - answered <= operationsInFlightMax);
      answered += 1;
    } while (run.next());
    assert.deepStrictEqual(run.skipped, []);
    assert.strictEqual(run.told.length, count);
    const order = run.host.sent.map(({ message }) => plan.find(({ operation }) => {
      return operation.kind === "sysctl" && "key" in message && operation.key === message.key;
    })?.phase ?? -1);
    assert.deepStrictEqual(order, [...order].sort((left, right) => left - right));
  });
  fc.assert(property, { numRuns: 100 });
});

test("nothing is removed of a kind whose addition failed", () => {
  const plan = [address("10.0.0.1/32", false, 1), address("10.0.0.2/32", true, 2), sysctl("a", 3)];
  const run = execute(plan);
  run.next(false);
  run.next();
  assert.deepStrictEqual(run.told, ["put 10.0.0.1/32 -1", "set a 0"]);
  assert.deepStrictEqual(run.skipped, [plan[1]]);
});

test("two firewall transactions are never under way together", () => {
  const firewall = (script: string): PlannedOperation => {
    return { operation: { kind: "firewall", script }, phase: 1, why: script };
  };
  const run = execute([firewall("first"), firewall("second")]);
  assert.strictEqual(run.host.sent.length, 1);
  run.next();
  assert.strictEqual(run.host.sent.length, 2);
});

test("a long script travels in parts, one after another", () => {
  const host = new FakeHost();
  const channel = host.channel();
  const script = "x".repeat(120_000);
  let error = 1;
  applyFirewall(channel, script, (result) => (error = result.error));
  for (let part = 0; part < 3; part++) {
    assert.strictEqual(host.sent.length, part + 1);
    host.answer(channel, host.sent[part]?.seq ?? 0, done);
  }
  assert.strictEqual(error, 0);
  const parts = host.sent.map(({ message }) => {
    assert.ok(message.type === "nft_apply");
    return { last: message.last, length: message.script.length };
  });
  assert.deepStrictEqual(parts.map(({ last }) => last), [false, false, true]);
  assert.strictEqual(parts.reduce((sum, { length }) => sum + length, 0), script.length);
});

test("a refused part ends the transaction", () => {
  const host = new FakeHost();
  const channel = host.channel();
  let error = 0;
  applyFirewall(channel, "x".repeat(60_000), (result) => (error = result.error));
  host.answer(channel, host.sent[0]?.seq ?? 0, refused);
  assert.strictEqual(error, -1);
  assert.strictEqual(host.sent.length, 1);
});

test("the firewall is read back from all parts", () => {
  const host = new FakeHost();
  const channel = host.channel();
  let text = "";
  listFirewall(channel, (result) => (text = Buffer.from(result as Uint8Array).toString()));
  const seq = host.sent[0]?.seq ?? 0;
  const part = (data: string, last: boolean) =>
    ({ type: "nft_text", error: 0, last, data: new Uint8Array(Buffer.from(data)) }) as const;
  host.answer(channel, seq, part("ab", false));
  assert.strictEqual(text, "");
  host.answer(channel, seq, part("cd", true));
  assert.strictEqual(text, "abcd");
  assert.strictEqual(channel.pending.size, 0);
});

test("a file is read to its end, and an error is told with its path", () => {
  const host = new FakeHost();
  const channel = host.channel();
  let text = "";
  readFile(channel, "/f", (result) => {
    text = result instanceof Uint8Array ? Buffer.from(result).toString() : result.text;
  });
  const facts = { type: "file_data", mode: 0o600, owner: 0 } as const;
  const data = (content: string, total: number) =>
    ({ ...facts, error: 0, total, data: new Uint8Array(Buffer.from(content)) }) as const;
  host.answer(channel, host.sent[0]?.seq ?? 0, data("abc", 5));
  host.answer(channel, host.sent[1]?.seq ?? 0, data("de", 5));
  assert.strictEqual(text, "abcde");
  assert.deepStrictEqual(host.sent.map(({ message }) => "offset" in message && message.offset), [
    0, 3,
  ]);
  readFile(channel, "/g", (result) => (text = result instanceof Uint8Array ? "" : result.text));
  const missing = { ...facts, error: -2, total: 0, mode: 0, data: new Uint8Array(0) };
  host.answer(channel, host.sent[2]?.seq ?? 0, missing);
  assert.strictEqual(text, "/g: no such file or directory");
});

test("an answer reaches its request once, everything else is news", () => {
  const host = new FakeHost();
  const news: string[] = [];
  const channel = host.channel((message) => news.push(message.type));
  let answers = 0;
  request(channel, { type: "watch" }, () => void (answers += 1));
  const seq = host.sent[0]?.seq ?? 0;
  host.answer(channel, 0, { type: "dump_begin" });
  host.answer(channel, seq, done);
  host.answer(channel, seq, done);
  assert.strictEqual(answers, 1);
  assert.deepStrictEqual(news, ["dump_begin", "result"]);
});

test("deadlines run once when due, in their order, and can be moved and cleared", () => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  const set = (name: string, atMs: number): void => {
    deadlines.set(name, atMs, "test", () => ran.push(name));
  };
  assert.strictEqual(deadlines.nextMs(), Infinity);
  set("late", 30);
  set("early", 10);
  set("gone", 10);
  set("moved", 5);
  set("moved", 40);
  deadlines.setEarlier("late", 20, "test", () => ran.push("late"));
  deadlines.setEarlier("late", 25, "test", () => ran.push("wrong"));
  deadlines.clear("gone");
  assert.strictEqual(deadlines.nextMs(), 10);
  deadlines.runDue(20);
  assert.deepStrictEqual(ran, ["early", "late"]);
  assert.deepStrictEqual(deadlines.list(), [{ name: "moved", atMs: 40, why: "test" }]);
});

test("a deadline that sets itself again leaves the loop its turn", () => {
  const deadlines = new Deadlines();
  let runs = 0;
  const again = (): void => {
    runs += 1;
    deadlines.set("again", 0, "test", again);
  };
  again();
  deadlines.runDue(1_000);
  assert.strictEqual(runs, 2);
});

test("the history of events is bounded and followers can leave", () => {
  const bus = new EventBus(() => 7.9);
  const followed: string[] = [];
  const leave = bus.follow(({ event }) => followed.push(event));
  for (let count = 0; count < eventHistoryMax + 5; count++) bus.publish({ event: "ready" });
  leave();
  bus.publish({ event: "route_connected", route_name: "us" });
  assert.strictEqual(followed.length, eventHistoryMax + 5);
  assert.strictEqual(bus.recent().length, eventHistoryMax);
  assert.deepStrictEqual(bus.recent().at(-1), {
    time: 7,
    event: "route_connected",
    route_name: "us",
  });
});

test("only what a session may hang on makes an uplink suspect", () => {
  const before = new Set(["carrier eth1", "address 192.0.2.2/24", "route 0.0.0.0/0 192.0.2.1 2"]);
  const less = (fact: string): Set<string> => new Set([...before].filter((one) => one !== fact));
  const more = (fact: string): Set<string> => new Set([...before, fact]);
  assert.strictEqual(compareUplinks(before, new Set(before)), "same");
  assert.strictEqual(compareUplinks(before, more("address 2001:db8::2/64")), "more");
  assert.strictEqual(compareUplinks(before, more("route ::/0 fe80::1 2")), "suspect");
  for (const fact of before) assert.strictEqual(compareUplinks(before, less(fact)), "suspect");
});

test("base64 and hexadecimal agree with Node", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
    const buffer = Buffer.from(bytes);
    assert.deepStrictEqual(base64Bytes(buffer.toString("base64")), bytes);
    assert.strictEqual(hexText(bytes), buffer.toString("hex"));
  });
  fc.assert(property);
});

test.run();
