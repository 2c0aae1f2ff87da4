#include "forward.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Twice the rows, so that probing stays short; a power of two. */
#define BUCKETS 4096
#define LENGTHS_MAX 129

struct row {
	uint32_t slot; /* 0: the bucket is free */
	uint8_t family;
	uint8_t length;
	uint8_t bytes[16]; /* masked */
};

/* Prefix lengths in use, longest first. */
struct lengths {
	unsigned count;
	uint8_t values[LENGTHS_MAX];
};

struct forward {
	unsigned rows;
	struct lengths lengths4, lengths6;
	struct row buckets[BUCKETS];
};

int forward_new(struct forward **ret_forward)
{
	struct forward *forward = calloc(1, sizeof(*forward));

	if (forward == NULL)
		return -ENOMEM;
	*ret_forward = forward;
	return 0;
}

void forward_free(struct forward *forward)
{
	free(forward);
}

static void mask_bytes(const uint8_t *address, uint8_t length, uint8_t ret_bytes[static 16])
{
	memset(ret_bytes, 0, 16);
	memcpy(ret_bytes, address, length / 8);
	if (length % 8 != 0)
		ret_bytes[length / 8] = address[length / 8] & (uint8_t)(0xff00 >> length % 8);
}

static uint32_t hash_row(uint8_t family, uint8_t length, const uint8_t bytes[static 16])
{
	uint64_t halves[2];
	uint64_t hash;

	memcpy(halves, bytes, sizeof(halves));
	hash = (halves[0] ^ (uint64_t)family << 8 ^ length) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 29 ^ halves[1]) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(hash >> 32) % BUCKETS;
}

/* In two words: the library's comparison of memory goes byte by byte. */
static bool is_same(const uint8_t a[static 16], const uint8_t b[static 16])
{
	uint64_t left[2], right[2];

	memcpy(left, a, sizeof(left));
	memcpy(right, b, sizeof(right));
	return left[0] == right[0] && left[1] == right[1];
}

/* The row's bucket, or the free one where it belongs; there always is a free one. */
static struct row *find_bucket(const struct forward *forward, uint8_t family, uint8_t length,
			       const uint8_t bytes[static 16])
{
	uint32_t at = hash_row(family, length, bytes);

	for (;; at = (at + 1) % BUCKETS) {
		const struct row *row = &forward->buckets[at];

		if (row->slot == 0 || (row->family == family && row->length == length &&
				       is_same(row->bytes, bytes)))
			return (struct row *)row;
	}
}

static void add_length(struct lengths *lengths, uint8_t length)
{
	unsigned at = 0;

	while (at < lengths->count && lengths->values[at] > length)
		at++;
	if (at < lengths->count && lengths->values[at] == length)
		return;
	memmove(lengths->values + at + 1, lengths->values + at, lengths->count - at);
	lengths->values[at] = length;
	lengths->count++;
}

int forward_add(struct forward *forward, const struct inet_prefix *prefix, uint32_t slot)
{
	uint8_t family = prefix->ip.family;
	struct row *row;
	struct row wanted = {.slot = slot, .family = family, .length = prefix->length};

	if ((family != 4 && family != 6) || prefix->length > (family == 4 ? 32 : 128))
		return -EINVAL;
	if (slot == 0 || slot > FORWARD_SLOT_MAX)
		return -EINVAL;
	if (forward->rows == FORWARD_ROWS_MAX)
		return -ENOSPC;
	mask_bytes(prefix->ip.bytes, prefix->length, wanted.bytes);
	row = find_bucket(forward, family, prefix->length, wanted.bytes);
	if (row->slot != 0)
		return row->slot == slot ? 0 : -EEXIST;
	*row = wanted;
	forward->rows++;
	add_length(family == 4 ? &forward->lengths4 : &forward->lengths6, prefix->length);
	return 0;
}

uint32_t forward_find(const struct forward *forward, uint8_t family, const uint8_t *address)
{
	const struct lengths *lengths = family == 4 ? &forward->lengths4 : &forward->lengths6;
	uint8_t bytes[16];

	for (unsigned i = 0; i < lengths->count; i++) {
		uint32_t slot;

		mask_bytes(address, lengths->values[i], bytes);
		slot = find_bucket(forward, family, lengths->values[i], bytes)->slot;
		if (slot != 0)
			return slot;
	}
	return 0;
}
