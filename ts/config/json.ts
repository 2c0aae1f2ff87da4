/**
 * Reads JSON text with positions: the same answer on every engine, and keys that occur twice are
 * refused, because JSON.parse would silently keep the last.
 */

export interface JsonError {
  /** From 1. */
  readonly line: number;
  /** In UTF-16 units, from 1. */
  readonly column: number;
  readonly text: string;
}

/** Nesting beyond this is refused before the engine's stack is at risk. */
const depthMax = 32;

const space = /[ \t\n\r]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const control = /[\u0000-\u001f]/;

class Problem {
  constructor(
    readonly at: number,
    readonly text: string,
  ) {}
}

/** The value of JSON text, or where and why it is none. */
export function readJson(text: string): { value: unknown } | { error: JsonError } {
  const reader = new Reader(text.startsWith("\ufeff") ? text.slice(1) : text);
  try {
    return { value: reader.whole() };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { error: locate(reader.text, problem) };
  }
}

function locate(text: string, problem: Problem): JsonError {
  const before = text.slice(0, problem.at);
  const line = before.split("\n").length;
  return { line, column: problem.at - before.lastIndexOf("\n"), text: problem.text };
}

class Reader {
  private at = 0;

  constructor(readonly text: string) {}

  whole(): unknown {
    const value = this.value(0);
    this.match(space);
    if (this.at < this.text.length) throw new Problem(this.at, "nothing after the value");
    return value;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private value(depth: number): unknown {
    this.match(space);
    if (depth > depthMax) throw new Problem(this.at, `at most ${depthMax} levels`);
    const first = this.text[this.at];
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    if (first === '"') return this.string();
    const word = this.match(scalar);
    if (word === "") throw new Problem(this.at, "a JSON value");
    return JSON.parse(word);
  }

  private string(): string {
    const start = this.at;
    this.at = this.endOfString() + 1;
    const word = this.text.slice(start, this.at);
    try {
      if (!control.test(word)) return JSON.parse(word) as string;
    } catch {
      // Said below: engines word it differently.
    }
    throw new Problem(start, "a closed string with valid escapes");
  }

  /** The first quote behind an even number of backslashes; a pattern would need a deep stack. */
  private endOfString(): number {
    let end = this.at;
    for (;;) {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw new Problem(this.at, "a closed string with valid escapes");
      let backslashes = 0;
      while (this.text[end - 1 - backslashes] === "\\") backslashes += 1;
      if (backslashes % 2 === 0) return end;
    }
  }

  private array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.list("]", () => items.push(this.value(depth + 1)));
    return items;
  }

  private object(depth: number): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    this.list("}", () => {
      this.match(space);
      const start = this.at;
      if (this.text[start] !== '"') throw new Problem(start, "a key in quotes");
      const key = this.string();
      if (entries.has(key)) throw new Problem(start, `the key "${key}" only once`);
      this.expect(":");
      entries.set(key, this.value(depth + 1));
    });
    return Object.fromEntries(entries);
  }

  private list(close: string, item: () => void): void {
    this.at += 1;
    if (this.taken(close)) return;
    do item();
    while (this.taken(","));
    this.expect(close);
  }

  private taken(sign: string): boolean {
    this.match(space);
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  private expect(sign: string): void {
    if (!this.taken(sign)) throw new Problem(this.at, `"${sign}"`);
  }
}
