/* Tells the decider what the kernel holds: a dump, then every change, and a dump again after a
 * loss. */
#ifndef ADIT_MOVER_WATCH_H
#define ADIT_MOVER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct watch;

/* While more than this waits for the decider nothing is read from the kernel, whose own buffer then
 * fills; what it has to drop is made good by a dump. */
#define WATCH_BACKLOG_BYTES_MAX (1 << 20)
/* Dumps begin no more often than this, unless the decider asks. */
#define WATCH_DUMP_INTERVAL_US 200000
#define WATCH_NFT_INTERVAL_US 20000

struct watch_events {
	void *arg;
	/* One encoded contract message. Returns how many bytes wait for the decider. */
	size_t (*message)(void *arg, const uint8_t *bytes, size_t length);
	/* Before and after the messages of one turn; may be NULL. */
	void (*gather)(void *arg, bool begins);
};

/* 0 or -errno. Owned by the caller. */
int watch_new(struct loop *loop, const struct watch_events *events, struct watch **ret_watch);
void watch_free(struct watch *watch);
/* Subscribes, if it is not done yet, and begins a dump. 0 or -errno. */
int watch_start(struct watch *watch);
/* Ends all subscriptions. */
void watch_stop(struct watch *watch);
/* To be called when what waited for the decider was sent. */
void watch_resume(struct watch *watch);

#endif
