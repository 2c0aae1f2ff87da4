/* The engine as patches/ leaves it, and one question that its interface lacks: where is the
 * running script? Answered without allocating or running anything, because it is asked when the
 * engine has no memory left, and from the signal handler that ends a built-in function which never
 * returns. And one question of the engine's own, asked by patterns, that is answered here. */
#include "quickjs.c"

#define FRAMES_MAX 4
#define NAME_MAX_CHARS 40

int vm_engine_position(JSRuntime *runtime, char *ret_text, size_t size);
int engine_has_no_scripts(CharRange *range, const char *name, BOOL is_extended);

struct out {
	char *text;
	size_t used;
	size_t size;
};

static void put_char(struct out *out, int c)
{
	if (out->used + 1 < out->size)
		out->text[out->used++] = c >= ' ' && c < 127 ? (char)c : '?';
}

static void put_text(struct out *out, const char *text)
{
	while (*text != '\0')
		put_char(out, *text++);
}

static void put_number(struct out *out, unsigned int number)
{
	if (number >= 10)
		put_number(out, number / 10);
	put_char(out, '0' + (int)(number % 10));
}

static void put_function_name(struct out *out, JSObject *function)
{
	JSProperty *property;
	JSShapeProperty *shape = find_own_property(&property, function, JS_ATOM_name);
	JSString *name;

	if (shape == NULL || (shape->flags & JS_PROP_TMASK) != JS_PROP_NORMAL ||
	    JS_VALUE_GET_TAG(property->u.value) != JS_TAG_STRING)
		return;
	name = JS_VALUE_GET_STRING(property->u.value);
	for (int i = 0; i < (int)name->len && i < NAME_MAX_CHARS; i++)
		put_char(out, name->is_wide_char ? name->u.str16[i] : name->u.str8[i]);
}

static void put_frame(struct out *out, JSContext *context, const JSStackFrame *frame,
		      JSObject *function)
{
	JSFunctionBytecode *code = function->u.func.function_bytecode;
	ptrdiff_t pc = frame->cur_pc - code->byte_code_buf - 1;
	char file[64];
	int line, column;

	if (!code->has_debug)
		return;
	/* A function that has not called anything yet has no place: its beginning stands for it. */
	line = find_line_num(context, code, pc >= 0 && pc < code->byte_code_len ? pc : -1, &column);
	put_text(out, " at ");
	put_function_name(out, function);
	put_text(out, " (");
	put_text(out, JS_AtomGetStrRT(context->rt, file, sizeof(file), code->debug.filename));
	put_char(out, ':');
	put_number(out, (unsigned int)line);
	put_char(out, ':');
	put_number(out, (unsigned int)column);
	put_char(out, ')');
}

/* " at name (file:line:column)" for the innermost functions of the script; their number. The line
 * is that of the last call each of them made. */
int vm_engine_position(JSRuntime *runtime, char *ret_text, size_t size)
{
	struct out out = { ret_text, 0, size };
	const JSStackFrame *frame = runtime->current_stack_frame;
	int frames = 0;

	for (; frame != NULL && frames < FRAMES_MAX; frame = frame->prev_frame) {
		JSObject *function;

		if (JS_VALUE_GET_TAG(frame->cur_func) != JS_TAG_OBJECT)
			continue;
		function = JS_VALUE_GET_OBJ(frame->cur_func);
		if (!js_class_has_bytecode(function->class_id))
			continue;
		put_frame(&out, function->u.func.function_bytecode->realm, frame, function);
		frames++;
	}
	if (size > 0)
		ret_text[out.used] = '\0';
	return frames;
}

/* \p{Script=...} in a pattern: no script has this name, which is a syntax error. */
int engine_has_no_scripts(CharRange *range, const char *name, BOOL is_extended)
{
	(void)range;
	(void)name;
	(void)is_extended;
	return -2;
}
