/* Connection tracking entries that are not where they belong are forgotten. */
#ifndef ADIT_SYS_CT_H
#define ADIT_SYS_CT_H

#include "../loop.h"
#include "flow.h"
#include "nl.h"

struct ct;

#define CT_WAITING_MAX 4
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

/* Deletes the entries that the law does not keep, one datagram of the kernel's table in a turn of
 * the loop; requests that wait share a walk over the table. A kernel without connection tracking
 * has none to delete. 0 if `done` will be called from the loop, -EBUSY if CT_WAITING_MAX requests
 * wait, or as flow_law_new. */
int ct_delete(struct ct *ct, const struct flow_law *law, const struct ct_asker *asker);
/* Calls no `done` any more for requests so far; they run to their end. */
void ct_forget(struct ct *ct);

/* 1 and the request that deletes the entry in `ret_request` (CT_DELETE_BYTES_MAX, aligned to 4, its
 * length in `ret_length`) if the law does not keep the entry in `message`, 0 if it does, -EBADMSG.
 * Pure. `law` was made by flow_law_new. */
int ct_match(const struct nl_message *message, const struct flow_law *law, void *ret_request,
	     size_t *ret_length);

#endif
