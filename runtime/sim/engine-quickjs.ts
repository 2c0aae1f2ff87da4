/**
 * Runs the bundle in QuickJS compiled to WebAssembly, with the limits of a router. The engine is a
 * release of the same line as the one in aditd.
 */
import type { QuickJSContext, QuickJSHandle, QuickJSWASMModule } from "quickjs-emscripten";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten";
import type { Decider, Engine } from "./engine.js";
import type { HostModule } from "./host.js";
import type { RealmEngine } from "./realm.js";
import { removedNames } from "../policy-sdk/src/harden.js";
import { clientFunctions, hostFunctions } from "./host.js";

/** The decider's own limits in c/vm. */
export const memoryBytesMax = 16 * 1024 * 1024;
export const stackBytesMax = 256 * 1024;

/**
 * Bytes cross as ArrayBuffers; this gives the bundle the types that adit:host promises. What the
 * host takes away or never adds (c/vm) goes, so that a bundle which wants it fails here too.
 */
const HOST_SOURCE = `
const raw = globalThis.__host;
delete globalThis.__host;
for (const name of ${JSON.stringify(removedNames)}) delete globalThis[name];
delete Math.random;
const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
const view = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);
export const mode = "decider";
export const args = Object.freeze([]);
export const hostVersion = "0.1.0";
export const monotonicMs = () => raw.monotonicMs();
export const wallMs = () => raw.wallMs();
export const random = (count) => view(raw.random(count));
export const sha256 = (data) => view(raw.sha256(bytes(data)));
export const verifyEd25519 = (key, signature, data) =>
  raw.verifyEd25519(bytes(key), bytes(signature), bytes(data));
export const utf8Encode = (text) => view(raw.utf8Encode(text));
export const utf8Decode = (data) => raw.utf8Decode(bytes(data));
export const send = (message) => raw.send(bytes(message));
export const watch = (fd, readable, writable) => raw.watch(fd, readable, writable);
export const accept = (fd) => raw.accept(fd);
export const read = (fd, max) => view(raw.read(fd, max));
export const write = (fd, data) => raw.write(fd, bytes(data));
export const close = (fd) => raw.close(fd);
${clientFunctions
  .map((name) => `export const ${name} = () => { throw new TypeError("not in a decider"); };`)
  .join("\n")}
`;

const MAIN_SOURCE = `
import * as bundle from "adit";
globalThis.__start = () => bundle.start();
globalThis.__message = (data, fd) => bundle.onMessage(new Uint8Array(data), fd);
globalThis.__descriptor = (fd, r, w) => bundle.onDescriptor(fd, r, w);
globalThis.__timer = () => bundle.onTimer();
globalThis.__deadline = () => bundle.nextDeadlineMs();
`;

export async function quickjsEngine(bundle: string, realms?: RealmEngine): Promise<Engine> {
  const wasm = await newQuickJSWASMModuleFromVariant(
    import("@jitl/quickjs-wasmfile-release-sync"),
  );
  const create: Engine["create"] = (host, text = bundle) => createDecider(wasm, text, host);
  return { name: "quickjs", bundle, realms, create };
}

function createDecider(wasm: QuickJSWASMModule, bundle: string, host: HostModule): Decider {
  const runtime = wasm.newRuntime();
  runtime.setMemoryLimit(memoryBytesMax);
  runtime.setMaxStackSize(stackBytesMax);
  const sources: Record<string, string> = { "adit:host": HOST_SOURCE, adit: bundle };
  runtime.setModuleLoader(
    (name) => sources[name] ?? { error: new Error(`no module ${name}`) },
    (_base, name) => name,
  );
  const context = runtime.newContext();
  exposeHost(context, host);
  unwrap(context, context.evalCode(MAIN_SOURCE, "main.mjs", { type: "module" })).dispose();
  const functions = new Map<string, QuickJSHandle>();
  for (const name of ["start", "message", "descriptor", "timer", "deadline"]) {
    functions.set(name, context.getProp(context.global, `__${name}`));
  }
  const call = (name: string, ...args: QuickJSHandle[]): number => {
    const called = functions.get(name) as QuickJSHandle;
    const result = context.callFunction(called, context.undefined, args);
    for (const arg of args) arg.dispose();
    return unwrap(context, result).consume((handle) => context.getNumber(handle));
  };
  return {
    start: () => void call("start"),
    onMessage: (bytes, fd) =>
      void call("message", context.newArrayBuffer(exactBuffer(bytes)), context.newNumber(fd)),
    onDescriptor: (fd, readable, writable) =>
      void call(
        "descriptor", context.newNumber(fd), truth(context, readable), truth(context, writable),
      ),
    onTimer: () => void call("timer"),
    nextDeadlineMs: () => call("deadline"),
    dispose() {
      for (const handle of functions.values()) handle.dispose();
      context.dispose();
      runtime.dispose();
    },
  };
}

type Native = (...args: unknown[]) => unknown;

function exposeHost(context: QuickJSContext, host: HostModule): void {
  const object = context.newObject();
  for (const name of hostFunctions) {
    const native = host[name] as Native;
    const wrapped = context.newFunction(name, (...handles) =>
      toGuest(context, native(...handles.map((handle) => fromGuest(context, handle)))),
    );
    context.setProp(object, name, wrapped);
    wrapped.dispose();
  }
  context.setProp(context.global, "__host", object);
  object.dispose();
}

function fromGuest(context: QuickJSContext, handle: QuickJSHandle): unknown {
  switch (context.typeof(handle)) {
    case "number":
      return context.getNumber(handle);
    case "string":
      return context.getString(handle);
    case "boolean":
      return context.dump(handle);
    default:
      return context.getArrayBuffer(handle).consume((memory) => memory.value.slice());
  }
}

function toGuest(context: QuickJSContext, value: unknown): QuickJSHandle {
  if (typeof value === "number") return context.newNumber(value);
  if (typeof value === "boolean") return truth(context, value);
  if (typeof value === "string") return context.newString(value);
  if (value instanceof Uint8Array) return context.newArrayBuffer(exactBuffer(value));
  return context.undefined;
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

function truth(context: QuickJSContext, value: boolean): QuickJSHandle {
  return value ? context.true.dup() : context.false.dup();
}

type Result = ReturnType<QuickJSContext["callFunction"]>;

function unwrap(context: QuickJSContext, result: Result): QuickJSHandle {
  if (result.error === undefined) return result.value;
  const dumped = result.error.consume((handle) => context.dump(handle) as Record<string, unknown>);
  const text = typeof dumped === "object" ? `${dumped.name}: ${dumped.message}` : String(dumped);
  const error = new Error(`in QuickJS: ${text}`);
  error.stack = `${error.message}\n${String(dumped?.stack ?? "")}`;
  throw error;
}
