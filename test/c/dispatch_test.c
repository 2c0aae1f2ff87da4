/* Events of the data path on their way to a decider that does not read. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mover/mover.h"
#include "test.h"

#define FRAMES_MAX 10000

static struct mover mover;
static int closings;

static void ignore_message(void *arg, const uint8_t *bytes, size_t length)
{
	(void)arg, (void)bytes, (void)length;
}

static void note_closed(void *arg)
{
	(void)arg;
	closings++;
}

static void ignore_drained(void *arg)
{
	(void)arg;
}

static void set_up(int *ret_peer)
{
	struct channel_events events = { NULL, ignore_message, note_closed, ignore_drained };
	int pair[2];

	EXPECT_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	EXPECT_EQUAL(loop_new(&mover.loop), 0);
	EXPECT_EQUAL(channel_new(mover.loop, pair[0], &events, &mover.decider.channel), 0);
	EXPECT_EQUAL(datapath_new(mover.loop, &dispatch_datapath_events, &mover.datapath), 0);
	mover.decider.greeted = true;
	*ret_peer = pair[1];
}

/* Were the queue to fill, the decider would be killed for not reading. */
static void a_flood_of_control_frames_leaves_room_for_the_rest(void)
{
	static const uint8_t data[MSG_SESSION_CONTROL_DATA_MAX];
	struct msg_session_control control = { .session = 1, .data = { data, sizeof(data) } };
	struct msg_session_state state = { .session = 1, .state = 5 };
	size_t waiting;
	int peer;

	set_up(&peer);
	for (int i = 0; i < FRAMES_MAX; i++)
		dispatch_datapath_events.session_control(&mover, &control);
	waiting = channel_waiting(mover.decider.channel);
	EXPECT(waiting > (1 << 20));
	EXPECT(waiting < CHANNEL_QUEUE_BYTES_MAX - (1 << 20));
	dispatch_datapath_events.session_state(&mover, &state);
	EXPECT(channel_waiting(mover.decider.channel) > waiting);
	EXPECT_EQUAL(closings, 0);
	datapath_free(mover.datapath);
	channel_free(mover.decider.channel);
	loop_free(mover.loop);
	close(peer);
}

int main(void)
{
	a_flood_of_control_frames_leaves_room_for_the_rest();
	return test_summary();
}
