/** Over which uplink a tunnel is dialled, and when it changes. */
import assert from "node:assert";
import { suite } from "uvu";
import { keepaliveChoiceMs } from "../../ts/model/limits.js";
import type { Way } from "../../ts/model/way.js";
import { waysOf } from "../../ts/policy/ways.js";
import { emptyObserved, foldMessage } from "../../ts/reconcile/fold.js";
import type { ObservedStore } from "../../ts/reconcile/fold.js";
import type { Tunnel, TunnelCommand, TunnelEvent } from "../../ts/tunnel/state.js";
import { deadlinesOf, newTunnel } from "../../ts/tunnel/state.js";
import { stepTunnel } from "../../ts/tunnel/tunnel.js";
import { chooseWay, wayReason } from "../../ts/tunnel/ways.js";
import { router, welcomeOf } from "./support/configs.js";
import { seededRandom } from "./support/random.js";

const silent = "silent: no byte from the peer for four keepalives";
const silenceMs = 5 * keepaliveChoiceMs;
const connectMs = 10_000;

function way(device: string, has4 = true, has6 = true): Way {
  return { device, mark: 0, has4, has6 };
}

/** A tunnel, a network of uplinks that are dead or alive, and a clock. */
class Network {
  nowMs = 1_000;
  state: Tunnel;
  readonly dead = new Set<string>();
  session = 0;
  /** Uplinks of attempts, in order. */
  readonly tried: string[] = [];
  private readonly random = seededRandom(3);

  constructor(ways: readonly Way[]) {
    const [location] = router().locations;
    assert.ok(location !== undefined);
    this.state = newTunnel(location, 1, this.nowMs);
    this.take({ kind: "uplink", suspect: false, ways, changed: new Set() });
    this.take({ kind: "want" });
  }

  take(event: TunnelEvent): void {
    const inner = { isTaken: () => false, refusedBecause: () => "" };
    const context = { nowMs: this.nowMs, random: this.random, ...inner };
    const { state, commands } = stepTunnel(this.state, event, context);
    this.state = state;
    for (const command of commands) this.obey(command);
  }

  private obey(command: TunnelCommand): void {
    if (command.kind === "prepare") {
      const { serial } = command;
      this.take({ kind: "prepared", serial, token: "t", addresses: [], problem: "" });
    } else if (command.kind === "open") this.open(command.serial, command.uplink);
    else if (command.kind === "start") {
      this.take({ kind: "started", session: command.session, problem: "" });
    }
  }

  private open(serial: number, device: string): void {
    const session = ++this.session;
    this.tried.push(device);
    this.take({ kind: "opened", serial, session });
    if (this.dead.has(device)) {
      this.nowMs += connectMs;
      this.take({ kind: "closed", session, reason: "timeout: no answer" });
    } else {
      const answer = { kind: "welcome", welcome: welcomeOf(5) } as const;
      this.take({ kind: "answered", session, answer });
    }
  }

  /** The uplink that carries dies without a word. */
  fall(device: string): void {
    this.dead.add(device);
    if (this.state.uplink !== device || this.state.session === 0) return;
    this.nowMs += silenceMs;
    this.take({ kind: "closed", session: this.state.session, reason: silent });
  }

  /** Lets time pass, deadline by deadline. */
  live(ms: number): void {
    for (const endMs = this.nowMs + ms; ; ) {
      const atMs = Math.min(...deadlinesOf(this.state).map((one) => one.atMs));
      if (!(atMs <= endMs)) {
        this.nowMs = Math.max(this.nowMs, endMs);
        return;
      }
      this.nowMs = Math.max(this.nowMs, atMs);
      this.take({ kind: "time" });
    }
  }
}

const test = suite("ways of tunnels");

test("a dead uplink that stays up costs less than 15 seconds, and is returned to", () => {
  const net = new Network([way("eth1"), way("wwan0")]);
  net.live(60_000);
  assert.strictEqual(net.state.uplink, "eth1");
  const diedMs = net.nowMs;
  net.fall("eth1");
  net.live(1);
  assert.strictEqual(net.state.uplink, "wwan0");
  assert.ok(net.state.carriesSinceMs - diedMs < 15_000);
  assert.match(wayReason(net.state.ways, net.state.grudges, "wwan0"), /^eth1 failed: silent/);
  net.dead.clear();
  net.live(35_000);
  assert.strictEqual(net.state.uplink, "eth1");
});

test("at the first dial too: the same peer over the next uplink at once", () => {
  const net = new Network([way("eth1"), way("wwan0")]);
  net.dead.add("eth1");
  const [location] = router().locations;
  assert.ok(location !== undefined);
  net.state = { ...newTunnel(location, 1, net.nowMs), ways: net.state.ways };
  net.tried.length = 0;
  const startMs = net.nowMs;
  net.take({ kind: "want" });
  net.live(1);
  assert.deepStrictEqual(net.tried, ["eth1", "wwan0"]);
  assert.ok(net.state.carriesSinceMs - startMs < 15_000);
});

test("an uplink that comes and goes is believed less each time", () => {
  const net = new Network([way("eth1"), way("wwan0")]);
  let changes = 0;
  for (let round = 0; round < 40; round++) {
    net.dead.clear();
    net.live(31_000);
    if (net.state.uplink === "eth1") changes++;
    net.fall("eth1");
    net.live(2_000);
    assert.strictEqual(net.state.session === 0 ? "" : net.state.uplink, "wwan0");
  }
  assert.ok(changes >= 3 && changes <= 9, String(changes));
});

test("a gateway that is gone is tried over every uplink, and found over any", () => {
  const ways = ["eth1", "wwan0", "eth3"].map((device) => way(device));
  const net = new Network(ways);
  ways.forEach(({ device }) => net.dead.add(device));
  net.fall("eth1");
  net.live(300_000);
  assert.strictEqual(net.state.shown, "down");
  for (const { device } of ways) assert.ok(net.tried.filter((one) => one === device).length > 2);
  net.dead.delete("eth3");
  net.live(100_000);
  assert.strictEqual(net.state.uplink, "eth3");
});

test("a change of an uplink that does not carry disturbs nobody, and forgives it", () => {
  const net = new Network([way("eth1"), way("wwan0")]);
  net.fall("eth1");
  net.live(1);
  net.dead.clear();
  const { ways, session } = net.state;
  net.take({ kind: "uplink", suspect: false, ways, changed: new Set(["eth1"]) });
  assert.strictEqual(net.state.session, session);
  net.live(30_001);
  assert.strictEqual(net.state.uplink, "eth1");
});

test("a session that no uplink was chosen for is dialled again when there is a choice", () => {
  const net = new Network([]);
  assert.strictEqual(net.state.uplink, "");
  const ways = [way("eth1"), way("wwan0")];
  net.take({ kind: "uplink", suspect: false, ways, changed: new Set() });
  assert.strictEqual(net.state.uplink, "eth1");
});

test("the family of the peer decides where both are not carried", () => {
  const ways = [way("eth1", true, false), way("wwan0", false, true)];
  const chosen = (address: string): string => chooseWay(ways, new Map(), address, 0)?.device ?? "";
  assert.deepStrictEqual(["192.0.2.1", "2001:db8::1", ""].map(chosen), ["eth1", "wwan0", "eth1"]);
});

test.run();

const usable = suite("ways: uplinks that are usable");

function host(): ObservedStore {
  const store = emptyObserved();
  const facts = { deleted: false, flags: 1, mtu: 1_500, master: 0, mac: "" } as const;
  for (const [index, name] of [[4, "eth1"] as const, [5, "wwan0"] as const, [6, "eth3"] as const]) {
    foldMessage(store, { type: "link", ...facts, index, name });
  }
  return store;
}

function lead(store: ObservedStore, oif: number, table: number, metric: number, dst: string): void {
  const facts = { gateway: "", protocol: 3, kind: 1, scope: 0, source: "" };
  foldMessage(store, { type: "route", deleted: false, table, oif, dst, metric, ...facts });
}

usable("named ones by rank whatever table, learned ones by metric of main", () => {
  const store = host();
  lead(store, 4, 254, 30, "0.0.0.0/0");
  lead(store, 5, 102, 0, "::/0");
  lead(store, 6, 254, 20, "0.0.0.0/0");
  const config = router({ uplinks: ["wwan*"] });
  const all = new Set([4, 5, 6]);
  const waysText = (carriers: ReadonlySet<number>): string[] =>
    waysOf(config, store, carriers).map(({ device, mark, has4, has6 }) =>
      [device, mark.toString(16), Number(has4), Number(has6)].join(" "),
    );
  assert.deepStrictEqual(waysText(all), [
    "eth1 77000000 1 0",
    "wwan0 78000000 0 1",
    "eth3 7f000000 1 0",
  ]);
  assert.deepStrictEqual(waysText(new Set([4])), []);
  assert.deepStrictEqual(waysText(new Set([5, 6])).length, 2);
});

usable.run();
