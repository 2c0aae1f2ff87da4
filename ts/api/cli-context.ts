/** What a command of the client works with, and how it ends. */
import type { Native } from "../host/native.js";

export const exitFailed = 1;
export const exitUsage = 2;
export const exitUnreachable = 3;

type Json = Readonly<Record<string, unknown>>;

export interface DaemonRequest {
  readonly method: "GET" | "POST";
  readonly target: string;
  readonly body?: object;
  readonly json: boolean;
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
