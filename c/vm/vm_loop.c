#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "../contract.gen.h"
#include "vm_internal.h"

/* Messages taken from the mover before timers and descriptors have their turn. */
#define MESSAGES_PER_TURN 64
/* Longest sleep; waking once an hour costs nothing and keeps the arithmetic in range. */
#define SLEEP_MS_MAX 3600000
/* How long pending output may hold up an exit. */
#define FLUSH_MS_MAX 1000

/* --------------------------------------------------------------------- descriptors */

int vm_fd_add(struct vm *vm, int fd)
{
	if (vm->fd_count == VM_FDS_MAX) {
		close(fd);
		return -EMFILE;
	}
	vm->fds[vm->fd_count++] = (struct vm_fd){ .fd = fd, .serial = ++vm->fd_serial };
	return 0;
}

struct vm_fd *vm_fd_find(struct vm *vm, int fd)
{
	for (int i = 0; i < vm->fd_count; i++) {
		if (vm->fds[i].fd == fd)
			return &vm->fds[i];
	}
	return NULL;
}

void vm_fd_close(struct vm *vm, struct vm_fd *entry)
{
	close(entry->fd);
	*entry = vm->fds[--vm->fd_count];
}

/* ------------------------------------------------------------------------- channel */

static int enqueue(struct vm *vm, const uint8_t *data, size_t size)
{
	struct vm_packet *packet;

	if (vm->queue_bytes + size > VM_QUEUE_BYTES_MAX)
		return -ENOBUFS;
	packet = malloc(sizeof(*packet) + size);
	if (packet == NULL)
		vm_die(vm, VM_EXIT_MEMORY, "out of memory (the system has none)");
	packet->next = NULL;
	packet->size = size;
	memcpy(packet->data, data, size);
	*vm->queue_last = packet;
	vm->queue_last = &packet->next;
	vm->queue_bytes += size;
	return 0;
}

static int transmit(const uint8_t *data, size_t size)
{
	ssize_t r = send(VM_CHANNEL_FD, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	return r < 0 ? -errno : 0;
}

int vm_send(struct vm *vm, const uint8_t *data, size_t size)
{
	int r = vm->queue_first != NULL ? -EAGAIN : transmit(data, size);

	return r == -EAGAIN ? enqueue(vm, data, size) : r;
}

static void flush_queue(struct vm *vm)
{
	struct vm_packet *packet;

	while ((packet = vm->queue_first) != NULL) {
		int r = transmit(packet->data, packet->size);

		if (r == -EAGAIN)
			return;
		if (r < 0)
			vm_die(vm, VM_EXIT_MOVER_GONE, "channel: %s", strerror(-r));
		vm->queue_first = packet->next;
		if (packet->next == NULL)
			vm->queue_last = &vm->queue_first;
		vm->queue_bytes -= packet->size;
		free(packet);
	}
}

/* The descriptor that came with a message, -1 if none. There is room for one: the kernel discards
 * what is beyond it. */
static int passed_fd(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (control != NULL && control->cmsg_level == SOL_SOCKET &&
	    control->cmsg_type == SCM_RIGHTS && control->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/* Bytes of the next message, 0 at the end, -errno. */
static ssize_t receive(uint8_t *buf, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { buf, size };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t r = recvmsg(VM_CHANNEL_FD, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (r < 0)
		return -errno;
	*ret_fd = passed_fd(&header);
	return header.msg_flags & MSG_TRUNC ? -EMSGSIZE : r;
}

static void deliver(struct vm *vm, const uint8_t *data, size_t size, int fd)
{
	JSValue args[2];

	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		vm_die(vm, VM_EXIT_SETUP, "descriptor: %s", strerror(errno));
	if (fd >= 0 && vm_fd_add(vm, fd) < 0)
		vm_die(vm, VM_EXIT_EXCEPTION, "more than %d descriptors", VM_FDS_MAX);
	args[0] = vm_bytes_new(vm->context, data, size);
	args[1] = JS_NewInt32(vm->context, fd);
	vm_call(vm, VM_ON_MESSAGE, 2, args);
}

static void receive_all(struct vm *vm)
{
	static uint8_t buf[MSG_BYTES_MAX];

	for (int i = 0; i < MESSAGES_PER_TURN && !vm->exiting; i++) {
		int fd = -1;
		ssize_t r = receive(buf, sizeof(buf), &fd);

		if (r == -EAGAIN || r == -EINTR)
			return;
		if (r == 0)
			vm_die(vm, VM_EXIT_MOVER_GONE, "the mover is gone");
		if (r < 0)
			vm_die(vm, VM_EXIT_MOVER_GONE, "channel: %s", strerror((int)-r));
		deliver(vm, buf, (size_t)r, fd);
	}
}

/* ------------------------------------------------------------------------- waiting */

struct ready {
	int fd;
	uint32_t serial;
	short events;
};

/* Milliseconds until the module's deadline, rounded up: 0 if it is due, -1 if there is none. */
static int sleep_ms(struct vm *vm)
{
	double deadline_ms = vm_next_deadline_ms(vm);
	double left;

	if (isinf(deadline_ms) && deadline_ms > 0)
		return -1;
	left = ceil(deadline_ms - (double)vm_monotonic_us() / 1000);
	if (left <= 0)
		return 0;
	return left > SLEEP_MS_MAX ? SLEEP_MS_MAX : (int)left;
}

static void call_ready(struct vm *vm, const struct ready *ready)
{
	struct vm_fd *entry = vm_fd_find(vm, ready->fd);
	short ended = ready->events & (POLLHUP | POLLERR | POLLNVAL);
	JSValue args[3];
	bool readable, writable;

	/* An earlier callback of this turn may have closed it, or lost interest. */
	if (entry == NULL || entry->serial != ready->serial)
		return;
	readable = (entry->events & POLLIN) && (ended || (ready->events & POLLIN));
	writable = (entry->events & POLLOUT) && (ended || (ready->events & POLLOUT));
	if (!readable && !writable)
		return;
	args[0] = JS_NewInt32(vm->context, ready->fd);
	args[1] = JS_NewBool(vm->context, readable);
	args[2] = JS_NewBool(vm->context, writable);
	vm_call(vm, VM_ON_DESCRIPTOR, 3, args);
}

/* Fills the poll set: the channel first, then what is watched. Returns the number of entries. */
static nfds_t collect(const struct vm *vm, struct pollfd *polled, struct ready *ready)
{
	nfds_t count = 1;

	polled[0] = (struct pollfd){ .fd = vm->is_cli ? -1 : VM_CHANNEL_FD, .events = POLLIN };
	if (vm->queue_first != NULL)
		polled[0].events |= POLLOUT;
	for (int i = 0; i < vm->fd_count; i++) {
		if (vm->fds[i].events == 0)
			continue;
		polled[count] = (struct pollfd){ .fd = vm->fds[i].fd, .events = vm->fds[i].events };
		ready[count++] = (struct ready){ vm->fds[i].fd, vm->fds[i].serial, 0 };
	}
	return count;
}

static void turn(struct vm *vm)
{
	struct pollfd polled[VM_FDS_MAX + 1];
	struct ready ready[VM_FDS_MAX + 1];
	nfds_t count = collect(vm, polled, ready);
	int ms = sleep_ms(vm);

	if (vm->is_cli && count == 1 && ms < 0)
		vm_die(vm, VM_EXIT_EXCEPTION, "nothing is left to wait for");
	if (poll(polled, count, ms) < 0) {
		CHECK(errno == EINTR);
		return;
	}
	if (polled[0].revents & POLLOUT)
		flush_queue(vm);
	if (polled[0].revents & ~POLLOUT)
		receive_all(vm);
	for (nfds_t i = 1; i < count && !vm->exiting; i++) {
		ready[i].events = polled[i].revents;
		if (ready[i].events != 0)
			call_ready(vm, &ready[i]);
	}
	if (!vm->exiting && sleep_ms(vm) == 0)
		vm_call(vm, VM_ON_TIMER, 0, NULL);
}

static void flush_before_exit(struct vm *vm)
{
	uint64_t due_us = vm_monotonic_us() + FLUSH_MS_MAX * 1000;
	struct pollfd channel = { .fd = VM_CHANNEL_FD, .events = POLLOUT };

	while (vm->queue_first != NULL && vm_monotonic_us() < due_us) {
		if (poll(&channel, 1, FLUSH_MS_MAX) > 0)
			flush_queue(vm);
	}
}

int vm_loop(struct vm *vm)
{
	vm_call(vm, VM_START, 0, NULL);
	while (!vm->exiting)
		turn(vm);
	flush_before_exit(vm);
	return vm->exit_status;
}
