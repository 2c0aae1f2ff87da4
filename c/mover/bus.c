#define _GNU_SOURCE 1
#include "bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../check.h"
#include "../log.h"
#include "../sys/blob_json.h"
#include "../sys/ubus.h"

/* Messages handled in one turn of the loop, so that a talkative bus leaves room for packets. */
#define MESSAGES_PER_TURN 16
#define READ_ROOM_FIRST 4096
#define METHODS_BYTES_MAX 8192
#define ADD_OBJECT_SEQ 1
/* A connection that lived this long is not held against the next attempt. */
#define LIFE_US_GOOD 1000000

struct waiting_call {
	uint32_t number; /* 0: the place is free */
	uint32_t peer;
	uint16_t seq;
	uint64_t due_us;
};

struct bus {
	struct loop *loop;
	struct bus_events events;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": nothing is offered */
	char object[65];
	struct blob_writer methods; /* attributes of the signature */

	struct loop_watch ready; /* fd -1 while there is no connection */
	struct loop_timer retry; /* also the patience with ubusd */
	uint32_t failures; /* in a row */
	uint64_t connected_us; /* when the object came on the bus */
	bool greeted; /* HELLO came */
	bool connected; /* ubusd has the object */
	bool subscribed;
	bool asked; /* whether it still answers */
	uint32_t id; /* of the object */
	char problem[BUS_TEXT_MAX]; /* as last told; "" if connected, or nothing was told */

	uint8_t *in;
	size_t in_size, in_room;
	struct blob_writer out;
	size_t out_sent;

	struct waiting_call calls[BUS_CALLS_MAX];
	struct loop_timer overdue;
	uint32_t last_call;
	uint16_t seq;
};

static void connect_bus(struct bus *bus);
static void ask_whether_alive(struct bus *bus);

/* --------------------------------------------------------------------------- connection */

static void forget_calls(struct bus *bus)
{
	memset(bus->calls, 0, sizeof(bus->calls));
	loop_timer_stop(&bus->overdue);
}

static void disconnect(struct bus *bus)
{
	loop_unwatch(&bus->ready);
	if (bus->ready.fd >= 0)
		close(bus->ready.fd);
	bus->ready.fd = -1;
	bus->greeted = bus->connected = bus->subscribed = bus->asked = false;
	bus->id = 0;
	free(bus->in);
	bus->in = NULL;
	bus->in_size = bus->in_room = 0;
	blob_free(&bus->out);
	bus->out_sent = 0;
	/* Whoever called is told by ubusd that the object is gone. */
	forget_calls(bus);
}

static uint64_t retry_delay_us(uint32_t failures)
{
	uint64_t delay_us = BUS_RETRY_US_FIRST;

	for (uint32_t i = 1; i < failures && delay_us < BUS_RETRY_US_MAX; i++)
		delay_us *= 2;
	return delay_us < BUS_RETRY_US_MAX ? delay_us : BUS_RETRY_US_MAX;
}

/* Ends the connection, if there is one, and plans the next. */
static void fail(struct bus *bus, const char *why)
{
	char text[BUS_TEXT_MAX];
	bool is_news;

	snprintf(text, sizeof(text), "%.120s: %.120s", bus->path, why);
	is_news = bus->connected || strcmp(text, bus->problem) != 0;
	if (bus->connected && loop_now_us(bus->loop) - bus->connected_us >= LIFE_US_GOOD)
		bus->failures = 0;
	disconnect(bus);
	bus->failures++;
	loop_timer_start(bus->loop, &bus->retry, retry_delay_us(bus->failures));
	if (!is_news)
		return;
	snprintf(bus->problem, sizeof(bus->problem), "%s", text);
	log_warning("ubus: %s", text);
	bus->events.state(bus->events.arg, false, text);
}

static void retry_is_due(struct loop_timer *timer)
{
	struct bus *bus = container_of(timer, struct bus, retry);

	if (bus->connected && !bus->asked)
		ask_whether_alive(bus);
	else if (bus->ready.fd >= 0)
		fail(bus, "ubusd does not answer");
	else
		connect_bus(bus);
}

static void watch_socket(struct bus *bus)
{
	uint32_t events = EPOLLIN | (bus->out_sent < bus->out.size ? EPOLLOUT : 0);

	if (bus->ready.fd >= 0)
		CHECK(loop_watch(bus->loop, &bus->ready, events) == 0);
}

/* Sends what waits, as far as the socket takes it. */
static void flush(struct bus *bus)
{
	while (bus->ready.fd >= 0 && bus->out_sent < bus->out.size) {
		ssize_t sent = send(bus->ready.fd, bus->out.data + bus->out_sent,
				    bus->out.size - bus->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) {
			fail(bus, strerror(errno));
			return;
		}
		if (sent < 0)
			break;
		bus->out_sent += (size_t)sent;
	}
	if (bus->out_sent == bus->out.size) {
		blob_free(&bus->out);
		bus->out_sent = 0;
	}
	watch_socket(bus);
}

/* Moves what waits to the front, so that the bound is one on what waits. Messages begin at
 * multiples of four, whatever number of bytes was sent. */
static void compact(struct bus *bus)
{
	size_t gone = bus->out_sent & ~(size_t)3;

	if (gone == 0)
		return;
	memmove(bus->out.data, bus->out.data + gone, bus->out.size - gone);
	bus->out.size -= gone;
	bus->out_sent -= gone;
}

/* After a message was added: a bus that does not read is not worth the memory. */
static void conclude(struct bus *bus, int error)
{
	if (error) {
		fail(bus, strerror(-error));
		return;
	}
	flush(bus);
	if (bus->out.size - bus->out_sent > BUS_QUEUE_BYTES_MAX)
		fail(bus, "ubusd does not read");
}

/* -errno of connect, which never waits for a socket of this kind. */
static int open_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	memcpy(addr.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void connect_bus(struct bus *bus)
{
	int fd = open_socket(bus->path);

	if (fd < 0) {
		fail(bus, strerror(-fd));
		return;
	}
	bus->ready.fd = fd;
	loop_timer_start(bus->loop, &bus->retry, BUS_HANDSHAKE_US);
	watch_socket(bus);
}

/* -------------------------------------------------------------------------------- calls */

/* The queue has room for what is added to it. */
static struct blob_writer *queue(struct bus *bus)
{
	compact(bus);
	return &bus->out;
}

/* Any message is an answer. */
static void ask_whether_alive(struct bus *bus)
{
	bus->asked = true;
	loop_timer_start(bus->loop, &bus->retry, bus->events.patience_us);
	conclude(bus, ubus_add_ping(queue(bus), ++bus->seq));
}

static void note_life(struct bus *bus)
{
	bus->asked = false;
	loop_timer_start(bus->loop, &bus->retry, bus->events.quiet_us);
}

/* An answer of our own, in the form of all others. */
static void refuse(struct bus *bus, uint16_t seq, uint32_t peer, uint32_t status, int code,
		   const char *cause)
{
	char json[BUS_TEXT_MAX];
	int length = snprintf(json, sizeof(json),
			      "{\"code\":%d,\"description\":\"refused\",\"cause\":\"%s\"}", code,
			      cause);
	int error = ubus_add_data(queue(bus), seq, peer, bus->id, (const uint8_t *)json,
				  (size_t)length);

	if (!error)
		error = ubus_add_status(queue(bus), seq, peer, bus->id, status);
	conclude(bus, error);
}

static void watch_calls(struct bus *bus)
{
	uint64_t now_us = loop_now_us(bus->loop);
	uint64_t due_us = UINT64_MAX;

	for (size_t i = 0; i < BUS_CALLS_MAX; i++)
		if (bus->calls[i].number && bus->calls[i].due_us < due_us)
			due_us = bus->calls[i].due_us;
	if (due_us == UINT64_MAX)
		loop_timer_stop(&bus->overdue);
	else
		loop_timer_start(bus->loop, &bus->overdue, due_us > now_us ? due_us - now_us : 0);
}

static struct waiting_call *find_call(struct bus *bus, uint32_t number)
{
	for (size_t i = 0; i < BUS_CALLS_MAX; i++)
		if (bus->calls[i].number == number)
			return &bus->calls[i];
	return NULL;
}

static void call_is_overdue(struct loop_timer *timer)
{
	struct bus *bus = container_of(timer, struct bus, overdue);

	for (size_t i = 0; i < BUS_CALLS_MAX; i++) {
		struct waiting_call call = bus->calls[i];

		if (!call.number || call.due_us > loop_now_us(bus->loop))
			continue;
		bus->calls[i].number = 0;
		refuse(bus, call.seq, call.peer, UBUS_STATUS_TIMEOUT, 504, "no answer in time");
	}
	watch_calls(bus);
}

static bool is_offered(const struct bus *bus, const char *method)
{
	struct blob_cursor cursor = { bus->methods.data, bus->methods.size };
	struct blob_attr attr;

	while (blob_next(&cursor, &attr) > 0)
		if (strcmp(attr.name, method) == 0)
			return true;
	return false;
}

/* Takes a place in the table and hands the call over. */
static void begin_call(struct bus *bus, const struct ubus_message *message,
		       const struct blob_writer *json)
{
	struct waiting_call *call = find_call(bus, 0);
	uint32_t number;

	if (!call) {
		refuse(bus, message->seq, message->peer, UBUS_STATUS_UNKNOWN_ERROR, 503,
		       "too many calls wait already");
		return;
	}
	number = ++bus->last_call ? bus->last_call : ++bus->last_call;
	*call = (struct waiting_call){ .number = number,
				       .peer = message->peer,
				       .seq = message->seq,
				       .due_us = loop_now_us(bus->loop) + bus->events.call_us };
	watch_calls(bus);
	if (bus->events.call(bus->events.arg, number, message->method, json->data, json->size))
		return;
	call->number = 0;
	watch_calls(bus);
	refuse(bus, message->seq, message->peer, UBUS_STATUS_CONNECTION_FAILED, 503,
	       "the decider is starting");
}

static void on_invoke(struct bus *bus, const struct ubus_message *message)
{
	struct blob_writer json = { .most = BUS_JSON_BYTES_MAX };
	uint32_t status = UBUS_STATUS_OK;

	if (!bus->connected)
		return;
	if (message->object != bus->id)
		status = UBUS_STATUS_NOT_FOUND;
	else if (!message->method || !is_offered(bus, message->method))
		status = UBUS_STATUS_METHOD_NOT_FOUND;
	if (status) {
		conclude(bus, ubus_add_status(queue(bus), message->seq, message->peer,
					  message->object, status));
		return;
	}
	if (blob_to_json(message->data, message->data_size, &json) == 0)
		begin_call(bus, message, &json);
	else
		refuse(bus, message->seq, message->peer, UBUS_STATUS_INVALID_ARGUMENT, 400,
		       "arguments: expected a table that JSON can express, of at most 1 MiB");
	blob_free(&json);
}

void bus_reply(struct bus *bus, uint32_t number, uint8_t status, const uint8_t *json, size_t size)
{
	struct waiting_call *call = number ? find_call(bus, number) : NULL;
	struct waiting_call was;
	int error = 0;

	if (!call)
		return;
	was = *call;
	call->number = 0;
	watch_calls(bus);
	if (size > BUS_JSON_BYTES_MAX)
		error = -EMSGSIZE;
	else if (size > 0)
		error = ubus_add_data(queue(bus), was.seq, was.peer, bus->id, json, size);
	if (error == -EMSGSIZE || error == -EINVAL) {
		refuse(bus, was.seq, was.peer, UBUS_STATUS_UNKNOWN_ERROR, 500,
		       error == -EINVAL ? "the answer is no JSON object" :
					  "the answer is too long for ubus");
		return;
	}
	if (!error)
		error = ubus_add_status(queue(bus), was.seq, was.peer, bus->id, status);
	conclude(bus, error);
}

int bus_notify(struct bus *bus, const char *kind, const uint8_t *json, size_t size)
{
	int error;

	if (!bus->subscribed || bus->out.size - bus->out_sent > BUS_NOTIFY_BACKLOG_MAX)
		return 0;
	error = ubus_add_notification(queue(bus), ++bus->seq, bus->id, kind, json, size);
	if (error == -EINVAL || error == -EMSGSIZE)
		return error;
	conclude(bus, error);
	return 0;
}

void bus_forget(struct bus *bus)
{
	for (size_t i = 0; i < BUS_CALLS_MAX; i++) {
		struct waiting_call call = bus->calls[i];

		bus->calls[i].number = 0;
		if (call.number)
			refuse(bus, call.seq, call.peer, UBUS_STATUS_CONNECTION_FAILED, 503,
			       "the decider ended");
	}
	loop_timer_stop(&bus->overdue);
}

/* ----------------------------------------------------------------------------- messages */

static void on_hello(struct bus *bus)
{
	if (bus->greeted)
		return;
	bus->greeted = true;
	bus->seq = ADD_OBJECT_SEQ;
	conclude(bus, ubus_add_object(queue(bus), ADD_OBJECT_SEQ, bus->object, &bus->methods));
}

/* The answer to our offer: data with its number, then a status. */
static void on_answer(struct bus *bus, const struct ubus_message *message)
{
	char text[BUS_TEXT_MAX];

	if (bus->connected || !bus->greeted || message->seq != ADD_OBJECT_SEQ)
		return;
	if (message->type == UBUS_DATA) {
		bus->id = message->object;
		return;
	}
	if (!message->has_status || message->status != UBUS_STATUS_OK || bus->id == 0) {
		snprintf(text, sizeof(text), "ubusd refuses the object %s with status %u",
			 bus->object, message->status);
		fail(bus, text);
		return;
	}
	note_life(bus);
	bus->connected_us = loop_now_us(bus->loop);
	bus->connected = true;
	bus->problem[0] = '\0';
	log_info("ubus: %s is on the bus", bus->object);
	bus->events.state(bus->events.arg, true, "");
}

static void on_message(struct bus *bus, const struct ubus_message *message)
{
	if (bus->asked)
		note_life(bus);
	switch (message->type) {
	case UBUS_HELLO:
		on_hello(bus);
		return;
	case UBUS_DATA:
	case UBUS_STATUS:
		on_answer(bus, message);
		return;
	case UBUS_INVOKE:
		on_invoke(bus, message);
		return;
	case UBUS_NOTIFY:
		if (message->has_active && message->object == bus->id)
			bus->subscribed = message->active;
		return;
	default:
		return;
	}
}

/* Room for the message that is being read, no more and no less. 0 or -errno. */
static int make_room(struct bus *bus)
{
	int size = ubus_message_size(bus->in, bus->in_size);
	size_t room = size > READ_ROOM_FIRST ? (size_t)size : READ_ROOM_FIRST;
	uint8_t *in;

	if (size < 0)
		return size;
	if (room == bus->in_room)
		return 0;
	in = realloc(bus->in, room);
	if (!in)
		return -ENOMEM;
	bus->in = in;
	bus->in_room = room;
	return 0;
}

/* Handles the message that the buffer begins with, if it is complete: 1, 0 if not, or -errno. */
static int handle_first(struct bus *bus)
{
	struct ubus_message message;
	int size = ubus_message_size(bus->in, bus->in_size);

	if (size <= 0 || (size_t)size > bus->in_size)
		return size < 0 ? size : 0;
	if (ubus_message_read(bus->in, (size_t)size, &message) < 0)
		return -EBADMSG;
	on_message(bus, &message);
	if (bus->ready.fd < 0)
		return 0;
	bus->in_size -= (size_t)size;
	memmove(bus->in, bus->in + size, bus->in_size);
	return 1;
}

/* Never reads beyond a message: its length is known before more than its head is taken. */
static int read_some(struct bus *bus)
{
	int whole = ubus_message_size(bus->in, bus->in_size);
	size_t wanted = whole > 0 ? (size_t)whole : UBUS_HEAD_BYTES;
	ssize_t length = recv(bus->ready.fd, bus->in + bus->in_size, wanted - bus->in_size,
			      MSG_DONTWAIT);

	if (length < 0)
		return errno == EINTR ? 1 : -errno;
	if (length == 0)
		return -ECONNRESET;
	bus->in_size += (size_t)length;
	return 1;
}

static void read_messages(struct bus *bus)
{
	int handled = 0;
	int error = make_room(bus);

	while (!error && bus->ready.fd >= 0 && handled < MESSAGES_PER_TURN) {
		int done = read_some(bus);

		if (done > 0)
			done = handle_first(bus);
		if (done == -EAGAIN || bus->ready.fd < 0)
			return;
		handled += done > 0;
		error = done < 0 ? done : make_room(bus);
	}
	if (error && bus->ready.fd >= 0)
		fail(bus, error == -ECONNRESET ? "ubusd ended" : strerror(-error));
}

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct bus *bus = container_of(watch, struct bus, ready);

	if (events & EPOLLOUT)
		flush(bus);
	if (bus->ready.fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_messages(bus);
}

/* --------------------------------------------------------------------------------- life */

int bus_new(struct loop *loop, const struct bus_events *events, struct bus **ret_bus)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	bus->loop = loop;
	bus->events = *events;
	bus->ready = (struct loop_watch){ .fd = -1, .ready = socket_ready };
	bus->retry = (struct loop_timer){ .fired = retry_is_due, .name = "ubus" };
	bus->overdue = (struct loop_timer){ .fired = call_is_overdue, .name = "call on ubus" };
	/* Whatever is added fits beside what may wait, with some bytes that were sent. */
	bus->out.most = BUS_QUEUE_BYTES_MAX + 2 * UBUS_MESSAGE_BYTES_MAX;
	*ret_bus = bus;
	return 0;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	disconnect(bus);
	loop_timer_stop(&bus->retry);
	blob_free(&bus->methods);
	free(bus);
}

/* Members that are all tables. */
static int read_methods(const uint8_t *json, size_t size, struct blob_writer *ret_methods)
{
	struct blob_cursor cursor;
	struct blob_attr attr;
	int error = blob_from_json(json, size, ret_methods);

	cursor = (struct blob_cursor){ ret_methods->data, ret_methods->size };
	while (!error && blob_next(&cursor, &attr) > 0)
		if (attr.type != BLOB_TABLE || attr.name_size == 0)
			error = -EINVAL;
	return error;
}

static bool is_same(const struct bus *bus, const char *path, const char *object,
		    const struct blob_writer *methods)
{
	return strcmp(bus->path, path) == 0 && strcmp(bus->object, object) == 0 &&
	       bus->methods.size == methods->size &&
	       (methods->size == 0 ||
		memcmp(bus->methods.data, methods->data, methods->size) == 0);
}

static void withdraw(struct bus *bus)
{
	disconnect(bus);
	loop_timer_stop(&bus->retry);
	bus->path[0] = '\0';
	bus->problem[0] = '\0';
	bus->failures = 0;
}

int bus_open(struct bus *bus, const char *path, const char *object, const uint8_t *methods,
	     size_t size, char *ret_text)
{
	struct blob_writer read = { .most = METHODS_BYTES_MAX };

	if (path[0] == '\0') {
		withdraw(bus);
		return 0;
	}
	if (read_methods(methods, size, &read) < 0) {
		blob_free(&read);
		snprintf(ret_text, BUS_TEXT_MAX, "methods: expected a JSON object of objects");
		return -EINVAL;
	}
	if (is_same(bus, path, object, &read)) {
		blob_free(&read);
		return 0;
	}
	withdraw(bus);
	blob_free(&bus->methods);
	bus->methods = read;
	snprintf(bus->path, sizeof(bus->path), "%s", path);
	snprintf(bus->object, sizeof(bus->object), "%s", object);
	/* At once, but not from within the command: its answer goes first. */
	loop_timer_start(bus->loop, &bus->retry, 0);
	return 0;
}

void bus_tell_state(struct bus *bus)
{
	if (bus->path[0] && (bus->connected || bus->problem[0]))
		bus->events.state(bus->events.arg, bus->connected, bus->problem);
}
