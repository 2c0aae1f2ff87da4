/** The comparison that all keyed kinds share. */

/** Items by a text that holds everything in which two of them may differ. */
export type Keyed<T> = ReadonlyMap<string, T>;

export interface Difference<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

export function keyedBy<T>(items: Iterable<T>, key: (item: T) => string): Keyed<T> {
  const map = new Map<string, T>();
  for (const item of items) map.set(key(item), item);
  return map;
}

export function difference<T>(wanted: Keyed<T>, present: Keyed<T>): Difference<T> {
  return { added: missingFrom(present, wanted), removed: missingFrom(wanted, present) };
}

function missingFrom<T>(others: Keyed<T>, items: Keyed<T>): T[] {
  return [...items].filter(([key]) => !others.has(key)).map(([, item]) => item);
}
