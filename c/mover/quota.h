/* How much of each kind we keep in the kernel at most: what a configuration can need, by the limits
 * of ts/model/limits.ts. A decider that was taken over gets no more, and nothing beyond it is left
 * to the next one. */
#ifndef ADIT_MOVER_QUOTA_H
#define ADIT_MOVER_QUOTA_H

#include <stdint.h>

struct mover;

/* Of others' routes as many are copied as the decider is told of (routes.h), at most once for each
 * uplink or past the tunnels and once to reach what is beside; and four addresses in 126 places. */
#define QUOTA_ROUTES_MAX 4096
/* One for each neighbour that is kept, for each rule and address past the tunnels, and families. */
#define QUOTA_RULES_MAX 16384
/* Addresses of the TUN: a placeholder and two of a gateway for each place and family. */
#define QUOTA_ADDRESSES_MAX 1024

enum quota_kind { QUOTA_ROUTES, QUOTA_RULES, QUOTA_ADDRESSES, QUOTA_KINDS };

struct quota {
	uint32_t added[QUOTA_KINDS]; /* since the last count, and what it found */
	uint64_t counted_us; /* 0: never */
};

/* Counts what is ours, and removes all of a kind that is beyond its limit: an honest decider would
 * die of it. To be called before any decider lives; a failure is a warning. */
void quota_begin(struct mover *mover);
/* To be asked before one is added. 0, or -EDQUOT. What vanishes by itself or is removed is seen
 * when a limit seems to be reached, for which everything is counted again, once in a while. */
int quota_take(struct mover *mover, enum quota_kind kind);

#endif
