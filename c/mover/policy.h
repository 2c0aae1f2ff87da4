/* Caged processes, one for each policy script: their start, their end, their last words. The mover
 * hands the decider one end of a cage's socket and never talks to a cage itself. */
#ifndef ADIT_MOVER_POLICY_H
#define ADIT_MOVER_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../contract.gen.h"
#include "../loop.h"

struct mover;

#define POLICY_CAGES_MAX 3
/* Killed ones count no more, but need a place until the kernel is done with them. */
#define POLICY_PLACES_MAX 8

struct cage {
	struct mover *mover;
	uint32_t number; /* 0: the place is free */
	pid_t pid;
	bool killed; /* by us */
	bool forgotten; /* its decider is gone: nobody is to be told */
	int words_fd; /* what it writes to standard error; read when it is dead */
	struct loop_watch exited; /* a pidfd */
};

/* Starts a cage; `message` was checked. The decider's end of the socket, which is non-blocking, or
 * -errno: -EMFILE if POLICY_CAGES_MAX are alive, -EAGAIN if too many are dying, -ENOENT without a
 * prelude. */
int policy_open(struct mover *mover, const struct msg_policy_open *message, uint32_t *ret_cage);
/* Kills a cage of the decider; policy_died follows. An unknown number is passed over. */
void policy_kill(struct mover *mover, uint32_t number);
/* The decider is gone: kills all cages. */
void policy_forget(struct mover *mover);
/* Kills and reaps; for the end of the mover. */
void policy_reap(struct mover *mover);

#endif
