/**
 * Calls on ubus as requests of the HTTP API. Goal: every method reaches the route that is meant for
 * it, with everything that the caller said, and every answer keeps its status and issues.
 */
import assert from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import { policyVerbs } from "../../ts/api/policy-routes.js";
import type { ChangeResult, Service } from "../../ts/api/routes.js";
import { createRoutes } from "../../ts/api/routes.js";
import { busMethods, busRequest, busStatus } from "../../ts/api/ubus.js";
import { createBus, onBusCall, onBusState, openBus } from "../../ts/engine/bus.js";
import type { Engine } from "../../ts/engine/engine-state.js";
import { EventBus } from "../../ts/engine/events.js";
import type { RuleChange } from "../../ts/engine/runtime-rules.js";
import { Log } from "../../ts/engine/log.js";
import type { Config } from "../../ts/model/config.js";
import { routerJson } from "./support/configs.js";
import type { Sent } from "./support/fake-mover.js";
import { FakeHost, refused } from "./support/fake-mover.js";

const test = suite("ubus");

interface Bench {
  readonly host: FakeHost;
  readonly engine: Engine;
  readonly changes: RuleChange[];
  readonly call: (method: string, args: string, partBytes?: number) => Reply;
}

interface Reply {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly parts: number;
}

const config = { api: { socket: "", mode: 0o660, ubus: "/var/run/ubus/ubus.sock" } } as Config;

function serviceOf(changes: RuleChange[], result: ChangeResult, isKnown: boolean): Service {
  const issue = { path: "subject", value: '""', expected: "a device" };
  return {
    status: (done: (status: object) => void) => done({ role: "router" }),
    devices: () => [{ mac: "m".repeat(120_000) }],
    plan: () => (isKnown ? [] : undefined),
    machine: () => ({
      hasInterface: (name: string) => name !== "eth1",
      factsOf: () => undefined,
      daysLeft: () => undefined,
    }),
    explain: (subject: string, destination: string) => {
      if (subject === "") return [issue];
      return { device: subject, ...(destination === "" ? {} : { destination }) };
    },
    change: (change: RuleChange, done: (result: ChangeResult) => void) => {
      changes.push(change);
      done(result);
    },
    policy: {
      view: (view: string) => ({ view }),
      act: (verb: string, script: object, done: (result: object) => void) => {
        if (verb === "confirm") return done({ kind: "refused", status: 409, cause: "none" });
        return done({ kind: "done", result: { verb, ...script } });
      },
    },
  } as unknown as Service;
}

const kept: ChangeResult = { kind: "done", result: { kept: true } };

function bench(result: ChangeResult = kept, isKnown = true): Bench {
  const host = new FakeHost();
  const changes: RuleChange[] = [];
  const engine = {} as { -readonly [K in keyof Engine]: Engine[K] };
  const channel = host.channel((message) => {
    if (message.type === "bus_state") onBusState(engine, message);
    if (message.type === "bus_call") onBusCall(engine, message);
  });
  const { native } = host;
  const events = new EventBus(() => 7);
  const core = { native, channel, events, log: new Log(channel) } as unknown as Engine["core"];
  const onRequest = createRoutes(native, serviceOf(changes, result, isKnown));
  Object.assign(engine, { core, bus: createBus(core), api: { server: { onRequest } } });
  const call = (method: string, args: string, partBytes = 49_152): Reply => {
    host.sent.length = 0;
    const bytes = Buffer.from(args);
    for (let at = 0; ; at += partBytes) {
      const last = at + partBytes >= bytes.length;
      const data = new Uint8Array(bytes.subarray(at, at + partBytes));
      host.answer(channel, 0, { type: "bus_call", call: 5, method, last, data });
      if (last) return replyOf(host.sent);
    }
  };
  return { host, engine, changes, call };
}

function replyOf(sent: readonly Sent[]): Reply {
  let text = "";
  let status = -1;
  for (const [at, { message }] of sent.entries()) {
    if (message.type !== "bus_reply") throw new Error(`${message.type} among the reply`);
    assert.strictEqual(message.call, 5);
    assert.strictEqual(message.last, at === sent.length - 1);
    text += Buffer.from(message.data).toString();
    status = message.status;
  }
  return { status, json: JSON.parse(text) as Record<string, unknown>, parts: sent.length };
}

test("views go to their resources", () => {
  const { call } = bench();
  assert.deepStrictEqual(call("status", "{}").json, { role: "router" });
  assert.deepStrictEqual(call("plan", "{}").json, { operations: [] });
  assert.deepStrictEqual(call("explain", '{"target":"lan0"}').json, { device: "lan0" });
  const there = { device: "lan0", destination: "10.77.0.5" };
  const asked = call("explain", '{"target":"lan0","destination":"10.77.0.5"}');
  assert.deepStrictEqual(asked.json, there);
  assert.deepStrictEqual(call("policy", "{}").json, { view: "" });
  assert.deepStrictEqual(call("policy", '{"action":"status"}').json, { view: "" });
  for (const view of ["history", "log", "limits"]) {
    assert.deepStrictEqual(call("policy", JSON.stringify({ action: view })).json, { view });
  }
});

test("a plan that is not known yet is not an empty one", () => {
  const { status, json } = bench(kept, false).call("plan", "{}");
  assert.strictEqual(status, 1);
  assert.match(String(json["cause"]), /^not known yet/);
});

test("who may only look changes nothing, whatever is asked", () => {
  const { call, changes } = bench();
  assert.deepStrictEqual(call("policy_view", "{}").json, { view: "" });
  for (const view of ["history", "log", "limits"]) {
    assert.deepStrictEqual(call("policy_view", JSON.stringify({ action: view })).json, { view });
  }
  for (const action of [...policyVerbs, "../protect", "x/protect", "../test/loop", "", ["swap"]]) {
    const args = { action, script: "x", module: "policy", kind: "iface", subject: "a", vl: "us" };
    assert.strictEqual(busRequest("policy_view", args).method, "GET");
    const { status, json } = call("policy_view", JSON.stringify(args));
    assert.ok([2, 4].includes(status), JSON.stringify(action));
    assert.ok([404, 405].includes(json["code"] as number), JSON.stringify(json));
  }
  assert.deepStrictEqual(changes, []);
});

test("a rule is named by the argument for its kind", () => {
  const { call, changes } = bench();
  const said = [
    { mac_addr: "02:00:00:00:00:01", vl: "us", when_down: "direct" },
    { ip_addr: "192.168.1.5", vl: "direct", ubus_rpc_session: "0".repeat(32) },
    { iface: "br-lan", vl: "de" },
    { kind: "mac", subject: "02:00:00:00:00:02", vl: "us" },
  ];
  for (const args of said) assert.strictEqual(call("protect", JSON.stringify(args)).status, 0);
  assert.strictEqual(call("unprotect", '{"iface":"br-lan"}').status, 0);
  assert.deepStrictEqual(
    changes.map(({ kind, subject, vl, whenDown }) => [kind, subject, vl, whenDown]),
    [
      ["mac", "02:00:00:00:00:01", "us", "direct"],
      ["ip", "192.168.1.5", "direct", undefined],
      ["iface", "br-lan", "de", undefined],
      ["mac", "02:00:00:00:00:02", "us", undefined],
      ["iface", "br-lan", undefined, undefined],
    ],
  );
});

test("what is wrong is told as the API tells it", () => {
  const { call, changes } = bench();
  const cases: readonly [string, string, string][] = [
    ["protect", "{}", "kind"],
    ["protect", '{"mac_addr":5,"vl":"us"}', "subject"],
    ["protect", '{"mac_addr":"02:00:00:00:00:01"}', "vl"],
    ["protect", '{"mac_addr":"a","ip_addr":"b","vl":"us"}', "ip_addr"],
    ["unprotect", '{"iface":"br-lan","vl":"us"}', "vl"],
    ["explain", "{}", "subject"],
    ["policy", '{"action":"try"}', "script"],
    ["policy", '{"action":"swap","script":"x","confirm_s":"long"}', "confirm_s"],
    ["policy", '{"action":"rollback","module":"all"}', "module"],
  ];
  for (const [method, args, path] of cases) {
    const { status, json } = call(method, args);
    const issues = json["issues"] as readonly { path: string }[];
    assert.strictEqual(status, 2, args);
    assert.strictEqual(json["code"], 400, args);
    assert.ok(issues.some((issue) => issue.path === path), `${args} ${JSON.stringify(issues)}`);
  }
  assert.deepStrictEqual(changes, []);
});

test("a configuration is checked without being applied", () => {
  const { call, changes } = bench();
  const check = (config: unknown): Reply => call("check", JSON.stringify({ config }));
  const uci = "config adit 'main'\n\toption wan_ifname 'a b'\n\nconfig protected_ip_addr\n";
  const { status, json } = check(`${uci}\toption ip_addr '192.168.1.60/24'\n\toption colour '1'\n`);
  assert.strictEqual(status, 0);
  const paths = (list: unknown): unknown[] => (list as { path: string }[]).map(({ path }) => path);
  // Pages find the field by the line and the option.
  assert.ok(paths(json["issues"]).includes("2: adit 'main', option 'wan_ifname'"));
  assert.ok(paths(json["issues"]).includes("5: protected_ip_addr, option 'ip_addr'"));
  assert.ok(paths(json["issues"]).includes("1: adit 'main', option 'locations'"));
  const good = check(JSON.stringify(routerJson)).json;
  assert.deepStrictEqual([good["issues"], paths(good["warnings"])], [[], ["wan_ifname"]]);
  assert.strictEqual(check('{"role":').json["issues"] instanceof Array, true);
  assert.strictEqual(check(7).json["code"], 400);
  assert.strictEqual(call("check", "{}").status, 2);
  assert.deepStrictEqual(changes, []);
});

test("every kind of failure has a status", () => {
  const gone = bench({ kind: "absent" }).call("unprotect", '{"iface":"br-lan"}');
  const slow = bench({ kind: "pending", why: "nft" }).call("unprotect", '{"iface":"br-lan"}');
  const { call } = bench();
  assert.deepStrictEqual([gone.status, slow.status], [4, 7]);
  assert.strictEqual(call("policy", '{"action":"confirm"}').status, 1);
  assert.strictEqual(call("policy", '{"action":"../test/loop"}').status, 4);
  assert.strictEqual(call("policy", '{"action":["try"]}').status, 2);
  assert.deepStrictEqual([200, 202, 403, 413, 500].map(busStatus), [0, 0, 6, 2, 9]);
});

test("long arguments and answers travel in parts", () => {
  const { call } = bench();
  const script = "/".repeat(120_000);
  const tried = call("policy", JSON.stringify({ action: "try", script }));
  assert.strictEqual(tried.status, 0);
  assert.strictEqual(tried.parts, 3);
  assert.strictEqual(tried.json["script"], script);
  assert.strictEqual(call("devices", "{}").parts, 3);
  assert.strictEqual(call("explain", '{"target":"lan0"}', 3).status, 0);
});

test("events are told while the object is on the bus", () => {
  const { host, engine } = bench();
  const { core } = engine;
  const tell = (connected: boolean): void =>
    host.answer(core.channel, 0, { type: "bus_state", connected, text: connected ? "" : "gone" });
  core.events.publish({ event: "ready" });
  assert.strictEqual(host.sent.length, 0);
  tell(true);
  core.events.publish({ event: "route_connected", route_name: "us" });
  const message = host.sent[0]?.message;
  assert.strictEqual(message?.type === "bus_notify" && message.kind, "route_connected");
  const data = message?.type === "bus_notify" ? Buffer.from(message.data).toString() : "";
  const event = { time: 7, event: "route_connected", route_name: "us" };
  assert.deepStrictEqual(JSON.parse(data), event);
  tell(false);
  core.events.publish({ event: "ready" });
  assert.strictEqual(host.sent.length, 1);
  assert.deepStrictEqual(engine.bus.state, { connected: false, problem: "gone" });
});

test("the object is offered where the configuration says, and a refusal is shown", () => {
  const { host, engine } = bench();
  openBus(engine, config);
  const { seq, message } = host.sent[0] as Sent;
  assert.ok(message.type === "bus_open");
  assert.deepStrictEqual([message.path, message.object], [config.api.ubus, "adit"]);
  assert.deepStrictEqual(JSON.parse(Buffer.from(message.methods).toString()), busMethods);
  host.answer(engine.core.channel, seq, refused);
  assert.deepStrictEqual(engine.bus.state, { connected: false, problem: "refused" });
});

test("every method is a resource, whatever its arguments", () => {
  for (const method of Object.keys(busMethods)) {
    const { path, query } = busRequest(method, { target: { a: 1 }, action: "status" });
    assert.strictEqual(path, `/v1/${method.replace("_view", "")}`);
    assert.strictEqual(query.get("subject"), "[object Object]");
  }
  assert.deepStrictEqual(busRequest("policy", { action: "swap", script: "x" }), {
    method: "POST",
    path: "/v1/policy/swap",
    query: new Map([["subject", ""]]),
    body: { script: "x" },
  });
});

test("the rules of rpcd and ubusd name methods that exist, and all of them", () => {
  const folder = "openwrt-feed";
  const files = readdirSync(folder, { recursive: true }).map(String);
  const rules = files.filter((name) => /acl\.d\/.*\.json$|files\/adit\.rpcd\.json$/.test(name));
  const named = new Set<string>();
  for (const file of rules) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, list] of text.matchAll(/"adit": \[([^\]]*)\]/g)) {
      for (const [, name = ""] of (list ?? "").matchAll(/"(\w+)"/g)) named.add(name);
    }
  }
  assert.ok(rules.length >= 2, rules.join());
  assert.deepStrictEqual([...named].sort(), Object.keys(busMethods).sort());
});

test("the manual tells of every method and argument", () => {
  const manual = readFileSync("docs/ubus.md", "utf8");
  for (const [method, args] of Object.entries(busMethods)) {
    for (const name of [method, ...Object.keys(args)]) {
      assert.ok(manual.includes(`\`${name}`), `docs/ubus.md says nothing of ${name}`);
    }
  }
});

test.run();
