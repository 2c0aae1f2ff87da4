/**
 * `uvu` in the engine: the real one, with every test reported to the tool as it ends. A bundle of
 * tests gets this module where it imports `uvu`.
 */
import * as real from "uvu";
import { tell } from "./host.js";

type Handler<T> = (context: T & { __suite__: string; __test__: string }) => unknown;

/** The part of uvu's test function that is wrapped; the rest is handed through. */
interface Wrapped<T> {
  (name: string, handler: Handler<T>): void;
  only(name: string, handler: Handler<T>): void;
  skip(name?: string, handler?: Handler<T>): void;
  before: unknown;
  after: unknown;
  run(): void;
}

export const suite = <T = Record<string, unknown>>(name = "", state?: T): Wrapped<T> =>
  wrap(name, real.suite(name, state as never) as unknown as Wrapped<T>);

export const test = wrap("", real.test as unknown as Wrapped<Record<string, unknown>>);

export const exec = real.exec;

function wrap<T>(suiteName: string, own: Wrapped<T>): Wrapped<T> {
  const reporting = (name: string, handler: Handler<T>): Handler<T> => async (context) => {
    tell({ type: "test", suite: suiteName, name });
    // The end by a time limit passes every catch, up to the next async function: this one.
    const run = async (): Promise<unknown> => handler(context);
    try {
      await run();
    } catch (error) {
      tell({ type: "failed", suite: suiteName, name, ...describe(error) });
      throw error;
    }
    tell({ type: "passed", suite: suiteName, name });
  };
  const outer = ((name, handler) => own(name, reporting(name, handler))) as Wrapped<T>;
  outer.only = (name, handler) => own.only(name, reporting(name, handler));
  outer.skip = (name = "", handler) => {
    tell({ type: "skipped", suite: suiteName, name });
    own.skip(name, handler);
  };
  outer.before = own.before;
  outer.after = own.after;
  outer.run = () => own.run();
  return outer;
}

interface Described {
  readonly message: string;
  readonly details: string;
  readonly stack: string;
}

/** uvu's own assertions carry a comparison in `details`. */
function describe(error: unknown): Described {
  if (typeof error !== "object" || error === null) {
    return { message: `thrown: ${String(error)}`, details: "", stack: "" };
  }
  const { name, message, details, stack } = error as Record<string, unknown>;
  const isNamed = typeof name === "string" && !/^(Assertion|PolicyFailure)/.test(name);
  return {
    message: `${isNamed ? `${name}: ` : ""}${String(message ?? error)}`,
    details: typeof details === "string" ? details : "",
    stack: String(stack ?? ""),
  };
}

/** Runs every suite of the bundle and tells after each how many tests uvu counts in it. */
export async function runAll(): Promise<void> {
  const { UVU_QUEUE: queue } = real as unknown as { UVU_QUEUE: (Run | null)[][] };
  for (const run of queue.flat()) {
    if (run === null) continue;
    const [, , , total] = await run();
    tell({ type: "result", result: { total } });
  }
}

type Run = () => Promise<[errors: true | string, passed: number, skipped: number, total: number]>;
