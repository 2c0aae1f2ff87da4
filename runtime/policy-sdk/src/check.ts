/**
 * How a mistake in a script is named: the place, the value and what was expected there. These
 * errors end in a terminal or a log line, so they are short and on one line.
 */

const shownCharsMax = 60;

/** A value as it is shown in a message: cut, and never running code of the script. */
export function show(value: unknown): string {
  if (isText(value)) return JSON.stringify(value.slice(0, shownCharsMax));
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The error for a value that is not what a place expects. */
export function mistake(place: string, value: unknown, expected: string): TypeError {
  return new TypeError(`${place}: ${show(value)}, expected ${expected}`);
}

/** Ends the caller's turn with a mistake if `isRight` does not hold. */
export function expect(
  isRight: boolean,
  place: string,
  value: unknown,
  expected: string,
): asserts isRight {
  if (!isRight) throw mistake(place, value, expected);
}

/** The text itself, or a mistake if it is none or empty. */
export function aText(place: string, value: unknown): string {
  expect(isText(value) && value !== "", place, value, "a text");
  return value as string;
}

const memoEntriesMax = 256;

/** Short names for what is written often; every byte of this is in the memory of a cage. */
export const { freeze } = Object;

export const isText = (value: unknown): value is string => typeof value === "string";

/**
 * Remembers what a pure function of a text returned. Scripts write their spans and prefixes as
 * literals and ask for each device, so the same few texts come again and again.
 */
export function memo<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const old = known.get(text);
    if (old !== undefined) return old;
    const value = compute(text);
    if (known.size >= memoEntriesMax) known.clear();
    known.set(text, value);
    return value;
  };
}

/** A place where the value for some keys is kept. */
export interface Kept<T> {
  next?: Map<unknown, Kept<T>>;
  value?: T;
}

const keptMax = 512;

/**
 * Keeps values by lists of keys, compared by identity: equal words then give the same object, and
 * what is known of it need not be found out again for each device.
 */
export function keeper<T>(): (keys: readonly unknown[]) => Kept<T> {
  let root: Kept<T> = {};
  let count = 0;
  return (keys) => {
    if (count > keptMax) {
      root = {};
      count = 0;
    }
    let at = root;
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i];
      let next = at.next?.get(key);
      if (next === undefined) {
        next = {};
        count += 1;
        (at.next ??= new Map()).set(key, next);
      }
      at = next;
    }
    return at;
  };
}
