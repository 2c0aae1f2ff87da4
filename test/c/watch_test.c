/* What the mover tells of the real kernel, also when more happens than anybody can read. In a
 * network namespace of the test's own. Needs root; skipped without. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "contract.gen.h"
#include "mover/watch.h"
#include "sys/nl_set.h"
#include "test.h"

/* More notices than the kernel keeps for us. */
#define STORM_ROUTES 40000
#define TABLE 47
#define QUIET_US 300000
#define LIMIT_US 20000000

static struct loop *loop;
static struct watch *watch;
static struct nl_socket *netlink;
static struct loop_timer quiet;
static struct loop_timer limit;

/* What a decider would know. */
static struct {
	int dumps;
	bool dumping;
	int links;
	int routes;
	bool present[65536]; /* by the last two bytes of the destination */
	size_t messages;
	size_t waiting; /* what the channel is said to hold */
	bool lost_order;
} seen;

static void take_route(const uint8_t *bytes, size_t length)
{
	struct msg_route route;
	size_t key;

	if (msg_route_decode(bytes + CODEC_HEADER_BYTES, length - CODEC_HEADER_BYTES, &route) < 0)
		seen.lost_order = true;
	if (route.table != TABLE)
		return;
	key = (size_t)route.dst.ip.bytes[2] << 8 | route.dst.ip.bytes[3];
	seen.routes += !route.deleted - seen.present[key];
	seen.present[key] = !route.deleted;
}

static size_t take(void *arg, const uint8_t *bytes, size_t length)
{
	struct msg_header header = { 0 };

	(void)arg;
	if (msg_header_decode(bytes, length, &header) < 0)
		seen.lost_order = true;
	seen.messages++;
	if (header.id == MSG_DUMP_BEGIN) {
		seen.dumping = true;
		seen.links = seen.routes = 0;
		memset(seen.present, 0, sizeof(seen.present));
	} else if (header.id == MSG_DUMP_END) {
		seen.lost_order = seen.lost_order || !seen.dumping;
		seen.dumping = false;
		seen.dumps++;
	} else if (header.id == MSG_LINK) {
		seen.links++;
	} else if (header.id == MSG_ROUTE) {
		take_route(bytes, length);
	}
	loop_timer_start(loop, &quiet, QUIET_US);
	return seen.waiting;
}

static void stop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static bool starting;

/* Not before the loop has looked at the clock: what came before may have taken its time. */
static void start_clocks(void *arg)
{
	(void)arg;
	if (!starting)
		return;
	starting = false;
	loop_timer_start(loop, &quiet, QUIET_US);
	loop_timer_start(loop, &limit, LIMIT_US);
}

/* Runs until nothing was told for a while. */
static void settle(void)
{
	starting = true;
	loop_set_before_sleep(loop, start_clocks, NULL);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT(limit.heap_index != 0);
	EXPECT(!seen.dumping || seen.waiting);
	EXPECT(!seen.lost_order);
}

static void set_link(bool up)
{
	struct msg_link_set set = { .name = "lo", .up = up };
	char text[NL_SET_TEXT_MAX];

	EXPECT_EQUAL(nl_set_link(netlink, &set, if_nametoindex(set.name), text), 0);
}

static void set_routes(uint32_t count, bool remove)
{
	struct msg_route_set set = { .table = TABLE, .dst = { { 4, { 10 } }, 32 }, .oif = "lo",
				     .kind = RTN_UNICAST, .scope = RT_SCOPE_LINK, .metric = 5,
				     .remove = remove };
	char text[NL_SET_TEXT_MAX];
	int failures = 0;

	for (uint32_t i = 0; i < count; i++) {
		set.dst.ip.bytes[2] = (uint8_t)(i >> 8);
		set.dst.ip.bytes[3] = (uint8_t)i;
		failures += nl_set_route(netlink, &set, if_nametoindex(set.oif), text) != 0;
	}
	EXPECT_EQUAL(failures, 0);
}

static void the_first_dump_is_complete(void)
{
	EXPECT_EQUAL(watch_start(watch), 0);
	settle();
	EXPECT_EQUAL(seen.dumps, 1);
	EXPECT_EQUAL(seen.links, 1);
	set_routes(3, false);
	settle();
	EXPECT_EQUAL(seen.dumps, 1);
	EXPECT_EQUAL(seen.routes, 3);
	set_routes(3, true);
	settle();
	EXPECT_EQUAL(seen.routes, 0);
}

/* The kernel says nothing of the IPv4 routes that it drops with their link. */
static void routes_that_vanish_silently_are_noticed(void)
{
	set_routes(3, false);
	settle();
	set_link(false);
	settle();
	EXPECT_EQUAL(seen.routes, 0);
	EXPECT(seen.dumps > 1);
	set_link(true);
	settle();
}

static int make_tun(void)
{
	struct ifreq request = { .ifr_name = "watch0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	EXPECT(ioctl(fd, TUNSETIFF, &request) == 0);
	EXPECT(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0);
	return fd;
}

/* What was not there lost nothing; what goes takes along what the kernel does not tell. */
static void a_new_link_is_told_without_a_dump(void)
{
	int dumps = seen.dumps, links = seen.links;
	int fd = make_tun();

	settle();
	EXPECT_EQUAL(seen.dumps, dumps);
	EXPECT(seen.links > links);
	close(fd);
	settle();
	EXPECT(seen.dumps > dumps);
}

static void a_storm_ends_in_the_truth(void)
{
	int dumps = seen.dumps;

	set_routes(STORM_ROUTES, false);
	settle();
	EXPECT(seen.dumps > dumps);
	EXPECT_EQUAL(seen.routes, STORM_ROUTES);
}

static void a_full_channel_is_waited_for(void)
{
	size_t messages;

	seen.waiting = WATCH_BACKLOG_BYTES_MAX + 1;
	EXPECT_EQUAL(watch_start(watch), 0);
	settle();
	messages = seen.messages;
	set_routes(100, true);
	settle();
	EXPECT_EQUAL(seen.messages, messages);
	seen.waiting = 0;
	watch_resume(watch);
	settle();
	EXPECT_EQUAL(seen.routes, STORM_ROUTES - 100);
}

static void after_the_end_nothing_is_told(void)
{
	size_t messages = seen.messages;

	watch_stop(watch);
	set_routes(100, false);
	settle();
	EXPECT_EQUAL(seen.messages, messages);
}

int main(void)
{
	struct watch_events events = { .message = take };

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	quiet = (struct loop_timer){ .fired = stop, .name = "quiet" };
	limit = (struct loop_timer){ .fired = stop, .name = "limit" };
	EXPECT_EQUAL(loop_new(&loop), 0);
	EXPECT_EQUAL(nl_socket_open(NETLINK_ROUTE, &netlink), 0);
	EXPECT_EQUAL(watch_new(loop, &events, &watch), 0);
	set_link(true);
	the_first_dump_is_complete();
	routes_that_vanish_silently_are_noticed();
	a_new_link_is_told_without_a_dump();
	a_storm_ends_in_the_truth();
	a_full_channel_is_waited_for();
	after_the_end_nothing_is_told();
	watch_free(watch);
	nl_socket_close(netlink);
	loop_free(loop);
	return test_summary();
}
