/* Connection tracking entries of one address are forgotten when its tunnel changes. */
#ifndef ADIT_SYS_CT_H
#define ADIT_SYS_CT_H

#include "../inet.h"
#include "../loop.h"
#include "nl.h"

struct ct;

#define CT_WAITING_MAX 256
#define CT_DELETE_BYTES_MAX 512

/* Who asked; `tag` is handed back, `error` is 0 or a negative errno, `count` entries were
 * deleted. */
struct ct_asker {
	void (*done)(void *arg, uint32_t tag, int error, uint32_t count);
	void *arg;
	uint32_t tag;
};

/* 0 or -errno. Owned by the caller. */
int ct_new(struct loop *loop, struct ct **ret_ct);
void ct_free(struct ct *ct);

/* Deletes the entries whose original source or reply destination lies in `prefix`, one datagram of
 * the kernel's table in a turn of the loop; requests that wait share a walk over the table. A
 * kernel without connection tracking has none to delete. 0 if `done` will be called from the loop,
 * -EBUSY if CT_WAITING_MAX requests wait. */
int ct_delete(struct ct *ct, const struct inet_prefix *prefix, const struct ct_asker *asker);
/* Calls no `done` any more for requests so far; they run to their end. */
void ct_forget(struct ct *ct);

/* 1 and the request that deletes the entry in `ret_request` (CT_DELETE_BYTES_MAX, aligned to 4, its
 * length in `ret_length`) if the entry in `message` matches, 0 if not, -EBADMSG. Pure. */
int ct_match(const struct nl_message *message, const struct inet_prefix *prefix, void *ret_request,
	     size_t *ret_length);

#endif
