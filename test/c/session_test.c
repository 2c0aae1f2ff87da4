/* A gateway against clients that speak TLS well and the rest badly: each frame is written by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "datapath_pair.h"
#include "mover/frame.h"
#include "mover/session_internal.h"
#include "packet_make.h"
#include "test.h"

struct raw {
	int fd;
	struct tls *tls;
	struct tls_buffer out;
	uint8_t out_data[1 << 17];
	uint8_t plain[1 << 17]; /* everything that the gateway said inside TLS */
	size_t plain_size;
	bool ended;
};

static struct pair pair;
static struct raw raw;
static uint8_t payload[60000];

static bool never(struct pair *p)
{
	(void)p;
	return false;
}

static void raw_send(const uint8_t *plain, size_t size)
{
	EXPECT_EQUAL(tls_push(raw.tls, plain, size, &raw.out), 0);
	(void)send(raw.fd, raw.out.data, raw.out.size, MSG_NOSIGNAL);
	raw.out.size = 0;
}

/* Lets both sides work for a while. */
static void settle(unsigned ms)
{
	static uint8_t cipher[1 << 17];

	for (unsigned i = 0; i < ms; i += 5) {
		ssize_t got;
		int size;

		(void)pair_run(&pair, never, ms < 5 ? ms : 5);
		got = recv(raw.fd, cipher, sizeof(cipher), 0);
		raw.ended |= got == 0 || (got < 0 && errno != EAGAIN);
		if (got <= 0)
			continue;
		tls_feed(raw.tls, cipher, (size_t)got);
		if (tls_handshake(raw.tls, &raw.out) == 1) {
			while ((size = tls_pull(raw.tls, raw.plain + raw.plain_size,
						sizeof(raw.plain) - raw.plain_size, &raw.out)) > 0)
				raw.plain_size += (size_t)size;
		}
		(void)send(raw.fd, raw.out.data, raw.out.size, MSG_NOSIGNAL);
		raw.out.size = 0;
	}
}

static void raw_connect(void)
{
	struct sockaddr_in address = pair_socket_address(pair.port);
	struct tls_client_config config = {.pins = &pair.pin, .pin_count = 1};
	struct tls_context *context = NULL;
	char text[TLS_TEXT_MAX];
	int on = 1;

	memset(&raw, 0, sizeof(raw));
	raw.out = (struct tls_buffer){raw.out_data, 0, sizeof(raw.out_data)};
	CHECK(tls_client_context_new(&config, &context, text) == 0);
	CHECK(tls_new(context, &raw.tls) == 0);
	tls_context_free(context);
	raw.fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(setsockopt(raw.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	CHECK(connect(raw.fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(fcntl(raw.fd, F_SETFL, O_NONBLOCK) == 0);
	EXPECT_EQUAL(tls_handshake(raw.tls, &raw.out), 0);
	(void)send(raw.fd, raw.out.data, raw.out.size, 0);
	raw.out.size = 0;
	settle(30);
}

static void set_up(bool mute)
{
	pair_new(&pair);
	pair.gateway.mute = mute;
	raw_connect();
}

static void tear_down(void)
{
	close(raw.fd);
	tls_free(raw.tls);
	pair_free(&pair);
}

static size_t put_frame(uint8_t *out, enum frame_type type, uint8_t flags, uint16_t segment_size,
			const void *data, size_t size)
{
	frame_write_header(out, type, flags, segment_size, size);
	memcpy(out + FRAME_HEADER_SIZE, data, size);
	return FRAME_HEADER_SIZE + size;
}

static void send_frame(enum frame_type type, uint8_t flags, uint16_t segment_size, const void *data,
		       size_t size)
{
	uint8_t out[FRAME_HEADER_SIZE + FRAME_PACKET_MAX];

	raw_send(out, put_frame(out, type, flags, segment_size, data, size));
}

static void greet(void)
{
	send_frame(FRAME_CONTROL, 0, 0, PAIR_GREETING, strlen(PAIR_GREETING));
	settle(30);
}

static struct packet_make from_client(uint8_t last)
{
	struct packet_make make = {.source = {10, 64, 0, last},
				   .destination = {192, 0, 2, 1},
				   .source_port = 1000,
				   .destination_port = 80,
				   .tcp_flags = 0x10,
				   .payload = payload,
				   .payload_size = 1000};

	return make;
}

/* Size of the next packet that reached the device, 0 if there is none. */
static size_t device_packet(uint8_t *ret_packet)
{
	static uint8_t buffer[70000];
	ssize_t size = recv(pair.gateway.tun, buffer, sizeof(buffer), 0);

	if (size < TUN_HEADER_SIZE)
		return 0;
	memcpy(ret_packet, buffer + TUN_HEADER_SIZE, (size_t)size - TUN_HEADER_SIZE);
	return (size_t)size - TUN_HEADER_SIZE;
}

static void nothing_is_said_before_the_answer(void)
{
	set_up(true);
	greet();
	settle(50);
	EXPECT_EQUAL(pair.gateway.controls, 1);
	EXPECT_EQUAL(raw.plain_size, 0);
	EXPECT(!raw.ended);
	tear_down();
}

static void the_answer_comes_before_everything_else(void)
{
	set_up(false);
	greet();
	EXPECT(raw.plain_size >= FRAME_HEADER_SIZE + strlen(PAIR_WELCOME));
	EXPECT_EQUAL(raw.plain[0], FRAME_CONTROL);
	EXPECT(memcmp(raw.plain + FRAME_HEADER_SIZE, PAIR_WELCOME, strlen(PAIR_WELCOME)) == 0);
	tear_down();
}

static void packets_before_the_start_close(void)
{
	struct packet_make make = from_client(5);
	uint8_t packet[2000];
	size_t size = packet_build(&make, packet);

	set_up(false);
	send_frame(FRAME_PACKET, 0, 0, packet, size);
	settle(50);
	EXPECT(raw.ended);
	EXPECT_EQUAL(device_packet(packet), 0);
	EXPECT_EQUAL(pair.gateway.path->session_count, 0);
	EXPECT_EQUAL(pair.gateway.states, 0);
	tear_down();
}

/* The packet waits in the socket until the decider has answered. */
static void a_packet_right_behind_the_greeting_waits(void)
{
	struct packet_make make = from_client(5);
	uint8_t packet[2000], stream[4000];
	size_t size,
		at = put_frame(stream, FRAME_CONTROL, 0, 0, PAIR_GREETING, strlen(PAIR_GREETING));

	set_up(false);
	size = packet_build(&make, packet);
	at += put_frame(stream + at, FRAME_PACKET, 0, 0, packet, size);
	raw_send(stream, at);
	settle(50);
	EXPECT_EQUAL(device_packet(packet), size);
	tear_down();
}

/* What stands behind a greeting is kept by the session: the buffer it was read into is the next
 * one's. */
static void what_waits_is_nobody_elses(void)
{
	static const uint8_t stamp[FRAME_STAMP_SIZE];
	struct session *session;

	set_up(true);
	send_frame(FRAME_CONTROL, 0, 0, PAIR_GREETING, strlen(PAIR_GREETING));
	send_frame(FRAME_KEEPALIVE, 0, 0, stamp, sizeof(stamp));
	settle(50);
	EXPECT_EQUAL(pair.gateway.path->session_count, 1);
	session = pair.gateway.path->sessions[0];
	EXPECT(session->held_size > 0);
	EXPECT_EQUAL(tls_unread(session->tls), 0);
	tear_down();
}

static void a_stranger_that_sends_on_is_cut_off(void)
{
	set_up(true);
	for (int i = 0; i < 40 && !raw.ended; i++) {
		send_frame(FRAME_CONTROL, 0, 0, payload, FRAME_CONTROL_MAX);
		settle(5);
	}
	EXPECT_EQUAL(pair.gateway.controls, 1);
	EXPECT(pair.gateway.path->sessions[0]->early_bytes < 70000);
	settle(2100);
	EXPECT(raw.ended);
	EXPECT(strncmp(pair.gateway.reason, "timeout: ", 9) == 0);
	tear_down();
}

static void too_many_control_frames_close(void)
{
	set_up(false);
	greet();
	for (int i = 0; i < 40 && !raw.ended; i++)
		send_frame(FRAME_CONTROL, 0, 0, "{}", 2);
	settle(30);
	EXPECT(raw.ended);
	EXPECT_TEXT(pair.gateway.reason, "flood: too many control frames");
	tear_down();
}

static void unknown_frames_close(void)
{
	uint8_t frame[FRAME_HEADER_SIZE + 8] = {9, 0, 0, 0, 0, 0, 0, 8};

	set_up(false);
	greet();
	raw_send(frame, sizeof(frame));
	settle(30);
	EXPECT(raw.ended);
	EXPECT_TEXT(pair.gateway.reason, "protocol: malformed frame");
	tear_down();
}

static void keepalives_are_answered_with_their_bytes(void)
{
	static const uint8_t stamp[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	set_up(false);
	greet();
	raw.plain_size = 0;
	send_frame(FRAME_KEEPALIVE, 0, 0, stamp, sizeof(stamp));
	settle(20);
	EXPECT_EQUAL(raw.plain_size, 16);
	EXPECT_EQUAL(raw.plain[0], FRAME_ANSWER);
	EXPECT(memcmp(raw.plain + FRAME_HEADER_SIZE, stamp, sizeof(stamp)) == 0);
	tear_down();
}

static struct msg_session_stats session_stats(void)
{
	struct msg_stats stats;
	struct msg_session_stats ret;

	CHECK(datapath_stats(pair.gateway.path, &stats) == 0 && stats.sessions_count == 1);
	ret = stats.sessions[0];
	msg_stats_clear(&stats);
	return ret;
}

static void malformed_packets_are_dropped_and_counted(void)
{
	struct packet_make make = from_client(5);
	uint8_t packet[70000];
	size_t size;

	set_up(false);
	greet();
	size = packet_build(&make, packet);
	send_frame(FRAME_PACKET, 0, 0, packet, size - 1);
	packet[0] = 0x75;
	send_frame(FRAME_PACKET, 0, 0, packet, size);
	make.payload_size = 1461;
	send_frame(FRAME_PACKET, 0, 0, packet, packet_build(&make, packet));
	make.tcp_flags = 0x02;
	send_frame(FRAME_SEGMENTS, 1, 100, packet, packet_build(&make, packet));
	make.tcp_flags = 0x10;
	make.payload_size = 3000;
	send_frame(FRAME_SEGMENTS, 1, 1461, packet, packet_build(&make, packet));
	settle(30);
	EXPECT_EQUAL(session_stats().drop_invalid, 5);
	EXPECT_EQUAL(device_packet(packet), 0);
	send_frame(FRAME_SEGMENTS, 1, 1460, packet, packet_build(&make, packet));
	settle(30);
	EXPECT_EQUAL(device_packet(packet), 3040);
	EXPECT_EQUAL(session_stats().rx_packets, 3);
	tear_down();
}

/* Mutated packets of all kinds: whatever reaches the device comes from the client's address. */
/* Tiny valid packets in 80 records of 1,000 bytes; how many one read of the gateway's takes. */
static uint64_t flood_and_read(struct session *session)
{
	struct packet_make make = from_client(5);
	uint8_t packet[100], record[1000];
	uint64_t before = session->counters.rx_packets;
	size_t size = 0;
	int arrived = 0;

	make.payload_size = 0;
	while (size + sizeof(packet) < sizeof(record))
		size += put_frame(record + size, FRAME_PACKET, 0, 0, packet,
				  packet_build(&make, packet));
	for (int i = 0; i < 80; i++)
		raw_send(record, size);
	for (int i = 0; i < 50 && arrived < 50000; i++) {
		(void)usleep(2000);
		CHECK(ioctl(session->watch.fd, FIONREAD, &arrived) == 0);
	}
	session_io_read(session);
	return session->counters.rx_packets - before;
}

/* Sessions share the thread by turns: one of tiny packets is short. Who is alone has it all. */
static void turns_of_tiny_packets_are_short(void)
{
	struct session_shared *shared;
	struct session *session;
	uint64_t turn;

	set_up(false);
	greet();
	shared = &pair.gateway.path->shared;
	session = pair.gateway.path->sessions[0];
	EXPECT_EQUAL(session->read_size, SESSION_READ_SIZE);
	shared->shared_us = 0;
	(void)flood_and_read(session); /* TCP gets up to speed */
	EXPECT(flood_and_read(session) > 800);
	EXPECT(session->read_size < SESSION_READ_SIZE / 16);
	shared->reader = session->number + 1;
	turn = flood_and_read(session);
	EXPECT(turn > 0 && turn < 300);
	EXPECT(session->read_size >= SESSION_READ_SIZE_MIN);
	tear_down();
}

static void no_mutation_gets_a_foreign_source_through(void)
{
	unsigned seed = 1, passed = 0, foreign = 0;
	uint8_t packet[70000];

	set_up(false);
	greet();
	for (int i = 0; i < 1500; i++) {
		struct packet_make make = from_client(5);
		size_t size;

		make.udp = rand_r(&seed) % 2;
		make.payload_size = (size_t)rand_r(&seed) % 1400;
		size = packet_build(&make, packet);
		for (int change = rand_r(&seed) % 3; change > 0; change--)
			packet[(size_t)rand_r(&seed) % (size < 44 ? size : 44)] =
				(uint8_t)rand_r(&seed);
		if (rand_r(&seed) % 4 == 0)
			send_frame(FRAME_SEGMENTS, 1, (uint16_t)(32 + rand_r(&seed) % 1400), packet,
				   size);
		else
			send_frame(FRAME_PACKET, rand_r(&seed) % 2, 0, packet, size);
		settle(1);
		while ((size = device_packet(packet)) > 0) {
			passed++;
			foreign += memcmp(packet + 12, (uint8_t[]){10, 64, 0, 5}, 4) != 0;
		}
	}
	EXPECT(passed > 500);
	EXPECT_EQUAL(foreign, 0);
	EXPECT(!raw.ended);
	EXPECT_EQUAL(queue_pool_used(pair.gateway.path->pool), 0);
	tear_down();
}

static bool router_started(struct pair *p)
{
	return p->router.state == SESSION_STARTED;
}

static size_t router_packet(uint8_t *ret_packet, size_t capacity)
{
	ssize_t size = recv(pair.router.tun, ret_packet, capacity, 0);

	return size > 0 ? (size_t)size : 0;
}

/* The router is client 10.64.0.5; the hand-made client is 10.64.0.6 and writes to it. */
static void clients_meet_only_where_that_is_wanted(void)
{
	struct packet_make make = from_client(6);
	uint8_t packet[2000];
	size_t size;

	make.destination[0] = 10;
	memcpy(make.destination + 1, (uint8_t[]){64, 0, 5}, 3);
	pair_new(&pair);
	pair.gateway.starts_max = 2;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, router_started, 2000));
	raw_connect();
	greet();
	size = packet_build(&make, packet);
	send_frame(FRAME_PACKET, 0, 0, packet, size);
	settle(20);
	EXPECT_EQUAL(router_packet(packet, sizeof(packet)), 0);
	EXPECT_EQUAL(device_packet(packet), 0);
	pair_set_tables(&pair, true);
	size = packet_build(&make, packet);
	send_frame(FRAME_PACKET, 0, 0, packet, size);
	settle(20);
	EXPECT_EQUAL(router_packet(packet, sizeof(packet)), size + TUN_HEADER_SIZE);
	EXPECT_EQUAL(device_packet(packet), 0);
	tear_down();
}

/* The segment size of a batch of one may be anything, also more than any buffer holds. */
static void a_batch_of_one_reaches_a_plain_client(void)
{
	struct packet_make make = from_client(6);
	uint8_t packet[2000];
	size_t size;

	make.destination[0] = 10;
	memcpy(make.destination + 1, (uint8_t[]){64, 0, 5}, 3);
	make.options = 12;
	pair_new(&pair);
	pair_set_tables(&pair, true);
	pair.gateway.starts_max = 2;
	pair.gateway.plain = true;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, router_started, 2000));
	raw_connect();
	greet();
	size = packet_build(&make, packet);
	send_frame(FRAME_SEGMENTS, FRAME_FLAG_CHECKSUM_OPEN, 65535, packet, size);
	settle(20);
	EXPECT_EQUAL(router_packet(packet, sizeof(packet)), size + TUN_HEADER_SIZE);
	EXPECT(packet_is_right(packet + TUN_HEADER_SIZE, size));
	tear_down();
}

static void table_of_both_families(void)
{
	struct msg_forward_entry rows[4] = {
		{.prefix = {pair_ip4(10, 64, 0, 5), 32}, .slot = 7},
		{.prefix = {{6, {0xfd, 0, 0, 0x64, [15] = 5}}, 128}, .slot = 7},
		{.prefix = {pair_ip4(10, 64, 0, 6), 32}, .slot = 8},
		{.prefix = {{6, {0xfd, 0, 0, 0x64, [15] = 6}}, 128}, .slot = 8},
	};
	struct msg_forward_set table = {
		.by_destination = true, .hairpin = true, .entries_count = 4, .entries = rows};

	EXPECT_EQUAL(datapath_forward_set(pair.gateway.path, &table), 0);
}

static size_t random_packet(unsigned *seed, uint8_t *ret_packet)
{
	struct packet_make make = {.tcp_flags = 0x10, .payload = payload};

	make.ip6 = rand_r(seed) % 2;
	make.udp = rand_r(seed) % 2;
	make.options = make.udp ? 0 : (size_t)(rand_r(seed) % 11) * 4;
	make.payload_size = (size_t)rand_r(seed) % (rand_r(seed) % 4 == 0 ? 60000 : 1400);
	memcpy(make.source, make.ip6 ? (uint8_t[]){0xfd, 0, 0, 0x64} : (uint8_t[]){10, 64, 0, 6},
	       4);
	memcpy(make.destination, make.source, 4);
	make.source[15] = 6;
	make.destination[make.ip6 ? 15 : 3] = rand_r(seed) % 4 == 0 ? 9 : 5;
	return packet_build(&make, ret_packet);
}

/* Packets and batches of all shapes from one client to another, cut up or whole: the gateway lives,
 * loses no buffer, and what arrives is right. */
static void no_shape_of_a_batch_harms_the_gateway(bool plain, int frames)
{
	static const uint16_t sizes[] = {32, 33, 536, 1400, 1460, 9000, 32768, 65534, 65535};
	unsigned seed = 5, right = 0, wrong = 0;
	static uint8_t packet[70000];
	size_t size;

	pair_new(&pair);
	table_of_both_families();
	pair.gateway.starts_max = 2;
	pair.gateway.plain = plain;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, router_started, 2000));
	raw_connect();
	greet();
	for (int i = 0; i < frames && !raw.ended; i++) {
		size = random_packet(&seed, packet);
		if (rand_r(&seed) % 4 == 0)
			send_frame(FRAME_PACKET, rand_r(&seed) % 2, 0, packet, size);
		else
			send_frame(FRAME_SEGMENTS, FRAME_FLAG_CHECKSUM_OPEN,
				   sizes[(size_t)rand_r(&seed) % ARRAY_SIZE(sizes)], packet, size);
		settle(1);
		while ((size = router_packet(packet, sizeof(packet))) > 0) {
			bool open = packet[0] & 1;
			bool is_right = packet_is_right(packet + TUN_HEADER_SIZE,
							size - TUN_HEADER_SIZE);

			right += is_right;
			wrong += !is_right && !open;
		}
	}
	EXPECT(right > (unsigned)frames / 8 || !plain);
	EXPECT_EQUAL(wrong, 0);
	EXPECT(!raw.ended);
	settle(50);
	EXPECT_EQUAL(queue_pool_used(pair.gateway.path->pool), 0);
	tear_down();
}

static bool gateway_closed_one(struct pair *p)
{
	return p->gateway.reason[0] != '\0';
}

/* A second session of the same client takes the place of the first. On a slow processor keepalives
 * come before that. */
static void a_newer_session_replaces_the_older(void)
{
	uint8_t close_frame[] = {FRAME_CLOSE, 0, 0, 0, 0, 0, 0, 34};
	size_t close_size = FRAME_HEADER_SIZE + 34;

	set_up(false);
	greet();
	raw.plain_size = 0;
	pair.gateway.controls = 0;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	for (int i = 0; i < 100 && !raw.ended; i++)
		settle(20);
	EXPECT(pair_run(&pair, router_started, 2000));
	EXPECT(pair_run(&pair, gateway_closed_one, 2000));
	EXPECT(raw.ended);
	EXPECT(raw.plain_size >= close_size &&
	       memcmp(raw.plain + raw.plain_size - close_size, close_frame,
		      sizeof(close_frame)) == 0);
	EXPECT_TEXT(pair.gateway.reason, "replaced: a newer session serves this client");
	tear_down();
}

/* Random bytes inside TLS: the session ends, the gateway does not. */
static void garbage_inside_tls_is_survived(void)
{
	unsigned seed = 3;

	pair_new(&pair);
	for (int i = 0; i < 30; i++) {
		uint8_t garbage[3000];

		pair.gateway.controls = 0;
		raw_connect();
		if (i % 2 == 0)
			greet();
		for (size_t at = 0; at < sizeof(garbage); at++)
			garbage[at] = (uint8_t)rand_r(&seed);
		garbage[0] = (uint8_t)(1 + i % 6);
		if (i % 3 == 0)
			memset(garbage + 1, 0, 5);
		raw_send(garbage, sizeof(garbage));
		settle(20);
		close(raw.fd);
		tls_free(raw.tls);
		settle(10);
	}
	EXPECT_EQUAL(pair.gateway.path->session_count, 0);
	raw_connect();
	pair.gateway.controls = 0;
	greet();
	EXPECT_EQUAL(raw.plain[0], FRAME_CONTROL);
	tear_down();
}

int main(void)
{
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + i / 256);
	nothing_is_said_before_the_answer();
	the_answer_comes_before_everything_else();
	packets_before_the_start_close();
	a_packet_right_behind_the_greeting_waits();
	what_waits_is_nobody_elses();
	a_stranger_that_sends_on_is_cut_off();
	too_many_control_frames_close();
	unknown_frames_close();
	keepalives_are_answered_with_their_bytes();
	malformed_packets_are_dropped_and_counted();
	turns_of_tiny_packets_are_short();
	no_mutation_gets_a_foreign_source_through();
	clients_meet_only_where_that_is_wanted();
	a_batch_of_one_reaches_a_plain_client();
	no_shape_of_a_batch_harms_the_gateway(true, 400);
	no_shape_of_a_batch_harms_the_gateway(false, 400);
	a_newer_session_replaces_the_older();
	garbage_inside_tls_is_survived();
	return test_summary();
}
