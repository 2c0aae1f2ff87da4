/**
 * The life of a tunnel in virtual time. Goal: whatever a gateway, the uplink and chance do, a
 * tunnel has at most one carrying session and one attempt, redials within the bounds of its back-
 * off and never gives up. Method: a world answers the machine's commands as a random script says.
 */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { downAfterMs, redialDelayMsMax, redialDelayMsMin } from "../../ts/model/limits.js";
import type { Way } from "../../ts/model/way.js";
import { backoffMs } from "../../ts/tunnel/backoff.js";
import type { TunnelCommand, TunnelEvent } from "../../ts/tunnel/state.js";
import { attemptMsMax, authDelayMs, deadlinesOf } from "../../ts/tunnel/state.js";
import { pin, router, routerJson } from "./support/configs.js";
import { seededRandom } from "./support/random.js";
import { Bench, location, welcome } from "./support/tunnel-bench.js";

const test = suite("tunnel");
const uplink = { kind: "uplink", ways: [], changed: new Set<string>() } as const;
const waysFor = (count: number): Way[] =>
  ["a", "b"].slice(0, count % 3).map((device) => ({ device, mark: 1, has4: true, has6: true }));

test("a lazy tunnel waits until it is wanted, then comes up", () => {
  const bench = new Bench();
  assert.deepStrictEqual(deadlinesOf(bench.state), []);
  assert.strictEqual(bench.state.shown, "idle");
  bench.up(7);
  assert.deepStrictEqual(bench.events, ["route_connected"]);
  assert.deepStrictEqual(deadlinesOf(bench.state), []);
  assert.strictEqual(bench.state.lastWelcome, welcome);
});

test("wanting it twice dials once", () => {
  const bench = new Bench();
  bench.take({ kind: "want" });
  assert.deepStrictEqual(bench.kinds(), ["prepare"]);
  bench.take({ kind: "want" });
  assert.deepStrictEqual(bench.kinds(), []);
});

test("it asks for the addresses that it had before", () => {
  const bench = new Bench();
  bench.up(1);
  bench.nowMs += 60_000;
  bench.take({ kind: "closed", session: 1, reason: "reset: gone" });
  bench.wait();
  bench.prepare();
  const [open] = bench.commands;
  assert.ok(open?.kind === "open");
  assert.deepStrictEqual([open.want4, open.want6], ["10.64.0.5", "fd00:64::5"]);
});

test("a stable session that is lost is redialled at once, and down only after a while", () => {
  const bench = new Bench();
  bench.up(1);
  bench.nowMs += 60_000;
  const lostMs = bench.nowMs;
  bench.take({ kind: "closed", session: 1, reason: "reset: gone" });
  assert.strictEqual(bench.state.shown, "connecting");
  assert.deepStrictEqual(bench.events, ["route_connected", "route_disconnected"]);
  bench.wait();
  assert.strictEqual(bench.nowMs, lostMs);
  assert.deepStrictEqual(bench.kinds(), ["prepare"]);
  bench.take({ kind: "unprepared", serial: bench.state.serial, reason: "no token" });
  while (!bench.isDown()) {
    if (bench.state.attempt !== undefined) {
      bench.take({ kind: "unprepared", serial: bench.state.serial, reason: "no token" });
    }
    bench.wait();
  }
  assert.strictEqual(bench.nowMs, lostMs + downAfterMs);
});

test("a session that carried for a moment only backs off", () => {
  const bench = new Bench();
  bench.up(1);
  bench.nowMs += 100;
  bench.take({ kind: "closed", session: 1, reason: "reset: gone" });
  assert.ok((bench.state.retryAtMs ?? 0) >= bench.nowMs + redialDelayMsMin / 2);
});

test("a refused token waits for a person and is told", () => {
  const bench = new Bench();
  bench.take({ kind: "want" });
  bench.open(3);
  const answer = { kind: "refused", error: "auth", text: "" } as const;
  bench.take({ kind: "answered", session: 3, answer });
  assert.deepStrictEqual([...bench.kinds()].sort(), ["close", "event", "event"]);
  assert.ok(bench.events.includes("invalid_auth"));
  assert.match(bench.state.reason, /refused: auth: no client there has the token_sha256/);
  assert.ok((bench.state.retryAtMs ?? 0) >= bench.nowMs + authDelayMs);
});

test("an address that another location holds is exchanged at once", () => {
  const bench = new Bench();
  bench.taken = ["10.64.0.5"];
  bench.take({ kind: "want" });
  bench.open(3);
  bench.greet(3);
  assert.ok(bench.kinds().includes("close"));
  assert.strictEqual(bench.state.retryAtMs, bench.nowMs);
  bench.wait();
  bench.prepare();
  const [open] = bench.commands;
  assert.ok(open?.kind === "open");
  assert.ok(open.want4.startsWith("10.64."), open.want4);
  assert.notStrictEqual(open.want4, "10.64.0.5");
});

test("a gateway that insists on a taken address is not dialled in a tight loop", () => {
  const bench = new Bench();
  bench.taken = ["10.64.0.5"];
  bench.take({ kind: "want" });
  const startMs = bench.nowMs;
  for (let session = 1; session <= 12; session++) {
    bench.open(session);
    bench.greet(session);
    while (bench.state.attempt === undefined) bench.wait();
  }
  assert.ok(bench.nowMs - startMs > redialDelayMsMin);
});

test("a doubtful session goes on until a second one has its welcome", () => {
  const bench = new Bench();
  bench.up(1);
  bench.take({ ...uplink, suspect: true });
  assert.deepStrictEqual(bench.kinds(), ["prepare"]);
  bench.open(2);
  bench.greet(2);
  bench.take({ kind: "started", session: 2, problem: "" });
  bench.take({ kind: "closed", session: 1, reason: "replaced: by a newer session" });
  assert.strictEqual(bench.state.session, 2);
  assert.strictEqual(bench.state.shown, "up");
  assert.deepStrictEqual(bench.events, ["route_connected"]);
});

test("the old session may be closed before the new one is known to have started", () => {
  const bench = new Bench();
  bench.up(1);
  bench.take({ ...uplink, suspect: true });
  bench.open(2);
  bench.greet(2);
  bench.take({ kind: "closed", session: 1, reason: "replaced: by a newer session" });
  bench.take({ kind: "started", session: 2, problem: "" });
  assert.strictEqual(bench.state.session, 2);
  assert.ok(!bench.events.includes("route_disconnected"));
});

test("two routers with one token evict each other ever more seldom, and say why", () => {
  const reason = "reset: peer says: a newer session serves this client";
  let [loser, winner] = [new Bench(location, seededRandom(1)), new Bench()];
  [loser, winner].forEach((bench, at) => bench.up(at + 1));
  const pauses = Array.from({ length: 20 }, (_, round) => {
    const beganMs = (loser.nowMs = winner.nowMs);
    loser.take({ kind: "closed", session: loser.state.session, reason });
    assert.match(loser.state.reason, /^another router has the token of this one, each needs its/);
    while (loser.state.attempt === undefined) loser.wait();
    loser.up(round + 3);
    [loser, winner] = [winner, loser];
    return winner.nowMs - beganMs;
  });
  assert.ok(pauses.every((pause) => pause >= 2_000), String(pauses));
  assert.ok(pauses.slice(-4).every((pause) => pause >= 25_000 && pause <= 70_000), String(pauses));
});

test("a second session that fails leaves the first alone and is tried again", () => {
  const bench = new Bench();
  bench.up(1);
  bench.take({ ...uplink, suspect: true });
  bench.take({ kind: "unprepared", serial: bench.state.serial, reason: "unreachable" });
  assert.strictEqual(bench.state.shown, "up");
  assert.ok(bench.state.retryAtMs !== undefined);
  assert.ok(!bench.events.includes("route_failed"));
});

test("an uplink that only grew disturbs nobody who carries and wakes who waits", () => {
  const carrying = new Bench();
  carrying.up(1);
  carrying.take({ ...uplink, suspect: false });
  assert.deepStrictEqual(carrying.kinds(), []);
  const waiting = new Bench();
  waiting.take({ kind: "want" });
  waiting.take({ kind: "unprepared", serial: 1, reason: "unreachable" });
  waiting.take({ ...uplink, suspect: false });
  assert.deepStrictEqual(waiting.kinds(), ["prepare"]);
});

test("a name is resolved once and its addresses are used up in turn", () => {
  const peers = [{ endpoint: "gateway.example:443", pin }];
  const named = { ...(routerJson["locations"] as object[])[0], peers };
  const [where] = router({ locations: [named], resolvers: ["192.0.2.53"] }).locations;
  const bench = new Bench(where);
  bench.take({ kind: "want" });
  assert.deepStrictEqual(bench.commands, [
    { kind: "prepare", serial: 1, host: "gateway.example", uplink: "" },
  ]);
  const addresses = ["198.51.100.1", "198.51.100.2", "2001:db8::1"];
  const used = new Set<string>();
  bench.prepare(addresses);
  for (let round = 0; round < addresses.length; round++) {
    const [open] = bench.commands;
    assert.ok(open?.kind === "open");
    used.add(open.address);
    bench.take({ kind: "unprepared", serial: bench.state.serial, reason: "refused" });
    while (bench.state.attempt === undefined) bench.wait();
    const next: TunnelCommand | undefined = bench.commands[0];
    assert.ok(next?.kind === "prepare");
    const isKnown: boolean = next.host !== "gateway.example";
    assert.strictEqual(isKnown, round < addresses.length - 1);
    if (isKnown) bench.prepare();
  }
  assert.deepStrictEqual([...used].sort(), addresses.sort());
});

test("back-off is bounded on both sides and grows", () => {
  const property = fc.property(fc.nat(100), fc.nat(), (failures, seed) => {
    const delay = backoffMs(failures, 500, 30_000, seededRandom(seed));
    const nominal = Math.min(30_000, 500 * 2 ** Math.min(failures, 16));
    assert.ok(delay >= nominal / 2 && delay <= nominal, String(delay));
  });
  fc.assert(property);
});

interface Happening {
  readonly what: number;
  readonly session: number;
  readonly pauseMs: number;
}

/** One thing that may happen to a tunnel, most of it at a bad moment. */
function happen(bench: Bench, { what, session }: Happening): void {
  const { attempt, serial } = bench.state;
  const known = [attempt?.session ?? 0, bench.state.session, session];
  const about = known[session % known.length] ?? session;
  const reason = "reset: test";
  const events: readonly TunnelEvent[] = [
    { kind: "want" },
    { kind: "prepared", serial, token: "t", addresses: [], problem: "" },
    { kind: "unprepared", serial, reason },
    { kind: "opened", serial, session: 1_000 + serial },
    { kind: "connected", session: about },
    { kind: "answered", session: about, answer: { kind: "welcome", welcome } },
    { kind: "answered", session: about, answer: { kind: "refused", error: "auth", text: "" } },
    { kind: "answered", session: about, answer: { kind: "invalid", why: "noise" } },
    { kind: "started", session: about, problem: "" },
    { kind: "started", session: about, problem: "no such session" },
    { kind: "closed", session: about, reason },
    { ...uplink, suspect: session % 2 === 0, ways: waysFor(session) },
    { kind: "time" },
  ];
  bench.take(events[what % events.length] as TunnelEvent);
}

test("any order of events keeps the invariants", () => {
  const happening = fc.record({ what: fc.nat(12), session: fc.nat(5), pauseMs: fc.nat(4_000) });
  const script = fc.array(happening, { maxLength: 80 });
  const property = fc.property(script, fc.nat(), fc.boolean(), (happenings, seed, conflict) => {
    const bench = new Bench(location, seededRandom(seed));
    if (conflict) bench.taken = ["10.64.0.5"];
    const open = new Set<number>();
    for (const one of happenings) {
      bench.nowMs += one.pauseMs;
      happen(bench, one);
      follow(bench, open);
      check(bench, open);
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});

/** Keeps the set of sessions that the mover would hold for the tunnel. */
function follow(bench: Bench, open: Set<number>): void {
  const { attempt, session } = bench.state;
  for (const one of [attempt?.session ?? 0, session]) if (one !== 0) open.add(one);
  for (const one of bench.commands) if (one.kind === "close") open.delete(one.session);
  for (const one of [...open]) {
    // The mover closes the earlier session of a slot itself, and told of every other end.
    if (one !== attempt?.session && one !== session) open.delete(one);
  }
}

function check(bench: Bench, open: ReadonlySet<number>): void {
  const { attempt, retryAtMs, session, shown, wanted } = bench.state;
  assert.ok(open.size <= 2, "more than two sessions");
  assert.ok(attempt === undefined || retryAtMs === undefined, "dials and waits at once");
  assert.strictEqual(shown === "up", session !== 0);
  if (!wanted) return;
  const waits = deadlinesOf(bench.state);
  if (session === 0) assert.ok(waits.length > 0, "gave up");
  for (const { atMs, why } of waits) {
    assert.ok(atMs - bench.nowMs <= Math.max(authDelayMs * 1.25, attemptMsMax), why);
    assert.notStrictEqual(why, "");
  }
  const isAuth = bench.state.reason.includes("auth");
  if (retryAtMs !== undefined && !isAuth) assert.ok(retryAtMs - bench.nowMs <= redialDelayMsMax);
}

test.run();
