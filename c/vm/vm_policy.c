/* The caged process of one policy script: frames in, frames out, nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../check.h"
#include "../utf8.h"
#include "vm_policy.h"

#define SCRIPT_NAME "policy.mjs"
#define SCRIPT_BYTES_MAX 262144
#define HEADER_BYTES 5
/* Reading the prelude happens once and is not the script's fault. */
#define START_MS 5000
/* Whole seconds are all that the limit can say; the timers are to come first. */
#define CPU_SECONDS_SPARE 2

/* --------------------------------------------------------------------------- limits */

/* A third net below the interrupt handler and the timer's signal. It moves on from call to call,
 * since the life of a cage has no end. */
static void limit_cpu(struct cage *cage)
{
	uint64_t limit[2]; /* struct rlimit64 of the kernel: soft, hard */

	cage->cpu_us = vm_cpu_us();
	if (syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, limit) == 0) {
		limit[0] = cage->cpu_us / 1000000 + 2 * cage->vm.call_ms / 1000 + CPU_SECONDS_SPARE;
		if (limit[0] > limit[1])
			limit[0] = limit[1];
		if (syscall(SYS_prlimit64, 0, RLIMIT_CPU, limit, NULL) == 0)
			return;
	}
	vm_die(&cage->vm, VM_EXIT_SETUP, "limit of processor time: %s", strerror(errno));
}

static void begin_request(struct cage *cage)
{
	cage->vm.overran = false;
	cage->vm.memory_peak = cage->vm.memory_used;
	cage->import_refused = false;
	limit_cpu(cage);
	vm_begin_call(&cage->vm);
}

static void end_request(struct cage *cage)
{
	vm_end_call(&cage->vm);
	cage->cpu_us = vm_cpu_us() - cage->cpu_us;
}

/* -------------------------------------------------------------------------- requests */

/* All that a call left to be done. 0, or -1 with an exception pending or the time over. */
static int run_jobs(struct cage *cage)
{
	struct vm *vm = &cage->vm;
	JSContext *context;
	int r = 1;

	while (r > 0 && !vm->overran) {
		r = JS_ExecutePendingJob(vm->runtime, &context);
		/* Jobs of the engine's own functions never ask the interrupt handler. */
		if (vm_is_overdue(vm))
			vm->overran = true;
	}
	if (r >= 0 && vm->rejections > 0)
		JS_Throw(vm->context, JS_DupValue(vm->context, vm->reasons[0]));
	return r < 0 || vm->overran || vm->rejections > 0 ? -1 : 0;
}

/* Undefined or an exception. Consumes the module. */
static JSValue evaluate(struct cage *cage, JSValue module)
{
	JSContext *context = cage->vm.context;
	JSValue promise = JS_EvalFunction(context, module);
	JSValue result = JS_UNDEFINED;

	if (JS_IsException(promise))
		return promise;
	/* If the module itself threw, that is a rejection which nobody handles. */
	if (run_jobs(cage) < 0)
		result = JS_EXCEPTION;
	else if (JS_PromiseState(context, promise) == JS_PROMISE_PENDING)
		result = JS_ThrowTypeError(context, "the script waits at its top level");
	JS_FreeValue(context, promise);
	return result;
}

static JSValue compile(struct cage *cage, const uint8_t *text, size_t size)
{
	JSContext *context = cage->vm.context;

	if (size > SCRIPT_BYTES_MAX)
		return JS_ThrowSyntaxError(context, "a script of %zu bytes, at most %d", size,
					   SCRIPT_BYTES_MAX);
	if (!utf8_valid(text, size))
		return JS_ThrowSyntaxError(context, "the script is not UTF-8");
	return JS_Eval(context, (const char *)text, size, SCRIPT_NAME,
		       JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
}

/* What adopt() makes of the module's default export. */
static JSValue adopt(struct cage *cage, JSModuleDef *definition)
{
	JSContext *context = cage->vm.context;
	JSValue names = JS_GetModuleNamespace(context, definition);
	JSValue policy = JS_GetPropertyStr(context, names, "default");
	JSValue result = JS_EXCEPTION;

	if (!JS_IsException(policy))
		result = JS_Call(context, cage->adopt, JS_UNDEFINED, 1, &policy);
	JS_FreeValue(context, policy);
	JS_FreeValue(context, names);
	return result;
}

/* The answer's text or an exception; `ret_kind` says what an exception would mean. */
static JSValue load(struct cage *cage, const uint8_t *text, size_t size, const char **ret_kind)
{
	JSContext *context = cage->vm.context;
	JSModuleDef *definition;
	JSValue module, result;

	*ret_kind = "load";
	if (cage->has_script)
		return JS_ThrowTypeError(context, "a cage holds one script");
	cage->has_script = true;
	*ret_kind = "syntax";
	module = compile(cage, text, size);
	if (JS_IsException(module))
		return module;
	/* The engine keeps modules for the life of the context, so the pointer stays good. */
	definition = JS_VALUE_GET_PTR(module);
	*ret_kind = "load";
	result = evaluate(cage, module);
	if (JS_IsException(result))
		return result;
	result = adopt(cage, definition);
	cage->is_ready = !JS_IsException(result);
	return result;
}

static JSValue call(struct cage *cage, const uint8_t *text, size_t size, const char **ret_kind)
{
	JSContext *context = cage->vm.context;
	JSValue argument, result;

	*ret_kind = "load";
	if (!cage->is_ready)
		return JS_ThrowTypeError(context, "the cage holds no script");
	*ret_kind = "throw";
	argument = JS_NewStringLen(context, (const char *)text, size);
	if (JS_IsException(argument))
		return argument;
	result = JS_Call(context, cage->handle, JS_UNDEFINED, 1, &argument);
	JS_FreeValue(context, argument);
	return result;
}

static void serve(struct cage *cage, uint8_t kind, const uint8_t *text, size_t size)
{
	struct vm *vm = &cage->vm;
	const char *meaning = "throw";
	JSValue result;

	begin_request(cage);
	if (kind == VM_FRAME_LOAD)
		result = load(cage, text, size, &meaning);
	else
		result = call(cage, text, size, &meaning);
	if (!JS_IsException(result) && run_jobs(cage) < 0) {
		JS_FreeValue(vm->context, result);
		result = JS_EXCEPTION;
	}
	policy_answer(cage, result, cage->import_refused ? "import" : meaning, end_request);
	vm_forget_rejections(vm);
	if (JS_IsJobPending(vm->runtime))
		vm_die(vm, VM_EXIT_LOOP, "loop: jobs are left after %u ms", vm->call_ms);
	vm_collect(vm);
}

/* ---------------------------------------------------------------------------- frames */

/* False at the end of the stream. */
static bool read_all(const struct vm *vm, uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t r = read(VM_CHANNEL_FD, data, size);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			vm_die(vm, VM_EXIT_MOVER_GONE, "channel: %s", strerror(errno));
		if (r == 0)
			return false;
		data += r;
		size -= (size_t)r;
	}
	return true;
}

static bool serve_next(struct cage *cage)
{
	uint8_t header[HEADER_BYTES];
	uint8_t *text;
	size_t size;
	bool complete;

	if (!read_all(&cage->vm, header, sizeof(header)))
		return false;
	size = header[0] | header[1] << 8 | header[2] << 16 | (size_t)header[3] << 24;
	if (size < 1 || size > VM_FRAME_BYTES_MAX)
		vm_die(&cage->vm, VM_EXIT_EXCEPTION, "a frame of %zu bytes", size);
	if (header[4] != VM_FRAME_LOAD && header[4] != VM_FRAME_CALL)
		vm_die(&cage->vm, VM_EXIT_EXCEPTION, "a frame of kind %d", header[4]);
	size--;
	text = malloc(size + 1);
	if (text == NULL)
		vm_die_of_memory(&cage->vm, "the system has none");
	text[size] = '\0';
	complete = read_all(&cage->vm, text, size);
	if (complete)
		serve(cage, header[4], text, size);
	free(text);
	return complete;
}

int vm_policy_serve(const struct vm_policy_options *options)
{
	static struct cage cage;
	struct vm *vm = &cage.vm;

	cage = (struct cage){ .vm = { .role = "policy", .is_policy = true } };
	vm->memory_max = options->memory_bytes;
	vm->call_ms = START_MS;
	policy_start(&cage, options);
	vm->call_ms = options->call_ms;
	vm_die_prepare(vm);
	while (serve_next(&cage))
		;
	return VM_EXIT_MOVER_GONE;
}

static void set_default(size_t *value, size_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

int vm_policy_main(const struct vm_policy_options *given)
{
	struct vm_policy_options options = *given;
	struct vm vm = { .role = "policy", .is_policy = true };
	char *file = NULL;
	int status;

	set_default(&options.memory_bytes, VM_POLICY_MEMORY_BYTES_DEFAULT);
	set_default(&options.stack_bytes, VM_POLICY_STACK_BYTES_DEFAULT);
	if (options.call_ms == 0)
		options.call_ms = VM_POLICY_CALL_MS_DEFAULT;
	vm.memory_max = options.memory_bytes;
	if (options.prelude_path != NULL)
		options.prelude_text = file = vm_read_module(&vm, options.prelude_path,
							     &options.prelude_size);
	vm_confine_cage(&vm, options.stack_bytes);
	status = vm_policy_serve(&options);
	free(file);
	return status;
}
