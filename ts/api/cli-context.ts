/** What a command of the client works with, what it asks the daemon for, and how it ends. */
import { errnoText } from "../host/errno.js";
import type { Native } from "../host/native.js";
import type { Json } from "./cli-text.js";

export const exitFailed = 1;
export const exitUsage = 2;
export const exitUnreachable = 3;

export interface DaemonRequest {
  readonly target: string;
  /** What is posted; without it the target is read. */
  readonly body?: object | undefined;
  readonly onAnswer: (answer: Json, text: string) => void;
  readonly onLine?: (line: string) => void;
  /** In place of ending the program when the daemon is not reachable. */
  readonly onFailure?: (why: string) => void;
  /** Makes the cause of a refusal plainer. */
  readonly explain?: (cause: string) => string;
}

export interface CliContext {
  readonly native: Native;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly ask: (request: DaemonRequest) => void;
  /** Calls back once, later; one call back waits at a time. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** A text goes to standard error. */
  readonly end: (status: number, text: string) => void;
}

/** Columns that a table may take; who reads it from a file or a pipe gets it whole. */
export function tableWidth({ native }: CliContext): number {
  if (!native.isTerminal()) return Infinity;
  const told = Number(native.environment("COLUMNS") ?? 0);
  const width = Number.isInteger(told) && told > 0 ? told : native.terminalColumns();
  return width > 0 ? width : Infinity;
}

/** Asks the daemon and prints its answer: as it came with `--json`, else as `render` tells it. */
export function printAnswer(
  context: CliContext,
  target: string,
  render: (answer: Json, width: number) => string,
  body?: object,
): void {
  const { native, json, ask, end } = context;
  const onAnswer = (answer: Json, text: string): void => {
    native.writeOut(json ? text : render(answer, tableWidth(context)));
    end(0, "");
  };
  ask({ target, body, onAnswer });
}

/** The text of a file; undefined if there is none, which has ended the program. */
export function readText(
  { native, end }: CliContext,
  path: string,
  exitNoText: number,
): string | undefined {
  const bytes = native.readFile(path);
  if (typeof bytes === "number") {
    end(exitFailed, `${path}: ${errnoText(bytes)}`);
    return undefined;
  }
  const text = native.utf8Decode(bytes);
  if (text === undefined) end(exitNoText, `${path}: expected UTF-8 text`);
  return text;
}
