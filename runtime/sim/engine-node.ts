/**
 * Runs the bundle in Node: the import of adit:host becomes an argument, the exports a return value,
 * so that a new instance costs microseconds. What QuickJS will not have is hidden.
 */
import { Script } from "node:vm";
import type { Decider, Engine } from "./engine.js";
import { bundleExports } from "./engine.js";
import type { HostModule } from "./host.js";
import type { RealmEngine } from "./realm.js";
import { clientFunctions, refuseClientCall } from "./host.js";

const HIDDEN = [
  "Date", "performance", "process", "require", "setTimeout", "setInterval", "queueMicrotask",
  "fetch", "console", "Buffer", "TextEncoder", "TextDecoder", "Intl", "crypto", "globalThis",
  "global",
];

type Factory = (host: unknown, ...hidden: undefined[]) => Omit<Decider, "dispose">;

export function nodeEngine(bundle: string, realms?: RealmEngine): Engine {
  const compile = (text: string): Factory =>
    new Script(`(${wrap(text)})`, { filename: "adit.mjs" }).runInThisContext() as Factory;
  const installed = compile(bundle);
  return {
    name: "node",
    bundle,
    realms,
    create(host, text) {
      const factory = text === undefined || text === bundle ? installed : compile(text);
      const instance = factory(completed(host));
      return { ...instance, dispose: () => {} };
    },
  };
}

/** Both shapes that rollup writes: with line ends, and minified. */
export function wrap(bundle: string): string {
  const body = bundle
    .replace(/^\s*\/\/# sourceMappingURL=.*$/m, "")
    .replace(/import\s*\*\s*as\s+([\w$]+)\s+from\s*["']adit:host["'];?/g, "const $1 = __host;")
    .replace(
      /import\s*\{([^}]*)\}\s*from\s*["']adit:host["'];?/g,
      (_all, names: string) => `const {${names.replace(/\s+as\s+/g, ": ")}} = __host;`,
    )
    .replace(/export\s*\{([^}]*)\};?\s*$/, (_all, names: string) => `return {${returned(names)}};`);
  const rest = /^\s*(import|export)\b.*/m.exec(body);
  if (rest !== null) throw new SyntaxError(`the bundle has a module statement: ${rest[0]}`);
  if (!/return \{[^}]*\bstart\b/.test(body)) throw new SyntaxError("the bundle exports no start");
  return `function (__host, ${HIDDEN.join(", ")}) { "use strict";\n${body}\n}`;
}

function returned(names: string): string {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => name.split(/\s+as\s+/))
    .map(([local = "", exported = local]) => `${exported}: ${local}`)
    .join(", ");
}

function completed(host: HostModule): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...host };
  for (const name of clientFunctions) whole[name] = () => refuseClientCall(name);
  return whole;
}

/** Fails early if the bundle lacks an export. */
export function checkExports(instance: object): void {
  for (const name of bundleExports) {
    if (!(name in instance)) throw new TypeError(`the bundle exports no ${name}`);
  }
}
