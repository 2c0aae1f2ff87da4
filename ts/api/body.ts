/** Checks of the object that a request posts, the same for all: each key with what it should be. */
import type { Issue } from "../model/config.js";

export interface BodyChecks {
  readonly issues: Issue[];
  /** What is not good is an issue of that key. */
  readonly expect: (good: boolean, key: string, expected: string) => void;
}

const valueTextMax = 80;

/** Begins with the names: any but `keys` are issues. */
export function checkBody(
  body: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): BodyChecks {
  const issues: Issue[] = [];
  const expect: BodyChecks["expect"] = (good, key, expected) => {
    const value = JSON.stringify(body[key])?.slice(0, valueTextMax) ?? "nothing";
    if (!good) issues.push({ path: key, value, expected });
  };
  for (const key of Object.keys(body)) {
    expect(keys.includes(key), key, `only the keys ${keys.join(", ")}`);
  }
  return { issues, expect };
}

/** For a value that may be missing. */
export function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}
