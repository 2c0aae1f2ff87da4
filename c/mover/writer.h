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

/* What may be written at once, and in the course of each day: flash wears out. Every command counts
 * as WRITER_BLOCK_BYTES more than its data. */
#define WRITER_BYTES_MAX (16 << 20)
#define WRITER_BLOCK_BYTES 4096

struct writer {
	pid_t pid; /* 0 while nothing is written */
	struct loop_watch exited; /* a pidfd */
	uint32_t seq; /* of the command that it answers */
	uint64_t worn; /* bytes that count */
	uint64_t healed_us; /* when that was last made less */
};

/* Replaces a file as file_write does and answers the command; `data` is borrowed for the call.
 * -EDQUOT if that is more than flash should bear. */
void writer_write(struct mover *mover, uint32_t seq, const char *path, unsigned int mode,
		  const uint8_t *data, size_t size);
/* Removes a file as file_remove does and answers the command. */
void writer_remove(struct mover *mover, uint32_t seq, const char *path);
/* What was worn by earlier lives of the mover, which a decider can end at will: kept in the lock's
 * file, behind its first line. Without it nothing was. */
void writer_recall(struct mover *mover, int lock_fd);
void writer_note(const struct mover *mover, int lock_fd);
bool writer_is_busy(const struct mover *mover);
/* Waits until nothing is written any more. */
void writer_finish(struct mover *mover);

#endif
