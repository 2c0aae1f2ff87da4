/* The engine alone, with everything the language has: runs scripts and prints what they print. The
 * same program on a PC and on a target shows whether the target computes alike. */
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

#define FILE_SIZE_MAX (1024 * 1024)

/* What the engine's own tests expect of its command line program. */
static const char prelude[] =
	"globalThis.timers = [];\n"
	"globalThis.os = { setTimeout(callback) { timers.push(callback); } };\n"
	"globalThis.std = { gc: collect };\n"
	"globalThis.console = { log: print };\n";

static JSValue host_print(JSContext *context, JSValueConst self, int count, JSValueConst *values)
{
	(void)self;
	for (int i = 0; i < count; i++) {
		const char *text = JS_ToCString(context, values[i]);

		if (text == NULL)
			return JS_EXCEPTION;
		printf("%s%s", i > 0 ? " " : "", text);
		JS_FreeCString(context, text);
	}
	printf("\n");
	return JS_UNDEFINED;
}

static JSValue host_collect(JSContext *context, JSValueConst self, int count, JSValueConst *values)
{
	(void)self;
	(void)count;
	(void)values;
	JS_RunGC(JS_GetRuntime(context));
	return JS_UNDEFINED;
}

static _Noreturn void die(JSContext *context, const char *name)
{
	JSValue error = JS_GetException(context);
	JSValue stack = JS_GetPropertyStr(context, error, "stack");

	fprintf(stderr, "%s: %s\n%s\n", name, JS_ToCString(context, error),
		JS_ToCString(context, stack));
	exit(1);
}

static void evaluate(JSContext *context, const char *name, const char *text, size_t size)
{
	JSContext *job_context;
	JSValue value = JS_Eval(context, text, size, name, JS_EVAL_TYPE_GLOBAL);
	int ran;

	if (JS_IsException(value))
		die(context, name);
	JS_FreeValue(context, value);
	while ((ran = JS_ExecutePendingJob(JS_GetRuntime(context), &job_context)) > 0)
		;
	if (ran < 0)
		die(job_context, name);
}

static void evaluate_file(JSContext *context, const char *name)
{
	static char text[FILE_SIZE_MAX + 1];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (file == NULL) {
		perror(name);
		exit(1);
	}
	size = fread(text, 1, FILE_SIZE_MAX, file);
	CHECK(feof(file) != 0);
	fclose(file);
	text[size] = '\0';
	evaluate(context, name, text, size);
}

static void add_function(JSContext *context, const char *name, JSCFunction *function)
{
	JSValue global = JS_GetGlobalObject(context);

	JS_SetPropertyStr(context, global, name, JS_NewCFunction(context, function, name, 1));
	JS_FreeValue(context, global);
}

int main(int argc, char **argv)
{
	static const char timers[] = "for (const callback of timers) callback();";
	JSRuntime *runtime = JS_NewRuntime();
	JSContext *context = JS_NewContext(runtime);

	add_function(context, "print", host_print);
	add_function(context, "collect", host_collect);
	evaluate(context, "prelude", prelude, sizeof(prelude) - 1);
	for (int i = 1; i < argc; i++)
		evaluate_file(context, argv[i]);
	evaluate(context, "timers", timers, sizeof(timers) - 1);
	JS_FreeContext(context);
	JS_FreeRuntime(runtime);
	return 0;
}
