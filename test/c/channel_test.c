#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mover/channel.h"
#include "test.h"

#define MESSAGE_BYTES 60000

static struct loop *loop;
static struct channel *channel;
static int peer;
static uint8_t bytes[MESSAGE_BYTES];
static int messages, closings, drains;

static void message(void *arg, const uint8_t *data, size_t length)
{
	(void)arg;
	EXPECT_EQUAL(length, 5);
	EXPECT(memcmp(data, "hello", 5) == 0);
	messages++;
}

static void closed(void *arg)
{
	(void)arg;
	closings++;
	loop_stop(loop);
}

static void drained(void *arg)
{
	(void)arg;
	drains++;
	loop_stop(loop);
}

static void stop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void run_for(uint64_t delay_us)
{
	struct loop_timer timer = { .fired = stop, .name = "test" };

	loop_timer_start(loop, &timer, delay_us);
	EXPECT_EQUAL(loop_run(loop), 0);
	loop_timer_stop(&timer);
}

static void open_channel(void)
{
	struct channel_events events = { NULL, message, closed, drained };
	int pair[2];

	EXPECT_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[1];
	EXPECT_EQUAL(channel_new(loop, pair[0], &events, &channel), 0);
	messages = closings = drains = 0;
}

static void the_queue_is_bounded_and_keeps_its_order(void)
{
	uint32_t sent = 0, got = 0;
	ssize_t length;

	open_channel();
	for (;;) {
		memcpy(bytes, &sent, sizeof(sent));
		if (channel_send(channel, bytes, sizeof(bytes), -1) < 0)
			break;
		sent++;
	}
	EXPECT_EQUAL(channel_send(channel, bytes, sizeof(bytes), -1), -ENOBUFS);
	EXPECT(channel_waiting(channel) > CHANNEL_QUEUE_BYTES_MAX - 2 * MESSAGE_BYTES);
	while (got < sent) {
		uint32_t number = 0;

		length = recv(peer, bytes, sizeof(bytes), 0);
		if (length < 0) {
			run_for(1000);
			continue;
		}
		memcpy(&number, bytes, sizeof(number));
		EXPECT_EQUAL(length, sizeof(bytes));
		EXPECT_EQUAL(number, got);
		got++;
	}
	run_for(1000);
	EXPECT_EQUAL(drains, 1);
	EXPECT_EQUAL(channel_waiting(channel), 0);
	channel_free(channel);
	close(peer);
}

static void a_descriptor_travels_with_its_message(void)
{
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control.space) };
	int ends[2], fd = -1;

	open_channel();
	EXPECT_EQUAL(pipe(ends), 0);
	EXPECT_EQUAL(channel_send(channel, (const uint8_t *)"x", 1, ends[0]), 0);
	EXPECT_EQUAL(close(ends[0]), -1);
	EXPECT_EQUAL(recvmsg(peer, &header, 0), 1);
	EXPECT(CMSG_FIRSTHDR(&header) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(fd));
	EXPECT_EQUAL(write(ends[1], "y", 1), 1);
	EXPECT_EQUAL(read(fd, bytes, 4), 1);
	close(fd);
	close(ends[1]);
	channel_free(channel);
	close(peer);
}

/* The kernel holds some hundreds; behind them only a few may wait in the mover's own table. */
static void few_descriptors_wait(void)
{
	int error = 0;
	int sent = 0;

	open_channel();
	while (!error && sent < 2000) {
		int fd = dup(peer);

		EXPECT(fd >= 0);
		error = channel_send(channel, (const uint8_t *)"x", 1, fd);
		sent += !error;
	}
	EXPECT_EQUAL(error, -ENOBUFS);
	EXPECT(channel_waiting(channel) < 16384);
	EXPECT_EQUAL(channel_send(channel, (const uint8_t *)"x", 1, -1), 0);
	while (channel_waiting(channel) > 0) {
		while (recv(peer, bytes, sizeof(bytes), 0) > 0)
			;
		run_for(1000);
	}
	EXPECT_EQUAL(channel_send(channel, (const uint8_t *)"x", 1, dup(peer)), 0);
	channel_free(channel);
	close(peer);
}

static void the_last_words_are_heard(void)
{
	open_channel();
	EXPECT_EQUAL(send(peer, "hello", 5, 0), 5);
	EXPECT_EQUAL(send(peer, "hello", 5, 0), 5);
	close(peer);
	channel_drain(channel);
	EXPECT_EQUAL(messages, 2);
	EXPECT_EQUAL(closings, 1);
	EXPECT_EQUAL(channel_send(channel, (const uint8_t *)"x", 1, -1), -EPIPE);
	channel_free(channel);
	open_channel();
	close(peer);
	run_for(1000000);
	EXPECT_EQUAL(closings, 1);
	channel_free(channel);
}

int main(void)
{
	EXPECT_EQUAL(loop_new(&loop), 0);
	the_queue_is_bounded_and_keeps_its_order();
	a_descriptor_travels_with_its_message();
	few_descriptors_wait();
	the_last_words_are_heard();
	loop_free(loop);
	return test_summary();
}
