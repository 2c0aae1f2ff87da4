/* The attributes that ubus messages are made of (blob.h and blobmsg.h of libubox): a big-endian
 * word of type and length, for members of a table or array a name, the value, zeros up to a
 * multiple of four. Nothing here loads a word from memory that may not be aligned. Pure. */
#ifndef ADIT_SYS_BLOB_H
#define ADIT_SYS_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_HEADER_BYTES 4
/* Lengths have 24 bits. */
#define BLOB_BYTES_MAX 0xffffff

/* Types of named attributes, enum blobmsg_type. */
enum blob_type {
	BLOB_NULL,
	BLOB_ARRAY,
	BLOB_TABLE,
	BLOB_TEXT,
	BLOB_INT64,
	BLOB_INT32,
	BLOB_INT16,
	BLOB_BOOL,
	BLOB_DOUBLE,
};

/* Grows as it is written, up to `most` bytes; zero all but `most`. The first failure stays in
 * `error` (-EMSGSIZE, -ENOMEM) and makes everything after it do nothing. */
struct blob_writer {
	uint8_t *data; /* owned, freed by blob_free */
	size_t size;
	size_t room;
	size_t most;
	int error;
};

/* Plain bytes. */
void blob_put(struct blob_writer *writer, const void *bytes, size_t size);
/* Begins an attribute, a named one unless `name` is NULL; what is put until blob_end is its value.
 * Returns the place for blob_end. */
size_t blob_begin(struct blob_writer *writer, unsigned int type, const char *name,
		  size_t name_size);
void blob_end(struct blob_writer *writer, size_t begun);
/* Whole attributes without a name. A text is written with its NUL. */
void blob_add_u32(struct blob_writer *writer, unsigned int type, uint32_t value);
void blob_add_text(struct blob_writer *writer, unsigned int type, const char *text);
void blob_free(struct blob_writer *writer);

/* One attribute of others' bytes; `name` (of a named one, without its NUL) and `data` are
 * borrowed. */
struct blob_attr {
	unsigned int type;
	bool named;
	const char *name;
	size_t name_size;
	const uint8_t *data;
	size_t size;
};

struct blob_cursor {
	const uint8_t *at;
	size_t left;
};

/* The next attribute: 1, 0 at the end, -EBADMSG if what is left is none. */
int blob_next(struct blob_cursor *cursor, struct blob_attr *ret_attr);

/* Integers as they are on the wire. */
uint16_t blob_get_u16(const uint8_t *bytes);
uint32_t blob_get_u32(const uint8_t *bytes);
uint64_t blob_get_u64(const uint8_t *bytes);
void blob_set_u16(uint8_t *ret_bytes, uint16_t value);
void blob_set_u32(uint8_t *ret_bytes, uint32_t value);
void blob_set_u64(uint8_t *ret_bytes, uint64_t value);
/* True if the value is one text: a NUL at its end and nowhere else. */
bool blob_is_text(const struct blob_attr *attr);

#endif
