#define _GNU_SOURCE 1
#include "watch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "../check.h"
#include "../contract.gen.h"
#include "../log.h"
#include "../sys/nl_route.h"
#include "../sys/nl_socket.h"
#include "routes.h"

/* Datagrams read in one turn of the loop, so that a storm leaves room for packets. */
#define DATAGRAMS_PER_TURN 16
/* A table that never holds still is reported as it was seen. */
#define DUMP_ATTEMPTS_MAX 5
/* Lets the kernel finish what one event announced. */
#define DUMP_DELAY_US 20000
#define DUMP_RETRY_US 1000000

static const struct {
	uint16_t type;
	uint8_t family;
} steps[] = {
	{ RTM_GETLINK, 0 },  { RTM_GETADDR, 4 },  { RTM_GETADDR, 6 },
	{ RTM_GETROUTE, 4 }, { RTM_GETROUTE, 6 }, { RTM_GETRULE, 4 },
	{ RTM_GETRULE, 6 },  { RTM_GETNEIGH, 4 }, { RTM_GETNEIGH, 6 },
};

static const uint32_t groups[] = {
	RTNLGRP_LINK,	     RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,	  RTNLGRP_IPV6_RULE,   RTNLGRP_NEIGH,
};

struct watch {
	struct loop *loop;
	struct watch_events events;
	struct nl_socket *event_socket; /* NULL while stopped, as the others */
	struct nl_socket *dump_socket;
	struct nl_socket *nft_socket;
	struct loop_watch event_ready;
	struct loop_watch dump_ready;
	struct loop_watch nft_ready;
	struct loop_timer dump_due;
	struct loop_timer nft_due;
	bool paused;
	bool nft_pending;
	int step; /* -1 while no dump runs */
	uint32_t sequence;
	bool interrupted;
	bool incomplete;
	bool again; /* something was lost while a dump ran */
	int attempts;
	uint64_t dumped_us;
	struct routes routes;
};

static void dump_step(struct watch *watch);

/* An unwatched socket stays silent even in error, which one watched for nothing would not. */
static void set_reading_of(struct loop *loop, struct loop_watch *ready, bool reading)
{
	if (!reading)
		loop_unwatch(ready);
	else if (loop_watch(loop, ready, EPOLLIN) < 0)
		log_error("kernel events cannot be watched");
}

/* Changes wait while a dump runs: they are applied to what it gave. */
static void set_reading(struct watch *watch)
{
	set_reading_of(watch->loop, &watch->event_ready, watch->step < 0 && !watch->paused);
	set_reading_of(watch->loop, &watch->dump_ready, watch->step >= 0 && !watch->paused);
}

static void gather(struct watch *watch, bool begins)
{
	if (watch->events.gather)
		watch->events.gather(watch->events.arg, begins);
}

static void send_bytes(struct watch *watch, const uint8_t *bytes, int length)
{
	size_t backlog;

	CHECK(length > 0);
	backlog = watch->events.message(watch->events.arg, bytes, (size_t)length);
	if (backlog > WATCH_BACKLOG_BYTES_MAX && !watch->paused) {
		watch->paused = true;
		set_reading(watch);
	}
}

/* False if it was left out. */
static bool send_object(struct watch *watch, const struct nl_object *object)
{
	uint8_t bytes[1024];
	int length;

	if (object->id == MSG_ROUTE && !routes_pass(&watch->routes, &object->route))
		return false;
	length = nl_object_encode(object, bytes, sizeof(bytes));
	if (length < 0)
		log_warning("kernel object %s cannot be told: %s", msg_name(object->id),
			    strerror(-length));
	else
		send_bytes(watch, bytes, length);
	return true;
}

/* Each hop of a route may be an uplink. The first comes last: the route is known by it. */
static bool send_hops(struct watch *watch, const struct nl_message *message,
		      const struct nl_object *object)
{
	for (unsigned int number = NL_ROUTE_HOPS_MAX; number > 0; number--) {
		struct nl_object hop = *object;

		if (object->id == MSG_ROUTE && nl_route_further_hop(message, number, &hop.route))
			(void)send_object(watch, &hop);
	}
	return send_object(watch, object);
}

static void send_mark(struct watch *watch, bool begin)
{
	struct msg_dump_begin dump_begin = { 0 };
	struct msg_dump_end dump_end = { 0 };
	uint8_t bytes[CODEC_HEADER_BYTES];

	send_bytes(watch, bytes,
		   begin ? msg_dump_begin_encode(&dump_begin, 0, bytes, sizeof(bytes)) :
			   msg_dump_end_encode(&dump_end, 0, bytes, sizeof(bytes)));
}

/* Joins whatever already is planned; the interval bounds what a storm costs. */
static void plan_dump(struct watch *watch, uint64_t delay_us)
{
	uint64_t due_us = loop_now_us(watch->loop) + delay_us;
	uint64_t earliest_us = watch->dumped_us + WATCH_DUMP_INTERVAL_US;

	if (watch->step >= 0) {
		watch->again = true;
		return;
	}
	if (watch->dump_due.heap_index)
		return;
	if (due_us < earliest_us)
		due_us = earliest_us;
	loop_timer_start(watch->loop, &watch->dump_due, due_us - loop_now_us(watch->loop));
}

static void dump_begin(struct watch *watch)
{
	loop_timer_stop(&watch->dump_due);
	watch->dumped_us = loop_now_us(watch->loop);
	watch->interrupted = false;
	watch->incomplete = false;
	watch->step = 0;
	routes_clear(&watch->routes);
	send_mark(watch, true);
	dump_step(watch);
}

static void dump_is_due(struct loop_timer *timer)
{
	dump_begin(container_of(timer, struct watch, dump_due));
}

static void dump_finished(struct watch *watch)
{
	bool again = watch->again;

	if (watch->interrupted && ++watch->attempts < DUMP_ATTEMPTS_MAX) {
		dump_begin(watch);
		return;
	}
	if (watch->interrupted || watch->incomplete)
		log_warning("the kernel's tables could not be read in one piece; reading again");
	watch->step = -1;
	watch->again = false;
	send_mark(watch, false);
	set_reading(watch);
	if (watch->interrupted || watch->incomplete)
		plan_dump(watch, DUMP_RETRY_US);
	else if (again)
		plan_dump(watch, DUMP_DELAY_US);
	watch->attempts = 0;
}

/* A family that the kernel lacks has nothing to tell. */
static void step_failed(struct watch *watch, int error)
{
	if (error != -EAFNOSUPPORT && error != -EOPNOTSUPP && error != -ENOENT) {
		log_warning("reading a kernel table (request %d, family %d): %s",
			    steps[watch->step].type, steps[watch->step].family, strerror(-error));
		watch->incomplete = true;
	}
	watch->step++;
}

/* Sends the request of the current step, passing over those that the kernel refuses. */
static void dump_step(struct watch *watch)
{
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));

	while (watch->step < (int)ARRAY_SIZE(steps)) {
		int length = nl_build_dump(steps[watch->step].type, steps[watch->step].family,
					   request);
		int error = nl_socket_send(watch->dump_socket, request, (size_t)length,
					   &watch->sequence);

		if (!error) {
			set_reading(watch);
			return;
		}
		step_failed(watch, error);
	}
	dump_finished(watch);
}

/* True if the step ended with this message. */
static bool take_dump_message(struct watch *watch, const struct nl_message *message)
{
	char text[NL_SOCKET_TEXT_MAX];
	struct nl_object object;
	int error;

	if (message->flags & NLM_F_DUMP_INTR)
		watch->interrupted = true;
	if (message->type != NLMSG_DONE && message->type != NLMSG_ERROR) {
		if (nl_route_parse(message, &object) > 0)
			send_hops(watch, message, &object);
		return false;
	}
	error = nl_error(message, text, sizeof(text));
	if (error)
		step_failed(watch, error);
	else
		watch->step++;
	return true;
}

static void dump_readable(struct loop_watch *ready, uint32_t events)
{
	struct watch *watch = container_of(ready, struct watch, dump_ready);
	struct nl_message message;
	struct nl_cursor cursor;
	bool ended = false;
	int error = nl_socket_receive(watch->dump_socket, &cursor);

	(void)events;
	if (error == -EAGAIN || watch->step < 0)
		return;
	gather(watch, true);
	while (!error && !ended && nl_next(&cursor, &message) > 0)
		if (message.sequence == watch->sequence)
			ended = take_dump_message(watch, &message);
	if (error)
		step_failed(watch, error);
	if (error || ended)
		dump_step(watch);
	gather(watch, false);
}

/* A link that is down loses nothing by further news of it, and a new one has nothing to lose: only
 * its going down matters, which the kernel tells by the flags that changed. All of them did for one
 * that was made. */
static bool went_down(const struct nl_message *message, const struct msg_link *link)
{
	struct ifinfomsg header;

	memcpy(&header, message->payload, sizeof(header));
	return !(link->flags & IFF_UP) && (header.ifi_change & IFF_UP) && header.ifi_change != ~0u;
}

/* The kernel drops IPv4 routes of a link that went down and of a removed address without a word,
 * and a replaced route is not announced as gone. */
static bool hides_other_changes(const struct nl_message *message, const struct nl_object *object)
{
	switch (object->id) {
	case MSG_LINK:
		return object->link.deleted || went_down(message, &object->link);
	case MSG_ADDRESS:
		return object->address.deleted && object->address.prefix.ip.family == 4;
	case MSG_ROUTE:
		return (message->flags & NLM_F_REPLACE) != 0;
	default:
		return false;
	}
}

static void take_event(struct watch *watch, const struct nl_message *message)
{
	struct nl_object object;
	int result = nl_route_parse(message, &object);

	if (result < 0)
		plan_dump(watch, DUMP_DELAY_US);
	if (result <= 0)
		return;
	if (send_hops(watch, message, &object) && hides_other_changes(message, &object))
		plan_dump(watch, DUMP_DELAY_US);
	if (object.id == MSG_ROUTE && routes_are_thin(&watch->routes))
		plan_dump(watch, DUMP_RETRY_US);
}

static void read_events(struct watch *watch)
{
	struct nl_message message;
	struct nl_cursor cursor;

	for (int i = 0; i < DATAGRAMS_PER_TURN && !watch->paused; i++) {
		int error = nl_socket_receive(watch->event_socket, &cursor);

		if (error == -EAGAIN)
			return;
		if (error) {
			log_info("kernel events were lost (%s); reading all again",
				 strerror(-error));
			plan_dump(watch, DUMP_DELAY_US);
			return;
		}
		while (nl_next(&cursor, &message) > 0)
			take_event(watch, &message);
	}
}

static void event_readable(struct loop_watch *ready, uint32_t events)
{
	struct watch *watch = container_of(ready, struct watch, event_ready);

	(void)events;
	gather(watch, true);
	read_events(watch);
	gather(watch, false);
}

static void send_nft_changed(struct watch *watch)
{
	struct msg_nft_changed changed = { 0 };
	uint8_t bytes[CODEC_HEADER_BYTES];

	watch->nft_pending = false;
	loop_timer_start(watch->loop, &watch->nft_due, WATCH_NFT_INTERVAL_US);
	send_bytes(watch, bytes, msg_nft_changed_encode(&changed, 0, bytes, sizeof(bytes)));
}

static void nft_is_due(struct loop_timer *timer)
{
	struct watch *watch = container_of(timer, struct watch, nft_due);

	if (watch->nft_pending)
		send_nft_changed(watch);
}

/* Which objects changed does not matter: the decider reads the table back. */
static void nft_readable(struct loop_watch *ready, uint32_t events)
{
	struct watch *watch = container_of(ready, struct watch, nft_ready);
	struct nl_cursor cursor;

	(void)events;
	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		if (nl_socket_receive(watch->nft_socket, &cursor) == -EAGAIN)
			return;
		watch->nft_pending = true;
		if (!watch->nft_due.heap_index)
			send_nft_changed(watch);
	}
}

int watch_new(struct loop *loop, const struct watch_events *events, struct watch **ret_watch)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->events = *events;
	watch->step = -1;
	watch->event_ready.ready = event_readable;
	watch->dump_ready.ready = dump_readable;
	watch->nft_ready.ready = nft_readable;
	watch->dump_due = (struct loop_timer){ .fired = dump_is_due, .name = "kernel dump" };
	watch->nft_due = (struct loop_timer){ .fired = nft_is_due, .name = "nft notice" };
	*ret_watch = watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watch_stop(watch);
	free(watch);
}

/* A kernel without nftables still has routes to watch. */
static void open_nft(struct watch *watch)
{
	int error = nl_socket_open(NETLINK_NETFILTER, &watch->nft_socket);

	if (!error)
		error = nl_socket_join(watch->nft_socket, NFNLGRP_NFTABLES);
	if (!error) {
		watch->nft_ready.fd = nl_socket_fd(watch->nft_socket);
		error = loop_watch(watch->loop, &watch->nft_ready, EPOLLIN);
	}
	if (error)
		log_warning("changes of nftables cannot be watched: %s", strerror(-error));
}

static int subscribe(struct watch *watch)
{
	int error = nl_socket_open(NETLINK_ROUTE, &watch->event_socket);

	for (size_t i = 0; !error && i < ARRAY_SIZE(groups); i++)
		error = nl_socket_join(watch->event_socket, groups[i]);
	if (!error)
		error = nl_socket_open(NETLINK_ROUTE, &watch->dump_socket);
	if (error)
		return error;
	watch->event_ready.fd = nl_socket_fd(watch->event_socket);
	watch->dump_ready.fd = nl_socket_fd(watch->dump_socket);
	open_nft(watch);
	return 0;
}

int watch_start(struct watch *watch)
{
	int error = watch->event_socket ? 0 : subscribe(watch);

	if (error) {
		watch_stop(watch);
		return error;
	}
	if (watch->step >= 0)
		watch->again = true;
	else
		dump_begin(watch);
	return 0;
}

void watch_stop(struct watch *watch)
{
	loop_unwatch(&watch->event_ready);
	loop_unwatch(&watch->dump_ready);
	loop_unwatch(&watch->nft_ready);
	loop_timer_stop(&watch->dump_due);
	loop_timer_stop(&watch->nft_due);
	nl_socket_close(watch->event_socket);
	nl_socket_close(watch->dump_socket);
	nl_socket_close(watch->nft_socket);
	watch->event_socket = watch->dump_socket = watch->nft_socket = NULL;
	watch->step = -1;
	watch->paused = watch->nft_pending = watch->again = false;
	watch->attempts = 0;
}

void watch_resume(struct watch *watch)
{
	if (!watch->paused)
		return;
	watch->paused = false;
	if (watch->event_socket)
		set_reading(watch);
}
