/** One tunnel's state machine, its clock, and what it asked for. */
import assert from "node:assert";
import type { Ip } from "../../../ts/model/ip.js";
import type { Welcome } from "../../../ts/model/observed.js";
import type { Random } from "../../../ts/model/random.js";
import type { Tunnel, TunnelCommand, TunnelEvent } from "../../../ts/tunnel/state.js";
import { deadlinesOf, newTunnel } from "../../../ts/tunnel/state.js";
import { stepTunnel } from "../../../ts/tunnel/tunnel.js";
import { router, welcomeOf } from "./configs.js";
import { seededRandom } from "./random.js";

export const [location] = router().locations;
assert.ok(location !== undefined);
export const welcome = welcomeOf(5);

/** A tunnel with its clock and what it asked for. */
export class Bench {
  nowMs = 1_000;
  commands: readonly TunnelCommand[] = [];
  readonly events: string[] = [];
  state: Tunnel;
  taken: readonly Ip[] = [];
  readonly refused = new Map<Ip, string>();

  constructor(
    where = location,
    readonly random: Random = seededRandom(1),
  ) {
    assert.ok(where !== undefined);
    this.state = newTunnel(where, 1, this.nowMs);
  }

  take(event: TunnelEvent): readonly TunnelCommand[] {
    const isTaken = (address: Ip): boolean => this.taken.includes(address);
    const refusedBecause = (address: Ip): string => this.refused.get(address) ?? "";
    const context = { nowMs: this.nowMs, random: this.random, isTaken, refusedBecause };
    const step = stepTunnel(this.state, event, context);
    assert.deepStrictEqual(step.deadlines, deadlinesOf(step.state));
    this.state = step.state;
    this.commands = step.commands;
    for (const one of step.commands) if (one.kind === "event") this.events.push(one.event.event);
    return step.commands;
  }

  kinds(): readonly string[] {
    return this.commands.map(({ kind }) => kind);
  }

  /** Goes to the earliest deadline. */
  wait(): void {
    const atMs = Math.min(...deadlinesOf(this.state).map((deadline) => deadline.atMs));
    assert.ok(Number.isFinite(atMs), "nothing is waited for");
    this.nowMs = Math.max(this.nowMs, atMs);
    this.take({ kind: "time" });
  }

  isDown(): boolean {
    return this.state.shown === "down";
  }

  prepare(addresses: readonly Ip[] = []): void {
    const { serial } = this.state;
    this.take({ kind: "prepared", serial, token: "secret", addresses, problem: "no address" });
  }

  open(session: number): void {
    this.prepare();
    assert.deepStrictEqual(this.kinds(), ["open"]);
    this.take({ kind: "opened", serial: this.state.serial, session });
  }

  greet(session: number, given: Welcome = welcome): void {
    this.take({ kind: "answered", session, answer: { kind: "welcome", welcome: given } });
  }

  up(session: number): void {
    if (!this.state.wanted) this.take({ kind: "want" });
    this.open(session);
    this.greet(session);
    assert.deepStrictEqual(this.kinds(), ["start"]);
    this.take({ kind: "started", session, problem: "" });
    assert.strictEqual(this.state.shown, "up");
  }
}
