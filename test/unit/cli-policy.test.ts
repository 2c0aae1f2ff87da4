/**
 * `adit policy`. Goal: every verb asks the daemon for the right thing, tells the answer in words
 * and ends with the right status; places in errors are those of the author's sources. Method: the
 * client runs against scripted answers, one for each connection, under a clock of the test.
 */
import assert from "node:assert";
import { suite } from "uvu";
import { createCli } from "../../ts/api/cli.js";
import { mapPlaces } from "../../ts/api/source-map.js";
import type { Native } from "../../ts/host/native.js";

const test = suite("cli-policy");

interface Told {
  status: number;
  out: string;
  err: string;
  readonly requests: string[];
  nowMs: number;
}

/** An answer of the daemon; undefined is a daemon that is not there. */
type Answer = { readonly status?: number; readonly body: unknown } | undefined;

const dayMs = 86_400_000;

function run(
  args: readonly string[],
  answers: readonly Answer[] = [],
  files: Readonly<Record<string, string>> = {},
  terminal = false,
): Told {
  const told: Told = { status: -1, out: "", err: "", requests: [], nowMs: 0 };
  const queue = [...answers];
  let chunks: string[] = [];
  const native = {
    mode: "cli",
    args: ["policy", ...args],
    hostVersion: "1.2.3",
    monotonicMs: () => told.nowMs,
    isTerminal: () => terminal,
    environment: () => undefined,
    utf8Encode: (text: string) => new Uint8Array(Buffer.from(text)),
    utf8Decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    writeOut: (text: string) => (told.out += text),
    writeErr: (text: string) => (told.err += text),
    connectUnix: () => {
      const answer = queue.shift();
      if (answer === undefined) return -2;
      chunks = [`HTTP/1.1 ${answer.status ?? 200} X\r\n\r\n${JSON.stringify(answer.body)}\n`, ""];
      told.requests.push("");
      return 5;
    },
    watch: () => undefined,
    close: () => undefined,
    write: (_fd: number, bytes: Uint8Array) => {
      told.requests.push((told.requests.pop() ?? "") + Buffer.from(bytes).toString());
      return bytes.length;
    },
    read: () => new Uint8Array(Buffer.from(chunks.shift() ?? "")),
    readFile: (path: string) => (path in files ? Buffer.from(files[path] ?? "") : -2),
    exit: (status: number) => (told.status = told.status < 0 ? status : told.status),
  };
  const bundle = createCli(native as unknown as Native);
  bundle.start();
  for (let turn = 0; turn < 200 && told.status < 0; turn++) {
    if (chunks.length > 0) {
      bundle.onDescriptor(5, chunks.length > 1, true);
      if (chunks.length === 1) bundle.onDescriptor(5, true, false);
      continue;
    }
    const dueMs = bundle.nextDeadlineMs();
    if (dueMs > dayMs) break;
    told.nowMs = Math.max(told.nowMs, dueMs);
    bundle.onTimer();
  }
  return told;
}

const digest = "ab".repeat(32);
const script = { "p.mjs": "export default {};\n" };
const device = { mac: "b8:27:eb:00:00:01", name: "tv", old: "de", new: "us", why: "evening" };
const tried = {
  sha256: digest,
  version: 3,
  known: 9,
  moves: 1,
  devices: [{ ...device, rule: "mac b8:27:eb:00:00:01 -> us" }],
  bypass: { added: ["192.0.2.0/24"], removed: [] },
  warnings: ["routes[1].location: expected a location, not xx"],
  notes: ["02:00:00:00:00:01 stays with the rule for interface br-guest"],
  log: [{ level: "info", text: "hello" }],
};
const swapped = { ...tried, slot: "b", confirm_s: 60 };
const share = { health: 0.5, health_before: 1 };
const waiting = { slot: "b", version: 3, sha256: digest, left_s: 41, ...share };
const time = 1_763_700_000;
const event = { time, action: "confirm", slot: "b", sha256: digest, why: "all well" };
const idle = { pending: null, last: null };

function view(policy: object, more: object = {}): Answer {
  const rest = { script: null, state: "none", control: idle, module: "rom", ...more };
  return { body: { policy, ...rest } };
}

function bodyOf(told: Told, at = 0): Record<string, unknown> {
  return JSON.parse(told.requests[at]?.split("\r\n\r\n")[1] ?? "") as Record<string, unknown>;
}

test("try tells device, old, new, why and rule, and what else the script said", () => {
  const told = run(["try", "p.mjs"], [{ body: tried }], script);
  assert.strictEqual(told.status, 1, "a script with warnings would not be swapped in");
  assert.match(told.requests[0] ?? "", /^POST \/v1\/policy\/try HTTP/);
  assert.deepStrictEqual(bodyOf(told), { script: script["p.mjs"] });
  assert.strictEqual(
    told.out,
    `device             name  old  new  why      rule
b8:27:eb:00:00:01  tv    de   us   evening  mac b8:27:eb:00:00:01 -> us
1 of 9 devices would move
bypass 192.0.2.0/24 would be added
warning: routes[1].location: expected a location, not xx
direct is refused: 02:00:00:00:00:01 stays with the rule for interface br-guest
script info: hello
`,
  );
});

test("a diff without differences is one line", () => {
  const same = { ...tried, devices: [], moves: 0, bypass: {}, warnings: [], notes: [], log: [] };
  const told = run(["diff", "p.mjs"], [{ body: same }], script);
  assert.deepStrictEqual([told.status, told.out], [0, "0 of 9 devices would move\n"]);
  assert.match(told.requests[0] ?? "", /^POST \/v1\/policy\/diff /);
});

test("swap waits for the end of the probation", () => {
  const answers = [
    { body: swapped },
    view({ pending: waiting, last: null }),
    undefined,
    view({ pending: waiting, last: null }),
    view({ pending: null, last: event }),
  ];
  const told = run(["swap", "p.mjs", "--confirm-s", "60"], answers, script);
  assert.deepStrictEqual([told.status, told.nowMs], [0, 4_000]);
  assert.deepStrictEqual(bodyOf(told), { script: script["p.mjs"], confirm_s: 60 });
  const first = "swapped in: slot b, version 3, sha256 abababababab, 1 of 9 devices move\n";
  assert.ok(told.out.startsWith(first), told.out);
  assert.match(told.out, /\n60 s from now it is confirmed, or rolled back/);
  assert.ok(told.out.endsWith("confirmed: all well\n"), told.out);
});

test("a terminal sees a countdown", () => {
  const last = view({ last: event, pending: null });
  const answers = [{ body: swapped }, view({ pending: waiting }), last];
  const { out } = run(["swap", "p.mjs"], answers, script, true);
  assert.ok(out.includes("\r41 s left"), out);
});

test("a swap that is rolled back, forgotten or never seen again fails", () => {
  const rolledBack = { ...event, action: "rollback", why: "throw: no at policy.mjs:1:1" };
  const ended = view({ pending: null, last: rolledBack });
  const back = run(["swap", "p.mjs"], [{ body: swapped }, ended], script);
  assert.deepStrictEqual([back.status, back.out.split("\n").at(-2)],
    [1, "rolled back: throw: no at policy.mjs:1:1"]);
  const lost = run(["swap", "p.mjs"], [{ body: swapped }, view(idle)], script);
  assert.match(lost.err, /nobody knows/);
  const gone = run(["swap", "p.mjs"], [{ body: swapped }], script);
  assert.deepStrictEqual([gone.status, gone.nowMs], [1, 31_000]);
  assert.match(gone.err, /not reachable/);
});

test("--no-wait ends at once, --json gives objects", () => {
  const told = run(["swap", "p.mjs", "--no-wait", "--json"], [{ body: swapped }], script);
  assert.deepStrictEqual([told.status, JSON.parse(told.out)], [0, swapped]);
  const answers = [{ body: swapped }, view({ pending: null, last: event })];
  const lines = run(["swap", "p.mjs", "--json"], answers, script).out.trim().split("\n");
  assert.deepStrictEqual(lines.map((line) => JSON.parse(line) as object), [swapped, event]);
});

test("signatures and the control module go along", () => {
  const files = { ...script, "p.sig": "untrusted comment: x\ny\n" };
  const args = ["swap", "p.mjs", "--signature", "p.sig", "--control", "--no-wait"];
  const told = run(args, [{ body: swapped }], files);
  const signature = files["p.sig"];
  assert.deepStrictEqual(bodyOf(told), { script: script["p.mjs"], signature, module: "control" });
  const beside = { ...script, "p.mjs.sig": "untrusted comment: z\ny\n" };
  const found = bodyOf(run(["try", "p.mjs"], [{ body: tried }], beside));
  assert.deepStrictEqual(found, { script: script["p.mjs"], signature: beside["p.mjs.sig"] });
});

test("confirm and rollback say what happened", () => {
  const confirmed = run(["confirm"], [{ body: event }]);
  assert.deepStrictEqual([confirmed.status, confirmed.out], [0, "confirmed: all well\n"]);
  const body = { code: 409, description: "not now", cause: "nothing is on probation" };
  const refused = run(["rollback", "--control"], [{ status: 409, body }]);
  assert.deepStrictEqual(bodyOf(refused), { module: "control" });
  assert.deepStrictEqual([refused.status, refused.err], [1, "adit: nothing is on probation\n"]);
});

test("what runs, its past, its words and its limits", () => {
  const running = { script: { ...waiting, origin: "b" }, state: "deciding" };
  const shown = run([], [view({ pending: waiting, last: null }, running)]).out;
  assert.match(shown, /^script +slot b, version 3, sha256 abababababab\nstate +deciding\n/);
  const fares = /probation +slot b.*, 41 s left, 50 % of devices have a way out, 100 % before/;
  assert.match(shown, fares);
  const past = run(["history"], [{ body: { policy: [event], control: [] } }]).out;
  assert.match(past, /\n2025-11-21 04:40 +confirm +b +abababababab +all well\n$/);
  const lines = [{ time: event.time * 1_000, level: "warning", text: "odd" }];
  assert.strictEqual(run(["log"], [{ body: { lines } }]).out, "2025-11-21 04:40 warning: odd\n");
  const limits = [
    { name: "memory", unit: "bytes", used: 120_000, most: 1_048_576 },
    { name: "time of a call", unit: "ms", used: 2, most: 100 },
    { name: "devices", unit: "", most: 1_024 },
  ];
  assert.strictEqual(
    run(["limits"], [{ body: { limits } }]).out,
    `limit           used      at most
memory          120.0 kB  1.0 MB
time of a call  2 ms      100 ms
devices         -         1024
`,
  );
});

test("mistakes are usage errors", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["swp", "p.mjs"], "unknown verb swp, did you mean swap?"],
    [["try"], "FILE is missing"],
    [["confirm", "p.mjs"], "unexpected word p.mjs"],
    [["try", "p.mjs", "--no-wait"], "--no-wait means nothing to policy try"],
    [["swap", "p.mjs", "--confirm-s", "soon"], "--confirm-s: expected whole seconds, not soon"],
  ];
  for (const [args, expected] of cases) {
    const { status, err } = run(args, [], script);
    assert.deepStrictEqual([status, err.includes(expected)], [2, true], err);
  }
  const missing = run(["try", "none.mjs"]);
  assert.deepStrictEqual([missing.status, missing.err],
    [1, "adit: none.mjs: no such file or directory\n"]);
});

/** The sources are two lines of a.ts and one of b.ts; line 2 of the bundle has two of them. */
const map = JSON.stringify({
  version: 3,
  sources: ["a.ts", "src/b.ts"],
  names: [],
  // (0,0)->(a 0,0); (1,0)->(a 1,2), (1,16)->(b 0,4); (2,2)->(b 40,0)
  mappings: "AAAA;AACE,gBCDE;EAwCJ",
});

test("places in errors are mapped by FILE.map", () => {
  const body = { code: 400, cause: "throw: boom at policy.mjs:2:20" };
  const files = { ...script, "p.mjs.map": map };
  const told = run(["try", "p.mjs"], [{ status: 400, body }], files);
  assert.strictEqual(told.err, "adit: throw: boom at src/b.ts:1:5\n");
  const plain = run(["try", "p.mjs"], [{ status: 400, body }], script);
  assert.strictEqual(plain.err, "adit: throw: boom at policy.mjs:2:20\n");
});

test("the decoder finds the segment before, and leaves alone what is unknown", () => {
  const cases = [
    ["at policy.mjs:1:1", "at a.ts:1:1"],
    ["policy.mjs:2:1, policy.mjs:2:16", "a.ts:2:3, a.ts:2:3"],
    ["policy.mjs:2:17", "src/b.ts:1:5"],
    ["policy.mjs:3:9", "src/b.ts:41:1"],
    ["policy.mjs:3", "src/b.ts:41:1"],
    ["policy.mjs:9:9", "policy.mjs:9:9"],
    ["xpolicy.mjs:1:1", "xpolicy.mjs:1:1"],
  ] as const;
  for (const [text, expected] of cases) assert.strictEqual(mapPlaces(text, map), expected);
  for (const broken of [undefined, "", "{}", "[]", '{"version":3,"sources":[],"mappings":1}']) {
    assert.strictEqual(mapPlaces("policy.mjs:1:1", broken), "policy.mjs:1:1");
  }
  const odd = JSON.stringify({ version: 3, sources: [], mappings: "AAAA,!!!,AAAAAAAAAAAAAAAAA" });
  assert.strictEqual(mapPlaces("policy.mjs:1:1", odd), "policy.mjs:1:1");
});

test.run();
