#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "../contract.gen.h"
#include "../log.h"
#include "vm_internal.h"

/* How long last words may wait for a full channel. */
#define LAST_WORDS_MS 100
#define POSITION_MAX 256

/* What die_stuck writes: composed beforehand, since a signal handler must not format. */
static char stuck_text[128];
static size_t stuck_text_size;
static uint8_t stuck_message[256];
static size_t stuck_message_size;
static JSRuntime *const *stuck_runtime;

static void write_stderr(const char *text, size_t size)
{
	ssize_t r = write(STDERR_FILENO, text, size);

	(void)r; /* there is nobody left to tell */
}

static int encode_log(enum log_level level, const char *text, uint8_t *buf, size_t size)
{
	struct msg_log message = { .level = level };

	snprintf(message.text, sizeof(message.text), "%s", text);
	return msg_log_encode(&message, 0, buf, size);
}

static void tell_mover(enum log_level level, const char *text)
{
	uint8_t buf[CODEC_HEADER_BYTES + 3 + MSG_LOG_TEXT_MAX];
	struct pollfd channel = { .fd = VM_CHANNEL_FD, .events = POLLOUT };
	int size = encode_log(level, text, buf, sizeof(buf));

	if (size > 0 && poll(&channel, 1, LAST_WORDS_MS) == 1)
		send(VM_CHANNEL_FD, buf, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say(const struct vm *vm, enum log_level level, const char *text)
{
	char line[MSG_LOG_TEXT_MAX + 1];
	int size = snprintf(line, sizeof(line) - 1, "%s: %s", vm->is_cli ? "adit" : vm->role, text);

	if (size < 0)
		return;
	if ((size_t)size > sizeof(line) - 2)
		size = sizeof(line) - 2;
	if (!vm->is_cli && !vm->is_policy)
		tell_mover(level, line);
	line[size] = '\n';
	write_stderr(line, (size_t)size + 1);
}

void vm_die_prepare(struct vm *vm)
{
	int size = snprintf(stuck_text, sizeof(stuck_text),
			    "%s: stuck: a built-in function ran for more than %u ms\n", vm->role,
			    2 * vm->call_ms);

	stuck_text_size = (size_t)size;
	stuck_text[size - 1] = '\0';
	size = encode_log(LOG_LEVEL_ERROR, stuck_text, stuck_message, sizeof(stuck_message));
	stuck_message_size = vm->is_cli || vm->is_policy || size < 0 ? 0 : (size_t)size;
	stuck_text_size--;
	stuck_runtime = &vm->runtime;
}

/* Only calls what is safe in a signal handler. */
static void die_stuck(int number)
{
	char position[POSITION_MAX] = "";
	size_t length;

	(void)number;
	if (stuck_message_size > 0)
		send(VM_CHANNEL_FD, stuck_message, stuck_message_size,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	if (*stuck_runtime != NULL)
		vm_engine_position(*stuck_runtime, position, sizeof(position) - 1);
	length = strlen(position);
	position[length++] = '\n';
	write_stderr(stuck_text, stuck_text_size);
	write_stderr(position, length);
	_exit(VM_EXIT_STUCK);
}

void vm_die_when_stuck(void)
{
	struct sigaction stuck = { .sa_handler = die_stuck };

	CHECK(sigaction(SIGPROF, &stuck, NULL) == 0);
}

void vm_warn(const struct vm *vm, const char *text)
{
	say(vm, LOG_LEVEL_WARNING, text);
}

void vm_die(const struct vm *vm, enum vm_exit status, const char *format, ...)
{
	char text[MSG_LOG_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(vm, LOG_LEVEL_ERROR, text);
	_exit(status);
}

void vm_die_of_memory(const struct vm *vm, const char *why)
{
	char position[POSITION_MAX] = "";

	if (vm->runtime != NULL)
		vm_engine_position(vm->runtime, position, sizeof(position));
	vm_die(vm, VM_EXIT_MEMORY, "out of memory (%s)%s", why, position);
}

/* A stack has one line for each call; a log line has no place for newlines. Begins with a space if
 * there is anything. */
static void join_lines(const char *text, char *ret_text, size_t size)
{
	size_t at = 0;

	if (*text != '\0')
		ret_text[at++] = ' ';
	for (; *text != '\0' && at + 1 < size; text++) {
		char c = *text == '\n' || *text == '\t' ? ' ' : *text;

		if (c != ' ' || ret_text[at - 1] != ' ')
			ret_text[at++] = c;
	}
	while (at > 0 && ret_text[at - 1] == ' ')
		at--;
	ret_text[at] = '\0';
}

void vm_die_exception(struct vm *vm)
{
	char stack[1024] = "";
	JSValue error = JS_GetException(vm->context);
	JSValue trace = JS_UNDEFINED;
	const char *text;
	const char *trace_text = NULL;

	if (JS_IsError(vm->context, error))
		trace = JS_GetPropertyStr(vm->context, error, "stack");
	if (JS_IsString(trace))
		trace_text = JS_ToCString(vm->context, trace);
	if (trace_text != NULL)
		join_lines(trace_text, stack, sizeof(stack));
	if (vm->overran)
		vm_die(vm, VM_EXIT_LOOP, "loop: ran for more than %u ms%s", vm->call_ms, stack);
	text = JS_ToCString(vm->context, error);
	vm_die(vm, VM_EXIT_EXCEPTION, "%s%s", text != NULL ? text : "exception", stack);
}
