#define _GNU_SOURCE 1
#include "nl_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (32 << 10)

struct nl_socket {
	int fd;
	uint32_t sequence;
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

/* Old kernels lack these options; each only makes answers smaller or clearer. */
static void set_options(int fd)
{
	static const int size = NL_SOCKET_RECEIVE_BYTES;
	static const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

int nl_socket_open(int protocol, struct nl_socket **ret_socket)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct nl_socket *socket_new = calloc(1, sizeof(*socket_new));
	int error;

	if (!socket_new)
		return -ENOMEM;
	socket_new->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (socket_new->fd < 0)
		goto fail;
	set_options(socket_new->fd);
	if (bind(socket_new->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		goto fail;
	*ret_socket = socket_new;
	return 0;
fail:
	error = -errno;
	nl_socket_close(socket_new);
	return error;
}

void nl_socket_close(struct nl_socket *socket)
{
	if (!socket)
		return;
	if (socket->fd >= 0)
		close(socket->fd);
	free(socket);
}

int nl_socket_fd(const struct nl_socket *socket)
{
	return socket->fd;
}

int nl_socket_join(struct nl_socket *socket, uint32_t group)
{
	int value = (int)group;

	if (setsockopt(socket->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

int nl_socket_send(struct nl_socket *socket, void *request, size_t length, uint32_t *ret_sequence)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *header = request;

	if (++socket->sequence == 0)
		socket->sequence = 1;
	header->nlmsg_seq = *ret_sequence = socket->sequence;
	if (sendto(socket->fd, request, length, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

int nl_socket_receive(struct nl_socket *socket, struct nl_cursor *ret_cursor)
{
	struct sockaddr_nl sender = { 0 };
	struct iovec part = { socket->buffer, sizeof(socket->buffer) };
	struct msghdr message = { .msg_name = &sender, .msg_namelen = sizeof(sender),
				  .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t length = recvmsg(socket->fd, &message, 0);

	*ret_cursor = (struct nl_cursor){ socket->buffer, 0 };
	if (length < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	/* A truncated datagram is a loss like any other. */
	if (message.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	if (sender.nl_pid == 0)
		ret_cursor->left = (size_t)length;
	return 0;
}

static uint64_t clock_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The kernel answers a request before sendto returns, so that this wait is a formality. */
static int receive_wait(struct nl_socket *socket, uint64_t deadline_ms,
			struct nl_cursor *ret_cursor)
{
	struct pollfd readable = { .fd = socket->fd, .events = POLLIN };

	for (;;) {
		int error = nl_socket_receive(socket, ret_cursor);
		uint64_t now_ms = clock_ms();

		if (error != -EAGAIN)
			return error;
		if (now_ms >= deadline_ms)
			return -ETIMEDOUT;
		poll(&readable, 1, (int)(deadline_ms - now_ms));
	}
}

/* What an earlier request that timed out left behind must not answer this one. */
static int exchange(struct nl_socket *socket, void *request, size_t length, uint32_t *ret_sequence)
{
	struct nl_cursor stale;
	int error;

	do {
		error = nl_socket_receive(socket, &stale);
	} while (error == 0 || error == -ENOBUFS);
	return nl_socket_send(socket, request, length, ret_sequence);
}

/* 1 if the answer to `sequence` is in the datagram. */
static int find_ack(struct nl_cursor cursor, uint32_t sequence, char *ret_text, int *ret_error)
{
	struct nl_message message;
	int result;

	while ((result = nl_next(&cursor, &message)) > 0)
		if (message.sequence == sequence && message.type == NLMSG_ERROR) {
			*ret_error = nl_error(&message, ret_text, NL_SOCKET_TEXT_MAX);
			return 1;
		}
	return result;
}

int nl_socket_request(struct nl_socket *socket, void *request, size_t length, char *ret_text)
{
	uint64_t deadline_ms = clock_ms() + NL_SOCKET_ANSWER_MS_MAX;
	char text[NL_SOCKET_TEXT_MAX] = "";
	struct nl_cursor cursor;
	uint32_t sequence;
	int answer = 0;
	int found = 0;
	int error = exchange(socket, request, length, &sequence);

	while (!error && !found) {
		error = receive_wait(socket, deadline_ms, &cursor);
		if (!error)
			found = find_ack(cursor, sequence, text, &answer);
	}
	if (ret_text)
		memcpy(ret_text, text, sizeof(text));
	if (error)
		return error;
	return found < 0 ? found : answer;
}

struct dump {
	int (*each)(void *arg, const struct nl_message *message);
	void *arg;
	uint32_t sequence;
	bool done;
	bool interrupted;
	int result;
};

static void take_dump_message(struct dump *dump, const struct nl_message *message)
{
	char text[NL_SOCKET_TEXT_MAX];
	int error;

	if (message->sequence != dump->sequence)
		return;
	if (message->flags & NLM_F_DUMP_INTR)
		dump->interrupted = true;
	if (message->type == NLMSG_DONE || message->type == NLMSG_ERROR) {
		dump->done = true;
		error = nl_error(message, text, sizeof(text));
		if (!dump->result)
			dump->result = error;
	} else if (!dump->result) {
		dump->result = dump->each(dump->arg, message);
	}
}

int nl_socket_dump(struct nl_socket *socket, void *request, size_t length,
		   int (*each)(void *arg, const struct nl_message *message), void *arg)
{
	uint64_t deadline_ms = clock_ms() + NL_SOCKET_ANSWER_MS_MAX;
	struct dump dump = { .each = each, .arg = arg };
	struct nl_message message;
	struct nl_cursor cursor;
	int error = exchange(socket, request, length, &dump.sequence);

	while (!error && !dump.done) {
		error = receive_wait(socket, deadline_ms, &cursor);
		while (!error && (error = nl_next(&cursor, &message)) > 0) {
			take_dump_message(&dump, &message);
			error = 0;
		}
	}
	if (error)
		return error;
	return dump.result ? dump.result : dump.interrupted ? -EINTR : 0;
}
