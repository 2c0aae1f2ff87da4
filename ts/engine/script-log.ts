/** What scripts say and what is wrong with what they answer: bounded, and kept for people. */
import type { Advice, Reaction } from "../model/advice.js";
import type { Script } from "./cage.js";
import { cageErrorText } from "./cage.js";
import type { Core } from "./core.js";
import { nowMs } from "./core.js";
import { issueLines } from "./issues.js";
import type { LogLevel } from "./log.js";

const minuteMs = 60_000;
const minuteLinesMax = 120;
const linesKeptMax = 64;
/** Complaints of one script; a script that is wrong in more ways is known to be wrong. */
const causesMax = 256;

export interface ScriptLogLine {
  readonly time: number;
  readonly level: string;
  readonly text: string;
}

export class ScriptLog {
  readonly lines: ScriptLogLine[] = [];
  lastError = "";
  /** Of the script that speaks. */
  name = "";
  private untilMs = 0;
  private count = 0;
  private sha256 = "";
  private readonly told = new Set<string>();

  constructor(private readonly core: Core) {}

  /** Another script may say the same again. */
  begin({ origin, version, sha256 }: Script): void {
    this.name = `policy script ${origin} v${version}`;
    if (this.sha256 !== sha256) this.told.clear();
    this.sha256 = sha256;
  }

  say(level: LogLevel, text: string): void {
    const { core, lines } = this;
    lines.push({ time: Math.floor(core.native.wallMs()), level, text });
    if (lines.length > linesKeptMax) lines.shift();
    if (nowMs(core) >= this.untilMs) {
      this.untilMs = nowMs(core) + minuteMs;
      this.count = 0;
    }
    if (++this.count <= minuteLinesMax) core.log.write(level, `${this.name}: ${text}`);
  }

  /** Says it unless the same cause was told since `begin` or `forget`. */
  complain(cause: string, text: string): void {
    this.lastError = text;
    if (this.told.has(cause) || this.told.size >= causesMax) return;
    this.told.add(cause);
    this.say("warning", text);
  }

  /** Causes that begin so may be told again. */
  forget(begin: string): void {
    for (const cause of this.told) if (cause.startsWith(begin)) this.told.delete(cause);
  }

  report({ log, failed, issues }: Advice | Reaction): void {
    for (const { level, text } of log) this.say(level === "warn" ? "warning" : "info", text);
    for (const one of failed) {
      const who = one.mac ?? one.location;
      const text = cageErrorText(one);
      this.complain(`${one.in} ${text}`, `${one.in}${who ? ` of ${who}` : ""}: ${text}`);
    }
    const lines = issueLines(issues);
    issues.forEach(({ path }, at) => this.complain(path, lines[at] ?? ""));
  }
}
