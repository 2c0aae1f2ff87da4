#include "vm_internal.h"

/* Freezing is what keeps code from changing what other code means. The prototypes that have no name
 * are reached through a value of their kind. A frozen prototype would also refuse an assignment to
 * error.name to its heirs; for scripts of users, who write that, the common prototypes get
 * accessors instead. */
static const char lockdown[] =
	"(extra) => {\n"
	"  'use strict';\n"
	"  const seeds = [globalThis, [][Symbol.iterator](), new Map().entries(),\n"
	"    new Set().values(), ''[Symbol.iterator](), ''.matchAll(/a/g), function* () {},\n"
	"    async function () {}, async function* () {}, (function* () {})(),\n"
	"    (async function () {})(), Object.getPrototypeOf(1n),\n"
	"    (async function* () {})()];\n"
	"  if (globalThis.Uint8Array) seeds.push(Object.getPrototypeOf(Uint8Array));\n"
	"  for (const kind of [function () {}, function* () {}, async function () {},\n"
	"    async function* () {}]) delete Object.getPrototypeOf(kind).constructor;\n"
	"  for (const name of ['eval', 'Function', 'BigInt', 'BigInt64Array', 'BigUint64Array',\n"
	"    'SharedArrayBuffer', 'Atomics', 'escape', 'unescape']) delete globalThis[name];\n"
	"  delete Math.random;\n"
	"  const shadowable = extra ? ['', 'Type', 'Range', 'Syntax', 'Reference', 'Eval', 'URI',\n"
	"    'Internal'].map((kind) => globalThis[kind + 'Error'].prototype) : [];\n"
	"  if (extra) shadowable.push(Object.prototype);\n"
	"  const letHeirsShadow = (prototype) => {\n"
	"    for (const key of Reflect.ownKeys(prototype)) {\n"
	"      const { value } = Object.getOwnPropertyDescriptor(prototype, key);\n"
	"      if (value === undefined) continue;\n"
	"      const get = () => value;\n"
	"      const { set } = { set(own) {\n"
	"        if (this === prototype) throw new TypeError('it is frozen');\n"
	"        Object.defineProperty(this, key,\n"
	"          { value: own, writable: true, enumerable: true, configurable: true });\n"
	"      } };\n"
	"      Object.defineProperty(prototype, key,\n"
	"        { get: Object.freeze(get), set: Object.freeze(set) });\n"
	"    }\n"
	"  };\n"
	"  const seen = new Set();\n"
	"  const walk = (value) => {\n"
	"    const isObject = typeof value === 'object' && value !== null;\n"
	"    if ((!isObject && typeof value !== 'function') || seen.has(value)) return;\n"
	"    seen.add(value);\n"
	"    const prototype = Object.getPrototypeOf(value);\n"
	"    if (!Object.isFrozen(prototype)) walk(prototype);\n"
	"    for (const key of Reflect.ownKeys(value)) {\n"
	"      const property = Object.getOwnPropertyDescriptor(value, key);\n"
	"      walk(property.value); walk(property.get); walk(property.set);\n"
	"    }\n"
	"    if (shadowable.includes(value)) letHeirsShadow(value);\n"
	"    Object.freeze(value);\n"
	"  };\n"
	"  (extra?.length > 0 ? extra : seeds).forEach(walk);\n"
	"}\n";

int vm_lockdown(JSContext *context, JSValueConst values)
{
	JSValue function = JS_Eval(context, lockdown, sizeof(lockdown) - 1, "lockdown",
				   JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
	JSValue result;
	bool failed;

	if (JS_IsException(function))
		return -1;
	result = JS_Call(context, function, JS_UNDEFINED, 1, &values);
	failed = JS_IsException(result);
	JS_FreeValue(context, result);
	JS_FreeValue(context, function);
	return failed ? -1 : 0;
}
