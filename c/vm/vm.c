#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "vm_heap.h"
#include "vm_internal.h"

#define MODULE_BYTES_MAX (4u << 20)
#define MODULE_NAME "adit.mjs"
/* Loading may take so many times as long as a call: a router is never slower than when it boots. */
#define LOADING_CALLS 5
/* How late a call may be on a busy machine, in times of what it may compute. */
#define LATE_CALLS 10
/* Jobs of one call; the deadline ends an endless chain long before. */
#define JOBS_MAX 10000000

static const char *const vm_export_names[VM_EXPORTS] = {
	[VM_START] = "start",
	[VM_ON_MESSAGE] = "onMessage",
	[VM_ON_DESCRIPTOR] = "onDescriptor",
	[VM_ON_TIMER] = "onTimer",
	[VM_NEXT_DEADLINE_MS] = "nextDeadlineMs",
};

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t vm_monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* Of the only thread: once a process has a limit of processor time, the kernel says what the whole
 * process used as of the last tick only. */
uint64_t vm_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

struct vm *vm_of(JSContext *context)
{
	return JS_GetContextOpaque(context);
}

/* -------------------------------------------------------------------------- memory */

#ifdef ADIT_TEST
void (*vm_test_allocation)(struct vm *vm);
#endif

static _Noreturn void die_at_limit(const struct vm *vm)
{
	char why[40];

	snprintf(why, sizeof(why), "limit %zu bytes", vm->memory_max);
	vm_die_of_memory(vm, why);
}

/* An engine that ran out of memory must not be trusted further: not every path of it handles that.
 * So the first refusal ends the process instead of becoming an exception. */
static void account(JSMallocState *state, size_t size)
{
	struct vm *vm = state->opaque;

#ifdef ADIT_TEST
	if (vm_test_allocation != NULL)
		vm_test_allocation(vm);
#endif
	if (size > vm->memory_max || vm->memory_used > vm->memory_max - size)
		die_at_limit(vm);
}

static void count(JSMallocState *state, void *ptr, int direction)
{
	struct vm *vm = state->opaque;
	size_t size = vm_heap_size(ptr);

	vm->memory_used = direction > 0 ? vm->memory_used + size : vm->memory_used - size;
	if (vm->memory_used > vm->memory_peak)
		vm->memory_peak = vm->memory_used;
	state->malloc_size = vm->memory_used;
	state->malloc_count += (size_t)direction;
}

static void *engine_malloc(JSMallocState *state, size_t size)
{
	void *ptr;

	account(state, size);
	ptr = vm_heap_alloc(size);
	if (ptr == NULL)
		vm_die_of_memory(state->opaque, "the system has none");
	count(state, ptr, 1);
	return ptr;
}

static void engine_free(JSMallocState *state, void *ptr)
{
	if (ptr == NULL)
		return;
	count(state, ptr, -1);
	vm_heap_free(ptr);
}

static void *engine_realloc(JSMallocState *state, void *ptr, size_t size)
{
	void *larger;

	if (ptr == NULL)
		return size > 0 ? engine_malloc(state, size) : NULL;
	if (size == 0) {
		engine_free(state, ptr);
		return NULL;
	}
	count(state, ptr, -1);
	account(state, size);
	larger = vm_heap_resize(ptr, size);
	if (larger == NULL)
		vm_die_of_memory(state->opaque, "the system has none");
	count(state, larger, 1);
	return larger;
}

/* The engine collects cycles when the heap has grown by half, which may be beyond the limit: so a
 * heap that fills half of it is collected between calls as well, whenever it grew by an eighth. */
void vm_collect(struct vm *vm)
{
	if (vm->memory_used <= vm->memory_max / 2 ||
	    vm->memory_used <= vm->memory_collected + vm->memory_collected / 8)
		return;
	JS_RunGC(vm->runtime);
	vm->memory_collected = vm->memory_used;
}

/* ---------------------------------------------------------------------------- time */

/* The backstop for built-in functions that never ask the interrupt handler, in processor time: the
 * mover watches its decider, and a decider its cages, for one that waits and does not compute.
 * 0 disarms. */
static void arm_backstop(unsigned int ms)
{
	struct itimerval timer = { .it_value = { ms / 1000, (long)(ms % 1000) * 1000 } };

	CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

void vm_begin_call(struct vm *vm)
{
	vm->call_cpu_us = vm_cpu_us();
	vm->call_due_us = vm_monotonic_us() + (uint64_t)vm->call_ms * 1000;
	arm_backstop(2 * vm->call_ms);
}

void vm_end_call(struct vm *vm)
{
	arm_backstop(0);
	vm->call_due_us = 0;
}

/* A module is to be blamed for what it ran, not for what ran instead of it on a busy machine. */
bool vm_is_overdue(const struct vm *vm)
{
	uint64_t late_us = (uint64_t)vm->call_ms * 1000 * LATE_CALLS;

	if (vm->call_due_us == 0 || vm_monotonic_us() < vm->call_due_us)
		return false;
	return vm_monotonic_us() >= vm->call_due_us + late_us ||
	       vm_cpu_us() - vm->call_cpu_us >= (uint64_t)vm->call_ms * 1000;
}

/* Makes the engine throw an exception that no script can catch, with the stack as it is. */
static int interrupt(JSRuntime *runtime, void *opaque)
{
	struct vm *vm = opaque;

	(void)runtime;
	if (!vm_is_overdue(vm))
		return 0;
	vm->overran = true;
	return 1;
}

/* --------------------------------------------------------------------------- calls */

static void track_rejection(JSContext *context, JSValueConst promise, JSValueConst reason,
			    JS_BOOL is_handled, void *opaque)
{
	struct vm *vm = opaque;
	int i = 0;

	if (!is_handled) {
		if (vm->rejections == VM_REJECTIONS_MAX)
			return; /* the first one will be reported, and that ends everything */
		vm->rejected[vm->rejections] = JS_DupValue(context, promise);
		vm->reasons[vm->rejections++] = JS_DupValue(context, reason);
		return;
	}
	while (i < vm->rejections && JS_VALUE_GET_PTR(vm->rejected[i]) != JS_VALUE_GET_PTR(promise))
		i++;
	if (i == vm->rejections)
		return;
	JS_FreeValue(context, vm->rejected[i]);
	JS_FreeValue(context, vm->reasons[i]);
	vm->rejections--;
	vm->rejected[i] = vm->rejected[vm->rejections];
	vm->reasons[i] = vm->reasons[vm->rejections];
}

void vm_track_rejections(struct vm *vm)
{
	JS_SetHostPromiseRejectionTracker(vm->runtime, track_rejection, vm);
}

void vm_forget_rejections(struct vm *vm)
{
	while (vm->rejections > 0) {
		vm->rejections--;
		JS_FreeValue(vm->context, vm->rejected[vm->rejections]);
		JS_FreeValue(vm->context, vm->reasons[vm->rejections]);
	}
}

static void check_value(struct vm *vm, JSValueConst value)
{
	if (JS_IsException(value) || vm->overran)
		vm_die_exception(vm);
}

static void run_jobs(struct vm *vm)
{
	JSContext *context;
	int r = 1;

	for (int i = 0; r > 0 && i < JOBS_MAX; i++) {
		r = JS_ExecutePendingJob(vm->runtime, &context);
		if (r < 0 || vm->overran)
			vm_die_exception(vm);
	}
	if (r > 0)
		vm_die(vm, VM_EXIT_LOOP, "loop: more than %d jobs in one call", JOBS_MAX);
	if (vm->rejections > 0) {
		JS_Throw(vm->context, vm->reasons[0]);
		vm_die_exception(vm);
	}
}

double vm_next_deadline_ms(struct vm *vm)
{
	JSValue value;

	if (vm->deadline_known)
		return vm->deadline_ms;
	vm_begin_call(vm);
	value = JS_Call(vm->context, vm->exports[VM_NEXT_DEADLINE_MS], JS_UNDEFINED, 0, NULL);
	check_value(vm, value);
	if (!JS_IsNumber(value) || JS_ToFloat64(vm->context, &vm->deadline_ms, value) < 0 ||
	    isnan(vm->deadline_ms))
		vm_die(vm, VM_EXIT_EXCEPTION, "nextDeadlineMs() gave no number");
	JS_FreeValue(vm->context, value);
	run_jobs(vm);
	vm_end_call(vm);
	vm->deadline_known = true;
	return vm->deadline_ms;
}

void vm_call(struct vm *vm, enum vm_export which, int argc, JSValue *args)
{
	JSValue value;

	vm_begin_call(vm);
	value = JS_Call(vm->context, vm->exports[which], JS_UNDEFINED, argc, args);
	check_value(vm, value);
	JS_FreeValue(vm->context, value);
	for (int i = 0; i < argc; i++)
		JS_FreeValue(vm->context, args[i]);
	run_jobs(vm);
	vm->deadline_known = false;
	vm_collect(vm);
	vm_end_call(vm);
}

/* ------------------------------------------------------------------------- loading */

static const JSMallocFunctions engine_memory = {
	.js_malloc = engine_malloc,
	.js_free = engine_free,
	.js_realloc = engine_realloc,
	.js_malloc_usable_size = vm_heap_size,
};

void vm_create(struct vm *vm, size_t stack_bytes)
{
	vm_die_prepare(vm);
	vm_begin_call(vm);
	vm->runtime = JS_NewRuntime2(&engine_memory, vm);
	if (vm->runtime == NULL)
		vm_die(vm, VM_EXIT_SETUP, "the engine does not start");
	JS_SetMaxStackSize(vm->runtime, stack_bytes);
	JS_SetStripInfo(vm->runtime, JS_STRIP_SOURCE); /* nobody prints a function; lines stay */
	JS_SetInterruptHandler(vm->runtime, interrupt, vm);
	vm->context = JS_NewContextRaw(vm->runtime);
	if (vm->context == NULL)
		vm_die(vm, VM_EXIT_SETUP, "the engine makes no context");
	JS_SetContextOpaque(vm->context, vm);
	JS_AddIntrinsicBaseObjects(vm->context);
	JS_AddIntrinsicEval(vm->context);
	JS_AddIntrinsicRegExpCompiler(vm->context);
	JS_AddIntrinsicRegExp(vm->context);
	JS_AddIntrinsicJSON(vm->context);
	JS_AddIntrinsicMapSet(vm->context);
	JS_AddIntrinsicPromise(vm->context);
}

char *vm_read_module(struct vm *vm, const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	size_t size = 0;
	char *text;

	if (fd < 0 || fstat(fd, &info) < 0)
		vm_die(vm, VM_EXIT_EXCEPTION, "module %s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode) || info.st_size > (off_t)MODULE_BYTES_MAX)
		vm_die(vm, VM_EXIT_EXCEPTION, "module %s: not a file of at most %u bytes", path,
		       MODULE_BYTES_MAX);
	text = malloc((size_t)info.st_size + 1);
	if (text == NULL)
		vm_die(vm, VM_EXIT_MEMORY, "out of memory (the system has none)");
	while (size < (size_t)info.st_size) {
		ssize_t r = read(fd, text + size, (size_t)info.st_size - size);

		if (r <= 0)
			vm_die(vm, VM_EXIT_EXCEPTION, "module %s: cannot be read", path);
		size += (size_t)r;
	}
	close(fd);
	text[size] = '\0';
	*ret_size = size;
	return text;
}

static void evaluate(struct vm *vm, JSValue module)
{
	JSValue promise = JS_EvalFunction(vm->context, module);

	check_value(vm, promise);
	if (JS_PromiseState(vm->context, promise) == JS_PROMISE_REJECTED) {
		JS_Throw(vm->context, JS_PromiseResult(vm->context, promise));
		vm_die_exception(vm);
	}
	run_jobs(vm);
	if (JS_PromiseState(vm->context, promise) != JS_PROMISE_FULFILLED)
		vm_die(vm, VM_EXIT_EXCEPTION, "the module waits at its top level");
	JS_FreeValue(vm->context, promise);
}

static void find_exports(struct vm *vm, JSModuleDef *module)
{
	JSValue names = JS_GetModuleNamespace(vm->context, module);

	check_value(vm, names);
	for (int i = 0; i < VM_EXPORTS; i++) {
		vm->exports[i] = JS_GetPropertyStr(vm->context, names, vm_export_names[i]);
		if (!JS_IsFunction(vm->context, vm->exports[i]))
			vm_die(vm, VM_EXIT_EXCEPTION, "the module exports no function %s",
			       vm_export_names[i]);
	}
	JS_FreeValue(vm->context, names);
}

void vm_load(struct vm *vm, const char *text, size_t size, const struct vm_options *options)
{
	unsigned int call_ms = options->call_ms ? options->call_ms : VM_CALL_MS_DEFAULT;
	JSModuleDef *definition;
	JSValue module;

	vm->memory_max = options->memory_bytes ? options->memory_bytes : VM_MEMORY_BYTES_DEFAULT;
	vm->call_ms = LOADING_CALLS * call_ms;
	vm->queue_last = &vm->queue_first;
	vm_die_when_stuck();
	/* A cage, whose script is nobody's friend, stays with the C library and its checks. */
	if (!HAS_SANITIZER && vm_heap_open(vm->memory_max) < 0)
		vm_die(vm, VM_EXIT_SETUP, "no addresses for %zu bytes", vm->memory_max);
	vm_create(vm, options->stack_bytes ? options->stack_bytes : VM_STACK_BYTES_DEFAULT);
	vm_track_rejections(vm);
	JS_AddIntrinsicTypedArrays(vm->context);
	if (vm_lockdown(vm->context, JS_UNDEFINED) < 0 || vm_host_register(vm->context) < 0)
		vm_die_exception(vm);
	module = JS_Eval(vm->context, text, size, MODULE_NAME,
			 JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
	check_value(vm, module);
	/* The engine keeps modules for the life of the context, so the pointer stays good. */
	definition = JS_VALUE_GET_PTR(module);
	evaluate(vm, module);
	find_exports(vm, definition);
	vm_end_call(vm);
	vm->call_ms = call_ms;
	vm_die_prepare(vm);
}
