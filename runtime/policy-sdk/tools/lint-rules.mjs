// What a policy must not use, and what to use instead. On a router none of these exist or work.

const noClock = ["clock", "use world.now, which moves in whole minutes"];
const noChance = ["chance", "use balance(), which spreads devices by their MAC"];
const noCode = ["code", "write the code into the script"];
const noTimer = ["timer", "return { effect: \"redecide\", afterS } from onEvent"];
const noWeb = ["outside", "a policy only sees the world it is given"];
const noSharing = ["global", "keep nothing between calls: the same world, the same answer"];

/** All that the global object of a cage has; test/contract holds it against the real one. */
export const ROUTER_GLOBALS = new Set(`
  AggregateError Array Boolean Error EvalError Infinity InternalError JSON Map Math NaN Number
  Object RangeError ReferenceError Reflect RegExp Set String Symbol SyntaxError TypeError URIError
  WeakMap WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent globalThis isFinite
  isNaN parseFloat parseInt undefined
`.trim().split(/\s+/));

/** What the language has beyond that and nobody is likely to miss. */
export const OTHER_GLOBAL = ["outside", "a policy has plain objects, arrays, maps and sets"];

/** Global names to [rule, remedy]. */
export const FORBIDDEN_GLOBALS = new Map(Object.entries({
  Date: noClock,
  performance: noClock,
  Temporal: noClock,
  crypto: noChance,
  eval: noCode,
  Function: noCode,
  WebAssembly: noCode,
  require: ["import", "import only \"adit:policy\" and files in the policy's own folder"],
  setTimeout: noTimer,
  setInterval: noTimer,
  setImmediate: noTimer,
  queueMicrotask: noTimer,
  fetch: noWeb,
  XMLHttpRequest: noWeb,
  process: noWeb,
  Buffer: noWeb,
  Deno: noWeb,
  Bun: noWeb,
  window: noWeb,
  document: noWeb,
  console: ["outside", "use log() from \"adit:policy\""],
  globalThis: noSharing,
  global: noSharing,
  self: noSharing,
  WeakRef: noSharing,
  FinalizationRegistry: noSharing,
  Atomics: noSharing,
  SharedArrayBuffer: noSharing,
  Proxy: noCode,
  Promise: ["async", "answer at once: a router does not wait for a policy"],
}));

/** Members of globals, as `Object.member`, to [rule, remedy]. */
export const FORBIDDEN_MEMBERS = new Map(Object.entries({
  "Math.random": noChance,
}));

/** Names of members that lead out of the cage wherever they stand. */
export const FORBIDDEN_PROPERTIES = new Map(Object.entries({
  constructor: noCode,
  localeCompare: ["outside", "compare with < and >"],
  normalize: ["outside", "compare names as they are"],
  __proto__: ["prototype", "make objects with the shape they need"],
}));

export const REMEDIES = Object.freeze({
  foreignImport: "import only \"adit:policy\" and files in the policy's own folder",
  dynamicImport: "import the file at the top: a bundle is one module",
  async: "answer at once: a router does not wait for a policy",
  prototype: "built-in objects are frozen on a router: write a function",
  state: "keep nothing between calls: a script is started anew whenever the router likes",
});
