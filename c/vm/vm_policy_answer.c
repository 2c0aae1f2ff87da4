#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../utf8.h"
#include "vm_policy.h"

#define HEADER_BYTES 5
/* Each byte of a text may become six of an escape. */
#define ERROR_BYTES_MAX (6 * (VM_POLICY_MESSAGE_MAX + VM_POLICY_STACK_MAX) + 512)
#define PROTOTYPES_MAX 8
#define PREFIX_MAX 96

/* ----------------------------------------------------------------------------- frames */

static void write_all(const struct vm *vm, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t r = write(VM_CHANNEL_FD, data, size);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			vm_die(vm, VM_EXIT_MOVER_GONE, "channel: %s", strerror(errno));
		data += r;
		size -= (size_t)r;
	}
}

/* `frame` has room for the header in front. */
static void send_frame(const struct vm *vm, uint8_t kind, uint8_t *frame, size_t size)
{
	size_t length = size + 1;

	for (int i = 0; i < 4; i++)
		frame[i] = (uint8_t)(length >> (8 * i));
	frame[4] = kind;
	write_all(vm, frame, HEADER_BYTES + size);
}

static int put_costs(const struct cage *cage, char *ret_text, size_t size)
{
	return snprintf(ret_text, size, "{\"cpu_us\":%llu,\"memory\":%zu,",
			(unsigned long long)cage->cpu_us, cage->vm.memory_peak);
}

/* ----------------------------------------------------------------------------- errors */

struct json {
	char *text;
	size_t used; /* of ERROR_BYTES_MAX, which nothing can exceed */
};

static void put(struct json *json, const char *text, size_t size)
{
	if (size > ERROR_BYTES_MAX - json->used)
		size = ERROR_BYTES_MAX - json->used;
	memcpy(json->text + json->used, text, size);
	json->used += size;
}

/* A text of anybody's making as a JSON string of well-formed UTF-8. */
static void put_string(struct json *json, const char *text)
{
	size_t size = strlen(text);
	char escape[8];

	put(json, "\"", 1);
	for (size_t at = 0; at < size;) {
		size_t length = utf8_sequence((const uint8_t *)text + at, size - at);
		unsigned char c = (unsigned char)text[at];

		if (length == 0) {
			put(json, "\xef\xbf\xbd", 3);
		} else if (c < ' ' || c == '"' || c == '\\' || c == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(json, escape, 6);
		} else {
			put(json, text + at, length);
		}
		at += length > 0 ? length : 1;
	}
	put(json, "\"", 1);
}

/* Cuts where a sequence ends. */
static void copy_text(const char *from, size_t length, char *ret_text, size_t size)
{
	if (length > size - 1)
		length = size - 1;
	while (length > 0 && length == size - 1 && ((unsigned char)from[length] & 0xc0) == 0x80)
		length--;
	memcpy(ret_text, from, length);
	ret_text[length] = '\0';
}

/* False if the value is no text. Runs nothing of the script. */
static bool get_text(JSContext *context, JSValueConst value, char *ret_text, size_t size)
{
	size_t length;
	const char *text;

	if (JS_IsObject(value) || JS_IsSymbol(value))
		return false;
	text = JS_ToCStringLen(context, &length, value);
	if (text == NULL)
		return false;
	copy_text(text, length, ret_text, size);
	JS_FreeCString(context, text);
	return true;
}

/* 1: got it; 0: the object has no such property; -1: it has one that is no plain text. */
static int get_own_text(JSContext *context, JSValueConst object, const char *name, char *ret_text,
			size_t size)
{
	JSAtom atom = JS_NewAtom(context, name);
	JSPropertyDescriptor found;
	int r = JS_GetOwnProperty(context, &found, object, atom);
	bool is_text = false;

	JS_FreeAtom(context, atom);
	if (r <= 0)
		return r;
	if (!(found.flags & JS_PROP_GETSET) && JS_IsString(found.value))
		is_text = get_text(context, found.value, ret_text, size);
	JS_FreeValue(context, found.value);
	JS_FreeValue(context, found.getter);
	JS_FreeValue(context, found.setter);
	return is_text ? 1 : -1;
}

/* A property as plain data, up the prototypes. A getter would be the script's turn again. */
static bool get_data_text(JSContext *context, JSValueConst value, const char *name, char *ret_text,
			  size_t size)
{
	JSValue object = JS_DupValue(context, value);
	int r = 0;

	for (int i = 0; r == 0 && i < PROTOTYPES_MAX && JS_IsObject(object); i++) {
		JSValue next;

		r = get_own_text(context, object, name, ret_text, size);
		next = JS_GetPrototype(context, object);
		JS_FreeValue(context, object);
		object = next;
	}
	JS_FreeValue(context, object);
	return r > 0;
}

struct report {
	const char *kind;
	char message[VM_POLICY_MESSAGE_MAX + 1];
	char stack[VM_POLICY_STACK_MAX + 1];
};

/* The name that an error inherits: in a frozen world those are accessors. */
static const char *kind_of_error(struct cage *cage, JSValueConst error)
{
	JSContext *context = cage->vm.context;
	JSValue object = JS_DupValue(context, error);
	const char *name = JS_IsError(context, error) ? "Error" : "an object";

	for (int hops = 0; hops < PROTOTYPES_MAX && JS_IsObject(object); hops++) {
		JSValue next = JS_GetPrototype(context, object);

		JS_FreeValue(context, object);
		object = next;
		for (int i = 0; i < CAGE_ERROR_KINDS && JS_IsObject(object); i++) {
			if (JS_VALUE_GET_PTR(object) == JS_VALUE_GET_PTR(cage->errors[i])) {
				JS_FreeValue(context, object);
				return cage_error_names[i];
			}
		}
	}
	JS_FreeValue(context, object);
	return name;
}

static void describe_object(struct cage *cage, JSValueConst error, struct report *report)
{
	JSContext *context = cage->vm.context;
	char name[PREFIX_MAX] = "";
	char kind[16] = "";
	char text[VM_POLICY_MESSAGE_MAX - PREFIX_MAX - 2] = "";

	if (!get_data_text(context, error, "name", name, sizeof(name)))
		snprintf(name, sizeof(name), "%s", kind_of_error(cage, error));
	get_data_text(context, error, "message", text, sizeof(text));
	snprintf(report->message, sizeof(report->message), "%s%s%s", name,
		 text[0] != '\0' ? ": " : "", text);
	if (JS_IsError(context, error))
		get_data_text(context, error, "stack", report->stack, sizeof(report->stack));
	if (strcmp(name, "InternalError") == 0 && strcmp(text, "stack overflow") == 0)
		report->kind = "limit";
	get_data_text(context, error, "kind", kind, sizeof(kind));
	if (strcmp(kind, "rubbish") == 0)
		report->kind = "rubbish";
}

/* The pending exception, or that the time was over. */
static void describe(struct cage *cage, struct report *report)
{
	struct vm *vm = &cage->vm;
	JSValue error = JS_HasException(vm->context) ? JS_GetException(vm->context) : JS_UNDEFINED;

	if (JS_IsObject(error))
		describe_object(cage, error, report);
	else if (!get_text(vm->context, error, report->message, sizeof(report->message)))
		snprintf(report->message, sizeof(report->message), "a symbol");
	JS_FreeValue(vm->context, error);
	if (!vm->overran)
		return;
	report->kind = "limit";
	snprintf(report->message, sizeof(report->message), "ran for more than %u ms", vm->call_ms);
}

static void send_report(struct cage *cage, const struct report *report)
{
	static uint8_t frame[HEADER_BYTES + ERROR_BYTES_MAX];
	struct json json = { (char *)frame + HEADER_BYTES, 0 };

	json.used = (size_t)put_costs(cage, json.text, ERROR_BYTES_MAX);
	put(&json, "\"error\":{\"kind\":", 16);
	put_string(&json, report->kind);
	put(&json, ",\"message\":", 11);
	put_string(&json, report->message);
	put(&json, ",\"stack\":", 9);
	put_string(&json, report->stack);
	put(&json, "}}", 2);
	send_frame(&cage->vm, VM_FRAME_ERROR, frame, json.used);
}

/* ---------------------------------------------------------------------------- results */

/* NULL, with `report` filled, if the text is none or too long. */
static uint8_t *make_result(struct cage *cage, JSValueConst result, size_t *ret_size,
			    struct report *report)
{
	char costs[PREFIX_MAX];
	size_t size = 0;
	const char *text = JS_IsString(result)
				   ? JS_ToCStringLen(cage->vm.context, &size, result)
				   : NULL;
	size_t head = (size_t)put_costs(cage, costs, sizeof(costs));
	uint8_t *frame = NULL;

	report->kind = "rubbish";
	if (text == NULL)
		snprintf(report->message, sizeof(report->message), "the prelude gave no text");
	else if (size > VM_FRAME_BYTES_MAX - PREFIX_MAX - 16)
		snprintf(report->message, sizeof(report->message), "an answer of %zu bytes", size);
	else
		frame = malloc(HEADER_BYTES + head + size + 16);
	if (frame != NULL) {
		memcpy(frame + HEADER_BYTES, costs, head);
		memcpy(frame + HEADER_BYTES + head, "\"result\":", 9);
		memcpy(frame + HEADER_BYTES + head + 9, text, size);
		frame[HEADER_BYTES + head + 9 + size] = '}';
		*ret_size = head + 9 + size + 1;
		utf8_repair(frame + HEADER_BYTES, *ret_size);
	} else if (report->message[0] == '\0') {
		vm_die_of_memory(&cage->vm, "the system has none");
	}
	JS_FreeCString(cage->vm.context, text);
	return frame;
}

void policy_answer(struct cage *cage, JSValue result, const char *kind,
		   void (*done)(struct cage *cage))
{
	static struct report report;
	uint8_t *frame = NULL;
	size_t size = 0;

	report = (struct report){ .kind = kind };
	if (JS_IsException(result) || cage->vm.overran)
		describe(cage, &report);
	done(cage);
	if (!JS_IsException(result) && !cage->vm.overran)
		frame = make_result(cage, result, &size, &report);
	JS_FreeValue(cage->vm.context, result);
	if (frame == NULL)
		send_report(cage, &report);
	else
		send_frame(&cage->vm, VM_FRAME_RESULT, frame, size);
	free(frame);
}
