/**
 * Log lines go to the mover, which writes them to stderr and syslog. One line for each decision.
 */
import type { Channel } from "../host/channel.js";
import { tell } from "../host/channel.js";

const levelOf = { error: 3, warning: 4, info: 6, debug: 7 } as const;
export type LogLevel = keyof typeof levelOf;

/** Causes remembered as told; beyond it all are forgotten, and told again if they persist. */
const causesMax = 256;
/** Bytes that the contract takes in one line, for text of at most three bytes a character. */
const textLengthMax = 680;

export class Log {
  private readonly told = new Set<string>();

  constructor(private readonly channel: Channel) {}

  write(level: LogLevel, text: string): void {
    const line = text.replace(/[\0-\x1f\x7f]+/g, " ").slice(0, textLengthMax);
    tell(this.channel, { type: "log", level: levelOf[level], text: line });
  }

  /** Writes the line unless the same cause was told since `forget`. */
  writeOnce(level: LogLevel, cause: string, text: string): void {
    if (this.told.has(cause)) return;
    if (this.told.size >= causesMax) this.told.clear();
    this.told.add(cause);
    this.write(level, text);
  }

  /** Causes that begin with the prefix may be told again. */
  forget(prefix: string): void {
    for (const cause of this.told) if (cause.startsWith(prefix)) this.told.delete(cause);
  }
}
