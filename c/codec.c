#include "codec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "inet.h"
#include "utf8.h"

struct writer {
	uint8_t *at;
	size_t left;
};

struct reader {
	const uint8_t *at;
	size_t left;
};

static int put_integer(struct writer *out, uint64_t value, unsigned int bytes);
static void *list_items(const struct codec_field *field, const void *message);
static int encode_fields(const struct codec_shape *shape, const void *message, struct writer *out);
static int decode_fields(const struct codec_shape *shape, struct reader *in, void *ret);

int codec_encode(const struct codec_shape *shape, const void *message, uint32_t seq, uint8_t *buf,
		 size_t size)
{
	struct writer out = { buf, size };
	int r = put_integer(&out, shape->id, 4); /* 16 bits of id, 16 of zero */

	if (r == 0)
		r = put_integer(&out, seq, 4);
	if (r == 0)
		r = encode_fields(shape, message, &out);
	return r < 0 ? r : (int)(out.at - buf);
}

int codec_decode(const struct codec_shape *shape, const uint8_t *payload, size_t size, void *ret)
{
	struct reader in = { payload, size };
	int r;

	memset(ret, 0, shape->size);
	r = decode_fields(shape, &in, ret);
	if (r == 0 && in.left > 0)
		r = -EBADMSG;
	if (r < 0)
		codec_clear(shape, ret);
	return r;
}

void codec_clear(const struct codec_shape *shape, void *message)
{
	for (int i = 0; i < shape->count; i++) {
		const struct codec_field *field = &shape->fields[i];

		if (field->kind == CODEC_LIST)
			free(list_items(field, message));
	}
	memset(message, 0, shape->size);
}

/* ------------------------------------------------------------------------ integers */

static unsigned int integer_bytes(enum codec_kind kind)
{
	switch (kind) {
	case CODEC_U8:
	case CODEC_BOOL:
		return 1;
	case CODEC_U16:
		return 2;
	case CODEC_U32:
	case CODEC_I32:
		return 4;
	case CODEC_U64:
		return 8;
	default:
		return 0;
	}
}

static uint64_t integer_load(const void *at, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void integer_store(void *at, unsigned int bytes, uint64_t value)
{
	switch (bytes) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = value;
	}
}

static int put_integer(struct writer *out, uint64_t value, unsigned int bytes)
{
	if (out->left < bytes)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < bytes; i++)
		out->at[i] = (uint8_t)(value >> (8 * i));
	out->at += bytes;
	out->left -= bytes;
	return 0;
}

static int get_integer(struct reader *in, unsigned int bytes, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (in->left < bytes)
		return -EBADMSG;
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)in->at[i] << (8 * i);
	in->at += bytes;
	in->left -= bytes;
	*ret_value = value;
	return 0;
}

static int put_raw(struct writer *out, const void *data, size_t size)
{
	if (out->left < size)
		return -EMSGSIZE;
	if (size > 0)
		memcpy(out->at, data, size);
	out->at += size;
	out->left -= size;
	return 0;
}

static int get_raw(struct reader *in, void *ret_data, size_t size)
{
	if (in->left < size)
		return -EBADMSG;
	memcpy(ret_data, in->at, size);
	in->at += size;
	in->left -= size;
	return 0;
}

/* A view of a field with a length before it; at most `max` bytes. */
static int get_counted(struct reader *in, uint16_t max, const uint8_t **ret_data,
		       uint32_t *ret_size)
{
	uint64_t size;
	int r = get_integer(in, 2, &size);

	if (r < 0)
		return r;
	if (size > max || size > in->left)
		return -EBADMSG;
	*ret_data = in->at;
	*ret_size = (uint32_t)size;
	in->at += size;
	in->left -= size;
	return 0;
}

/* ------------------------------------------------------------------------- strings */

static int encode_text(const struct codec_field *field, const char *text, struct writer *out)
{
	size_t size = strnlen(text, field->max);
	uint8_t *at;
	int r = put_integer(out, size, 2);

	if (r < 0)
		return r;
	at = out->at;
	r = put_raw(out, text, size);
	if (r < 0)
		return r;
	while (at < out->at) {
		size_t length = utf8_sequence(at, (size_t)(out->at - at));

		if (length == 0) {
			*at = '?';
			length = 1;
		}
		at += length;
	}
	return 0;
}

static int decode_text(const struct codec_field *field, struct reader *in, char *ret_text)
{
	const uint8_t *data;
	uint32_t size;
	int r = get_counted(in, field->max, &data, &size);

	if (r < 0)
		return r;
	if (memchr(data, 0, size) != NULL || !utf8_valid(data, size))
		return -EBADMSG;
	memcpy(ret_text, data, size);
	ret_text[size] = '\0';
	return 0;
}

static int encode_bytes(const struct codec_field *field, const struct msg_bytes *bytes,
			struct writer *out)
{
	int r;

	if (bytes->size > field->max)
		return -EMSGSIZE;
	r = put_integer(out, bytes->size, 2);
	return r < 0 ? r : put_raw(out, bytes->data, bytes->size);
}

/* ----------------------------------------------------------------------- addresses */

/* Bytes of an address of that family; -1 if there is no such family. */
static int family_bytes(uint8_t family)
{
	switch (family) {
	case 0:
		return 0;
	case 4:
		return 4;
	case 6:
		return 16;
	default:
		return -1;
	}
}

static int encode_ip(const struct inet_ip *ip, struct writer *out)
{
	int bytes = family_bytes(ip->family);
	int r;

	if (bytes < 0)
		return -EINVAL;
	r = put_integer(out, ip->family, 1);
	return r < 0 ? r : put_raw(out, ip->bytes, (size_t)bytes);
}

static int decode_ip(struct reader *in, struct inet_ip *ret_ip)
{
	int bytes;
	int r = get_raw(in, &ret_ip->family, 1);

	if (r < 0)
		return r;
	bytes = family_bytes(ret_ip->family);
	return bytes < 0 ? -EBADMSG : get_raw(in, ret_ip->bytes, (size_t)bytes);
}

static int encode_prefix(const struct inet_prefix *prefix, struct writer *out)
{
	int bytes = family_bytes(prefix->ip.family);
	int r;

	if (bytes < 0 || prefix->length > 8 * bytes)
		return -EINVAL;
	r = encode_ip(&prefix->ip, out);
	return r < 0 ? r : put_integer(out, prefix->length, 1);
}

static int decode_prefix(struct reader *in, struct inet_prefix *ret_prefix)
{
	int r = decode_ip(in, &ret_prefix->ip);

	if (r == 0)
		r = get_raw(in, &ret_prefix->length, 1);
	if (r < 0)
		return r;
	return ret_prefix->length > 8 * family_bytes(ret_prefix->ip.family) ? -EBADMSG : 0;
}

/* --------------------------------------------------------------------------- lists */

/* The pointer has another type in each message; copying its bytes is what C allows. */
static void *list_items(const struct codec_field *field, const void *message)
{
	void *items;

	memcpy(&items, (const uint8_t *)message + field->offset, sizeof(items));
	return items;
}

static int encode_list(const struct codec_field *field, const uint8_t *message, struct writer *out)
{
	const struct codec_shape *element = &codec_structs[field->sub];
	uint16_t count = *(const uint16_t *)(message + field->count_offset);
	const uint8_t *items = list_items(field, message);
	int r;

	if (count > field->max)
		return -EMSGSIZE;
	r = put_integer(out, count, 2);
	for (uint16_t i = 0; r == 0 && i < count; i++)
		r = encode_fields(element, items + (size_t)i * element->size, out);
	return r;
}

static int decode_list(const struct codec_field *field, struct reader *in, uint8_t *ret_message)
{
	const struct codec_shape *element = &codec_structs[field->sub];
	uint8_t *items;
	uint64_t count;
	int r = get_integer(in, 2, &count);

	if (r < 0)
		return r;
	/* Nothing is allocated on the strength of a count that the payload cannot back. */
	if (count > field->max || count * element->wire_min > in->left)
		return -EBADMSG;
	if (count == 0)
		return 0;
	items = calloc((size_t)count, element->size);
	if (items == NULL)
		return -ENOMEM;
	memcpy(ret_message + field->offset, &items, sizeof(items));
	*(uint16_t *)(ret_message + field->count_offset) = (uint16_t)count;
	for (uint64_t i = 0; r == 0 && i < count; i++)
		r = decode_fields(element, in, items + i * element->size);
	return r;
}

/* -------------------------------------------------------------------------- fields */

static int encode_field(const struct codec_field *field, const uint8_t *message, struct writer *out)
{
	const void *value = message + field->offset;
	unsigned int bytes = integer_bytes(field->kind);

	if (bytes > 0)
		return put_integer(out, integer_load(value, bytes), bytes);
	switch (field->kind) {
	case CODEC_STR:
		return encode_text(field, value, out);
	case CODEC_BYTES:
		return encode_bytes(field, value, out);
	case CODEC_IP:
		return encode_ip(value, out);
	case CODEC_PREFIX:
		return encode_prefix(value, out);
	case CODEC_MAC:
		return put_raw(out, value, sizeof(struct inet_mac));
	default:
		return encode_list(field, message, out);
	}
}

static int decode_integer(const struct codec_field *field, struct reader *in, void *ret)
{
	unsigned int bytes = integer_bytes(field->kind);
	uint64_t value;
	int r = get_integer(in, bytes, &value);

	if (r < 0)
		return r;
	if (field->kind == CODEC_BOOL && value > 1)
		return -EBADMSG;
	integer_store(ret, bytes, value);
	return 0;
}

static int decode_field(const struct codec_field *field, struct reader *in, uint8_t *message)
{
	void *value = message + field->offset;
	struct msg_bytes *view = value;

	switch (field->kind) {
	case CODEC_STR:
		return decode_text(field, in, value);
	case CODEC_BYTES:
		return get_counted(in, field->max, &view->data, &view->size);
	case CODEC_IP:
		return decode_ip(in, value);
	case CODEC_PREFIX:
		return decode_prefix(in, value);
	case CODEC_MAC:
		return get_raw(in, value, sizeof(struct inet_mac));
	case CODEC_LIST:
		return decode_list(field, in, message);
	default:
		return decode_integer(field, in, value);
	}
}

static int encode_fields(const struct codec_shape *shape, const void *message, struct writer *out)
{
	int r = 0;

	for (int i = 0; r == 0 && i < shape->count; i++)
		r = encode_field(&shape->fields[i], message, out);
	return r;
}

static int decode_fields(const struct codec_shape *shape, struct reader *in, void *ret)
{
	int r = 0;

	for (int i = 0; r == 0 && i < shape->count; i++)
		r = decode_field(&shape->fields[i], in, ret);
	return r;
}
