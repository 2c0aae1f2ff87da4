/* Two data paths in one process for tests: a gateway that listens on loopback and a router that
 * dials it, each with a socket in place of the TUN, and a decider that says yes to everything. */
#ifndef ADIT_DATAPATH_PAIR_H
#define ADIT_DATAPATH_PAIR_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fair_clock.h"
#include "loop.h"
#include "mover/datapath.h"
#include "mover/datapath_internal.h"
#include "tls/tls.h"

#define PAIR_GREETING "{\"v\":1,\"token\":\"secret\"}"
#define PAIR_WELCOME "{\"v\":1,\"mtu\":1500}"

/* Milliseconds; a program that counts what packets cost wants no others. */
#ifndef PAIR_KEEPALIVE_MS
#define PAIR_KEEPALIVE_MS 200
#endif

struct pair_side {
	struct datapath *path;
	int tun;	     /* the far end of the fake device */
	bool mute;	     /* the decider does not answer */
	bool plain;	     /* the decider says that the peer takes no segments */
	unsigned starts_max; /* sessions that the decider starts, each in the next slot */
	uint32_t slot;
	unsigned controls, states, wanted;
	uint32_t session;	/* the one heard of last */
	unsigned state;		/* its state */
	char reason[256 + 1];	/* of the last one that closed */
	char control[4096 + 1]; /* the last one */
};

struct pair {
	struct loop *loop;
	struct pair_side gateway, router;
	uint16_t port;
	uint8_t pin[TLS_DIGEST_SIZE];
	char cert_file[128], key_file[128];
	struct loop_timer limit;
	bool (*done)(struct pair *pair);
	bool timed_out;
};

static inline void pair_note_state(void *arg, const struct msg_session_state *message)
{
	struct pair_side *side = arg;

	side->states++;
	side->session = message->session;
	side->state = message->state;
	if (message->state == SESSION_CLOSED)
		snprintf(side->reason, sizeof(side->reason), "%s", message->reason);
}

static inline void pair_note_control(void *arg, const struct msg_session_control *message)
{
	struct pair_side *side = arg;
	struct msg_session_start start = {
		.session = message->session, .slot = side->slot, .mtu = 1500, .segments = true};
	bool inbound = side->slot == 7;

	side->controls++;
	memcpy(side->control, message->data.data, message->data.size);
	side->control[message->data.size] = '\0';
	if (side->mute || side->controls > side->starts_max)
		return;
	start.slot += side->controls - 1;
	start.segments = !side->plain;
	if (inbound) {
		start.control.data = (uint8_t *)PAIR_WELCOME;
		start.control.size = strlen(PAIR_WELCOME);
	}
	CHECK(datapath_session_start(side->path, &start) == 0);
}

static inline void pair_note_wanted(void *arg, const struct msg_slot_wanted *message)
{
	struct pair_side *side = arg;

	(void)message;
	side->wanted++;
}

/* A device whose near end is `fd`. */
static inline void pair_attach_end(struct pair_side *side, int fd, uint32_t offload)
{
	struct tun tun = {.fd = fd, .offload = offload, .name = "fake"};

	CHECK(datapath_attach(side->path, &tun) == 0);
}

static inline void pair_attach(struct pair_side *side, uint32_t offload)
{
	int sockets[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sockets) == 0);
	side->tun = sockets[1];
	pair_attach_end(side, sockets[0], offload);
}

static inline void pair_path_new(struct pair *pair, struct pair_side *side, uint32_t slot)
{
	struct datapath_events events = {side, pair_note_state, pair_note_control,
					 pair_note_wanted};

	side->slot = slot;
	side->starts_max = 1;
	CHECK(datapath_new(pair->loop, &events, &side->path) == 0);
}

static inline void pair_side_new(struct pair *pair, struct pair_side *side, uint32_t slot)
{
	pair_path_new(pair, side, slot);
	pair_attach(side, 0x0f);
}

static inline void pair_write_file(char *name, const char *text)
{
	int fd;
	ssize_t size = (ssize_t)strlen(text);

	snprintf(name, 128, "%s/datapath-XXXXXX", P_tmpdir);
	fd = mkstemp(name);
	CHECK(fd >= 0 && write(fd, text, (size_t)size) == size);
	close(fd);
}

static inline void pair_make_identity(struct pair *pair)
{
	char *cert = NULL, *key = NULL;

	CHECK(tls_generate_certificate("gateway.test", 30, &cert, &key, pair->pin) == 0);
	pair_write_file(pair->cert_file, cert);
	pair_write_file(pair->key_file, key);
	free(cert);
	free(key);
}

static inline struct inet_ip pair_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct inet_ip){4, {a, b, c, d}};
}

/* An address of loopback for this test alone, so that a port which was free a moment ago is not
 * taken by another one that runs beside it. What is born of this process has the same. */
static inline struct inet_ip pair_address(void)
{
	static pid_t number;

	if (!number)
		number = getpid();
	return pair_ip4(127, 64 | (number >> 16 & 63), number >> 8 & 255, number & 255);
}

static inline struct sockaddr_in pair_socket_address(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct inet_ip ip = pair_address();

	memcpy(&address.sin_addr, ip.bytes, sizeof(address.sin_addr));
	return address;
}

static inline uint16_t pair_free_port(void)
{
	struct sockaddr_in address = pair_socket_address(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(fd, (struct sockaddr *)&address, size) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

static inline void pair_listen(struct pair *pair, uint16_t half_open_max)
{
	struct msg_listen listen = {.addr = pair_address(),
				    .port = pair->port,
				    .greeting_ms = 2000,
				    .keepalive_ms = PAIR_KEEPALIVE_MS,
				    .half_open_max = half_open_max,
				    .sessions_max = 16};
	char text[MSG_RESULT_TEXT_MAX + 1];

	snprintf(listen.cert_file, sizeof(listen.cert_file), "%s", pair->cert_file);
	snprintf(listen.key_file, sizeof(listen.key_file), "%s", pair->key_file);
	CHECK(datapath_listen(pair->gateway.path, &listen, text) == 0);
}

/* 10.64.0.5 and fd00:64::5 are the router's, and 10.64.0.6 another client's. The gateway's slots
 * are 7 and 8, the router's 1 and 2. */
static inline void pair_set_table(struct pair_side *side, bool hairpin)
{
	bool inbound = side->slot == 7;
	struct msg_forward_entry rows[3] = {
		{.prefix = {pair_ip4(10, 64, 0, 5), 32}, .slot = side->slot},
		{.prefix = {{6, {0xfd, 0, 0, 0x64, [15] = 5}}, 128}, .slot = side->slot},
		{.prefix = {pair_ip4(10, 64, 0, 6), 32}, .slot = side->slot + 1},
	};
	struct msg_forward_set table = {
		.by_destination = inbound, .hairpin = hairpin, .entries_count = 3, .entries = rows};

	CHECK(datapath_forward_set(side->path, &table) == 0);
}

static inline void pair_set_tables(struct pair *pair, bool hairpin)
{
	pair_set_table(&pair->gateway, hairpin);
	pair_set_table(&pair->router, hairpin);
}

static inline void pair_new(struct pair *pair)
{
	memset(pair, 0, sizeof(*pair));
	CHECK(loop_new(&pair->loop) == 0);
	loop_set_clock(pair->loop, fair_clock_us);
	pair_make_identity(pair);
	pair->port = pair_free_port();
	pair_side_new(pair, &pair->gateway, 7);
	pair_side_new(pair, &pair->router, 1);
	pair_listen(pair, 8);
	pair_set_tables(pair, false);
}

static inline void pair_free(struct pair *pair)
{
	datapath_free(pair->router.path);
	datapath_free(pair->gateway.path);
	close(pair->router.tun);
	close(pair->gateway.tun);
	loop_free(pair->loop);
	unlink(pair->cert_file);
	unlink(pair->key_file);
}

static inline int pair_dial(struct pair *pair, const uint8_t *pin)
{
	struct msg_pin pins[1] = {{.digest = {.data = (uint8_t *)pin, .size = TLS_DIGEST_SIZE}}};
	struct msg_session_open open = {
		.name = "lab",
		.slot = pair->router.slot,
		.peer = pair_address(),
		.port = pair->port,
		.pins_count = 1,
		.pins = pins,
		.connect_ms = 2000,
		.keepalive_ms = PAIR_KEEPALIVE_MS,
		.greeting = {.data = (uint8_t *)PAIR_GREETING, .size = strlen(PAIR_GREETING)}};
	uint32_t number = 0;

	return datapath_session_open(pair->router.path, &open, &number);
}

static inline void pair_limit_fired(struct loop_timer *timer)
{
	struct pair *pair = container_of(timer, struct pair, limit);

	pair->timed_out = true;
	loop_stop(pair->loop);
}

static inline void pair_check_done(void *arg)
{
	struct pair *pair = arg;

	if (pair->done(pair))
		loop_stop(pair->loop);
}

/* Runs the loop until `done`, at most `limit_ms`. True if it is done. */
static inline bool pair_run(struct pair *pair, bool (*done)(struct pair *pair), unsigned limit_ms)
{
	if (done(pair))
		return true;
	pair->done = done;
	pair->timed_out = false;
	pair->limit.fired = pair_limit_fired;
	pair->limit.name = "test limit";
	loop_timer_start(pair->loop, &pair->limit, (uint64_t)limit_ms * 1000);
	loop_set_before_sleep(pair->loop, pair_check_done, pair);
	CHECK(loop_run(pair->loop) == 0);
	loop_timer_stop(&pair->limit);
	return !pair->timed_out;
}

#endif
