/* Turns structs into contract messages and back, driven by the tables of contract.gen.c. The wire
 * format is described in docs/contract.md. Callers use the typed functions of contract.gen.h. */
#ifndef ADIT_CODEC_H
#define ADIT_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define CODEC_HEADER_BYTES 8

/* Bytes that a decoded message borrows from the buffer it was decoded from. */
struct msg_bytes {
	const uint8_t *data;
	uint32_t size;
};

enum codec_kind {
	CODEC_U8,
	CODEC_U16,
	CODEC_U32,
	CODEC_I32,
	CODEC_U64,
	CODEC_BOOL,
	CODEC_STR,
	CODEC_BYTES,
	CODEC_IP,
	CODEC_PREFIX,
	CODEC_MAC,
	CODEC_LIST,
};

struct codec_field {
	uint8_t kind; /* enum codec_kind */
	uint8_t sub; /* CODEC_LIST: index in codec_structs */
	uint16_t max; /* bytes of a string or byte field, elements of a list */
	uint16_t offset; /* in the C struct */
	uint16_t count_offset; /* CODEC_LIST: where the uint16_t count is */
};

struct codec_shape {
	const struct codec_field *fields;
	uint16_t id; /* 0 for a struct inside a list */
	uint16_t size; /* of the C struct */
	uint8_t count; /* of fields */
	uint8_t wire_min; /* fewest bytes it can take on the wire */
};

/* Element types of lists, generated. */
extern const struct codec_shape codec_structs[];

/* Writes header and fields. Bytes of a string that are not UTF-8 (the kernel gives some, such as
 * interface names) become '?'. Returns the length, -EMSGSIZE if `buf` or a field's limit is too
 * small, -EINVAL if an address has no valid family or length. */
int codec_encode(const struct codec_shape *shape, const void *message, uint32_t seq, uint8_t *buf,
		 size_t size);

/* Reads the fields of one message. 0, -EBADMSG or -ENOMEM; on failure `ret` owns nothing and is all
 * zero. Lists are owned by `ret` (codec_clear), bytes stay borrowed from `payload`. */
int codec_decode(const struct codec_shape *shape, const uint8_t *payload, size_t size, void *ret);

/* Frees what codec_decode allocated and zeroes the message. */
void codec_clear(const struct codec_shape *shape, void *message);

#endif
