// The LuCI app without a browser. Goal: what a mistyped name, a forgotten right or a careless
// string would break is found in a second. Method: load the scripts into stubs, compare what they
// call with the access list, and ask their pure helpers.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { APP, E, RESOURCES, isOurs, load, requiresOf, sourceOf, textIn } from "./load.mjs";

const json = (path) => JSON.parse(readFileSync(join(APP, path), "utf8"));
const MENU = json("root/usr/share/luci/menu.d/luci-app-adit.json");
const ACL = json("root/usr/share/rpcd/acl.d/luci-app-adit.json")["luci-app-adit"];

/** What LuCI itself brings along. */
const LUCI = ["baseclass", "dom", "form", "fs", "poll", "rpc", "uci", "ui", "view"];
/** Whatever changes something needs the right to write. */
const CHANGING = ["protect", "unprotect", "policy", "check"];
const SCRIPTS = readdirSync(RESOURCES, { recursive: true }).filter((name) => name.endsWith(".js"))
  .map((name) => name.replace(/\.js$/, "").replaceAll("/", ".")).sort();

function parse(name) {
  return ts.createSourceFile(`${name}.js`, sourceOf(name), ts.ScriptTarget.Latest, true,
    ts.ScriptKind.JS);
}

function callsIn(name) {
  const found = [];
  const visit = (node) => {
    if (ts.isCallExpression(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(parse(name));
  return found;
}

const calleeOf = (node) => (ts.isCallExpression(node) ? node.expression.getText() : "");
const isList = (node) => ts.isArrayLiteralExpression(node) || /\.(map|flat)$/.test(calleeOf(node));
const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) ||
  ts.isBinaryExpression(node) || /^_$|\.(format|join)$/.test(calleeOf(node));

const scripts = suite("luci: scripts");

for (const name of SCRIPTS) {
  scripts(`${name} loads, and uses what it requires`, () => {
    const required = requiresOf(sourceOf(name));
    for (const [module, as] of required) {
      assert.ok(isOurs(module) || LUCI.includes(module), `${module} does not exist`);
      const uses = sourceOf(name).match(new RegExp(`\\b${as}\\.`, "g")) ?? [];
      assert.ok(uses.length > 0, `${as} is not used`);
    }
    assert.type(load(name), "object");
  });

  // LuCI reads a bare string as HTML, and an array as text.
  scripts(`${name} makes no markup of strings`, () => {
    const children = { E: 2, "dom.content": 1, "dom.append": 1, "ui.showModal": 0,
      "ui.addNotification": 1 };
    for (const call of callsIn(name)) {
      const callee = call.expression.getText();
      const child = call.arguments[children[callee]];
      const isFine = child === undefined || isList(child) || (callee !== "E" && !isText(child));
      assert.ok(isFine, `no list: ${call.getText().slice(0, 80)}`);
    }
    assert.not.match(sourceOf(name),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
}

scripts("every text can be translated", () => {
  const known = readFileSync(join(APP, "po/templates/adit.pot"), "utf8");
  const texts = SCRIPTS.flatMap((name) => callsIn(name))
    .filter((call) => call.expression.getText() === "_")
    .map((call) => new Function(`return ${call.arguments[0].getText()};`)());
  assert.ok(texts.length > 100);
  const missing = texts.filter((text) => !known.includes(`\nmsgid ${JSON.stringify(text)}\n`));
  assert.equal(missing, []);
});

scripts.run();

const rights = suite("luci: menu and rights");

rights("every page of the menu exists, and every view has its page", () => {
  const views = Object.values(MENU).filter(({ action }) => action.type === "view")
    .map(({ action }) => `view.${action.path.replaceAll("/", ".")}`).sort();
  assert.equal(views, SCRIPTS.filter((name) => name.startsWith("view.")));
});

rights("the menu asks for a group of rights that exists", () => {
  assert.equal(MENU["admin/vpn/adit"].depends.acl, ["luci-app-adit"]);
});

/** Everything that the pages ask for, as [right, scope, object, method]. */
async function allCalls() {
  const calls = [];
  const gone = () => Promise.reject(new Error("failed with error -32000: gone"));
  const call = load("adit.call", { calls, stubs: { answer: gone } });
  await Promise.all([call.configComplaints(), call.start(), call.check("config adit"),
    call.writeToken("/etc/adit/us.token", "t0ken")]);
  return calls.flatMap(([kind, ...words]) => (kind === "ubus" ? [["ubus", ...words]] : [
    ["ubus", "file", kind], ["file", words[0], kind === "exec" ? "exec" : "write"]]));
}

const grants = ["read", "write"].flatMap((right) => ["ubus", "file"].flatMap((scope) =>
  Object.entries(ACL[right][scope]).flatMap(([object, methods]) =>
    methods.map((method) => [scope, object, method]))));

const isGranted = ([scope, object, method], call) => scope === call[0] && method === call[2] &&
  new RegExp(`^${object.replaceAll("*", ".*")}$`).test(call[1]);

rights("what is called is granted, and nothing else is", async () => {
  const calls = await allCalls();
  for (const call of calls) {
    assert.ok(grants.some((grant) => isGranted(grant, call)), `not granted: ${call.join(" ")}`);
  }
  for (const grant of grants) {
    assert.ok(calls.some((call) => isGranted(grant, call)), `not called: ${grant.join(" ")}`);
  }
});

rights("who may only read changes nothing", () => {
  for (const method of CHANGING) assert.not(ACL.read.ubus.adit.includes(method), method);
  assert.equal(Object.keys(ACL.read.file), ["/usr/bin/adit --json config check /etc/config/adit"]);
});

rights.run();

const text = load("adit.text");
const words = suite("luci: numbers and words");

words("rates", () => {
  const look = (ms, rx, tx) => ({ ms, rx, tx });
  assert.is(text.rate(undefined, look(1, 1, 1)), null);
  assert.equal(text.rate(look(1000, 0, 100), look(3000, 1000, 100)), { rx: 4000, tx: 0 });
  assert.is(text.rate(look(1000, 10, 10), look(2000, 5, 20)), null, "a new session");
  assert.is(text.rate(look(5000, 10, 10), look(1000, 20, 20)), null, "a new daemon");
  assert.is(text.rate(look(1000, 10, 10), look(1000, 20, 20)), null, "no time between");
});

words("amounts", () => {
  assert.is(text.bits(0), "0 bit/s");
  assert.is(text.bits(999), "999 bit/s");
  assert.is(text.bits(1_500_000), "1.5 Mbit/s");
  assert.is(text.bits(250_400_000), "250 Mbit/s");
  assert.is(text.bits(4e12), "4000 Gbit/s");
  assert.is(text.bytes(1536), "1.5 KiB");
  assert.is(text.duration(0), "0 s");
  assert.is(text.duration(61_000), "1 min 1 s");
  assert.is(text.duration(86_400_000 * 3 + 5_000), "3 d");
  assert.is(text.duration(3_600_000 * 26), "1 d 2 h");
  assert.is(text.share(0.456), "46 %");
});

words("ways of devices", () => {
  const way = (outcome, location) => text.way({ outcome, location });
  assert.equal(way("tunnel", "us"), ["good", "through us"]);
  assert.equal(way("blocked", "us"), ["bad", "blocked: waits for us"]);
  assert.equal(way("blocked", ""), ["bad", "blocked"]);
  assert.is(way("direct", "")[0], "warn");
  assert.is(way("unmanaged", "")[0], "plain");
});

words("the choice of a device is what its own rule says", () => {
  const mac = "02:00:00:00:00:10";
  const device = (rule, outcome, location) => ({ mac, rule, outcome, location });
  assert.is(text.choice(device("mac 02:00:00:00:00:10", "tunnel", "us")), "us");
  assert.is(text.choice(device("mac 02:00:00:00:00:10", "direct", "")), "direct");
  assert.is(text.choice(device("interface br-guest", "tunnel", "us")), null);
  assert.is(text.choice(device("policy: x", "tunnel", "us")), null);
});

words("states that are not known are shown as they are", () => {
  assert.equal(text.location("melting"), ["plain", "melting"]);
  assert.equal(text.location("constructor"), ["plain", "constructor"]);
  assert.equal(text.script("degraded")[0], "bad");
});

words.run();

const failures = suite("luci: failures");

failures("an answer is no failure", () => {
  assert.is(text.failureOf({ devices: [] }), null);
  assert.is(text.failureOf({ state: "none", code: 5 }), null);
});

failures("a refusal tells every issue", () => {
  const issue = { path: "vl", value: '"mars"', expected: "one of us, de" };
  const answer = { code: 400, description: "bad request", cause: "vl: …", issues: [issue] };
  assert.equal(text.failureOf(answer),
    { kind: "refused", text: 'vl: expected one of us, de, got "mars"', lines: [] });
  const two = text.failureOf({ ...answer, issues: [issue, { ...issue, path: "kind", value: "" }] });
  assert.equal(two.lines,
    ['vl: expected one of us, de, got "mars"', "kind: expected one of us, de"]);
});

failures("an error of a script is told with its place", () => {
  const error = { kind: "throw", message: "no way", stack: "    at route (policy.mjs:3:5)\n" };
  const { text: cause, lines } = text.failureOf({ code: 400, description: "bad request",
    cause: "the script failed", error });
  assert.is(cause, "the script failed");
  assert.equal(lines, ["throw: no way", "    at route (policy.mjs:3:5)"]);
});

failures("statuses of ubus", () => {
  assert.is(text.failureOf(6).kind, "denied");
  assert.is(text.failureOf(4).kind, "absent");
  assert.match(text.failureOf(10).text, /started again/);
  assert.is(text.failureOf(7).text, "Timeout");
  assert.is(text.failureOf(77).text, "ubus status 77");
  assert.is(text.failureOf(undefined).kind, "failed");
});

failures("errors of LuCI's rpc", () => {
  const kind = (code) => text.failureOfError(new Error(
    `RPC call to adit/status failed with error ${code}: x`)).kind;
  assert.equal([kind(-32000), kind(-32001), kind(-32002), kind(-32003)],
    ["absent", "denied", "denied", "failed"]);
  assert.is(text.failureOfError(new Error("XHR request timed out")).kind, "unreachable");
});

failures("a script that the web server would cut off is refused before", async () => {
  const asked = [];
  const call = load("adit.call", { stubs: { answer: ({ method }, args) => {
    asked.push([method, ...args]);
    return Promise.resolve({ moves: 0 });
  } } });
  const empty = { action: "try", script: "" };
  const room = text.postBytesMax - text.requestBytes("adit", "policy", empty);
  assert.equal(await call.policy("try", { script: "x".repeat(room) }), { data: { moves: 0 } });
  const { failure } = await call.policy("try", { script: "x".repeat(room + 1) });
  assert.match(failure.text, /65536 bytes.*65537.*adit policy try FILE/);
  const quoted = await call.policy("swap", { script: '"'.repeat(room / 2 + 1) });
  assert.ok(quoted.failure, "escapes are counted");
  const wide = await call.policy("swap", { script: "ü".repeat(room / 2 + 1) });
  assert.ok(wide.failure, "bytes are counted, not characters");
  assert.is(asked.length, 1);
});

failures("a rejected call is an answer too", async () => {
  const call = load("adit.call", { stubs: { answer: () =>
    Promise.reject(new Error("RPC call to adit/status failed with error -32000: gone")) } });
  assert.is((await call.status()).failure.kind, "absent");
  assert.equal(await call.names(), {});
});

failures.run();

const pages = suite("luci: pages");
const stubs = { L: { hasViewPermission: () => true, resource: (path) => path, url: (path) => path },
  ui: { createHandlerFn: () => () => undefined } };

pages("the status tells what is amiss on the machine, and nothing of it if nothing is", () => {
  const { daemonFacts } = load("view.adit.status", { stubs });
  const status = { state: "active", settled: true, version: "1.2.3", role: "router",
    uptime_ms: 1, mover_uptime_ms: 1, decider_restarts: 0, repairs: 0 };
  const facts = (more) => JSON.stringify(daemonFacts({ ...status, ...more }));
  const amiss = facts({ missing_ifnames: ["eth8", "br-x"], exposed_files: ["/etc/adit/us.token"] });
  assert.ok(amiss.includes('["No such interface","eth8, br-x"]'), amiss);
  assert.ok(amiss.includes('["Others than root may read","/etc/adit/us.token"]'), amiss);
  const well = facts({ missing_ifnames: [], exposed_files: [] });
  assert.ok(!/No such interface|Others than root/.test(well), well);
  assert.ok(!/No such interface|Others than root/.test(facts({})), "nor of an older daemon");
});

pages("the status follows counters", () => {
  const { follow } = load("view.adit.status", { stubs });
  const status = (ms, bytes) => ({ mover_uptime_ms: ms,
    locations: [{ name: "us", rx_bytes: bytes, tx_bytes: 0 }] });
  let history = follow({}, status(1000, 0));
  assert.equal(history.us.samples, []);
  history = follow(history, status(2000, 125));
  assert.equal(history.us.samples, [{ rx: 1000, tx: 0 }]);
  history = follow(history, status(3000, 5));
  assert.equal(history.us.samples, [], "a new session begins a new graph");
  for (let i = 0; i < 100; i++) history = follow(history, status(4000 + i, 5 + i));
  assert.is(history.us.samples.length, 60);
  assert.equal(follow(history, { mover_uptime_ms: 5000, locations: [] }), {});
});

pages("a graph ends at its right edge and stays within", () => {
  const { pointsOf } = load("adit.parts", { stubs });
  assert.is(pointsOf([0, 10], 10, 3), "60.0,39.0 120.0,1.0");
  assert.is(pointsOf([], 1, 60), "");
});

pages("few locations are buttons, many a list", () => {
  const view = load("view.adit.devices", { stubs });
  const device = { mac: "02:00:00:00:00:10", rule: "mac 02:00:00:00:00:10", outcome: "tunnel",
    location: "de", addresses: [] };
  const locations = ["us", "de"].map((name) => ({ name }));
  const { children } = view.chooser(device, locations, "phone");
  assert.equal(children.map((one) => [textIn(one), one.attributes["aria-pressed"]]),
    [["us", "false"], ["de", "true"], ["direct", "false"], ["no own rule", "false"]]);
  assert.is(children[0].attributes["aria-label"], "Send phone through us");
  const many = Array.from({ length: 6 }, (_one, i) => ({ name: `l${i}` }));
  assert.is(view.chooser(device, many, "phone").tag, "select");
});

pages("a move that a script overrules says so", () => {
  const { moved } = load("view.adit.devices", { stubs });
  const seen = (rule) => [{ rule, outcome: "tunnel", location: "us" }];
  assert.equal(moved("tv", "de", seen("mac x")), ["good", "tv is sent through de"]);
  assert.equal(moved("tv", "de", undefined), ["good", "tv is sent through de"]);
  assert.is(moved("tv", "de", seen("policy: films"))[0], "warn");
  assert.match(moved("tv", "de", seen("policy: films"))[1], /through us/);
  assert.equal(moved("tv", "", [], "no space"),
    ["warn", "tv has no rule of its own any more, but only until adit restarts: no space"]);
});

pages("who may only read sees disabled buttons", () => {
  const readOnly = { ...stubs, L: { ...stubs.L, hasViewPermission: () => false } };
  const view = load("view.adit.devices", { stubs: readOnly });
  const device = { mac: "02:00:00:00:00:10", rule: "", outcome: "unmanaged", addresses: [] };
  const { children } = view.chooser(device, [{ name: "us" }], "x");
  assert.ok(children.every((one) => one.attributes.disabled === true));
});

pages("moves tell everything that a script said", () => {
  const { moves } = load("adit.script", { stubs });
  const device = { mac: "02:00:00:00:00:10", name: "<b>tv</b>", iface: "br-lan", old: "us",
    new: "de", why: "because", rule: "script" };
  const shown = moves({ moves: 1, known: 4, devices: [device], warnings: ["w1"], notes: ["n1"],
    bypass: { added: ["10.0.0.0/8"], removed: [] }, log: [{ level: "info", text: "hello" }] })
    .map(textIn).join(" ");
  const parts = ["1 of 4", "<b>tv</b>", "because", "w1", "n1", "+ 10.0.0.0/8", "info: hello"];
  for (const part of parts) assert.ok(shown.includes(part), part);
});

pages("a script is sent as its bytes are", () => {
  const { decode } = load("adit.script", { stubs });
  const bytes = new TextEncoder().encode("\ufeff// ä\r\n");
  assert.is(decode(bytes), "\ufeff// ä\r\n");
  assert.is(decode(Uint8Array.of(0x2f, 0xff)), null);
});

pages("a configuration that nobody can read is told, and hides no status", async () => {
  const uci = { load: () => Promise.reject(new Error("gone")), sections: () => [],
    get: () => undefined };
  const exec = () => Promise.resolve({ code: 78, stdout: JSON.stringify({ warnings: [],
    issues: [{ path: "3", value: "", expected: "a closing quote" }] }) });
  const asked = { ...stubs, uci, fs: { exec }, L: { ...stubs.L, toArray: () => [] },
    answer: ({ method }) => Promise.resolve(method === "dump" ? [] : {}) };
  const forms = load("adit.forms", { stubs: asked });
  const map = { children: [], render: () => Promise.reject(new Error("no form")) };
  const page = await forms.page("t", map, await forms.load());
  assert.match(textIn(page), /3: expected a closing quote/);
  assert.is((await load("adit.setup", { stubs: asked }).load()).hasFirewall, false);
});

pages("a gateway has no forms", async () => {
  const uci = (role) => ({ get: () => role, sections: () => [] });
  const forms = (role) => load("adit.forms", { stubs: { ...stubs, uci: uci(role) } });
  const map = { children: [], render: () => Promise.resolve(E("form", {}, ["a form"])) };
  const known = { isRead: true, complaints: { issues: [], warnings: [] } };
  assert.match(textIn(await forms("gateway").page("t", map, known)), /gateway/);
  assert.match(textIn(await forms("router").page("t", map, known)), /a form/);
});

pages.run();
