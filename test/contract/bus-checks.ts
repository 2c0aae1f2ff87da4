/** What runtime/contract.json promises of the bus, on both movers. */
import * as assert from "uvu/assert";
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import type { Check } from "./checks.js";
import type { Target, TestBus } from "./target.js";
import { errorOf, waitFor } from "./target.js";

const EPERM = -1;
const EINVAL = -22;
const METHOD_NOT_FOUND = 3;
const NOT_FOUND = 4;
const PART_BYTES_MAX = 49_152;

type Offer = Extract<DeciderMessage, { type: "bus_open" }>;
type Call = Extract<MoverMessage, { type: "bus_call" }>;

const withdrawn: Offer = { type: "bus_open", path: "", object: "", methods: new Uint8Array(0) };

function offer({ path }: TestBus, changes: Partial<Offer> = {}): Offer {
  const methods = Buffer.from('{"explain":{"target":3},"policy":{"script":3}}');
  return { type: "bus_open", path, object: "adit", methods, ...changes };
}

async function stateOf(target: Target): Promise<boolean | undefined> {
  const told = await waitFor(target, (news) => news.some(({ type }) => type === "bus_state"));
  const state = told.filter((item) => item.type === "bus_state").at(-1);
  return state?.type === "bus_state" ? state.connected : undefined;
}

/** A call as the decider gets it. */
async function callOf(target: Target): Promise<{ call: number; method: string; json: string }> {
  const isCall = (item: MoverMessage): item is Call => item.type === "bus_call";
  const isWhole = (news: readonly MoverMessage[]): boolean =>
    news.some((item) => isCall(item) && item.last);
  const parts = (await waitFor(target, isWhole)).filter(isCall);
  const { call = 0, method = "" } = parts[0] ?? {};
  assert.ok(parts.every((part, at) => part.last === (at === parts.length - 1)));
  return { call, method, json: Buffer.concat(parts.map(({ data }) => data)).toString() };
}

function reply(target: Target, call: number, status: number, json: string): void {
  const whole = Buffer.from(json);
  for (let at = 0; at === 0 || at < whole.length; at += PART_BYTES_MAX) {
    const data = new Uint8Array(whole.subarray(at, at + PART_BYTES_MAX));
    const last = at + PART_BYTES_MAX >= whole.length;
    target.tell({ type: "bus_reply", call, status, last, data });
  }
}

function onBus(name: string, run: (target: Target, bus: TestBus) => Promise<void>): Check {
  return {
    name: `bus: ${name}`,
    async run(target) {
      target.takeNews();
      const bus = target.bus();
      await bus.start();
      assert.is(await errorOf(target, offer(bus)), 0);
      assert.is(await stateOf(target), true);
      await run(target, bus);
      assert.is(await errorOf(target, withdrawn), 0);
      bus.stop();
      target.takeNews();
    },
  };
}

export const busChecks: readonly Check[] = [
  {
    name: "bus: a wrong offer is refused",
    async run(target) {
      const bus = target.bus();
      assert.is(await errorOf(target, offer(bus, { path: "/run/other.sock" })), EPERM);
      for (const object of ["network", "aditx", "adit.", "adit/x"]) {
        assert.is(await errorOf(target, offer(bus, { object })), EINVAL, object);
      }
      for (const text of ["", "[]", '{"status":1}', '{"status":{}']) {
        assert.is(await errorOf(target, offer(bus, { methods: Buffer.from(text) })), EINVAL, text);
      }
      assert.is(await errorOf(target, withdrawn), 0);
    },
  },
  {
    name: "bus: one that is missing is told, and found when it comes, and comes back",
    async run(target) {
      const bus = target.bus();
      target.takeNews();
      assert.is(await errorOf(target, offer(bus)), 0);
      assert.is(await stateOf(target), false);
      await bus.start();
      assert.is(await stateOf(target), true);
      bus.stop();
      assert.is(await stateOf(target), false);
      await bus.start();
      assert.is(await stateOf(target), true);
      assert.is(await errorOf(target, offer(bus)), 0);
      assert.is(await stateOf(target), true, "an offer that stands is told again");
      assert.is(await errorOf(target, withdrawn), 0);
      bus.stop();
    },
  },
  onBus("a call comes and its reply goes", async (target, bus) => {
    const answer = bus.call("adit", "explain", { target: 'lan0 "ö"' });
    const { call, method, json } = await callOf(target);
    assert.is(method, "explain");
    assert.equal(JSON.parse(json), { target: 'lan0 "ö"' });
    reply(target, call, 2, '{"cause":"it is"}');
    await target.pause();
    assert.equal(await answer, [2, '{"cause":"it is"}']);
  }),
  onBus("two calls at once, the second answered first", async (target, bus) => {
    const first = bus.call("adit", "explain", { target: "a" });
    const one = await callOf(target);
    const second = bus.call("adit", "explain", { target: "b" });
    const two = await callOf(target);
    reply(target, two.call, 0, '{"was":"b"}');
    reply(target, one.call, 0, "");
    reply(target, one.call, 9, '{"was":"nobody"}');
    await target.pause();
    assert.equal(await first, [0, ""]);
    assert.equal(await second, [0, '{"was":"b"}']);
  }),
  onBus("long arguments and long replies", async (target, bus) => {
    const text = "x".repeat(120_000);
    const answer = bus.call("adit", "policy", { script: text });
    const { call, json } = await callOf(target);
    assert.equal(JSON.parse(json), { script: text });
    reply(target, call, 0, JSON.stringify({ text }));
    await target.pause();
    assert.equal(await answer, [0, JSON.stringify({ text })]);
  }),
  onBus("what is not offered is not asked", async (target, bus) => {
    const answer = bus.call("adit", "status", {});
    for (let i = 0; i < 5; i++) await target.pause();
    assert.is((await answer)[0], METHOD_NOT_FOUND);
    assert.is(target.takeNews().some(({ type }) => type === "bus_call"), false);
  }),
  onBus("notifications reach subscribers", async (target, bus) => {
    const json = '{"event":"ready"}';
    await target.pause();
    target.tell({ type: "bus_notify", kind: "ready", data: Buffer.from(json) });
    for (let i = 0; i < 100 && bus.notifications.length === 0; i++) await target.pause();
    assert.equal(bus.notifications.slice(-1), [["ready", json]]);
  }),
  onBus("an object that was withdrawn is gone", async (target, bus) => {
    assert.is(await errorOf(target, withdrawn), 0);
    for (let i = 0; i < 5; i++) await target.pause();
    assert.is((await bus.call("adit", "explain", { target: "a" }))[0], NOT_FOUND);
  }),
];
