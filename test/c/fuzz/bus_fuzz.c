/* Any bytes as what a ubusd says to the object on the bus, in pieces of any size, while the owner
 * of the object answers, notifies, dies and offers something else: what the object says is always
 * whole messages of the bus. The first byte says how it begins and into what pieces the rest is
 * cut; the second what the owner does with calls. */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "log.h"
#include "mover/bus.h"
#include "sys/ubus.h"

#define OBJECT 0x507cf333u
#define HEARD_BYTES (4 << 20)
#define LATER_US 1000000000
/* More than a turn of the loop takes from the socket. */
#define TURNS 3

enum deed { ANSWER, REFUSE, KEEP, SPOIL, DEEDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char methods[] = "{\"status\":{},\"policy\":{\"action\":3,\"confirm_s\":5}}";

static char path[64];
static int listener = -1;

static struct loop *loop;
static struct bus *bus;
static int peer;
static enum deed deed;
static uint32_t last_call;
static uint8_t heard[HEARD_BYTES];
static size_t heard_size;

static void note_state(void *arg, bool connected, const char *text)
{
	(void)arg;
	CHECK(connected == (text[0] == '\0'));
}

static bool note_call(void *arg, uint32_t number, const char *method, const uint8_t *json,
		      size_t size)
{
	(void)arg;
	CHECK(strcmp(method, "status") == 0 || strcmp(method, "policy") == 0);
	CHECK(size >= 2 && json[0] == '{' && json[size - 1] == '}');
	CHECK(number != last_call);
	last_call = number;
	if (deed == ANSWER)
		bus_reply(bus, number, 0, json, size);
	else if (deed == SPOIL)
		bus_reply(bus, number, 9, json, size - 1);
	return deed != REFUSE;
}

/* ------------------------------------------------------------------------ the other end */

static void remove_socket(void)
{
	unlink(path);
}

static void listen_once(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (listener >= 0)
		return;
	snprintf(path, sizeof(path), "/tmp/adit-bus-fuzz-%d", (int)getpid());
	memcpy(addr.sun_path, path, strlen(path));
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(listener >= 0);
	CHECK(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(listen(listener, 4) == 0);
	atexit(remove_socket);
	log_open("bus_fuzz", LOG_LEVEL_ERROR);
}

static void stop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void turn(void)
{
	struct loop_timer timer = { .fired = stop, .name = "fuzzer" };

	loop_timer_start(loop, &timer, 0);
	CHECK(loop_run(loop) == 0);
	loop_timer_stop(&timer);
}

static void hear(void)
{
	ssize_t taken = 1;

	while (taken > 0 && heard_size < sizeof(heard)) {
		taken = recv(peer, heard + heard_size, sizeof(heard) - heard_size, MSG_DONTWAIT);
		heard_size += taken > 0 ? (size_t)taken : 0;
	}
}

static void say(const uint8_t *bytes, size_t size)
{
	if (size > 0)
		(void)!send(peer, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	for (int i = 0; i < TURNS; i++)
		turn();
	hear();
}

/* HELLO, then the number of the object and that all is well. */
static void greet(void)
{
	static const uint8_t hello[] = { 0, 0, 0, 0, 0x6d, 0xae, 0x27, 0xa2, 0, 0, 0, 4 };
	struct blob_writer answer = { .most = 4096 };

	say(hello, sizeof(hello));
	CHECK(ubus_add_data(&answer, 1, 0, OBJECT, (const uint8_t *)"{}", 2) == 0);
	CHECK(ubus_add_status(&answer, 1, 0, OBJECT, 0) == 0);
	say(answer.data, answer.size);
	blob_free(&answer);
}

/* ------------------------------------------------------------------------------- checks */

/* Of the last message nobody knows whether all of it was sent. */
static void check_heard(void)
{
	size_t at = 0;

	for (;;) {
		struct ubus_message message;
		int size = ubus_message_size(heard + at, heard_size - at);

		CHECK(size >= 0);
		if (size == 0 || (size_t)size > heard_size - at)
			return;
		CHECK(size % 4 == 0);
		CHECK(ubus_message_read(heard + at, (size_t)size, &message) == 0);
		at += (size_t)size;
	}
}

/* --------------------------------------------------------------------------- one input */

static void begin(void)
{
	struct bus_events events = { .state = note_state,
				     .call = note_call,
				     .call_us = LATER_US,
				     .quiet_us = LATER_US,
				     .patience_us = LATER_US };
	char text[BUS_TEXT_MAX];

	listen_once();
	last_call = 0;
	heard_size = 0;
	CHECK(loop_new(&loop) == 0);
	CHECK(bus_new(loop, &events, &bus) == 0);
	CHECK(bus_open(bus, path, "adit", (const uint8_t *)methods, strlen(methods), text) == 0);
	turn();
	peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(peer >= 0);
}

static void disturb(unsigned int how)
{
	char text[BUS_TEXT_MAX];

	if (how & 1)
		bus_reply(bus, last_call, 0, (const uint8_t *)"{\"late\":1.5}", 12);
	if (how & 2)
		bus_notify(bus, "device_moved", (const uint8_t *)"{\"to\":null}", 11);
	if (how & 4)
		bus_forget(bus);
	if (how & 8)
		bus_open(bus, path, "adit.other", (const uint8_t *)"{\"x\":{}}", 8, text);
	turn();
	hear();
}

static void finish(void)
{
	bus_free(bus);
	loop_free(loop);
	close(peer);
	/* Whoever came again while this input ran. */
	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece;

	if (size < 2)
		return 0;
	begin();
	deed = data[1] % DEEDS;
	piece = data[0] & 0x7e ? data[0] & 0x7eu : 65536;
	if (data[0] & 1)
		greet();
	for (size_t at = 2; at < size; at += piece)
		say(data + at, size - at < piece ? size - at : piece);
	disturb(data[1] / DEEDS);
	check_heard();
	finish();
	return 0;
}
