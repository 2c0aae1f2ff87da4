/* The object on the bus against a stand-in of ubusd: what the real one said and was told, and what
 * it must never say. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mover/bus.h"
#include "sys/blob_json.h"
#include "sys/ubus.h"
#include "test.h"

#define EXCHANGE "test/golden/ubus/exchange.txt"
#define LINE_BYTES_MAX 8192
#define BUFFER_BYTES (2 << 20)
#define TURN_US 2000
#define TURNS_MAX 500
#define CALL_US 500000
#define QUIET_US 20000
#define PATIENCE_US 400000
#define OBJECT 0x507cf333u

static const char methods[] =
	"{\"status\":{},\"devices\":{},\"plan\":{},"
	"\"protect\":{\"mac_addr\":3,\"ip_addr\":3,\"iface\":3,\"vl\":3,\"when_down\":3},"
	"\"unprotect\":{\"mac_addr\":3,\"ip_addr\":3,\"iface\":3},\"explain\":{\"target\":3},"
	"\"policy\":{\"action\":3,\"module\":3,\"script\":3,\"signature\":3,\"confirm_s\":5},"
	"\"policy_view\":{\"action\":3}}";

static struct loop *loop;
static struct bus *bus;
static char path[64];
static int listener = -1, peer = -1;
static uint8_t got[BUFFER_BYTES];
static size_t got_size;

/* What the owner of the object was told last. */
static int states;
static bool connected, answering = true;
static uint64_t quiet_us = BUS_QUIET_US;
static char problem[BUS_TEXT_MAX];
static uint32_t call;
static char method[128];
static char *arguments;

static void note_state(void *arg, bool is_connected, const char *text)
{
	(void)arg;
	states++;
	connected = is_connected;
	snprintf(problem, sizeof(problem), "%s", text);
}

static bool note_call(void *arg, uint32_t number, const char *name, const uint8_t *json,
		      size_t size)
{
	(void)arg;
	if (!answering)
		return false;
	call = number;
	snprintf(method, sizeof(method), "%s", name);
	free(arguments);
	arguments = calloc(1, size + 1);
	memcpy(arguments, json, size);
	return true;
}

/* ------------------------------------------------------------------------ the stand-in */

static void stop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void turn(void)
{
	struct loop_timer timer = { .fired = stop, .name = "test" };

	loop_timer_start(loop, &timer, TURN_US);
	EXPECT_EQUAL(loop_run(loop), 0);
	loop_timer_stop(&timer);
}

static void listen_here(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	EXPECT_EQUAL(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	EXPECT_EQUAL(listen(listener, 4), 0);
}

static void hang_up(void)
{
	if (peer >= 0)
		close(peer);
	if (listener >= 0)
		close(listener);
	peer = listener = -1;
	got_size = 0;
	unlink(path);
}

static void accept_one(void)
{
	for (int i = 0; i < TURNS_MAX && peer < 0; i++) {
		turn();
		peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	EXPECT(peer >= 0);
}

static void say(const uint8_t *bytes, size_t size)
{
	size_t sent = 0;

	for (int i = 0; i < TURNS_MAX && sent < size; i++) {
		ssize_t taken = send(peer, bytes + sent, size - sent, MSG_NOSIGNAL);

		sent += taken > 0 ? (size_t)taken : 0;
		turn();
	}
	EXPECT_EQUAL(sent, size);
}

/* Until `size` bytes are there, or nothing comes any more. */
static void hear(size_t size)
{
	for (int i = 0; i < TURNS_MAX && got_size < size; i++) {
		ssize_t taken = recv(peer, got + got_size, sizeof(got) - got_size, 0);

		got_size += taken > 0 ? (size_t)taken : 0;
		if (taken > 0)
			i = 0;
		turn();
	}
}

/* The first message that came is taken off into `ret_message`, which borrows from `ret_bytes`. */
static int next_message(uint8_t **ret_bytes, struct ubus_message *ret_message)
{
	int size;

	*ret_bytes = NULL;
	hear(UBUS_HEAD_BYTES);
	size = ubus_message_size(got, got_size);
	if (size <= 0)
		return 0;
	hear((size_t)size);
	*ret_bytes = malloc((size_t)size);
	memcpy(*ret_bytes, got, (size_t)size);
	got_size -= (size_t)size;
	memmove(got, got + size, got_size);
	EXPECT_EQUAL(ubus_message_read(*ret_bytes, (size_t)size, ret_message), 0);
	return size;
}

static void expect_status(uint32_t status, const char *cause)
{
	struct blob_writer json = { .most = BUFFER_BYTES };
	struct ubus_message message = { 0 };
	uint8_t *bytes;

	if (cause) {
		EXPECT(next_message(&bytes, &message) > 0);
		EXPECT_EQUAL(message.type, UBUS_DATA);
		EXPECT_EQUAL(blob_to_json(message.data, message.data_size, &json), 0);
		blob_put(&json, "", 1);
		EXPECT(json.data && strstr((char *)json.data, cause) != NULL);
		blob_free(&json);
		free(bytes);
	}
	EXPECT(next_message(&bytes, &message) > 0);
	EXPECT_EQUAL(message.type, UBUS_STATUS);
	EXPECT_EQUAL(message.status, status);
	free(bytes);
}

static void put_header(struct blob_writer *out, enum ubus_type type, uint16_t seq, uint32_t who)
{
	uint8_t header[UBUS_HEADER_BYTES] = { 0, (uint8_t)type };

	blob_set_u16(header + 2, seq);
	blob_set_u32(header + 4, who);
	blob_put(out, header, sizeof(header));
}

static void invoke(uint16_t seq, const char *name, const char *json)
{
	struct blob_writer out = { .most = BUFFER_BYTES };
	size_t outer, data;

	put_header(&out, UBUS_INVOKE, seq, 77);
	outer = blob_begin(&out, 0, NULL, 0);
	blob_add_u32(&out, 3, OBJECT);
	blob_add_text(&out, 4, name);
	data = blob_begin(&out, 7, NULL, 0);
	EXPECT_EQUAL(blob_from_json((const uint8_t *)json, strlen(json), &out), 0);
	blob_end(&out, data);
	blob_end(&out, outer);
	EXPECT_EQUAL(out.error, 0);
	say(out.data, out.size);
	blob_free(&out);
}

static void say_hello(void)
{
	static const uint8_t hello[] = { 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 4 };

	say(hello, sizeof(hello));
}

static void give_number(uint32_t status)
{
	struct blob_writer out = { .most = 256 };
	size_t outer;

	put_header(&out, UBUS_DATA, 1, 0);
	outer = blob_begin(&out, 0, NULL, 0);
	blob_add_u32(&out, 3, OBJECT);
	blob_end(&out, outer);
	put_header(&out, UBUS_STATUS, 1, 0);
	outer = blob_begin(&out, 0, NULL, 0);
	blob_add_u32(&out, 1, status);
	blob_end(&out, outer);
	say(out.data, out.size);
	blob_free(&out);
}

static void open_bus(void)
{
	char text[BUS_TEXT_MAX] = "";

	EXPECT_EQUAL(bus_open(bus, path, "adit", (const uint8_t *)methods, strlen(methods), text),
		     0);
}

/* Until the object is on the bus. */
static void join_bus(void)
{
	struct ubus_message message = { 0 };
	uint8_t *bytes;

	accept_one();
	say_hello();
	EXPECT(next_message(&bytes, &message) > 0);
	EXPECT_EQUAL(message.type, UBUS_ADD_OBJECT);
	free(bytes);
	give_number(UBUS_STATUS_OK);
	EXPECT(connected);
}

static void start(void)
{
	struct bus_events events = { NULL, note_state, note_call, CALL_US, quiet_us, PATIENCE_US };

	states = 0;
	connected = false;
	answering = true;
	EXPECT_EQUAL(bus_new(loop, &events, &bus), 0);
	listen_here();
	open_bus();
}

static void finish(void)
{
	bus_free(bus);
	hang_up();
}

/* --------------------------------------------------------------------- the recorded exchange */

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
	size_t count = 0;
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret_bytes[count++] = (uint8_t)byte;
	return count;
}

static void play_call(char *line)
{
	char *json = strchr(line, ' ');

	*json++ = '\0';
	EXPECT_TEXT(method, line);
	EXPECT_TEXT(arguments, json);
}

static void play_line(char *line)
{
	static uint8_t bytes[LINE_BYTES_MAX];
	size_t size = line[0] == '<' || line[0] == '>' ? from_hex(line + 2, bytes) : 0;

	if (line[0] == '<') {
		say(bytes, size);
	} else if (line[0] == '>') {
		hear(size);
		EXPECT(got_size >= size && memcmp(got, bytes, size) == 0);
		got_size -= got_size < size ? got_size : size;
		memmove(got, got + size, got_size);
	} else if (strncmp(line, "call ", 5) == 0) {
		play_call(line + 5);
	} else if (strncmp(line, "reply ", 6) == 0) {
		char *json;
		long status = strtol(line + 6, &json, 10);

		bus_reply(bus, call, (uint8_t)status, (uint8_t *)json + 1, strlen(json + 1));
	} else {
		char *json = strchr(line + 7, ' ');

		*json++ = '\0';
		EXPECT_EQUAL(bus_notify(bus, line + 7, (uint8_t *)json, strlen(json)), 0);
	}
}

static void the_recorded_exchange_is_repeated(void)
{
	static char line[LINE_BYTES_MAX];
	FILE *file = fopen(EXCHANGE, "r");
	int lines = 0;

	start();
	accept_one();
	EXPECT(file != NULL);
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		play_line(line);
		lines++;
	}
	EXPECT(lines > 60);
	EXPECT_EQUAL(got_size, 0);
	EXPECT_EQUAL(states, 1);
	if (file)
		fclose(file);
	finish();
}

/* -------------------------------------------------------------------------- the connection */

static void a_missing_bus_is_tried_again(void)
{
	start();
	hang_up();
	for (int i = 0; i < TURNS_MAX && states == 0; i++)
		turn();
	EXPECT(!connected);
	EXPECT(strstr(problem, path) != NULL);
	listen_here();
	join_bus();
	EXPECT_EQUAL(states, 2);
	EXPECT_TEXT(problem, "");
	/* The same offer again changes nothing, another one begins anew. */
	open_bus();
	turn();
	EXPECT(connected);
	EXPECT_EQUAL(states, 2);
	hang_up();
	for (int i = 0; i < TURNS_MAX && connected; i++)
		turn();
	EXPECT_EQUAL(states, 3);
	listen_here();
	join_bus();
	EXPECT_EQUAL(states, 4);
	bus_tell_state(bus);
	EXPECT_EQUAL(states, 5);
	finish();
}

static void an_object_that_is_refused_is_told(void)
{
	struct ubus_message message;
	uint8_t *bytes;

	start();
	accept_one();
	say_hello();
	EXPECT(next_message(&bytes, &message) > 0);
	free(bytes);
	give_number(UBUS_STATUS_INVALID_ARGUMENT);
	EXPECT_EQUAL(states, 1);
	EXPECT(!connected);
	EXPECT(strstr(problem, "status 2") != NULL);
	finish();
}

static void what_is_no_message_ends_the_connection(void)
{
	static const uint8_t garbage[][16] = {
		{ 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 }, /* another version */
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3 }, /* shorter than its header */
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0 }, /* 2 MiB */
		{ 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 8, 3, 0, 0, 9 }, /* beyond its end */
	};

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		start();
		join_bus();
		say(garbage[i], sizeof(garbage[i]));
		EXPECT(!connected);
		finish();
	}
}

static void withdrawing_ends_it(void)
{
	char text[BUS_TEXT_MAX] = "";
	uint8_t byte;

	start();
	join_bus();
	EXPECT_EQUAL(bus_open(bus, "", "", NULL, 0, text), 0);
	turn();
	EXPECT_EQUAL(recv(peer, &byte, 1, 0), 0);
	EXPECT_EQUAL(bus_open(bus, path, "adit", (const uint8_t *)"{\"a\":1}", 7, text), -EINVAL);
	EXPECT(text[0] != '\0');
	finish();
}

/* ------------------------------------------------------------------------------- the calls */

static void strange_calls_are_answered_here(void)
{
	struct blob_writer out = { .most = 256 };
	size_t outer, data;

	start();
	join_bus();
	call = 0;
	invoke(1, "nothing", "{}");
	expect_status(UBUS_STATUS_METHOD_NOT_FOUND, NULL);
	put_header(&out, UBUS_INVOKE, 2, 77);
	outer = blob_begin(&out, 0, NULL, 0);
	blob_add_u32(&out, 3, OBJECT);
	blob_add_text(&out, 4, "status");
	data = blob_begin(&out, 7, NULL, 0);
	blob_put(&out, "nonsense", 8);
	blob_end(&out, data);
	blob_end(&out, outer);
	say(out.data, out.size);
	blob_free(&out);
	expect_status(UBUS_STATUS_INVALID_ARGUMENT, "JSON can express");
	answering = false;
	invoke(3, "status", "{}");
	expect_status(UBUS_STATUS_CONNECTION_FAILED, "starting");
	EXPECT_EQUAL(call, 0);
	finish();
}

static void calls_are_bounded_in_number_and_time(void)
{
	uint32_t first;

	start();
	join_bus();
	invoke(1, "status", "{}");
	first = call;
	for (uint16_t i = 1; i < BUS_CALLS_MAX; i++)
		invoke((uint16_t)(i + 1), "status", "{}");
	EXPECT_EQUAL(call, first + BUS_CALLS_MAX - 1);
	invoke(99, "status", "{}");
	expect_status(UBUS_STATUS_UNKNOWN_ERROR, "too many");
	for (int i = 0; i < BUS_CALLS_MAX; i++)
		expect_status(UBUS_STATUS_TIMEOUT, "no answer in time");
	bus_reply(bus, first, 0, (const uint8_t *)"{}", 2);
	hear(1);
	EXPECT_EQUAL(got_size, 0);
	invoke(1, "plan", "{}");
	bus_forget(bus);
	expect_status(UBUS_STATUS_CONNECTION_FAILED, "ended");
	finish();
}

static char *long_json(size_t size)
{
	char *json = malloc(size + 16);

	memcpy(json, "{\"a\":\"", 6);
	memset(json + 6, 'x', size);
	memcpy(json + 6 + size, "\"}", 3);
	return json;
}

static void long_messages_arrive_or_are_refused(void)
{
	char *json = long_json(600000);
	struct ubus_message message;
	uint8_t *bytes;

	start();
	join_bus();
	invoke(1, "policy", json);
	EXPECT_TEXT(arguments, json);
	bus_reply(bus, call, 0, (uint8_t *)json, strlen(json));
	EXPECT(next_message(&bytes, &message) > 600000);
	free(bytes);
	expect_status(UBUS_STATUS_OK, NULL);
	free(json);
	json = long_json(BUS_JSON_BYTES_MAX - 8);
	invoke(2, "status", "{}");
	bus_reply(bus, call, 0, (uint8_t *)json, strlen(json));
	expect_status(UBUS_STATUS_UNKNOWN_ERROR, "too long");
	invoke(3, "status", "{}");
	bus_reply(bus, call, 0, (uint8_t *)json, BUS_JSON_BYTES_MAX + 1);
	expect_status(UBUS_STATUS_UNKNOWN_ERROR, "too long");
	invoke(4, "status", "{}");
	bus_reply(bus, call, 0, (uint8_t *)json, 100);
	expect_status(UBUS_STATUS_UNKNOWN_ERROR, "no JSON");
	EXPECT(connected);
	free(json);
	finish();
}

/* A bus that does not read loses notifications first, then the connection. */
static void what_waits_is_bounded(void)
{
	static const uint8_t subscribed[] = { 0, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20,
					      3, 0,  0, 8, 0xf2, 0xcd, 0x29, 0x10,
					      9, 0,  0, 5, 1, 0, 0, 0 };
	char *json = long_json(40000);

	start();
	join_bus();
	EXPECT_EQUAL(bus_notify(bus, "ready", (uint8_t *)json, strlen(json)), 0);
	hear(1);
	EXPECT_EQUAL(got_size, 0);
	say(subscribed, sizeof(subscribed));
	for (int i = 0; i < 200; i++)
		EXPECT_EQUAL(bus_notify(bus, "ready", (uint8_t *)json, strlen(json)), 0);
	EXPECT_EQUAL(bus_notify(bus, "ready", (uint8_t *)json, 100), 0);
	EXPECT(connected);
	free(json);
	json = long_json(1000000);
	for (uint16_t i = 0; i < 5 && connected; i++) {
		invoke(i, "status", "{}");
		bus_reply(bus, call, 0, (uint8_t *)json, strlen(json));
	}
	EXPECT(!connected);
	EXPECT(strstr(problem, "does not read") != NULL);
	free(json);
	finish();
}

static void expect_ping(uint16_t *ret_seq)
{
	struct ubus_message message = { 0 };
	uint8_t *bytes;

	EXPECT(next_message(&bytes, &message) > 0);
	EXPECT_EQUAL(message.type, UBUS_PING);
	EXPECT_EQUAL(message.peer, 0);
	*ret_seq = message.seq;
	free(bytes);
}

/* A socket that stays open says nothing about who is to read it. */
static void a_bus_that_hangs_is_left(void)
{
	static const uint8_t unsubscribed[] = { 0, UBUS_NOTIFY, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4 };
	struct blob_writer pong = { .most = 256 };
	uint16_t seq, again;

	quiet_us = QUIET_US;
	start();
	join_bus();
	expect_ping(&seq);
	put_header(&pong, UBUS_DATA, seq, 0);
	blob_end(&pong, blob_begin(&pong, 0, NULL, 0));
	say(pong.data, pong.size);
	blob_free(&pong);
	expect_ping(&again);
	EXPECT(again != seq);
	say(unsubscribed, sizeof(unsubscribed));
	expect_ping(&seq);
	EXPECT(connected);
	EXPECT_EQUAL(states, 1);
	for (int i = 0; i < TURNS_MAX && connected; i++)
		turn();
	EXPECT(!connected);
	EXPECT(strstr(problem, "ubusd does not answer") != NULL);
	EXPECT_EQUAL(got_size, 0);
	quiet_us = BUS_QUIET_US;
	finish();
}

int main(void)
{
	char folder[] = "/tmp/adit-bus-XXXXXX";

	EXPECT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/ubus.sock", folder);
	EXPECT_EQUAL(loop_new(&loop), 0);
	the_recorded_exchange_is_repeated();
	a_missing_bus_is_tried_again();
	an_object_that_is_refused_is_told();
	what_is_no_message_ends_the_connection();
	withdrawing_ends_it();
	strange_calls_are_answered_here();
	calls_are_bounded_in_number_and_time();
	long_messages_arrive_or_are_refused();
	what_waits_is_bounded();
	a_bus_that_hangs_is_left();
	free(arguments);
	loop_free(loop);
	rmdir(folder);
	return test_summary();
}
