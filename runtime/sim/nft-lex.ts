/** Words of an nft script. Line ends matter there: they end a statement like a semicolon. */
export interface Token {
  /** `end` is a line end or a semicolon. */
  readonly kind: "word" | "text" | "sign" | "end";
  readonly value: string;
  readonly line: number;
}

export class NftError extends Error {
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
  }
}

const SPACE = /[ \t\r]+/y;
const COMMENT = /#[^\n]*/y;
const TEXT = /"([^"\n]*)"/y;
const SIGN = /==|!=|<=|>=|[{}=,&|^()<>!]/y;
const WORD = /[@A-Za-z0-9_.:/*-]+/y;

export function tokenize(script: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let at = 0; at < script.length; ) {
    const char = script[at];
    if (char === "\n" || char === ";") {
      tokens.push({ kind: "end", value: char, line });
      if (char === "\n") line++;
      at++;
      continue;
    }
    const skipped = match(SPACE, script, at) ?? match(COMMENT, script, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    if (script.startsWith("\\\n", at)) {
      at += 2;
      line++;
      continue;
    }
    at += takeToken(script, at, line, tokens);
  }
  return tokens;
}

function takeToken(script: string, at: number, line: number, tokens: Token[]): number {
  const text = match(TEXT, script, at);
  if (text !== undefined) {
    tokens.push({ kind: "text", value: text.slice(1, -1), line });
    return text.length;
  }
  const word = match(WORD, script, at);
  if (word !== undefined) {
    pushWord(word, line, tokens);
    return word.length;
  }
  const sign = match(SIGN, script, at);
  if (sign === undefined) throw new NftError(`unexpected ${JSON.stringify(script[at])}`, line);
  tokens.push({ kind: "sign", value: sign, line });
  return sign.length;
}

/** A colon at a word's end separates key and value of a map, unless it belongs to an address. */
function pushWord(word: string, line: number, tokens: Token[]): void {
  const separator = word === ":" || /[^:]:$/.test(word) || word.endsWith(":::");
  const rest = separator ? word.slice(0, -1) : word;
  if (rest !== "") tokens.push({ kind: "word", value: rest, line });
  if (separator) tokens.push({ kind: "sign", value: ":", line });
}

function match(pattern: RegExp, script: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(script)?.[0];
}

/** A cursor over tokens with the usual verbs of a recursive-descent parser. */
export class Cursor {
  #at = 0;
  constructor(readonly tokens: readonly Token[]) {}

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.#at + ahead];
  }

  atEnd(): boolean {
    return this.#at >= this.tokens.length;
  }

  is(value: string): boolean {
    const token = this.peek();
    return token !== undefined && token.kind !== "text" && token.value === value;
  }

  accept(value: string): boolean {
    if (!this.is(value)) return false;
    this.#at++;
    return true;
  }

  expect(value: string): void {
    if (!this.accept(value)) this.fail(`expected "${value}"`);
  }

  take(): Token {
    const token = this.peek();
    if (token === undefined) this.fail("unexpected end");
    this.#at++;
    return token as Token;
  }

  /** A name or a literal: a bare word or a quoted text. */
  word(): string {
    const token = this.take();
    if (token.kind === "word" || token.kind === "text") return token.value;
    this.#at--;
    return this.fail("expected a word");
  }

  /** Skips line ends and semicolons. */
  skipEnds(): void {
    while (this.peek()?.kind === "end") this.#at++;
  }

  /** Skips to the next item of a block; true at its closing brace, which is taken. */
  acceptBlockEnd(): boolean {
    this.skipEnds();
    if (this.atEnd()) this.fail('expected "}"');
    return this.accept("}");
  }

  atStatementEnd(): boolean {
    return this.peek() === undefined || this.peek()?.kind === "end" || this.is("}");
  }

  fail(message: string): never {
    const token = this.peek();
    const got = token === undefined ? "the end" : JSON.stringify(token.value);
    throw new NftError(`${message}, got ${got}`, token?.line ?? this.tokens.at(-1)?.line ?? 0);
  }
}
