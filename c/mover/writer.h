/* Files of the state directory are written by a child, because a flash may keep its writer waiting
 * for longer than packets can. The decider's next message is read when the child is done, so that
 * everything is done in the order in which it was asked for. */
#ifndef ADIT_MOVER_WRITER_H
#define ADIT_MOVER_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../loop.h"

struct mover;

struct writer {
	pid_t pid; /* 0 while nothing is written */
	struct loop_watch exited; /* a pidfd */
	uint32_t seq; /* of the command that it answers */
};

/* Replaces a file as file_write does and answers the command; `data` is borrowed for the call. */
void writer_write(struct mover *mover, uint32_t seq, const char *path, unsigned int mode,
		  const uint8_t *data, size_t size);
/* Removes a file as file_remove does and answers the command. */
void writer_remove(struct mover *mover, uint32_t seq, const char *path);
bool writer_is_busy(const struct mover *mover);
/* Waits until nothing is written any more. */
void writer_finish(struct mover *mover);

#endif
