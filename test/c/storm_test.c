/* Many clients at once that connect, speak, stop and vanish at any moment, while the owner of the
 * gateway does the same: nothing may be used after its end, and no buffer be lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "datapath_pair.h"
#include "mover/frame.h"
#include "packet_make.h"
#include "test.h"

#define CLIENTS 24
#define ROUNDS 1000
#define ACTS 8
#define SLOTS 12

struct client {
	int fd; /* 0: none */
	struct tls *tls;
	bool greeted;
	struct tls_buffer out;
	uint8_t out_data[1 << 17];
};

static struct pair pair;
static struct client clients[CLIENTS];
static struct tls_context *context;
static uint8_t payload[3000];
static unsigned int seed = 11;
static unsigned int started, closed, received;

static unsigned int chance(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

static bool never(struct pair *p)
{
	(void)p;
	return false;
}

/* ------------------------------------------------------------------- the gateway's owner */

static void start_session(uint32_t number)
{
	struct msg_session_start start = { .session = number, .slot = 1 + chance(SLOTS),
					   .mtu = 1500, .segments = chance(2) };

	start.control.data = (const uint8_t *)PAIR_WELCOME;
	start.control.size = chance(4) ? strlen(PAIR_WELCOME) : 0;
	started += datapath_session_start(pair.gateway.path, &start) == 0;
}

static void close_session(uint32_t number)
{
	struct msg_session_close message = { .session = number, .reason = "storm" };

	(void)datapath_session_close(pair.gateway.path, &message);
}

static void send_control(uint32_t number)
{
	struct msg_session_send message = { .session = number };

	message.data.data = (const uint8_t *)PAIR_WELCOME;
	message.data.size = strlen(PAIR_WELCOME);
	(void)datapath_session_send(pair.gateway.path, &message);
}

static void note_control(void *arg, const struct msg_session_control *message)
{
	(void)arg;
	if (chance(8) == 0)
		close_session(message->session);
	else if (chance(8) != 0)
		start_session(message->session);
}

static void note_state(void *arg, const struct msg_session_state *message)
{
	(void)arg;
	closed += message->state == SESSION_CLOSED;
}

static void note_wanted(void *arg, const struct msg_slot_wanted *message)
{
	(void)arg, (void)message;
}

static void set_table(void)
{
	struct msg_forward_entry rows[SLOTS];
	struct msg_forward_set table = { .by_destination = true, .hairpin = chance(4) != 0,
					 .entries_count = SLOTS - chance(2), .entries = rows };

	for (uint8_t i = 0; i < SLOTS; i++)
		rows[i] = (struct msg_forward_entry){ .prefix = { pair_ip4(10, 64, 0, i + 1), 32 },
						      .slot = i + 1u };
	EXPECT_EQUAL(datapath_forward_set(pair.gateway.path, &table), 0);
}

static size_t build(bool to_client, uint8_t *ret_packet)
{
	struct packet_make make = { .udp = chance(3) == 0, .tcp_flags = 0x10, .payload = payload,
				    .payload_size = chance(1400), .sequence = chance(5) * 1000,
				    .source = { 10, 64, 0, (uint8_t)(1 + chance(SLOTS)) },
				    .destination = { 192, 0, 2, 1 } };

	if (to_client || chance(2))
		memcpy(make.destination, (uint8_t[]){ 10, 64, 0, (uint8_t)(1 + chance(SLOTS)) }, 4);
	if (to_client)
		memcpy(make.source, (uint8_t[]){ 192, 0, 2, 1 }, 4);
	return packet_build(&make, ret_packet);
}

static void feed_device(void)
{
	uint8_t buffer[TUN_HEADER_SIZE + 4000] = { 0 };

	for (unsigned int i = chance(6); i > 0; i--) {
		size_t size = build(true, buffer + TUN_HEADER_SIZE);

		(void)send(pair.gateway.tun, buffer, TUN_HEADER_SIZE + size, MSG_DONTWAIT);
	}
	while (recv(pair.gateway.tun, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		received++;
}

static void replace_device(void)
{
	datapath_tun_close(pair.gateway.path);
	close(pair.gateway.tun);
	pair_attach(&pair.gateway, chance(2) ? 0x0f : 0);
}

static void replace_listener(void)
{
	struct msg_unlisten message = { .addr = pair_address(), .port = pair.port };

	if (chance(2))
		EXPECT_EQUAL(datapath_unlisten(pair.gateway.path, &message), 0);
	pair_listen(&pair, (uint16_t)(1 + chance(100)));
}

static void act_as_owner(void)
{
	uint32_t number = pair.gateway.path->last_number - chance(CLIENTS);
	struct msg_stats stats;

	switch (chance(12)) {
	case 0:
		close_session(number);
		break;
	case 1:
		send_control(number);
		break;
	case 2:
		start_session(number);
		break;
	case 3:
		set_table();
		break;
	case 4:
		if (chance(8) == 0)
			replace_device();
		break;
	case 5:
		if (chance(8) == 0)
			replace_listener();
		break;
	case 6:
		EXPECT_EQUAL(datapath_stats(pair.gateway.path, &stats), 0);
		msg_stats_clear(&stats);
		break;
	default:
		feed_device();
	}
}

/* ------------------------------------------------------------------------------ clients */

static void open_client(struct client *client)
{
	struct sockaddr_in address = pair_socket_address(pair.port);

	memset(client, 0, sizeof(*client));
	client->out = (struct tls_buffer){ client->out_data, 0, sizeof(client->out_data) };
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(tls_new(context, &client->tls) == 0);
	(void)connect(client->fd, (struct sockaddr *)&address, sizeof(address));
	CHECK(fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0);
}

static void drop_client(struct client *client)
{
	struct linger hard = { 1, 0 };

	if (chance(2))
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(client->fd);
	tls_free(client->tls);
	client->fd = 0;
}

static void flush_client(struct client *client)
{
	(void)send(client->fd, client->out.data, client->out.size, MSG_NOSIGNAL);
	client->out.size = 0;
}

static void push_frame(struct client *client, enum frame_type type, uint8_t flags,
		       uint16_t segment_size, const void *data, size_t size)
{
	uint8_t frame[FRAME_HEADER_SIZE + 5000];

	frame_write_header(frame, type, flags, segment_size, size);
	memcpy(frame + FRAME_HEADER_SIZE, data, size);
	(void)tls_push(client->tls, frame, FRAME_HEADER_SIZE + size, &client->out);
}

static void speak(struct client *client)
{
	uint8_t packet[4000];
	size_t size = build(false, packet);

	if (!client->greeted || chance(40) == 0)
		push_frame(client, FRAME_CONTROL, 0, 0, PAIR_GREETING, strlen(PAIR_GREETING));
	client->greeted = true;
	for (unsigned int i = chance(5); i > 0; i--) {
		if (chance(2) && packet[9] == 6 && size > 28)
			push_frame(client, FRAME_SEGMENTS, FRAME_FLAG_CHECKSUM_OPEN,
				   (uint16_t)(32 + chance(65504)), packet, size);
		else
			push_frame(client, FRAME_PACKET, 0, 0, packet, size);
	}
	if (chance(10) == 0)
		push_frame(client, FRAME_KEEPALIVE, 0, 0, "12345678", 8);
	if (chance(60) == 0)
		push_frame(client, FRAME_CLOSE, 0, 0, "bye", 3);
	if (chance(100) == 0)
		(void)tls_push(client->tls, packet, size, &client->out);
}

static void listen_to_gateway(struct client *client)
{
	static uint8_t cipher[1 << 16], plain[1 << 16];
	ssize_t got = chance(5) ? recv(client->fd, cipher, sizeof(cipher), 0) : -1;

	if (got > 0) {
		tls_feed(client->tls, cipher, (size_t)got);
		if (tls_handshake(client->tls, &client->out) == 1)
			while (tls_pull(client->tls, plain, sizeof(plain), &client->out) > 0)
				;
	}
}

static void act_as_client(struct client *client)
{
	if (client->fd == 0) {
		open_client(client);
		(void)tls_handshake(client->tls, &client->out);
	} else if (chance(40) == 0) {
		drop_client(client);
		return;
	} else if (chance(60) == 0) {
		(void)shutdown(client->fd, SHUT_WR);
	} else {
		listen_to_gateway(client);
		if (tls_cipher(client->tls)[0] != '\0' && chance(3) != 0)
			speak(client);
	}
	if (chance(30) == 0)
		client->out.size = client->out.size / 2;
	flush_client(client);
}

int main(int argc, char **argv)
{
	struct tls_client_config config = { .pins = &pair.pin, .pin_count = 1 };
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
	char text[TLS_TEXT_MAX];

	seed = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : seed;
	pair_new(&pair);
	pair.gateway.path->events =
		(struct datapath_events){ NULL, note_state, note_control, note_wanted };
	CHECK(tls_client_context_new(&config, &context, text) == 0);
	set_table();
	for (long i = 0; i < rounds; i++) {
		for (int j = 0; j < ACTS; j++)
			act_as_client(&clients[chance(CLIENTS)]);
		act_as_owner();
		(void)pair_run(&pair, never, 1);
	}
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].fd != 0)
			drop_client(&clients[i]);
	(void)pair_run(&pair, never, 300);
	EXPECT(started > (unsigned int)rounds / 100);
	EXPECT(closed > started / 2);
	EXPECT(received > 0);
	EXPECT_EQUAL(queue_pool_used(pair.gateway.path->pool), 0);
	tls_context_free(context);
	pair_free(&pair);
	return test_summary();
}
