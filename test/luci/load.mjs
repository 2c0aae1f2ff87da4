// Loads a script of the LuCI app as LuCI's own loader does, into stubs: the text becomes the body
// of a function, its `'require x as y'` lines name the arguments.

import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";

export const APP = "openwrt-feed/luci-app-adit";
export const RESOURCES = join(APP, "htdocs/luci-static/resources");

const REQUIRE = /^'require[ \t]+(\S+)(?:[ \t]+as[ \t]+([a-zA-Z_]\w*))?';$/gm;

export const sourceOf = (name) =>
  readFileSync(join(RESOURCES, `${name.replaceAll(".", "/")}.js`), "utf8");

/** [module, name in the script] of everything that a text requires. */
export function requiresOf(text) {
  return [...text.matchAll(REQUIRE)].map(([, module, name]) =>
    [module, name ?? module.replace(/[^a-zA-Z0-9]/g, "_")]);
}

export const isOurs = (module) =>
  existsSync(join(RESOURCES, `${module.replaceAll(".", "/")}.js`));

/** As LuCI's String.prototype.format, for the conversions that the app uses. */
function format(...values) {
  return this.replace(/%([sd%])/g, (_all, kind) => (kind === "%" ? "%" : String(values.shift())));
}

/** An element, as far as the scripts look at it. */
export function E(tag, attributes = {}, children = []) {
  const isFine = Array.isArray(children) || typeof children === "object";
  if (!isFine) throw new Error(`<${tag}> has markup: ${children}`);
  return { tag, attributes, children: [children].flat() };
}

/** All text of an element and what is in it. */
export function textIn(node) {
  if (node === null || node === undefined) return "";
  return typeof node === "object" ? node.children.map(textIn).join(" ") : String(node);
}

/**
 * The module of that name; `stubs` stand for LuCI's. What `rpc.declare` and `fs.exec` are called
 * with is kept in `calls`.
 */
export function load(name, { stubs = {}, calls = [], loaded = new Map() } = {}) {
  if (loaded.has(name)) return loaded.get(name);
  if (!Object.hasOwn(String.prototype, "format")) {
    Object.defineProperty(String.prototype, "format", { value: format });
  }
  const text = sourceOf(name);
  const required = requiresOf(text);
  const own = { baseclass: { extend: (members) => members }, view: { extend: (members) => members },
    rpc: { declare: (call) => {
      calls.push(["ubus", call.object, call.method]);
      return (...args) => stubs.answer?.(call, args) ?? Promise.resolve(undefined);
    } },
    form: { Map: { extend: (members) => members } },
    fs: { exec: (command, words) => {
      calls.push(["exec", [command, ...words].join(" ")]);
      return Promise.resolve({ code: 0, stdout: '{"issues":[],"warnings":[]}' });
    }, write: (path) => Promise.resolve(calls.push(["write", path])),
    remove: (path) => Promise.resolve(calls.push(["remove", path])) },
    ...stubs };
  const values = required.map(([module]) => (isOurs(module)
    ? load(module, { stubs, calls, loaded }) : own[module] ?? {}));
  const globals = { L: stubs.L ?? {}, E, _: (words) => words, document: stubs.document ?? {} };
  const make = new Function(...Object.keys(globals), ...required.map(([, as]) => as), text);
  const module = make(...Object.values(globals), ...values);
  loaded.set(name, module);
  return module;
}
