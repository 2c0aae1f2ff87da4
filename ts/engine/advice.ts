/**
 * Asks the active script and keeps what it answered. The ladder when it fails: the last good answer
 * of each device, then the rules of the configuration, then the block.
 */
import type { Advice, Effect, ScriptEvent, World } from "../model/advice.js";
import type { RouterConfig } from "../model/config.js";
import { routerOf } from "../model/config.js";
import type { HeldAdvice } from "../policy/advise.js";
import { heldFromJson, heldToJson } from "../policy/advise.js";
import { holdAdvice, nothingHeld, overruled } from "../policy/advise.js";
import { neighboursOf } from "../policy/lan.js";
import { eventsBetween, isLoadMoved, worldKey, worldOf } from "../policy/world.js";
import { backoffMs } from "../tunnel/backoff.js";
import type { AdviceFacts } from "./advice-facts.js";
import { createFacts, readFacts, watchFacts } from "./advice-facts.js";
import type { Cage, CageError, Script } from "./cage.js";
import { cageErrorText, isCageError, openCage } from "./cage.js";
import type { Core } from "./core.js";
import { afterMs, logWarning, nowMs } from "./core.js";
import { issueLines } from "./issues.js";
import type { ScriptLogLine } from "./script-log.js";
import { ScriptLog } from "./script-log.js";
import { keepAnswers, loadState } from "./state-files.js";
import type { Tunnels } from "./tunnels.js";
import { locationStates, preferPeers, redialLocation } from "./tunnels.js";

/** Changes that arrive within this time share one decision. */
const gatherMs = 20;
const pauseMs = 500;
const minuteMs = 60_000;
const retryMsMin = 1_000;
const retryMsMax = 60_000;
/** Failures in a row after which a script counts as degraded. */
const failuresMax = 5;
/** Begins the cause of a line about a call that failed as a whole. */
const callFailed = "call ";
/** CPU time of all calls of one minute. */
export const minuteCpuUsMax = 3_000_000;
/** Between two reconnects of one location that scripts asked for. */
const reconnectMsMin = 30_000;

export interface FormerScript {
  readonly cage: Cage | undefined;
  readonly held: HeldAdvice | undefined;
}

export interface RunnerHooks {
  readonly tunnels: Tunnels;
  /** What is advised changed. */
  readonly onChange: (why: string) => void;
}

export function createAdvice(core: Core, hooks: RunnerHooks): Runner {
  return new Runner(core, hooks);
}

export class Runner {
  active: Cage | undefined;
  /** The last good answer of the active script. */
  advice: Advice | undefined;
  held: HeldAdvice | undefined;
  private latest: HeldAdvice | undefined;
  isExpected = false;
  /** Told of every failure of the active script. */
  onFailure: (error: CageError) => void = () => undefined;
  script: Script | undefined;
  /** What the process of the script was given, as text. */
  limits = "";
  private loading: Script | undefined;
  readonly facts: AdviceFacts = createFacts();
  private kept: Readonly<Record<string, unknown>> = {};
  private savedText = "";
  private isBusy = false;
  /** The world may have changed while the script was asked. */
  private isMissed = false;
  private lastKey = "";
  private lastWorld: World | undefined;
  private lastMs = -Infinity;
  private retryMs = 0;
  private failures = 0;
  private decisions = 0;
  private minute = { endMs: 0, cpuUs: 0 };
  private readonly log: ScriptLog;
  private readonly reconnectedMs = new Map<string, number>();

  constructor(
    private readonly core: Core,
    readonly hooks: RunnerHooks,
  ) {
    this.log = new ScriptLog(core);
  }

  /** The last lines that scripts logged, and their errors, oldest first. */
  get lines(): readonly ScriptLogLine[] {
    return this.log.lines;
  }

  /** Reads what a decider before us kept; before the configuration. */
  load(done: () => void): void {
    loadState(this.core, "advice", (content) => {
      this.kept = content;
      done();
    });
  }

  /** Says that there is a script which is not loaded yet: who has no answer waits for it. */
  expect(): void {
    const config = routerOf(this.core.config);
    if (this.isExpected || config === undefined) return;
    this.isExpected = true;
    const names = new Set(config.locations.map(({ name }) => name));
    this.held ??= heldFromJson(this.kept, names);
    preferPeers(this.hooks.tunnels, this.held?.peers ?? new Map());
    this.hooks.onChange("a policy script is expected");
  }

  /** Loads a script and puts it in force; without another one it is tried until it loads. */
  run(script: Script): void {
    this.expect();
    this.loading = script;
    if (this.active?.isOpen !== true && this.script !== script) {
      this.failures = 0;
      this.script = script;
      this.log.begin(script);
    }
    openCage(this.core, script, (cage) => {
      const isWanted = this.loading === script;
      if (isWanted) this.loading = undefined;
      if (!isCageError(cage)) return isWanted ? this.take(cage) : cage.close();
      if (isWanted && this.script === script) return this.fail(cage);
      return logWarning(this.core, `the former script stays: ${cageErrorText(cage)}`);
    });
  }

  /** Hands the script in force out, to be closed or adopted again, with its answers. */
  release(): FormerScript {
    const { active: cage, held } = this;
    this.active = undefined;
    return { cage, held };
  }

  /** Puts a loaded script in force, or none. `held` is what it said already, so nobody waits. */
  adopt(cage: Cage | undefined, held?: HeldAdvice): void {
    this.loading = undefined;
    this.failures = 0;
    if (cage !== undefined) {
      if (held !== undefined) this.hold(held);
      this.expect();
      return this.take(cage);
    }
    this.active?.close();
    this.script = this.active = this.advice = this.held = this.latest = undefined;
    this.isExpected = false;
    this.kept = {};
    for (const name of ["", " facts", " redecide"]) this.core.deadlines.clear(`policy${name}`);
    preferPeers(this.hooks.tunnels, new Map());
    this.keep(nothingHeld, () => undefined);
    return this.hooks.onChange("no policy script is in force");
  }

  /** What the script was told may be other than before, such as its variables. */
  again(why: string): void {
    preferPeers(this.hooks.tunnels, this.held?.peers ?? new Map());
    this.lastKey = "";
    if (this.active !== undefined) this.watch();
    this.note(why);
  }

  /** The new one is asked at once; until it answers, what the former said stays. */
  private take(cage: Cage): void {
    if (this.active !== cage) this.active?.close();
    this.active = cage;
    this.script = cage.script;
    this.log.begin(cage.script);
    this.retryMs = 0;
    this.lastMs = -Infinity;
    this.lastKey = "";
    this.lastWorld = undefined;
    this.isBusy = false;
    this.core.deadlines.clear("policy redecide");
    this.watch();
    this.note("the script is loaded");
  }

  private watch(): void {
    watchFacts(this.core, this.facts, this.hooks.tunnels, () => this.note("loads or names"));
  }

  /** The world may have changed. */
  note(why: string): void {
    if (this.script === undefined) return;
    const atMs = Math.max(nowMs(this.core) + gatherMs, this.lastMs + pauseMs, this.retryMs);
    this.core.deadlines.setEarlier("policy", atMs, why, () => this.turn());
  }

  /** The world with the names and rates of this moment: without a script nobody keeps them. */
  freshWorld(done: (world: World) => void): void {
    const { core, facts, hooks } = this;
    readFacts(core, facts, hooks.tunnels, () => done(this.worldNow()));
  }

  worldNow(): World {
    const { core, facts, hooks } = this;
    const { tunnels } = hooks;
    const config = core.config as RouterConfig;
    const now = nowMs(core);
    const present = new Set(neighboursOf(config, core.store).map(({ mac }) => mac));
    for (const mac of facts.seenMs.keys()) if (!present.has(mac)) facts.seenMs.delete(mac);
    for (const mac of present) if (!facts.seenMs.has(mac)) facts.seenMs.set(mac, now);
    return worldOf({
      config,
      observed: core.store,
      locations: locationStates(tunnels),
      carriers: tunnels.carriers,
      held: this.held,
      nowMs: now,
      unixMs: core.native.wallMs(),
      ...facts,
    });
  }

  private turn(): void {
    const { core, script, active } = this;
    if (script === undefined || routerOf(core.config) === undefined || core.stopping) return;
    this.isMissed = this.isBusy;
    if (this.isBusy || this.loading !== undefined) return;
    if (!core.store.complete || nowMs(core) < this.retryMs) return this.later();
    if (active?.isOpen !== true) return this.run(script);
    const world = this.worldNow();
    const isSame = worldKey(world) === this.lastKey && !isLoadMoved(this.lastWorld, world);
    if (isSame) return this.later();
    this.isBusy = true;
    this.lastMs = nowMs(core);
    readFacts(core, this.facts, this.hooks.tunnels, () => {
      if (this.active === active) this.decide(active);
    });
  }

  /** The next look, at the latest when the local time has moved on by a minute. */
  private later(): void {
    const { core, retryMs } = this;
    const now = nowMs(core);
    const atMs = now + minuteMs - (core.native.wallMs() % minuteMs);
    const why = now < retryMs ? "the script pauses" : "the next minute";
    const next = now < retryMs ? retryMs : atMs;
    core.deadlines.setEarlier("policy", next, why, () => this.turn());
  }

  private decide(cage: Cage): void {
    const world = this.worldNow();
    cage.decide(world, (answer) => {
      if (this.active !== cage || this.core.stopping) return;
      this.isBusy = false;
      this.count(cage);
      if (isCageError(answer)) return this.fail(answer);
      this.succeed(answer, world);
      return this.tell(cage, eventsBetween(this.lastWorld, world), world);
    });
  }

  private succeed(advice: Advice, world: World): void {
    this.failures = 0;
    this.decisions += 1;
    this.lastKey = worldKey(world);
    this.advice = advice;
    this.log.forget(callFailed);
    this.log.report(advice);
    const config = this.core.config as RouterConfig;
    for (const text of overruled(config, advice.routes, world.devices)) {
      this.log.complain(text, `direct is refused: ${text}`);
    }
    this.hold(holdAdvice(this.latest ?? this.held ?? nothingHeld, advice, world.devices));
    if (this.isMissed) this.note("what changed meanwhile");
    else this.later();
    const [message] = issueLines(advice.issues);
    const refused = { kind: "rubbish", message: message ?? "", stack: "" } as const;
    const failure = advice.failed[0] ?? (message === undefined ? undefined : refused);
    if (failure !== undefined) this.onFailure(failure);
  }

  /** Puts answers in force that a script gave, once the next decider would begin with them. */
  hold(held: HeldAdvice): void {
    this.latest = held;
    this.keep(held, () => {
      if (this.latest !== held) return;
      this.held = held;
      preferPeers(this.hooks.tunnels, held.peers);
      this.hooks.onChange("the policy script answered");
    });
  }

  /** `done` is called unless nothing differs from what was kept before. */
  private keep(held: HeldAdvice, done: () => void): void {
    const content = heldToJson(held);
    const text = JSON.stringify([content, [...held.peers], [...(held.routes?.values() ?? [])]]);
    if (text === this.savedText) return;
    this.savedText = text;
    keepAnswers(this.core, content, (isKept) => {
      if (!isKept) this.savedText = "";
      done();
    });
  }

  private fail(error: CageError): void {
    const { core } = this;
    const text = cageErrorText(error);
    this.failures += 1;
    this.isBusy = false;
    this.log.complain(callFailed + text, text);
    if (this.failures === 1) core.events.publish({ event: "policy_failed", reason_details: text });
    if (this.failures === failuresMax) this.log.say("warning", "degraded, answers stay");
    const delayMs = backoffMs(this.failures - 1, retryMsMin, retryMsMax, core.random);
    const pauseMs = this.failures < failuresMax ? delayMs : retryMsMax;
    this.retryMs = Math.max(this.retryMs, nowMs(core) + pauseMs);
    core.deadlines.set("policy", this.retryMs, `retry: ${text}`, () => this.turn());
    this.onFailure(error);
  }

  private tell(cage: Cage, events: readonly ScriptEvent[], world: World): void {
    this.lastWorld = world;
    const [event, ...rest] = events;
    if (event === undefined || !cage.isOpen || !cage.functions.includes("onEvent")) return;
    cage.event(event, world, (answer) => {
      if (this.active !== cage) return;
      this.count(cage);
      if (isCageError(answer)) return this.fail(answer);
      this.log.report(answer);
      answer.effects.forEach((effect) => this.carryOut(effect));
      return this.tell(cage, rest, world);
    });
  }

  private carryOut(effect: Effect): void {
    const { core } = this;
    switch (effect.effect) {
      case "notify":
        core.events.publish({ event: "policy_notify", text: effect.text });
        return this.log.say("info", effect.text);
      case "reconnect": {
        const { location } = effect;
        const now = nowMs(core);
        if (now < (this.reconnectedMs.get(location) ?? -Infinity) + reconnectMsMin) return;
        this.reconnectedMs.set(location, now);
        return redialLocation(this.hooks.tunnels, location);
      }
      case "redecide":
        return afterMs(core, "policy redecide", effect.after_s * 1_000, "the script asks", () => {
          this.lastKey = "";
          this.note("the script asked for it");
        });
    }
  }

  private count(cage: Cage): void {
    this.minuteCpu();
    this.minute.cpuUs += cage.usage.lastCpuUs;
    if (this.minute.cpuUs <= minuteCpuUsMax) return;
    this.retryMs = this.minute.endMs;
    this.log.complain("cpu", `it pauses: over ${minuteCpuUsMax / 1_000} ms of CPU in a minute`);
  }

  /** CPU time of the minute under way. */
  minuteCpu(): number {
    const now = nowMs(this.core);
    if (now >= this.minute.endMs) this.minute = { endMs: now + minuteMs, cpuUs: 0 };
    return this.minute.cpuUs;
  }

  get status(): object {
    const { active, script, failures, advice, held, minute } = this;
    const now = nowMs(this.core);
    const isPaused = now < minute.endMs && minute.cpuUs > minuteCpuUsMax;
    const failing = failures < failuresMax ? "failing" : "degraded";
    const word = active === undefined ? "loading" : isPaused ? "paused" : "running";
    const state = !this.isExpected ? "none" : failures > 0 ? failing : word;
    return {
      state,
      origin: script?.origin ?? "",
      version: script?.version ?? 0,
      sha256: script?.sha256 ?? "",
      functions: active?.functions ?? [],
      failures,
      last_error: this.log.lastError,
      decisions: this.decisions,
      cpu_us: active?.usage.cpuUs ?? 0,
      last_cpu_us: active?.usage.lastCpuUs ?? 0,
      minute_cpu_us: now < minute.endMs ? minute.cpuUs : 0,
      memory_bytes: active?.usage.memoryBytes ?? 0,
      routes: held?.routes?.size ?? 0,
      bypass: held?.bypass ?? [],
      failed_devices: (advice?.failed.length ?? 0) + (advice?.failedMore ?? 0),
    };
  }
}
