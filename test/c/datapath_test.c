/* Sessions end to end over loopback, with sockets in place of the TUN devices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/resource.h>

#include "datapath_pair.h"
#include "packet_make.h"
#include "sys/sock.h"
#include "test.h"

static uint8_t payload[60000];

static bool both_started(struct pair *pair)
{
	return pair->router.state == SESSION_STARTED && pair->gateway.state == SESSION_STARTED;
}

static bool router_closed(struct pair *pair)
{
	return pair->router.state == SESSION_CLOSED;
}

static bool gateway_has_packet(struct pair *pair)
{
	return poll(&(struct pollfd){pair->gateway.tun, POLLIN, 0}, 1, 0) == 1;
}

static bool router_has_packet(struct pair *pair)
{
	return poll(&(struct pollfd){pair->router.tun, POLLIN, 0}, 1, 0) == 1;
}

static bool never(struct pair *pair)
{
	(void)pair;
	return false;
}

static bool start(struct pair *pair)
{
	pair_new(pair);
	EXPECT_EQUAL(pair_dial(pair, pair->pin), 0);
	return pair_run(pair, both_started, 3000);
}

static void send_tun(struct pair_side *side, const struct segment_offload *header,
		     const uint8_t *packet, size_t size)
{
	uint8_t buffer[70000];

	memcpy(buffer, header, sizeof(*header));
	memcpy(buffer + sizeof(*header), packet, size);
	EXPECT_EQUAL(send(side->tun, buffer, sizeof(*header) + size, 0), sizeof(*header) + size);
}

static size_t recv_tun(struct pair_side *side, struct segment_offload *ret_header,
		       uint8_t *ret_packet)
{
	uint8_t buffer[70000];
	ssize_t size = recv(side->tun, buffer, sizeof(buffer), 0);

	if (size < (ssize_t)sizeof(*ret_header))
		return 0;
	memcpy(ret_header, buffer, sizeof(*ret_header));
	memcpy(ret_packet, buffer + sizeof(*ret_header), (size_t)size - sizeof(*ret_header));
	return (size_t)size - sizeof(*ret_header);
}

static struct packet_make from_router(uint8_t last)
{
	struct packet_make make = {.source = {10, 64, 0, last},
				   .destination = {192, 0, 2, 1},
				   .source_port = 1000,
				   .destination_port = 80,
				   .tcp_flags = 0x10,
				   .sequence = 77,
				   .payload = payload,
				   .payload_size = 1000};

	return make;
}

static struct packet_make to_router(uint8_t last)
{
	struct packet_make make = from_router(last);

	memcpy(make.destination, make.source, 4);
	memcpy(make.source, (uint8_t[]){192, 0, 2, 1}, 4);
	make.udp = true;
	return make;
}

static void greeting_is_exchanged(void)
{
	struct pair pair;

	EXPECT(start(&pair));
	EXPECT_TEXT(pair.gateway.control, PAIR_GREETING);
	EXPECT_TEXT(pair.router.control, PAIR_WELCOME);
	EXPECT_EQUAL(pair.gateway.states, 2);
	EXPECT_EQUAL(pair.router.states, 4);
	pair_free(&pair);
}

static void packets_go_both_ways(void)
{
	struct pair pair;
	struct segment_offload none = {0}, header;
	struct packet_make make = from_router(5);
	uint8_t packet[70000], got[70000];
	size_t size;

	EXPECT(start(&pair));
	size = packet_build(&make, packet);
	send_tun(&pair.router, &none, packet, size);
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &header, got), size);
	EXPECT(memcmp(packet, got, size) == 0);
	make = to_router(5);
	size = packet_build(&make, packet);
	send_tun(&pair.gateway, &none, packet, size);
	EXPECT(pair_run(&pair, router_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.router, &header, got), size);
	EXPECT(memcmp(packet, got, size) == 0);
	pair_free(&pair);
}

static void super_packets_stay_whole(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload header = {.flags = 1,
					 .gso_type = 1,
					 .header_size = 40,
					 .segment_size = 1460,
					 .checksum_start = 20,
					 .checksum_offset = 16};
	struct segment_offload out;
	uint8_t packet[70000], got[70000];
	size_t size;

	EXPECT(start(&pair));
	make.payload_size = 58400;
	size = packet_build(&make, packet);
	send_tun(&pair.router, &header, packet, size);
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &out, got), size);
	EXPECT(memcmp(&header, &out, sizeof(header)) == 0);
	EXPECT(memcmp(packet + 40, got + 40, size - 40) == 0);
	pair_free(&pair);
}

static void single_segments_are_joined(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload none = {0}, out;
	uint8_t packet[70000], got[70000];

	EXPECT(start(&pair));
	for (int i = 0; i < 10; i++) {
		send_tun(&pair.router, &none, packet, packet_build(&make, packet));
		make.sequence += 1000;
	}
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &out, got), 40 + 10 * 1000);
	EXPECT_EQUAL(out.segment_size, 1000);
	EXPECT_EQUAL(out.gso_type, 1);
	pair_free(&pair);
}

/* A packet whose checksum is wrong arrives as it was sent, and its neighbours are joined. */
static void damaged_segments_stay_alone(void)
{
	static const unsigned places[] = {0, 2, 5};
	static const size_t sizes[][4] = {{1, 5}, {2, 1, 3}, {5, 1}};

	for (size_t i = 0; i < 3; i++) {
		struct pair pair;
		struct packet_make make = from_router(5);
		struct segment_offload none = {0}, out;
		uint8_t packet[2000], damaged[2000], got[70000];

		EXPECT(start(&pair));
		for (unsigned n = 0; n < 6; n++) {
			size_t size = packet_build(&make, packet);

			make.sequence += 1000;
			if (n == places[i]) {
				packet[500] ^= 1;
				memcpy(damaged, packet, size);
			}
			send_tun(&pair.router, &none, packet, size);
		}
		EXPECT(pair_run(&pair, gateway_has_packet, 1000));
		for (size_t n = 0; sizes[i][n] != 0; n++) {
			size_t size = recv_tun(&pair.gateway, &out, got);

			EXPECT_EQUAL(size, 40 + sizes[i][n] * 1000);
			if (sizes[i][n] == 1)
				EXPECT(memcmp(got, damaged, size) == 0);
		}
		EXPECT(!gateway_has_packet(&pair));
		pair_free(&pair);
	}
}

static void a_damaged_acknowledgement_replaces_none(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload none = {0}, out;
	uint8_t packet[2000], got[2000];

	EXPECT(start(&pair));
	make.payload_size = 0;
	for (int i = 0; i < 2; i++) {
		size_t size = packet_build(&make, packet);

		packet[26] ^= i;
		send_tun(&pair.router, &none, packet, size);
		make.acknowledgement += 1000;
	}
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &out, got), 40);
	EXPECT(packet_is_right(got, 40));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &out, got), 40);
	EXPECT(memcmp(got, packet, 40) == 0);
	pair_free(&pair);
}

static void acknowledgements_are_thinned(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload none = {0}, out;
	uint8_t packet[2000], got[2000];

	EXPECT(start(&pair));
	make.payload_size = 0;
	for (int i = 0; i < 10; i++) {
		make.acknowledgement += 1000;
		send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	}
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &out, got), 40);
	EXPECT(memcmp(got, packet, 40) == 0);
	EXPECT(!gateway_has_packet(&pair));
	pair_free(&pair);
}

/* A device without offload gets ten whole packets instead. */
static void super_packets_are_split_for_a_plain_device(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload none = {0}, out;
	uint8_t packet[70000], got[70000];
	unsigned right = 0;

	EXPECT(start(&pair));
	datapath_tun_close(pair.gateway.path);
	close(pair.gateway.tun);
	pair_attach(&pair.gateway, 0);
	for (int i = 0; i < 10; i++) {
		send_tun(&pair.router, &none, packet, packet_build(&make, packet));
		make.sequence += 1000;
	}
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	for (int i = 0; i < 10; i++) {
		size_t size = recv_tun(&pair.gateway, &out, got);

		right += size == 1040 && packet_is_right(got, size) && out.flags == 0;
	}
	EXPECT_EQUAL(right, 10);
	pair_free(&pair);
}

/* A peer that takes no segments gets plain packets with whole checksums. */
static void super_packets_are_split_for_a_plain_peer(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload batch = {.flags = 1,
					.gso_type = 1,
					.header_size = 40,
					.segment_size = 1460,
					.checksum_start = 20,
					.checksum_offset = 16};
	struct segment_offload single = {.flags = 1, .checksum_start = 20, .checksum_offset = 16};
	struct segment_offload out;
	uint8_t packet[70000], got[70000];
	unsigned right = 0;

	pair_new(&pair);
	pair.router.plain = true;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, both_started, 3000));
	make.payload_size = 14600;
	send_tun(&pair.router, &batch, packet, packet_build(&make, packet));
	make.payload_size = 500;
	packet[36] ^= 0x55;
	send_tun(&pair.router, &single, packet, packet_build(&make, packet));
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	for (int i = 0; i < 11; i++) {
		size_t size = recv_tun(&pair.gateway, &out, got);

		right += size == (i < 10 ? 1500 : 540) && packet_is_right(got, size);
	}
	EXPECT_EQUAL(right, 11);
	pair_free(&pair);
}

static uint64_t drop_source(struct pair_side *side)
{
	struct msg_stats stats;
	uint64_t dropped = 0;

	EXPECT_EQUAL(datapath_stats(side->path, &stats), 0);
	for (size_t i = 0; i < stats.sessions_count; i++)
		dropped += stats.sessions[i].drop_source;
	msg_stats_clear(&stats);
	return dropped;
}

/* 10.64.0.6 belongs to slot 2 of the router, so its table is bent to let it out through slot 1. */
static void spoofed_sources_are_dropped_and_counted(void)
{
	struct pair pair;
	struct msg_forward_entry row = {.prefix = {pair_ip4(10, 64, 0, 0), 16}, .slot = 1};
	struct msg_forward_set table = {.entries_count = 1, .entries = &row};
	struct packet_make make = from_router(6);
	struct segment_offload none = {0}, header;
	uint8_t packet[2000], got[2000];

	EXPECT(start(&pair));
	EXPECT_EQUAL(datapath_forward_set(pair.router.path, &table), 0);
	send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	make = from_router(5);
	memcpy(make.destination, (uint8_t[]){224, 0, 0, 1}, 4);
	send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	make = from_router(5);
	memcpy(make.destination, (uint8_t[]){10, 64, 0, 6}, 4);
	send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	make = from_router(5);
	send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	EXPECT(pair_run(&pair, gateway_has_packet, 1000));
	EXPECT_EQUAL(recv_tun(&pair.gateway, &header, got), 1040);
	EXPECT_EQUAL(got[15], 5);
	EXPECT(!gateway_has_packet(&pair));
	EXPECT_EQUAL(drop_source(&pair.gateway), 3);
	pair_free(&pair);
}

static bool slot_is_wanted(struct pair *pair)
{
	return pair->router.wanted > 0;
}

static void a_slot_without_session_is_wanted_once_a_second(void)
{
	struct pair pair;
	struct packet_make make = from_router(5);
	struct segment_offload none = {0};
	struct msg_stats stats;
	uint8_t packet[2000];

	pair_new(&pair);
	for (int i = 0; i < 5; i++)
		send_tun(&pair.router, &none, packet, packet_build(&make, packet));
	EXPECT(pair_run(&pair, slot_is_wanted, 1000));
	(void)pair_run(&pair, never, 50);
	EXPECT_EQUAL(pair.router.wanted, 1);
	EXPECT_EQUAL(datapath_stats(pair.router.path, &stats), 0);
	EXPECT_EQUAL(stats.drop_no_session, 5);
	msg_stats_clear(&stats);
	pair_free(&pair);
}

static void a_wrong_pin_is_refused_by_name(void)
{
	struct pair pair;
	uint8_t pin[TLS_DIGEST_SIZE] = {1};

	pair_new(&pair);
	EXPECT_EQUAL(pair_dial(&pair, pin), 0);
	EXPECT(pair_run(&pair, router_closed, 2000));
	EXPECT(strncmp(pair.router.reason, "pin: ", 5) == 0);
	EXPECT_EQUAL(pair.gateway.states, 0);
	pair_free(&pair);
}

static void a_closed_port_is_refused_by_name(void)
{
	struct pair pair;

	pair_new(&pair);
	pair.port = pair_free_port();
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, router_closed, 2000));
	EXPECT(strncmp(pair.router.reason, "refused: ", 9) == 0);
	pair_free(&pair);
}

static void an_unanswered_greeting_times_out(void)
{
	struct pair pair;

	pair_new(&pair);
	pair.gateway.mute = true;
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, router_closed, 4000));
	EXPECT(strncmp(pair.router.reason, "timeout: ", 9) == 0);
	pair_free(&pair);
}

static void closing_tells_the_reason(void)
{
	struct pair pair;
	struct msg_session_close message = {.reason = "maintenance"};

	EXPECT(start(&pair));
	message.session = pair.gateway.session;
	EXPECT_EQUAL(datapath_session_close(pair.gateway.path, &message), 0);
	EXPECT(pair_run(&pair, router_closed, 1000));
	EXPECT_TEXT(pair.router.reason, "reset: peer says: maintenance");
	(void)pair_run(&pair, never, 250);
	EXPECT_TEXT(pair.gateway.reason, "local: maintenance");
	pair_free(&pair);
}

static void round_trips_are_measured(void)
{
	struct pair pair;
	struct msg_stats stats;

	EXPECT(start(&pair));
	(void)pair_run(&pair, never, 300);
	EXPECT_EQUAL(datapath_stats(pair.router.path, &stats), 0);
	EXPECT_EQUAL(stats.sessions_count, 1);
	EXPECT(stats.sessions[0].rtt_us > 0 && stats.sessions[0].rtt_us < 200000);
	msg_stats_clear(&stats);
	pair_free(&pair);
}

static struct msg_session_stats router_stats(struct pair *pair)
{
	struct msg_stats stats;
	struct msg_session_stats ret;

	CHECK(datapath_stats(pair->router.path, &stats) == 0 && stats.sessions_count == 1);
	ret = stats.sessions[0];
	msg_stats_clear(&stats);
	return ret;
}

/* A filter on the gateway's socket loses what comes in, as a wire would. */
static void segments_are_counted_by_the_kernel(void)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &drop};
	struct msg_session_stats before, after;
	struct pair pair;

	EXPECT(start(&pair));
	(void)pair_run(&pair, never, 150);
	before = router_stats(&pair);
	EXPECT(before.segments_out > 3 && before.segments_out < 1000);
	EXPECT_EQUAL(before.segments_again, 0);
	EXPECT_EQUAL(setsockopt(pair.gateway.path->sessions[0]->watch.fd, SOL_SOCKET,
				SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
	(void)pair_run(&pair, never, 400);
	after = router_stats(&pair);
	EXPECT(after.segments_again > 0 && after.segments_again < 100);
	EXPECT(after.segments_out > before.segments_out + after.segments_again);
	pair_free(&pair);
}

static void segments_of_what_is_no_tcp_are_none(void)
{
	uint32_t out = 7, again = 7;
	int fds[2];

	CHECK(pipe(fds) == 0);
	EXPECT_EQUAL(sock_tcp_segments(fds[0], &out, &again), -ENOTSOCK);
	EXPECT(out == 0 && again == 0);
	close(fds[0]);
	close(fds[1]);
}

/* The gateway's process is as good as gone when nobody reads its socket. */
static void a_silent_peer_is_dropped(void)
{
	struct pair pair;

	EXPECT(start(&pair));
	loop_unwatch(&pair.gateway.path->sessions[0]->watch);
	loop_timer_stop(&pair.gateway.path->sessions[0]->keepalive);
	EXPECT(pair_run(&pair, router_closed, 3000));
	EXPECT(strncmp(pair.router.reason, "silent: ", 8) == 0);
	pair_free(&pair);
}

/* As over a path that swallows what the router sends and brings the gateway's keepalives. */
static void a_peer_that_never_answers_is_left(void)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &drop};
	struct session_shared *shared;
	struct inet_ip peer;
	struct pair pair;

	EXPECT(start(&pair));
	shared = &pair.router.path->shared;
	peer = pair.router.path->sessions[0]->peer;
	EXPECT(!narrow_has(&shared->narrow, &peer, loop_now_us(shared->loop)));
	EXPECT_EQUAL(setsockopt(pair.gateway.path->sessions[0]->watch.fd, SOL_SOCKET,
				SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
	EXPECT(pair_run(&pair, router_closed, 3000));
	EXPECT_TEXT(pair.router.reason, "silent: small packets come, large ones get lost");
	EXPECT(narrow_has(&shared->narrow, &peer, loop_now_us(shared->loop)));
	EXPECT(!narrow_has(&shared->narrow, &peer, loop_now_us(shared->loop) + NARROW_AGE_US));
	narrow_note(&shared->narrow, &peer, false, loop_now_us(shared->loop));
	EXPECT(!narrow_has(&shared->narrow, &peer, loop_now_us(shared->loop)));
	pair_free(&pair);
}

/* -- strangers -- */

static int stranger(const struct pair *pair)
{
	struct sockaddr_in address = pair_socket_address(pair->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_EQUAL(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	EXPECT_EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void silence_answers_what_is_not_tls(void)
{
	struct pair pair;
	char buffer[64];
	int fd;

	pair_new(&pair);
	fd = stranger(&pair);
	(void)pair_run(&pair, never, 50);
	EXPECT(recv(fd, buffer, sizeof(buffer), 0) < 0);
	EXPECT_EQUAL(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	(void)pair_run(&pair, never, 50);
	EXPECT(recv(fd, buffer, sizeof(buffer), 0) <= 0);
	EXPECT_EQUAL(pair.gateway.path->session_count, 0);
	EXPECT_EQUAL(pair.gateway.states, 0);
	close(fd);
	pair_free(&pair);
}

/* Rubbish that begins like a handshake record: the answer is never longer than the question. */
static void garbage_is_survived(void)
{
	struct pair pair;
	unsigned seed = 1;
	int longer = 0;

	pair_new(&pair);
	for (int i = 0; i < 100; i++) {
		uint8_t garbage[600], answer[2000];
		size_t size = 1 + (size_t)rand_r(&seed) % sizeof(garbage);
		int fd = stranger(&pair);

		for (size_t at = 0; at < size; at++)
			garbage[at] = (uint8_t)rand_r(&seed);
		garbage[0] = 0x16;
		if (i % 2 == 0 && size > 5)
			memcpy(garbage, (uint8_t[]){0x16, 3, 1, 0, 20, 1}, 6);
		EXPECT_EQUAL(send(fd, garbage, size, 0), size);
		(void)pair_run(&pair, never, 2);
		longer += recv(fd, answer, sizeof(answer), 0) > (ssize_t)size;
		close(fd);
	}
	EXPECT_EQUAL(longer, 0);
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, both_started, 3000));
	pair_free(&pair);
}

static void the_oldest_half_open_session_gives_way(void)
{
	struct pair pair;
	int fds[20];
	int gone = 0;
	char byte;

	pair_new(&pair);
	pair_listen(&pair, 40);
	for (int i = 0; i < 20; i++) {
		fds[i] = stranger(&pair);
		(void)pair_run(&pair, never, 5);
	}
	/* One source may hold a quarter of the forty. */
	EXPECT_EQUAL(pair.gateway.path->session_count, 10);
	for (int i = 0; i < 10; i++)
		gone += recv(fds[i], &byte, 1, 0) == 0;
	EXPECT_EQUAL(gone, 10);
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, both_started, 3000));
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	pair_free(&pair);
}

/* Half-open ones from many places can take every session before they take all half-open ones. */
static void a_full_listener_takes_newcomers(void)
{
	struct pair pair;
	int fds[16];

	pair_new(&pair);
	pair_listen(&pair, 100);
	for (int i = 0; i < 16; i++) {
		fds[i] = stranger(&pair);
		(void)pair_run(&pair, never, 5);
	}
	EXPECT_EQUAL(pair.gateway.path->session_count, 16);
	EXPECT_EQUAL(pair_dial(&pair, pair.pin), 0);
	EXPECT(pair_run(&pair, both_started, 3000));
	EXPECT_EQUAL(pair.gateway.path->session_count, 16);
	for (int i = 0; i < 16; i++)
		close(fds[i]);
	pair_free(&pair);
}

static unsigned turns;

static bool count_turn(struct pair *pair)
{
	(void)pair;
	turns++;
	return false;
}

static bool gateway_has_session(struct pair *pair)
{
	return pair->gateway.path->session_count == 1;
}

static void running_out_of_descriptors_does_not_spin(void)
{
	struct pair pair;
	struct rlimit before, few;
	int fd;

	pair_new(&pair);
	fd = stranger(&pair);
	EXPECT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){3, before.rlim_max};
	EXPECT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	turns = 0;
	(void)pair_run(&pair, count_turn, 80);
	EXPECT(turns < 20);
	EXPECT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	EXPECT(pair_run(&pair, gateway_has_session, 1000));
	close(fd);
	pair_free(&pair);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + i / 256);
	greeting_is_exchanged();
	packets_go_both_ways();
	super_packets_stay_whole();
	single_segments_are_joined();
	damaged_segments_stay_alone();
	a_damaged_acknowledgement_replaces_none();
	acknowledgements_are_thinned();
	super_packets_are_split_for_a_plain_device();
	super_packets_are_split_for_a_plain_peer();
	spoofed_sources_are_dropped_and_counted();
	a_slot_without_session_is_wanted_once_a_second();
	a_wrong_pin_is_refused_by_name();
	a_closed_port_is_refused_by_name();
	an_unanswered_greeting_times_out();
	closing_tells_the_reason();
	round_trips_are_measured();
	segments_are_counted_by_the_kernel();
	segments_of_what_is_no_tcp_are_none();
	a_silent_peer_is_dropped();
	a_peer_that_never_answers_is_left();
	silence_answers_what_is_not_tls();
	garbage_is_survived();
	the_oldest_half_open_session_gives_way();
	a_full_listener_takes_newcomers();
	running_out_of_descriptors_does_not_spin();
	return test_summary();
}
