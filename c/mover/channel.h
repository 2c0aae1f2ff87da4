/* The mover's end of the socket pair to the decider: whole messages, a bounded queue, descriptors
 * passed along. */
#ifndef ADIT_MOVER_CHANNEL_H
#define ADIT_MOVER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct channel;

/* Bytes that may wait for a decider that does not read. */
#define CHANNEL_QUEUE_BYTES_MAX (4 << 20)
/* Descriptors that may wait with them: the table that they stand in is the tunnels' too. */
#define CHANNEL_DESCRIPTORS_MAX 32
/* channel_events.drained is called when less than this is left. */
#define CHANNEL_DRAINED_BYTES (256 << 10)

struct channel_events {
	void *arg;
	/* Borrowed for the call. */
	void (*message)(void *arg, const uint8_t *bytes, size_t length);
	/* The other end is closed or broken: nothing more is read. */
	void (*closed)(void *arg);
	void (*drained)(void *arg);
};

/* Takes `fd`, a non-blocking SOCK_SEQPACKET socket, in every case. 0 or -errno. */
int channel_new(struct loop *loop, int fd, const struct channel_events *events,
		struct channel **ret_channel);
/* Drops what waits. Not to be called from within a callback of the channel. */
void channel_free(struct channel *channel);
/* Queues one message with a descriptor (-1: none), which is taken in every case. 0, -ENOBUFS if too
 * much or too many wait already, -EPIPE once closed, -ENOMEM. */
int channel_send(struct channel *channel, const uint8_t *bytes, size_t length, int fd);
/* Between two calls messages are only queued, to leave together at the second. A turn in which the
 * channel itself is read is such a time. */
void channel_gather(struct channel *channel, bool begins);
/* While held nothing is read, and what the other end sends waits in its socket. */
void channel_hold(struct channel *channel, bool held);
/* Hands over what the other end sent before it was closed. */
void channel_drain(struct channel *channel);
size_t channel_waiting(const struct channel *channel);

#endif
