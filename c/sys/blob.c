#include "blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNED(size) (((size) + 3) & ~(size_t)3)
#define NAMED 0x80000000u
#define TYPE_SHIFT 24
#define TYPE_MASK 0x7fu
#define NAME_LENGTH_BYTES 2
#define ROOM_FIRST 256

uint16_t blob_get_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t blob_get_u32(const uint8_t *bytes)
{
	return (uint32_t)blob_get_u16(bytes) << 16 | blob_get_u16(bytes + 2);
}

uint64_t blob_get_u64(const uint8_t *bytes)
{
	return (uint64_t)blob_get_u32(bytes) << 32 | blob_get_u32(bytes + 4);
}

void blob_set_u16(uint8_t *ret_bytes, uint16_t value)
{
	ret_bytes[0] = (uint8_t)(value >> 8);
	ret_bytes[1] = (uint8_t)value;
}

void blob_set_u32(uint8_t *ret_bytes, uint32_t value)
{
	blob_set_u16(ret_bytes, (uint16_t)(value >> 16));
	blob_set_u16(ret_bytes + 2, (uint16_t)value);
}

void blob_set_u64(uint8_t *ret_bytes, uint64_t value)
{
	blob_set_u32(ret_bytes, (uint32_t)(value >> 32));
	blob_set_u32(ret_bytes + 4, (uint32_t)value);
}

/* ------------------------------------------------------------------------------ writing */

static int grow(struct blob_writer *writer, size_t wanted)
{
	size_t room = writer->room ? writer->room : ROOM_FIRST;
	uint8_t *data;

	while (room < wanted)
		room *= 2;
	data = realloc(writer->data, room);
	if (!data)
		return -ENOMEM;
	writer->data = data;
	writer->room = room;
	return 0;
}

void blob_put(struct blob_writer *writer, const void *bytes, size_t size)
{
	if (!writer->error && (size > writer->most || writer->size > writer->most - size))
		writer->error = -EMSGSIZE;
	if (!writer->error && writer->size + size > writer->room)
		writer->error = grow(writer, writer->size + size);
	if (writer->error || size == 0)
		return;
	memcpy(writer->data + writer->size, bytes, size);
	writer->size += size;
}

/* Attributes begin at multiples of four from the start of what is written. */
static void pad(struct blob_writer *writer, size_t begun)
{
	static const uint8_t zeros[3];
	size_t size = writer->size - begun;

	blob_put(writer, zeros, ALIGNED(size) - size);
}

size_t blob_begin(struct blob_writer *writer, unsigned int type, const char *name,
		  size_t name_size)
{
	size_t begun = writer->size;
	uint8_t length[NAME_LENGTH_BYTES];
	uint8_t header[BLOB_HEADER_BYTES];

	blob_set_u32(header, (name ? NAMED : 0) | type << TYPE_SHIFT);
	blob_put(writer, header, sizeof(header));
	if (!name)
		return begun;
	if (name_size > UINT16_MAX && !writer->error)
		writer->error = -EMSGSIZE;
	blob_set_u16(length, (uint16_t)name_size);
	blob_put(writer, length, sizeof(length));
	blob_put(writer, name, name_size);
	blob_put(writer, "", 1);
	pad(writer, begun);
	return begun;
}

void blob_end(struct blob_writer *writer, size_t begun)
{
	size_t size = writer->size - begun;
	uint8_t *header;

	if (!writer->error && size > BLOB_BYTES_MAX)
		writer->error = -EMSGSIZE;
	if (writer->error)
		return;
	header = writer->data + begun;
	blob_set_u32(header, blob_get_u32(header) | (uint32_t)size);
	pad(writer, begun);
}

void blob_add_u32(struct blob_writer *writer, unsigned int type, uint32_t value)
{
	size_t begun = blob_begin(writer, type, NULL, 0);
	uint8_t bytes[4];

	blob_set_u32(bytes, value);
	blob_put(writer, bytes, sizeof(bytes));
	blob_end(writer, begun);
}

void blob_add_text(struct blob_writer *writer, unsigned int type, const char *text)
{
	size_t begun = blob_begin(writer, type, NULL, 0);

	blob_put(writer, text, strlen(text) + 1);
	blob_end(writer, begun);
}

void blob_free(struct blob_writer *writer)
{
	free(writer->data);
	*writer = (struct blob_writer){ .most = writer->most };
}

/* ------------------------------------------------------------------------------ reading */

/* Takes the name off the value. */
static int read_name(struct blob_attr *attr)
{
	size_t length, taken;

	if (attr->size < NAME_LENGTH_BYTES)
		return -EBADMSG;
	length = blob_get_u16(attr->data);
	taken = ALIGNED(NAME_LENGTH_BYTES + length + 1);
	if (taken > attr->size)
		return -EBADMSG;
	attr->name = (const char *)attr->data + NAME_LENGTH_BYTES;
	attr->name_size = length;
	if (memchr(attr->name, '\0', length + 1) != attr->name + length)
		return -EBADMSG;
	attr->data += taken;
	attr->size -= taken;
	return 0;
}

int blob_next(struct blob_cursor *cursor, struct blob_attr *ret_attr)
{
	uint32_t word;
	size_t size;

	if (cursor->left == 0)
		return 0;
	if (cursor->left < BLOB_HEADER_BYTES)
		return -EBADMSG;
	word = blob_get_u32(cursor->at);
	size = word & BLOB_BYTES_MAX;
	if (size < BLOB_HEADER_BYTES || ALIGNED(size) > cursor->left)
		return -EBADMSG;
	*ret_attr = (struct blob_attr){
		.type = word >> TYPE_SHIFT & TYPE_MASK,
		.named = (word & NAMED) != 0,
		.name = "",
		.data = cursor->at + BLOB_HEADER_BYTES,
		.size = size - BLOB_HEADER_BYTES,
	};
	cursor->at += ALIGNED(size);
	cursor->left -= ALIGNED(size);
	if (ret_attr->named && read_name(ret_attr) < 0)
		return -EBADMSG;
	return 1;
}

bool blob_is_text(const struct blob_attr *attr)
{
	return attr->size > 0 &&
	       memchr(attr->data, '\0', attr->size) == attr->data + attr->size - 1;
}
