/* The forward table: inner prefixes to slots, longest prefix first. Pure. */
#ifndef ADIT_MOVER_FORWARD_H
#define ADIT_MOVER_FORWARD_H

#include <stdint.h>

#include "../inet.h"

#define FORWARD_ROWS_MAX 2048
/* Slots are numbered from 1 to this. */
#define FORWARD_SLOT_MAX 4096

struct forward;

/* 0 or -ENOMEM. Owned by the caller. */
int forward_new(struct forward **ret_forward);
void forward_free(struct forward *forward);

/* Adds a row; host bits of the prefix are ignored. -EINVAL for a bad family, length or slot,
 * -EEXIST if the prefix has another slot already, -ENOSPC beyond FORWARD_ROWS_MAX. */
int forward_add(struct forward *forward, const struct inet_prefix *prefix, uint32_t slot);

/* The slot of the longest prefix that `address` (4 or 16 bytes) lies in, 0 if there is none. The
 * cost grows with the number of different prefix lengths, not with the number of rows. */
uint32_t forward_find(const struct forward *forward, uint8_t family, const uint8_t *address);

#endif
