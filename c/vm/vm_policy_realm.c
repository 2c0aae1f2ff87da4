#include <stdlib.h>
#include <string.h>

#include "../check.h"
#include "vm_policy.h"

#define PRELUDE_NAME "adit:cage"
#define POLICY_NAME "adit:policy"
#define NAME_BYTES_MAX 100

/* The bare one last: all others inherit from it. */
const char *const cage_error_names[CAGE_ERROR_KINDS] = {
	"EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError",
	"InternalError", "Error",
};

static struct cage *cage_of(JSContext *context)
{
	return container_of(vm_of(context), struct cage, vm);
}

/* ---------------------------------------------------------------------------- imports */

/* Every import comes by here before any module is looked up: adit:cage stays out of reach. */
static char *normalize(JSContext *context, const char *base, const char *name, void *opaque)
{
	struct cage *cage = opaque;

	(void)base;
	if (strcmp(name, POLICY_NAME) == 0)
		return js_strdup(context, name);
	cage->import_refused = true;
	JS_ThrowReferenceError(context, "cannot import '%.*s', only '" POLICY_NAME "'",
			       NAME_BYTES_MAX, name);
	return NULL;
}

static bool is_for_scripts(const char *name)
{
	return strcmp(name, "handle") != 0 && strcmp(name, "adopt") != 0;
}

/* Calls `each` with every export of the prelude that scripts may see. 0 or -1. */
static int for_each_export(JSContext *context, JSModuleDef *module,
			   int (*each)(JSContext *context, JSModuleDef *module, const char *name))
{
	JSValue prelude = cage_of(context)->prelude;
	JSPropertyEnum *names = NULL;
	uint32_t count = 0;
	int r = JS_GetOwnPropertyNames(context, &names, &count, prelude, JS_GPN_STRING_MASK);

	for (uint32_t i = 0; i < count; i++) {
		const char *name = JS_AtomToCString(context, names[i].atom);

		if (r == 0 && name != NULL && is_for_scripts(name))
			r = each(context, module, name);
		JS_FreeCString(context, name);
		JS_FreeAtom(context, names[i].atom);
	}
	js_free(context, names);
	return r;
}

static int declare_one(JSContext *context, JSModuleDef *module, const char *name)
{
	return JS_AddModuleExport(context, module, name);
}

static int define_one(JSContext *context, JSModuleDef *module, const char *name)
{
	JSValue value = JS_GetPropertyStr(context, cage_of(context)->prelude, name);

	return JS_IsException(value) ? -1 : JS_SetModuleExport(context, module, name, value);
}

static int define(JSContext *context, JSModuleDef *module)
{
	return for_each_export(context, module, define_one);
}

static int declare_policy(JSContext *context)
{
	JSModuleDef *module = JS_NewCModule(context, POLICY_NAME, define);

	return module == NULL ? -1 : for_each_export(context, module, declare_one);
}

/* ---------------------------------------------------------------------------- prelude */

static void evaluate_prelude(struct cage *cage, const struct vm_policy_options *options)
{
	JSContext *context = cage->vm.context;
	JSValue module = JS_Eval(context, options->prelude_text, options->prelude_size,
				 PRELUDE_NAME, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
	JSModuleDef *definition;
	JSValue promise;

	if (JS_IsException(module))
		vm_die_exception(&cage->vm);
	definition = JS_VALUE_GET_PTR(module);
	promise = JS_EvalFunction(context, module);
	if (JS_IsException(promise))
		vm_die_exception(&cage->vm);
	if (JS_PromiseState(context, promise) == JS_PROMISE_REJECTED) {
		JS_Throw(context, JS_PromiseResult(context, promise));
		vm_die_exception(&cage->vm);
	}
	JS_FreeValue(context, promise);
	cage->prelude = JS_GetModuleNamespace(context, definition);
}

static JSValue find_function(struct cage *cage, const char *name)
{
	JSValue function = JS_GetPropertyStr(cage->vm.context, cage->prelude, name);

	if (!JS_IsFunction(cage->vm.context, function))
		vm_die(&cage->vm, VM_EXIT_EXCEPTION, "the prelude exports no function %s", name);
	return function;
}

static void remove_property(struct cage *cage, JSValueConst object, const char *name)
{
	JSAtom atom = JS_NewAtom(cage->vm.context, name);

	if (JS_DeleteProperty(cage->vm.context, object, atom, 0) != true)
		vm_die(&cage->vm, VM_EXIT_SETUP, "the engine keeps its property %s", name);
	JS_FreeAtom(cage->vm.context, atom);
}

/* Modules and async functions are made of promises, but no script needs to make its own. */
static void hide_promises(struct cage *cage)
{
	JSContext *context = cage->vm.context;
	JSValue global = JS_GetGlobalObject(context);
	JSValue constructor = JS_GetPropertyStr(context, global, "Promise");
	JSValue prototype = JS_GetPropertyStr(context, constructor, "prototype");

	remove_property(cage, prototype, "constructor");
	remove_property(cage, global, "Promise");
	JS_FreeValue(context, prototype);
	JS_FreeValue(context, constructor);
	JS_FreeValue(context, global);
}

static void find_errors(struct cage *cage)
{
	JSContext *context = cage->vm.context;
	JSValue global = JS_GetGlobalObject(context);

	for (int i = 0; i < CAGE_ERROR_KINDS; i++) {
		JSValue constructor = JS_GetPropertyStr(context, global, cage_error_names[i]);

		cage->errors[i] = JS_GetPropertyStr(context, constructor, "prototype");
		if (!JS_IsObject(cage->errors[i]))
			vm_die(&cage->vm, VM_EXIT_SETUP, "the engine has no %s",
			       cage_error_names[i]);
		JS_FreeValue(context, constructor);
	}
	JS_FreeValue(context, global);
}

static int collect_one(JSContext *context, JSValueConst list, uint32_t index, JSAtom name)
{
	JSValue value = JS_GetProperty(context, cage_of(context)->prelude, name);

	return JS_IsException(value) ? -1 : JS_SetPropertyUint32(context, list, index, value);
}

/* What the prelude exports is in the hands of scripts, so it is as frozen as the rest. */
static int freeze_exports(struct cage *cage)
{
	JSContext *context = cage->vm.context;
	JSValue list = JS_NewArray(context);
	JSPropertyEnum *names = NULL;
	uint32_t count = 0;
	int r = JS_GetOwnPropertyNames(context, &names, &count, cage->prelude, JS_GPN_STRING_MASK);

	for (uint32_t i = 0; i < count; i++) {
		if (r >= 0)
			r = collect_one(context, list, i, names[i].atom);
		JS_FreeAtom(context, names[i].atom);
	}
	js_free(context, names);
	if (r >= 0)
		r = vm_lockdown(context, list);
	JS_FreeValue(context, list);
	return r < 0 ? -1 : 0;
}

static int freeze_world(struct cage *cage)
{
	JSValue none = JS_NewArray(cage->vm.context);
	int r = vm_lockdown(cage->vm.context, none);

	JS_FreeValue(cage->vm.context, none);
	return r;
}

void policy_start(struct cage *cage, const struct vm_policy_options *options)
{
	struct vm *vm = &cage->vm;

	vm_create(vm, options->stack_bytes);
	vm_track_rejections(vm);
	JS_SetModuleLoaderFunc(vm->runtime, normalize, NULL, cage);
	find_errors(cage);
	hide_promises(cage);
	if (freeze_world(cage) < 0)
		vm_die_exception(vm);
	evaluate_prelude(cage, options);
	cage->handle = find_function(cage, "handle");
	cage->adopt = find_function(cage, "adopt");
	if (freeze_exports(cage) < 0 || declare_policy(vm->context) < 0)
		vm_die_exception(vm);
	vm_forget_rejections(vm);
	JS_RunGC(vm->runtime);
	vm_end_call(vm);
}
