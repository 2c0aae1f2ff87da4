#include "blob_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../utf8.h"

/* Digits of a number as JSON.stringify writes it, and some more. */
#define NUMBER_TEXT_MAX 64
#define REPLACEMENT 0xfffdu

/* ------------------------------------------------------------------------ blobmsg to JSON */

static int write_list(const uint8_t *attrs, size_t size, bool is_array, int depth,
		      struct blob_writer *json);

static void put_text(struct blob_writer *json, const char *text)
{
	blob_put(json, text, strlen(text));
}

static void write_escaped(uint8_t byte, struct blob_writer *json)
{
	char escape[8];

	if (byte == '"' || byte == '\\')
		snprintf(escape, sizeof(escape), "\\%c", byte);
	else
		snprintf(escape, sizeof(escape), "\\u%04x", byte);
	put_text(json, escape);
}

static int write_string(const char *text, size_t size, struct blob_writer *json)
{
	size_t plain = 0;

	if (!utf8_valid((const uint8_t *)text, size))
		return -EBADMSG;
	put_text(json, "\"");
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)text[i];

		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		blob_put(json, text + plain, i - plain);
		write_escaped(byte, json);
		plain = i + 1;
	}
	blob_put(json, text + plain, size - plain);
	put_text(json, "\"");
	return 0;
}

static int write_double(uint64_t bits, struct blob_writer *json)
{
	char text[NUMBER_TEXT_MAX];
	double number;

	memcpy(&number, &bits, sizeof(number));
	if (!isfinite(number))
		return -EBADMSG;
	snprintf(text, sizeof(text), "%.17g", number);
	put_text(json, text);
	return 0;
}

static int write_integer(const struct blob_attr *attr, struct blob_writer *json)
{
	char text[NUMBER_TEXT_MAX];
	int64_t number;

	if (attr->type == BLOB_INT64 && attr->size == 8)
		number = (int64_t)blob_get_u64(attr->data);
	else if (attr->type == BLOB_INT32 && attr->size == 4)
		number = (int32_t)blob_get_u32(attr->data);
	else if (attr->type == BLOB_INT16 && attr->size == 2)
		number = (int16_t)blob_get_u16(attr->data);
	else
		return -EBADMSG;
	snprintf(text, sizeof(text), "%" PRId64, number);
	put_text(json, text);
	return 0;
}

static int write_value(const struct blob_attr *attr, int depth, struct blob_writer *json)
{
	switch (attr->type) {
	case BLOB_NULL:
		put_text(json, "null");
		return 0;
	case BLOB_ARRAY:
	case BLOB_TABLE:
		return write_list(attr->data, attr->size, attr->type == BLOB_ARRAY, depth + 1,
				  json);
	case BLOB_TEXT:
		if (!blob_is_text(attr))
			return -EBADMSG;
		return write_string((const char *)attr->data, attr->size - 1, json);
	case BLOB_BOOL:
		if (attr->size != 1)
			return -EBADMSG;
		put_text(json, attr->data[0] ? "true" : "false");
		return 0;
	case BLOB_DOUBLE:
		return attr->size == 8 ? write_double(blob_get_u64(attr->data), json) : -EBADMSG;
	default:
		return write_integer(attr, json);
	}
}

static int write_list(const uint8_t *attrs, size_t size, bool is_array, int depth,
		      struct blob_writer *json)
{
	struct blob_cursor cursor = { attrs, size };
	struct blob_attr attr;
	int error = depth > BLOB_JSON_DEPTH_MAX ? -EBADMSG : 0;
	int found = 0;

	put_text(json, is_array ? "[" : "{");
	for (bool first = true; !error && (found = blob_next(&cursor, &attr)) > 0; first = false) {
		if (!first)
			put_text(json, ",");
		if (!is_array) {
			error = attr.named ? write_string(attr.name, attr.name_size, json) :
					     -EBADMSG;
			put_text(json, ":");
		}
		if (!error)
			error = write_value(&attr, depth, json);
	}
	put_text(json, is_array ? "]" : "}");
	return error ? error : found;
}

int blob_to_json(const uint8_t *attrs, size_t size, struct blob_writer *json)
{
	int error = write_list(attrs, size, false, 1, json);

	return error ? error : json->error;
}

/* ------------------------------------------------------------------------ JSON to blobmsg */

struct parser {
	const uint8_t *at;
	const uint8_t *end;
	struct blob_writer *attrs;
	struct blob_writer text; /* of the last string */
};

static int read_members(struct parser *in, bool is_array, int depth);

static void skip_space(struct parser *in)
{
	while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at)
		in->at++;
}

/* True if `byte` comes next, which is taken. */
static bool take(struct parser *in, char byte)
{
	skip_space(in);
	if (in->at == in->end || *in->at != (uint8_t)byte)
		return false;
	in->at++;
	return true;
}

static bool take_word(struct parser *in, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(in->end - in->at) < size || memcmp(in->at, word, size) != 0)
		return false;
	in->at += size;
	return true;
}

static void put_code_point(struct blob_writer *text, uint32_t point)
{
	uint8_t bytes[4];
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = size - 1; i > 0; i--, point >>= 6)
		bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
	bytes[0] = (uint8_t)(leads[size] | point);
	blob_put(text, bytes, size);
}

/* Four hexadecimal digits. -EINVAL if there are others. */
static int read_unit(struct parser *in, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (in->end - in->at < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = *in->at ? strchr(digits, *in->at) : NULL;
		uint32_t value = digit ? (uint32_t)(digit - digits) : UINT32_MAX;

		if (!digit)
			return -EINVAL;
		unit = unit << 4 | (value < 16 ? value : value - 6);
		in->at++;
	}
	*ret_unit = unit;
	return 0;
}

static bool is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* What follows "\u". What a text on the bus cannot hold is replaced. */
static int read_escaped_unit(struct parser *in)
{
	const uint8_t *before;
	uint32_t unit, low;

	if (read_unit(in, &unit) < 0)
		return -EINVAL;
	before = in->at;
	if (is_high(unit) && take_word(in, "\\u")) {
		if (read_unit(in, &low) < 0)
			return -EINVAL;
		if (is_low(low)) {
			put_code_point(&in->text,
				       0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
			return 0;
		}
		in->at = before;
	}
	put_code_point(&in->text, unit == 0 || is_high(unit) || is_low(unit) ? REPLACEMENT : unit);
	return 0;
}

static int read_escape(struct parser *in)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (in->at == in->end)
		return -EINVAL;
	if (*in->at == 'u') {
		in->at++;
		return read_escaped_unit(in);
	}
	name = *in->at ? strchr(names, *in->at) : NULL;
	if (!name)
		return -EINVAL;
	blob_put(&in->text, &meanings[name - names], 1);
	in->at++;
	return 0;
}

/* Behind the opening quote; the text is left in in->text. */
static int read_string(struct parser *in)
{
	in->text.size = 0;
	while (in->at < in->end && *in->at != '"') {
		size_t size = utf8_sequence(in->at, (size_t)(in->end - in->at));

		if (*in->at < 0x20 || size == 0)
			return -EINVAL;
		if (*in->at == '\\') {
			in->at++;
			if (read_escape(in) < 0)
				return -EINVAL;
			continue;
		}
		blob_put(&in->text, in->at, size);
		in->at += size;
	}
	return take(in, '"') ? in->text.error : -EINVAL;
}

static void take_digits(struct parser *in, int *ret_count)
{
	*ret_count = 0;
	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
		++*ret_count;
}

/* Moves behind a number of RFC 8259. */
static int skip_number(struct parser *in, bool *ret_whole)
{
	const uint8_t *first;
	int digits;

	*ret_whole = true;
	take_word(in, "-");
	first = in->at;
	take_digits(in, &digits);
	if (digits == 0 || (digits > 1 && *first == '0'))
		return -EINVAL;
	if (take_word(in, ".")) {
		*ret_whole = false;
		take_digits(in, &digits);
	}
	if (digits > 0 && (take_word(in, "e") || take_word(in, "E"))) {
		*ret_whole = false;
		if (!take_word(in, "-"))
			take_word(in, "+");
		take_digits(in, &digits);
	}
	return digits > 0 ? 0 : -EINVAL;
}

static int put_number(struct blob_writer *attrs, const char *text, bool is_whole, size_t *begun,
		       const char *name, size_t name_size)
{
	uint8_t bytes[8];
	int64_t number;
	double real;
	uint64_t bits;

	errno = 0;
	number = is_whole ? strtoll(text, NULL, 10) : 0;
	if (is_whole && !errno) {
		bool fits = number >= INT32_MIN && number <= INT32_MAX;

		*begun = blob_begin(attrs, fits ? BLOB_INT32 : BLOB_INT64, name, name_size);
		blob_set_u64(bytes, (uint64_t)number);
		blob_put(attrs, fits ? bytes + 4 : bytes, fits ? 4 : 8);
		return 0;
	}
	real = strtod(text, NULL);
	if (!isfinite(real))
		return -EINVAL;
	memcpy(&bits, &real, sizeof(bits));
	*begun = blob_begin(attrs, BLOB_DOUBLE, name, name_size);
	blob_set_u64(bytes, bits);
	blob_put(attrs, bytes, sizeof(bytes));
	return 0;
}

static int read_number(struct parser *in, const char *name, size_t name_size, size_t *begun)
{
	const uint8_t *first = in->at;
	char text[NUMBER_TEXT_MAX];
	bool is_whole;

	if (skip_number(in, &is_whole) < 0 || in->at - first >= NUMBER_TEXT_MAX)
		return -EINVAL;
	memcpy(text, first, (size_t)(in->at - first));
	text[in->at - first] = '\0';
	return put_number(in->attrs, text, is_whole, begun, name, name_size);
}

/* A value that is neither array nor table nor number. */
static int read_plain(struct parser *in, const char *name, size_t name_size, size_t *begun)
{
	if (take(in, '"')) {
		int error;

		/* The name stands in the same buffer, so it is written first. */
		*begun = blob_begin(in->attrs, BLOB_TEXT, name, name_size);
		error = read_string(in);
		blob_put(in->attrs, in->text.data, in->text.size);
		blob_put(in->attrs, "", 1);
		return error;
	}
	if (take_word(in, "null")) {
		*begun = blob_begin(in->attrs, BLOB_NULL, name, name_size);
		return 0;
	}
	*begun = blob_begin(in->attrs, BLOB_BOOL, name, name_size);
	if (take_word(in, "true"))
		blob_put(in->attrs, "\1", 1);
	else if (take_word(in, "false"))
		blob_put(in->attrs, "\0", 1);
	else
		return -EINVAL;
	return 0;
}

static int read_value(struct parser *in, const char *name, size_t name_size, int depth)
{
	size_t begun = 0;
	int error;

	skip_space(in);
	if (in->at == in->end)
		return -EINVAL;
	if (*in->at == '[' || *in->at == '{') {
		bool is_array = *in->at++ == '[';

		begun = blob_begin(in->attrs, is_array ? BLOB_ARRAY : BLOB_TABLE, name, name_size);
		error = read_members(in, is_array, depth + 1);
	} else if (*in->at == '-' || (*in->at >= '0' && *in->at <= '9')) {
		error = read_number(in, name, name_size, &begun);
	} else {
		error = read_plain(in, name, name_size, &begun);
	}
	if (!error)
		blob_end(in->attrs, begun);
	return error;
}

static int read_member(struct parser *in, bool is_array, int depth)
{
	int error = 0;

	in->text.size = 0;
	if (!is_array) {
		error = take(in, '"') ? read_string(in) : -EINVAL;
		if (!error && !take(in, ':'))
			error = -EINVAL;
	}
	if (error)
		return error;
	return read_value(in, in->text.data ? (const char *)in->text.data : "", in->text.size,
			  depth);
}

/* Behind the opening bracket. */
static int read_members(struct parser *in, bool is_array, int depth)
{
	char closing = is_array ? ']' : '}';
	int error;

	if (depth > BLOB_JSON_DEPTH_MAX)
		return -EINVAL;
	if (take(in, closing))
		return 0;
	do {
		error = read_member(in, is_array, depth);
		if (error || in->attrs->error)
			return error;
	} while (take(in, ','));
	return take(in, closing) ? 0 : -EINVAL;
}

int blob_from_json(const uint8_t *json, size_t size, struct blob_writer *attrs)
{
	struct parser in = { json, json + size, attrs, { .most = attrs->most } };
	int error = take(&in, '{') ? read_members(&in, false, 1) : -EINVAL;

	skip_space(&in);
	if (!error && !attrs->error && in.at != in.end)
		error = -EINVAL;
	blob_free(&in.text);
	return error ? error : attrs->error;
}
