/* Joins TCP segments that arrive one by one into a super-packet, by the rules of the kernel's own
 * receive offload: same headers but for sequence number, checksum and PSH; each continues the one
 * before; all of one size, only the last may be shorter. Pure. */
#ifndef ADIT_MOVER_SEGMENT_JOIN_H
#define ADIT_MOVER_SEGMENT_JOIN_H

#include "segment.h"

/* Payloads below this are not worth waiting for a neighbour. */
#define SEGMENT_JOIN_MIN 256
#define SEGMENT_JOIN_SIZE_MAX 65535

struct segment_join {
	uint8_t *
		data; /* the caller's buffer, which holds the first segment and has room for more */
	size_t size;
	size_t capacity;
	struct segment_packet packet;
	uint16_t segment_size;
	unsigned count; /* segments so far */
	bool full;	/* the last one ended the batch */
};

/* Begins with the packet in `data`, whose checksum is right or open. False if it cannot be joined.
 */
bool segment_join_start(struct segment_join *ret_join, uint8_t *data, size_t size, size_t capacity,
			const struct segment_packet *packet);
/* Appends a packet whose checksum is right or open. False if it does not continue the batch. */
bool segment_join_add(struct segment_join *join, const uint8_t *data, size_t size,
		      const struct segment_packet *packet);
/* Sets the lengths; the transport checksum is open if there is more than one segment. */
void segment_join_finish(struct segment_join *join);

/* True if a TCP acknowledgement without data or selective blocks says all that an earlier one of
 * the same flow said, and more: the earlier one need not be sent. */
bool segment_supersedes(const uint8_t *newer, size_t newer_size, const uint8_t *older,
			size_t older_size, const struct segment_packet *packet);

#endif
