/**
 * The realm of a script on a PC, as the daemon makes it on a router before it loads anything: what
 * the language offers cannot be changed, and what a policy must not have is gone. A script cannot
 * alter what the dispatcher stands on, and finds no clock, no chance and no way to make code from
 * text.
 */

/** Unreachable for a policy; the rest of the global object it may use. */
export const removedNames: readonly string[] = [
  "eval", "Function", "Date", "WeakRef", "FinalizationRegistry", "Atomics", "SharedArrayBuffer",
  "Proxy", "performance", "BigInt", "BigInt64Array", "BigUint64Array", "escape", "unescape",
];

/** Runs once, in the realm that the script will live in; `exported` is what it may import. */
export function harden(
  global: Record<string, unknown>, exported: readonly object[] = [],
): void {
  const constructors = functionConstructors();
  for (const name of removedNames) delete global[name];
  delete (Math as Partial<typeof Math>).random;
  const seen = new Set<object>();
  for (const prototype of constructors) {
    delete (prototype as { constructor?: unknown }).constructor;
    freezeAll(prototype, seen);
  }
  for (const root of [...hiddenRoots(), ...exported]) freezeAll(root, seen);
  freezeAll(global, seen);
}

/** Prototypes whose constructor makes functions from text; only syntax leads to most of them. */
function functionConstructors(): object[] {
  const samples = [
    () => 0, async () => 0, function* () { yield 0; }, async function* () { yield 0; },
  ];
  return samples.map((sample) => Object.getPrototypeOf(sample) as object);
}

/** Objects that no property leads to, but syntax does. */
function hiddenRoots(): object[] {
  const iterables = [[], "", new Map(), new Set()];
  const iterators = iterables.map((iterable) => iterable[Symbol.iterator]());
  const generators = [(function* () { yield 0; })(), (async function* () { yield 0; })()];
  return [...iterators, ...generators].map((one) => Object.getPrototypeOf(one) as object);
}

/** Freezes an object and all that it leads to. */
function freezeAll(start: object, seen: Set<object>): void {
  const waiting = [start];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const properties = Object.getOwnPropertyDescriptors(next) as Record<string, PropertyDescriptor>;
    for (const key of Reflect.ownKeys(properties)) {
      const { value, get, set } = properties[key as string] as PropertyDescriptor;
      for (const found of [value, get, set]) if (isObject(found)) waiting.push(found);
    }
    const prototype = Object.getPrototypeOf(next) as object | null;
    if (prototype !== null) waiting.push(prototype);
    if (mayBeShadowed.has(next)) allowShadowing(next);
    Object.freeze(next);
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null || typeof value === "function";

/**
 * In a frozen prototype an inherited property refuses assignment in its heirs as well, so that
 * `error.name = "x"` would fail. These prototypes get accessors instead, which let heirs shadow.
 */
const mayBeShadowed = new Set<object>([
  Object.prototype, Error.prototype, TypeError.prototype, RangeError.prototype,
]);

function allowShadowing(prototype: object): void {
  for (const key of Reflect.ownKeys(prototype)) {
    const { value, configurable } = Object.getOwnPropertyDescriptor(prototype, key) ?? {};
    if (value === undefined || configurable !== true) continue;
    Object.defineProperty(prototype, key, {
      get: () => value as unknown,
      set(this: object, own: unknown) {
        if (this === prototype) throw new TypeError(`${String(key)} is read-only`);
        Object.defineProperty(this, key, {
          value: own, writable: true, enumerable: true, configurable: true,
        });
      },
    });
  }
}
