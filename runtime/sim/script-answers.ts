/**
 * Reference of a script's answers: which ones may be in force for each device, and which are once
 * everything has settled. An answer counts as taken when its decider lived on for a while; until
 * then the one before it may be in force as well.
 */
import type { ReferenceScript, ScriptAnswer, Zone } from "./scripts.js";
import { hourAt } from "./scripts.js";
import { Violation } from "./violation.js";

/** What a cage was asked, as far as it matters here. */
export interface AskedWorld {
  readonly now: { readonly unix_s: number; readonly hour: number };
  readonly devices: readonly {
    readonly mac: string;
    readonly iface: string;
    readonly name?: string;
  }[];
}

interface Entry<T> {
  readonly value: T;
  readonly script: ReferenceScript | undefined;
  readonly seq: number;
}

const NONE: ScriptAnswer = { kind: "none" };
const MINUTE_S = 60;
const SLACK_S = 2;

export class ScriptAnswers {
  /** Scripts of which any may be the one in force; one, if there is no doubt. */
  possible = new Set<ReferenceScript>();
  /** Names by MAC that the lease file has. */
  names = new Map<string, string>();
  #seq = 0;
  readonly #routes = new Map<string, Entry<ScriptAnswer>[]>();
  #bypass: Entry<readonly string[]>[] = [{ value: [], script: undefined, seq: 0 }];

  constructor(readonly zone: Zone) {}

  /** What may be in force for a device; without any answer it waits for one. */
  candidates(mac: string): readonly ScriptAnswer[] {
    const found = this.#routes.get(mac) ?? [];
    return found.length === 0 ? [NONE] : found.map(({ value }) => value);
  }

  /** Prefixes that may be open. */
  bypass(): readonly string[] {
    return this.#bypass.flatMap(({ value }) => value);
  }

  /** Prefixes that are open when nothing disturbs. */
  settledBypass(): readonly string[] {
    const [script] = this.possible;
    return script === undefined || this.possible.size > 1 ? this.bypass() : script.bypass;
  }

  /** What holds when nothing disturbs: what the script in force says at that time. */
  settled(mac: string, iface: string, wallMs: number): readonly ScriptAnswer[] {
    const [script] = this.possible;
    if (script === undefined || this.possible.size > 1) return this.candidates(mac);
    const hour = hourAt(this.zone, Math.floor(wallMs / 1_000));
    const answer = script.answer({ mac, iface, name: this.names.get(mac) ?? "" }, hour);
    return answer.kind === "throws" ? this.candidates(mac) : [answer];
  }

  /** Everything that was answered is forgotten: the memory in which it was kept lost its power. */
  forget(): void {
    this.#routes.clear();
    this.#bypass = [{ value: [], script: undefined, seq: 0 }];
  }

  /** A cage answered; gives the number by which `take` knows this answer. */
  answered(script: ReferenceScript, world: AskedWorld): number {
    const { now, devices } = world;
    const hour = hourAt(this.zone, now.unix_s);
    if (hour !== now.hour) {
      throw new Violation("a script is told the local time", `${now.hour} h instead of ${hour} h`);
    }
    const seq = ++this.#seq;
    for (const { mac, iface, name = "" } of devices) {
      const value = script.answer({ mac, iface, name }, hour);
      if (value.kind === "throws") continue;
      const before = this.#routes.get(mac) ?? [{ value: NONE, script: undefined, seq: 0 }];
      this.#routes.set(mac, [...before.filter((one) => !isSame(one, script, value)),
        { value, script, seq }]);
    }
    const { bypass: value } = script;
    this.#bypass = [...this.#bypass.filter((one) => !isSame(one, script, value)),
      { value, script, seq }];
    return seq;
  }

  /** The decider has an answer for sure: what the script said before is past. */
  take(script: ReferenceScript, seq: number): void {
    const isAlone = this.possible.size === 1 && this.possible.has(script);
    const stays = <T>(entry: Entry<T>): boolean =>
      entry.seq >= seq || (entry.script !== script && !isAlone);
    for (const [mac, entries] of this.#routes) {
      // Whom this answer left out, or failed for, keeps what it had.
      if (!entries.some((one) => one.script === script && one.seq >= seq)) continue;
      this.#routes.set(mac, entries.filter(stays));
    }
    this.#bypass = this.#bypass.filter(stays);
  }
}

/** How old the time may be that a script was told. */
export function isTimely(world: AskedWorld, wallMs: number): boolean {
  const lateS = wallMs / 1_000 - world.now.unix_s;
  return lateS > -SLACK_S && lateS < MINUTE_S + SLACK_S;
}

function isSame<T>(entry: Entry<T>, script: ReferenceScript, value: T): boolean {
  return entry.script === script && JSON.stringify(entry.value) === JSON.stringify(value);
}
