/** Every message between movers and deciders, as a digest and as the last lines for people. */
import { createHash } from "node:crypto";
import type { Clock } from "./clock.js";
import { decodeCommand, decodeMessage } from "../../ts/host/contract.gen.js";

interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly arrow: string;
  readonly bytes: Uint8Array;
}

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #lines: Line[] = [];
  messages = 0;

  constructor(
    readonly clock: Clock,
    /** How many messages are kept for people. */
    readonly keep: number,
  ) {}

  message(who: string, arrow: "<" | ">", bytes: Uint8Array): void {
    this.messages++;
    this.#add({ atMs: this.clock.nowMs, who, arrow, bytes: bytes.slice() });
  }

  note(who: string, text: string): void {
    this.#add({ atMs: this.clock.nowMs, who, arrow: "!", bytes: Buffer.from(text) });
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The last messages as text; what no codec understands is shown as bytes. */
  lines(): string[] {
    return this.#lines.map(describe);
  }

  #add(line: Line): void {
    this.#hash.update(`${line.atMs.toFixed(3)} ${line.who} ${line.arrow} `).update(line.bytes);
    this.#lines.push(line);
    if (this.#lines.length > this.keep) this.#lines.shift();
  }
}

function describe({ atMs, who, arrow, bytes }: Line): string {
  const head = `${atMs.toFixed(3).padStart(12)} ${who} ${arrow}`;
  if (arrow === "!") return `${head} ${Buffer.from(bytes).toString()}`;
  const { message, seq } = arrow === "<" ? decodeMessage(bytes) : decodeCommand(bytes);
  return `${head} ${seq} ${JSON.stringify(message, shortBytes)}`;
}

const TEXT_MAX = 300;

function shortBytes(_key: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  const text = Buffer.from(value).toString("utf8");
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}… (${value.length} bytes)`;
}
