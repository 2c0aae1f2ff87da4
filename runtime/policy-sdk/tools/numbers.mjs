// Numbers in options.

import { usageError } from "./errors.mjs";

/** An option as a whole number within its bounds, or its default when it is not given. */
export function readCount(option, text, fallback, min, max) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw usageError(`${option}: "${text}", expected ${min} to ${max}`);
  }
  return value;
}
