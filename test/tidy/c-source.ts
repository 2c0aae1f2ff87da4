/** C text taken apart just far enough for the tidy rules: comments, code, function bodies. */
import { lineAt } from "./tree.js";

export interface Span {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

export interface CFunction {
  readonly name: string;
  readonly line: number;
  readonly length: number;
}

const TOKEN = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/g;

const blank = (text: string): string => text.replace(/[^\n]/g, " ");

const isComment = (token: string): boolean => token.startsWith("/");

/** The text with comments, strings and characters blanked out; lines and columns stay. */
export function codeOnly(text: string): string {
  return text.replace(TOKEN, blank);
}

/** The text with comments blanked out, strings kept: what include lines are read from. */
export function withoutComments(text: string): string {
  return text.replace(TOKEN, (token) => (isComment(token) ? blank(token) : token));
}

export function commentsOf(text: string): Span[] {
  return [...text.matchAll(TOKEN)]
    .filter((match) => isComment(match[0]))
    .map((match) => ({ line: lineAt(text, match.index), text: match[0] }));
}

/** Preprocessor lines blanked as well, with the lines that continue them. */
function withoutDirectives(code: string): string {
  return code.replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, blank);
}

/**
 * Every function definition: a brace at depth 0 that follows a closing parenthesis. Its length is
 * counted from the first line of the declaration to the closing brace.
 */
export function functionsOf(text: string): CFunction[] {
  const code = withoutDirectives(codeOnly(text));
  const found: CFunction[] = [];
  let depth = 0;
  let declared = 0;
  let body = -1;
  for (let at = 0; at < code.length; at++) {
    const char = code[at];
    if (char === "{") {
      if (depth === 0) body = /\)\s*$/.test(code.slice(declared, at)) ? declared : -1;
      depth += 1;
    } else if (char === "}") {
      depth -= 1;
      if (depth === 0 && body >= 0) found.push(describe(code, body, at));
    }
    if (depth === 0 && (char === ";" || char === "}")) declared = at + 1;
  }
  return found;
}

function describe(code: string, start: number, end: number): CFunction {
  const declaration = code.slice(start);
  const first = start + declaration.search(/\S/);
  const line = lineAt(code, first);
  const name = /(\w+)\s*\(/.exec(declaration)?.[1] ?? "?";
  return { name, line, length: lineAt(code, end) - line + 1 };
}

/** Names that are called as functions, with their lines. */
export function callsOf(text: string): Span[] {
  const code = codeOnly(text);
  return [...code.matchAll(/(?<![\w.>])([A-Za-z_]\w*)\s*\(/g)]
    .map((match) => ({ line: lineAt(code, match.index), text: match[1] ?? "" }));
}

/** What is included, without the quotes. */
export function includesOf(text: string): Span[] {
  const code = withoutComments(text);
  return [...code.matchAll(/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]/gm)]
    .map((match) => ({ line: lineAt(code, match.index), text: match[1] ?? "" }));
}
