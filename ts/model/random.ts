/** Randomness as an argument: a function that pure code is given. */

/** A number from 0 inclusive to 1 exclusive. */
export type Random = () => number;

/** A whole number from 0 to `bound` - 1; `bound` is at least 1 and at most 2^32. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** The same numbers in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const pick = randomBelow(random, last + 1);
    const held = result[last] as T;
    result[last] = result[pick] as T;
    result[pick] = held;
  }
  return result;
}
