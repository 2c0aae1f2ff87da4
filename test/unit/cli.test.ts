/**
 * The command line. Goal: every command can be asked for help, mistakes are named with the nearest
 * right word and status 2, answers of the daemon become text and an exit status. Method: the client
 * runs against a daemon of a few lines.
 */
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import { commands } from "../../ts/api/cli-commands.js";
import { helpText, parseCommandLine } from "../../ts/api/cli-parse.js";
import { bytesText, durationText, tableText } from "../../ts/api/cli-text.js";
import { routerJson } from "./support/configs.js";
import { answering, run } from "./support/fake-client.js";

const test = suite("cli");
const root = fileURLToPath(new URL("../../../../", import.meta.url));

test("every command has help that names its words and options", () => {
  const all = run(["help"]);
  assert.strictEqual(all.status, 0);
  for (const { name, words, help, options } of commands) {
    assert.ok(all.out.includes(help), name);
    const { status, out } = run([name, "--help"]);
    assert.strictEqual(status, 0);
    assert.ok(out.startsWith(`adit ${[name, ...words].join(" ")}\n`), out);
    for (const option of options) assert.ok(out.includes(option.name), option.name);
    assert.strictEqual(run(["help", name]).out, out);
  }
});

test("mistakes are usage errors that suggest the nearest word", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "a command is needed"],
    [["stauts"], "did you mean status?"],
    [["status", "--jsn"], "did you mean --json?"],
    [["protect", "br-lan"], "LOCATION is missing"],
    [["unprotect", "br-lan", "us"], "unexpected word us"],
    [["status", "--kind", "mac"], "--kind means nothing to status"],
    [["status", "--socket"], "--socket needs a value: PATH"],
    [["config", "chekc", "x"], "did you mean check?"],
    [["qqqqqqqqqqqq"], "unknown command qqqqqqqqqqqq\n"],
  ];
  for (const [args, expected] of cases) {
    const { status, err } = run(args);
    assert.strictEqual(status, 2, args.join(" "));
    assert.ok(err.includes(expected), `${args.join(" ")}: ${err}`);
  }
});

test("--version is the command version", () => {
  assert.equal(run(["--version"]).out, run(["version"]).out);
  assert.equal(run(["--json", "--version"]).out, '{"version":"1.2.3"}\n');
});

test("options stand anywhere, and `--` ends them", () => {
  const parsed = parseCommandLine(["--json", "explain", "--socket=/x", "--", "-odd"], commands);
  assert.ok(parsed.kind === "run");
  const { command, words, options } = parsed.invocation;
  assert.deepStrictEqual([command, ...words], ["explain", "-odd"]);
  assert.deepStrictEqual(Object.fromEntries(options), { "--json": "1", "--socket": "/x" });
});

test("a daemon that is not there is status 3", () => {
  const { status, err } = run(["status", "--socket", "/nowhere"]);
  assert.strictEqual(status, 3);
  assert.ok(err.includes("/nowhere"), err);
});

test("a mistyped address is not taken for an interface", () => {
  for (const subject of ["0200.0000.0010", "02:00:00:00:00:1", "192.0.2.0/99", "2001:db8:::1"]) {
    const { status, err, request } = run(["protect", subject, "us"], answering({}));
    assert.deepStrictEqual([status, request], [2, ""], subject);
    assert.match(err, /no MAC and no address; try --kind iface/);
  }
});

test("the kind of a subject is seen from its form, unless it is named", () => {
  const cases: readonly (readonly [readonly string[], object])[] = [
    [["protect", "02-00-00-00-01-10", "us"], { kind: "mac", vl: "us" }],
    [["protect", "192.0.2.0/24", "de"], { kind: "ip", vl: "de" }],
    [["protect", "2001:db8::1", "direct"], { kind: "ip", vl: "direct" }],
    [["protect", "br-guest", "us", "--when-down", "de"], { kind: "iface", when_down: "de" }],
    [["protect", "--kind", "iface", "10.0.0.1", "us"], { kind: "iface" }],
    [["unprotect", "br-guest"], { kind: "iface", subject: "br-guest" }],
  ];
  for (const [args, expected] of cases) {
    const { status, request } = run(args, answering({}));
    assert.strictEqual(status, 0);
    assert.ok(request.startsWith(`POST /v1/${args[0]} HTTP/1.1\r\n`), request);
    const body = JSON.parse(request.slice(request.indexOf("\r\n\r\n"))) as object;
    assert.deepStrictEqual({ ...body, ...expected }, body);
  }
});

test("a refusal is told and is status 1, in JSON as it came", () => {
  const refusal = { code: 400, description: "bad request", cause: "vl: expected a location" };
  const { status, err } = run(["protect", "br-lan", "xx"], answering(refusal, 400));
  assert.strictEqual(status, 1);
  assert.ok(err.includes("vl: expected a location"));
  const json = run(["--json", "protect", "br-lan", "xx"], answering(refusal, 400));
  assert.deepStrictEqual(JSON.parse(json.out), refusal);
});

test("answers are printed as they came with --json", () => {
  const body = { operations: [] };
  assert.deepStrictEqual(JSON.parse(run(["plan", "--json"], answering(body)).out), body);
  assert.ok(run(["plan"], answering(body)).out.startsWith("Nothing to do"));
});

test("a plan that is not known yet is told as such, and is status 1", () => {
  const refusal = { code: 409, description: "not now", cause: "not known yet: …" };
  const { status, out, err } = run(["plan"], answering(refusal, 409));
  assert.deepStrictEqual([status, out, err], [1, "", "adit: not known yet: …\n"]);
  const json = run(["--json", "plan"], answering(refusal, 409));
  assert.deepStrictEqual([json.status, JSON.parse(json.out)], [1, refusal]);
});

test("an answer that is no HTTP or no JSON is status 3", () => {
  assert.strictEqual(run(["status"], { status: 200, pieces: ["{"] }).status, 3);
});

test("status of a router is a table of its locations", () => {
  const addresses = { addr4: "10.64.0.5/16", addr6: "" };
  const counters = { rx_bytes: 1_234_567, tx_bytes: 12, peer: "198.51.100.10 443" };
  const up = { name: "us", state: "up", rtt_ms: 12.34, reason: "", ...addresses, ...counters };
  const down = { ...up, name: "de", state: "down", rtt_ms: null, reason: "reset" };
  const head = { role: "router", version: "1.2.3", ready: true, uptime_ms: 90_000_000 };
  const body = { ...head, problem: "", locations: [up, down] };
  const { out } = run(["status"], answering(body));
  const [first, , title, us, de] = out.split("\n");
  assert.strictEqual(first, "router 1.2.3, ready, up 25 h");
  assert.match(title ?? "", /^location +state +rtt/);
  const cells = ["us", "up", "12.3 ms", "10.64.0.5/16", "-", "1.2 MB", "12 B"];
  assert.deepStrictEqual(us?.split(/ {2,}/), [...cells, "198.51.100.10 443"]);
  assert.match(de ?? "", /^de +down +- .* reset$/);
});

test("status tells the age of the daemon, and that its control part was started again", () => {
  const head = { role: "router", version: "1", ready: true, uptime_ms: 900, problem: "" };
  const script = { origin: "a", version: 3, sha256: "ab".repeat(32), state: "running" };
  const born = { mover_uptime_ms: 7_200_000, decider_restarts: 2, last_death: "signal 9" };
  const { out } = run(["status"], answering({ ...head, ...born, locations: [], policy: script }));
  const [first, second, third] = out.split("\n");
  assert.strictEqual(first, "router 1, ready, up 2 h");
  assert.strictEqual(second, "its control part was started again 2 times, last: signal 9");
  assert.strictEqual(third, "script: slot a, version 3, sha256 abababababab, running");
});

test("what is amiss but does not stop the daemon is told", () => {
  const head = { role: "router", version: "1", ready: true, uptime_ms: 1, problem: "" };
  const weak_spots = ["a rule of others is asked before ours"];
  const amiss = { missing_ifnames: ["br-x", "br-y"], exposed_files: ["/t"], weak_spots };
  const body = { ...head, ...amiss, locations: [] };
  const { out } = run(["status"], answering(body));
  assert.match(out, /\nno such interface: br-x, br-y\nothers .* read: \/t\nweak spot: a rule/);
});

test("certificates of a gateway are told when they end soon", () => {
  const head = { role: "gateway", version: "1", ready: true, uptime_ms: 1, problem: "" };
  const rows = [["/a", 14], ["/b", 13], ["/c", null]] as const;
  const certificates = rows.map(([file, days_left]) => ({ file, days_left }));
  const { out } = run(["status"], answering({ ...head, certificates, clients: [] }));
  assert.match(out, /\n\/b: 13 days left\n/);
  assert.doesNotMatch(out, /\/a|\/c/);
});

test("events are lines as they come, however they are cut", () => {
  const event = JSON.stringify({ time: 3_723_000, event: "route_connected", route_name: "us" });
  const middle = `${event.slice(10)}\n${event.slice(0, 5)}`;
  const pieces = [event.slice(0, 10), middle, event.slice(5), "\n"];
  const { out, status } = run(["events", "--replay"], { status: 200, pieces });
  assert.strictEqual(out, "01:02:03 route_connected route_name=us\n".repeat(2));
  assert.strictEqual(status, 1);
});

test("config check names every issue, and is status 78 then", () => {
  const bad = run(["config", "check", "/c"], undefined, { "/c": '{"role":"router","table":1.5}' });
  assert.strictEqual(bad.status, 78);
  assert.ok(bad.err.split("\n").length > 3, bad.err);
  for (const line of bad.err.trim().split("\n")) assert.match(line, /^\/c: [a-z_.[\]0-9]+: /);
  const good = run(["config", "check", "/c"], undefined, { "/c": JSON.stringify(routerJson) });
  assert.strictEqual(good.status, 0);
  assert.ok(good.out.includes("a valid router configuration"));
  assert.strictEqual(run(["config", "check", "/none"]).status, 1);
});

test("config check warns of what is amiss on this machine, unless it is for another", () => {
  const [location] = routerJson.locations as [object];
  const { token: _token, ...rest } = location as { readonly token?: string };
  const locations = [{ ...rest, token_file: "/t" }];
  const files = { "/t": "x", "/c": JSON.stringify({ ...routerJson, locations }) };
  const { status, err, out } = run(["config", "check", "/c"], undefined, files);
  assert.deepStrictEqual([status, err.split("\n")], [0, [
    'warning: /c: wan_ifname: expected an interface that exists, not "eth1"',
    "warning: /c: locations[0].token_file: expected a file of root's that others may not read " +
      '(its owner is 7, its mode 0644), not "/t"',
    "",
  ]]);
  assert.ok(out.includes("a valid router configuration"));
  const elsewhere = run(["config", "check", "--elsewhere", "/c"], undefined, files);
  assert.deepStrictEqual([elsewhere.status, elsewhere.err], [0, ""]);
});

test("keygen keeps the key to its owner and prints the pin", () => {
  const { status, out, files } = run(["keygen", "gw"]);
  assert.strictEqual(status, 0);
  assert.deepStrictEqual(files.get("gw.key"), { mode: 0o600, text: "KEY" });
  assert.deepStrictEqual(files.get("gw.crt"), { mode: 0o644, text: "CERT" });
  assert.ok(out.includes("pin sha256/x="));
  const token = JSON.parse(run(["keygen", "--token", "--json"]).out) as Record<string, string>;
  assert.match(token["token"] ?? "", /^[0-9a-f]{48}$/);
  assert.match(token["token_sha256"] ?? "", /^[0-9a-f]{64}$/);
});

test("completion knows the same commands and options", () => {
  const options = commands.flatMap((command) => command.options.map(({ name }) => name));
  const choices = commands.flatMap((command) => command.verbs ?? []);
  const verbs = choices.map(([verb]) => verb.replace(/ .*/, ""));
  const names = [...commands.map(({ name }) => name), ...verbs];
  const words = [...names, ...options, "--socket", "--json", "--help"];
  for (const file of ["adit.bash", "_adit", "adit.fish"]) {
    const text = readFileSync(`${root}share/completion/${file}`, "utf8");
    for (const word of words) {
      const said = file.endsWith(".fish") ? word.replace(/^--/, "-l ") : word;
      assert.ok(text.includes(said), `${file} lacks ${said}`);
    }
  }
});

test("a destination of explain is asked for, and one word more is refused", () => {
  const asked = (...words: string[]): string | undefined => {
    const { request } = run(["explain", ...words], answering({ reasons: [] }));
    return /^GET (\S+)/.exec(request)?.[1];
  };
  assert.strictEqual(asked("br-lan"), "/v1/explain?subject=br-lan");
  const both = "/v1/explain?subject=02%3A00%3A00%3A00%3A00%3A0a&destination=fd00%3A%3A1";
  assert.strictEqual(asked("02:00:00:00:00:0a", "fd00::1"), both);
  assert.strictEqual(run(["explain", "br-lan", "10.0.0.1", "10.0.0.2"]).status, 2);
});

test("completion for bash sees a subject with colons as one word", () => {
  const script = `. share/completion/adit.bash; _adit_locations() { echo us; }
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _adit; echo "\${COMPREPLY[@]}"`;
  const complete = (...words: string[]): string =>
    spawnSync("bash", ["-c", script, "bash", "adit", ...words], { cwd: root, encoding: "utf8" })
      .stdout.trim();
  const mac = "02 : 00 : 00 : 00 : 00 : 10".split(" ");
  assert.strictEqual(complete("protect", "br-guest", ""), "direct us");
  assert.strictEqual(complete("protect", ...mac, ""), "direct us");
  assert.strictEqual(complete("protect", "2001", ":", "db8", "::", "1", "u"), "us");
  assert.strictEqual(complete("protect", "02", ":", "00"), "");
});

test("text is aligned and short", () => {
  assert.strictEqual(tableText([["a", "bb"], ["ccc", "d"]]), "a    bb\nccc  d\n");
  assert.deepStrictEqual([0, 119_000, 120_000, 7_200_000, 172_800_000].map(durationText), [
    "0 s",
    "119 s",
    "2 min",
    "2 h",
    "2 d",
  ]);
  assert.deepStrictEqual([0, 999, 1_000, 2_500_000].map(bytesText), [
    "0 B",
    "999 B",
    "1.0 kB",
    "2.5 MB",
  ]);
  assert.ok(helpText(commands, "").split("\n").every((line) => line.length < 120));
});

test.run();
