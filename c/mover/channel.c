#define _GNU_SOURCE 1
#include "channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "../contract.gen.h"

/* Messages handled in one turn of the loop, so that a talkative decider leaves room for packets. */
#define MESSAGES_PER_TURN 32
/* More than the kernel keeps in a socket buffer. */
#define DRAIN_TURNS_MAX 256
/* Answers of one turn that leave together. */
#define GATHERED_BYTES_MAX (64u << 10)
/* What a queued message costs beside its bytes. */
#define ENTRY_OVERHEAD_BYTES 64

struct entry {
	struct entry *next;
	int fd;
	size_t length;
	uint8_t bytes[];
};

struct channel {
	struct loop *loop;
	struct loop_watch ready;
	struct channel_events events;
	bool closed;
	bool held;
	bool drain_wanted;
	bool gathering; /* what is sent leaves at the end of the turn */
	struct entry *first;
	struct entry **last;
	size_t waiting;
	unsigned int descriptors; /* that wait with their messages */
	uint8_t buffer[MSG_BYTES_MAX];
};

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void drop_first(struct channel *channel)
{
	struct entry *entry = channel->first;

	channel->first = entry->next;
	if (!channel->first)
		channel->last = &channel->first;
	channel->waiting -= entry->length + ENTRY_OVERHEAD_BYTES;
	channel->descriptors -= entry->fd >= 0;
	close_fd(entry->fd);
	free(entry);
}

static void set_watched(struct channel *channel)
{
	uint32_t events = (channel->held ? 0 : EPOLLIN) | (channel->first ? EPOLLOUT : 0);

	/* Watched for nothing, the end of the other side would be told again and again. */
	if (!channel->closed && !events)
		loop_unwatch(&channel->ready);
	else if (!channel->closed)
		CHECK(loop_watch(channel->loop, &channel->ready, events) == 0);
}

static void close_channel(struct channel *channel)
{
	if (channel->closed)
		return;
	channel->closed = true;
	loop_unwatch(&channel->ready);
	channel->events.closed(channel->events.arg);
}

/* 0, or -errno of sendmsg. */
static int send_entry(int socket_fd, const struct entry *entry)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)entry->bytes, entry->length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (entry->fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &entry->fd, sizeof(int));
	}
	if (sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

/* 0, -EAGAIN if the socket is full, or what broke it. */
static int flush(struct channel *channel)
{
	int error = 0;

	while (channel->first && !error) {
		error = send_entry(channel->ready.fd, channel->first);
		if (error == -EINTR)
			error = 0;
		else if (!error)
			drop_first(channel);
	}
	return error;
}

static void tell_drained(struct channel *channel)
{
	if (!channel->drain_wanted || channel->waiting >= CHANNEL_DRAINED_BYTES)
		return;
	channel->drain_wanted = false;
	channel->events.drained(channel->events.arg);
}

static void write_ready(struct channel *channel)
{
	int error = flush(channel);

	if (error && error != -EAGAIN) {
		close_channel(channel);
		return;
	}
	set_watched(channel);
	tell_drained(channel);
}

/* As much as the socket has room for. A broken one is reported by the loop, not here. */
static void send_waiting(struct channel *channel)
{
	if (!(channel->ready.events & EPOLLOUT))
		flush(channel);
	if (channel->waiting >= CHANNEL_DRAINED_BYTES)
		channel->drain_wanted = true;
	set_watched(channel);
}

/* Answers leave together, because on one processor the first one that arrives alone would stop the
 * mover for the decider, which then has one answer and waits for the next. Descriptors never come
 * from the decider: without a control buffer the kernel drops them. */
static void read_ready(struct channel *channel)
{
	channel_gather(channel, true);
	for (int i = 0; i < MESSAGES_PER_TURN && !channel->closed && !channel->held; i++) {
		struct iovec part = { channel->buffer, sizeof(channel->buffer) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t length = recvmsg(channel->ready.fd, &message, MSG_DONTWAIT);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (length <= 0) {
			close_channel(channel);
			break;
		}
		/* A message that was cut is too long for the contract: it cannot be decoded. */
		if (message.msg_flags & MSG_TRUNC)
			length = 1;
		channel->events.message(channel->events.arg, channel->buffer, (size_t)length);
	}
	channel_gather(channel, false);
}

static void channel_ready(struct loop_watch *watch, uint32_t events)
{
	struct channel *channel = container_of(watch, struct channel, ready);

	if (events & EPOLLOUT)
		write_ready(channel);
	if (!channel->closed && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_ready(channel);
}

int channel_new(struct loop *loop, int fd, const struct channel_events *events,
		struct channel **ret_channel)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int error;

	if (!channel) {
		close(fd);
		return -ENOMEM;
	}
	channel->loop = loop;
	channel->ready = (struct loop_watch){ .fd = fd, .ready = channel_ready };
	channel->events = *events;
	channel->last = &channel->first;
	error = loop_watch(loop, &channel->ready, EPOLLIN);
	if (error) {
		channel_free(channel);
		return error;
	}
	*ret_channel = channel;
	return 0;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	loop_unwatch(&channel->ready);
	while (channel->first)
		drop_first(channel);
	close(channel->ready.fd);
	free(channel);
}

static int enqueue(struct channel *channel, const uint8_t *bytes, size_t length, int fd)
{
	struct entry *entry;

	if (channel->closed)
		return -EPIPE;
	if (channel->waiting + length + ENTRY_OVERHEAD_BYTES > CHANNEL_QUEUE_BYTES_MAX ||
	    (fd >= 0 && channel->descriptors == CHANNEL_DESCRIPTORS_MAX))
		return -ENOBUFS;
	entry = malloc(sizeof(*entry) + length);
	if (!entry)
		return -ENOMEM;
	*entry = (struct entry){ .fd = fd, .length = length };
	memcpy(entry->bytes, bytes, length);
	*channel->last = entry;
	channel->last = &entry->next;
	channel->waiting += length + ENTRY_OVERHEAD_BYTES;
	channel->descriptors += fd >= 0;
	return 0;
}

/* Sends at once where the socket has room, or at the end of a turn in which messages are read. */
int channel_send(struct channel *channel, const uint8_t *bytes, size_t length, int fd)
{
	int error = enqueue(channel, bytes, length, fd);

	if (error) {
		close_fd(fd);
		return error;
	}
	if (!channel->gathering || fd >= 0 || channel->waiting >= GATHERED_BYTES_MAX)
		send_waiting(channel);
	return 0;
}

void channel_gather(struct channel *channel, bool begins)
{
	channel->gathering = begins;
	if (!begins && !channel->closed && channel->first)
		send_waiting(channel);
}

void channel_hold(struct channel *channel, bool held)
{
	channel->held = held;
	set_watched(channel);
}

void channel_drain(struct channel *channel)
{
	for (int i = 0; i < DRAIN_TURNS_MAX && !channel->closed; i++)
		read_ready(channel);
}

size_t channel_waiting(const struct channel *channel)
{
	return channel->waiting;
}
