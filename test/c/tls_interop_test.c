/* OpenSSL and Mbed TLS talk to each other, in both roles, through the tunnel's own interface. */
#include <errno.h>
#include <time.h>

#include <openssl/ssl.h>

#include "tls/tls_common.h"
#include "tls_link.h"

#define BULK (3u << 20)

struct identity {
	char *cert, *key;
	char cert_file[128], key_file[128];
	uint8_t pin[TLS_DIGEST_SIZE];
};

/* One made by each library. */
static struct identity identities[ARRAY_SIZE(tls_kinds)];

static void identity_new(const struct tls_kind *kind, const char *name, struct identity *ret)
{
	CHECK(kind->generate_certificate(name, 30, &ret->cert, &ret->key, ret->pin) == 0);
	link_write_file(ret->cert, ret->cert_file);
	link_write_file(ret->key, ret->key_file);
}

static void identity_free(struct identity *identity)
{
	unlink(identity->cert_file);
	unlink(identity->key_file);
	free(identity->cert);
	free(identity->key);
}

static struct tls_client_config by_pin(const struct identity *identity)
{
	return (struct tls_client_config){.pins = &identity->pin, .pin_count = 1};
}

static struct tls_client_config by_ca(const struct identity *identity)
{
	return (struct tls_client_config){.ca_file = identity->cert_file,
					  .server_name = "gateway.test",
					  .now_s = time(NULL)};
}

static void connect_by(struct tls_link *link, const struct tls_kind *client,
		       const struct tls_kind *server, const struct identity *identity,
		       const struct tls_client_config *config)
{
	link_new(link, client, link_client(client, config), server,
		 link_server(server, identity->cert_file, identity->key_file));
	link_shake_hands(link);
}

static void connect_pinned(struct tls_link *link, const struct tls_kind *client,
			   const struct tls_kind *server)
{
	struct tls_client_config config = by_pin(&identities[0]);

	connect_by(link, client, server, &identities[0], &config);
	EXPECT_EQUAL(link->client.result, 1);
	EXPECT_EQUAL(link->server.result, 1);
}

/* Reads what `from` has sent, in pieces of at most `piece_max` bytes; the number of bytes, or the
 * negative result that ended it. */
static long receive(struct tls_end *to, struct tls_end *from, size_t piece_max, uint8_t *ret,
		    size_t capacity)
{
	size_t fed = 0, received = 0;
	unsigned seed = 3;

	while (fed < from->out.size) {
		size_t piece = 1 + (size_t)rand_r(&seed) % piece_max;
		int size;

		piece = piece < from->out.size - fed ? piece : from->out.size - fed;
		tls_feed(to->tls, from->out.data + fed, piece);
		fed += piece;
		while ((size = to->kind->pull(to->tls, ret + received, capacity - received,
					      &to->out)) > 0)
			received += (size_t)size;
		if (size < 0)
			return size;
		EXPECT_EQUAL(tls_unread(to->tls), 0);
	}
	from->out.size = 0;
	return (long)received;
}

/* Which library runs at the ends, for each pair. */
static void for_each_pair(void (*test)(const struct tls_kind *client,
				       const struct tls_kind *server))
{
	for (size_t i = 0; i < ARRAY_SIZE(tls_kinds); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(tls_kinds); j++) {
			int failed = test_failed;

			test(&tls_kinds[i], &tls_kinds[j]);
			if (test_failed > failed)
				printf("  with client %s, server %s\n", tls_kinds[i].name,
				       tls_kinds[j].name);
		}
	}
}

/* -- who is let in -- */

static void each_reads_what_the_other_made(const struct tls_kind *client,
					   const struct tls_kind *server)
{
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		struct tls_client_config configs[] = {by_pin(&identities[i]),
						      by_ca(&identities[i])};

		for (size_t way = 0; way < ARRAY_SIZE(configs); way++) {
			struct tls_link link;

			connect_by(&link, client, server, &identities[i], &configs[way]);
			EXPECT_TEXT(link_outcome(&link), "");
			link_free(&link);
		}
	}
}

static void strangers_are_refused_by_name(const struct tls_kind *client,
					  const struct tls_kind *server)
{
	struct tls_client_config expired = by_ca(&identities[0]), elsewhere = expired;
	const struct {
		struct tls_client_config config;
		const char *word;
	} rows[] = {
		{by_pin(&identities[1]), "pin"},
		{by_ca(&identities[1]), "certificate"},
		{(expired.now_s += 31 * 86400, expired), "certificate"},
		{(elsewhere.server_name = "elsewhere.test", elsewhere), "certificate"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_link link;

		connect_by(&link, client, server, &identities[0], &rows[i].config);
		EXPECT_TEXT(link_outcome(&link), rows[i].word);
		/* The alert tells the server that it is over. */
		EXPECT_EQUAL(link.server.result, -EPROTO);
		link_free(&link);
	}
}

/* A new certificate holds for new connections; those that are up go on. */
static void certificates_are_replaced(const struct tls_kind *client, const struct tls_kind *server)
{
	struct tls_client_config config = by_pin(&identities[1]);
	struct tls_link old, new;
	uint8_t got[16];
	long size;

	connect_pinned(&old, client, server);
	connect_by(&new, client, server, &identities[1], &config);
	EXPECT_TEXT(link_outcome(&new), "");
	link_free(&new);
	EXPECT_EQUAL(client->push(old.client.tls, (const uint8_t *)"still", 5, &old.client.out), 0);
	size = receive(&old.server, &old.client, 100, got, sizeof(got));
	EXPECT_EQUAL(size, 5);
	link_free(&old);
}

/* -- which suite -- */

/* The side that is worse at AES decides, whatever library it has and in which role. */
static void the_weaker_side_chooses_the_suite(const struct tls_kind *client,
					      const struct tls_kind *server)
{
	for (int has = 0; has < 4; has++) {
		struct tls_client_config config = by_pin(&identities[0]);
		const char *suite = has == 3 ? "TLS_AES_128_GCM_SHA256"
					     : "TLS_CHACHA20_POLY1305_SHA256";
		struct tls *client_tls, *server_tls;
		struct tls_link link;

		tls_pretend_aes(has & 1);
		client_tls = link_client(client, &config);
		tls_pretend_aes(has >> 1);
		server_tls = link_server(server, identities[0].cert_file, identities[0].key_file);
		tls_pretend_aes(-1);
		link_new(&link, client, client_tls, server, server_tls);
		link_shake_hands(&link);
		EXPECT_TEXT(link_outcome(&link), "");
		EXPECT_TEXT(client->cipher(link.client.tls), suite);
		EXPECT_TEXT(server->cipher(link.server.tls), suite);
		link_free(&link);
	}
}

/* -- data -- */

static void send_bulk(struct tls_end *from, struct tls_end *to, const uint8_t *plain, uint8_t *got)
{
	memset(got, 0, BULK);
	EXPECT_EQUAL(from->kind->push(from->tls, plain, BULK, &from->out), 0);
	EXPECT(from->out.size <= tls_sealed_size_max(BULK));
	EXPECT_EQUAL(receive(to, from, 40000, got, BULK), BULK);
	EXPECT(memcmp(plain, got, BULK) == 0);
}

static void bulk_goes_both_ways(const struct tls_kind *client, const struct tls_kind *server)
{
	static uint8_t plain[BULK], got[BULK];
	unsigned seed = 1;

	for (size_t i = 0; i < BULK; i++)
		plain[i] = (uint8_t)rand_r(&seed);
	for (int aes = 0; aes < 2; aes++) {
		struct tls_link link;

		tls_pretend_aes(aes);
		connect_pinned(&link, client, server);
		tls_pretend_aes(-1);
		send_bulk(&link.client, &link.server, plain, got);
		send_bulk(&link.server, &link.client, plain, got);
		link_free(&link);
	}
}

/* Two ends that can replace their keys outlive them; others end in order before more is sealed than
 * a key is good for. ChaCha20 does not wear out. */
static void keys_wear_out(const struct tls_kind *client, const struct tls_kind *server)
{
	bool lasts = client->updates_keys && server->updates_keys;

	for (int aes = 0; aes < 2; aes++) {
		uint8_t plain[100] = {0}, got[100];
		struct tls_link link;
		int pushed = 0, error = 0;

		tls_pretend_aes(aes);
		connect_pinned(&link, client, server);
		tls_pretend_aes(-1);
		tls_pretend_wear(5);
		while (pushed < 20 && error == 0) {
			error = server->push(link.server.tls, plain, sizeof(plain),
					     &link.server.out);
			if (error == 0)
				EXPECT_EQUAL(receive(&link.client, &link.server, 100, got,
						     sizeof(got)),
					     (long)sizeof(plain));
			pushed += error == 0;
		}
		tls_pretend_wear(0);
		EXPECT_EQUAL(error, aes && !lasts ? -EPROTO : 0);
		EXPECT_EQUAL(pushed, aes && !lasts ? 5 : 20);
		link_free(&link);
	}
}

/* Every size around the limits of a record, and no byte at all. */
static void odd_sizes_arrive(const struct tls_kind *client, const struct tls_kind *server)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 16383, 16384, 16385, 32768, 32769};
	static uint8_t plain[40000], got[40000];
	struct tls_link link;

	connect_pinned(&link, client, server);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(plain, (int)i + 1, sizeof(plain));
		EXPECT_EQUAL(client->push(link.client.tls, plain, sizes[i], &link.client.out), 0);
		EXPECT(link.client.out.size <= tls_sealed_size_max(sizes[i]));
		EXPECT_EQUAL(receive(&link.server, &link.client, 7000, got, sizeof(got)),
			     (long)sizes[i]);
		EXPECT(memcmp(plain, got, sizes[i]) == 0);
	}
	link_free(&link);
}

/* The handshake is driven byte by byte, as a slow path delivers it. */
static void a_handshake_may_trickle(const struct tls_kind *client, const struct tls_kind *server)
{
	struct tls_client_config config = by_pin(&identities[0]);
	struct tls_link link;

	link_new(&link, client, link_client(client, &config), server,
		 link_server(server, identities[0].cert_file, identities[0].key_file));
	for (int round = 0; round < LINK_ROUNDS; round++) {
		struct tls_end *ends[] = {&link.client, &link.server};

		for (int i = 0; i < 2; i++) {
			struct tls_end *to = ends[i], *from = ends[1 - i];
			struct tls_end piece = *from;

			if (to->result == 0 && round == 0 && i == 0)
				to->result = to->kind->handshake(to->tls, &to->out);
			for (size_t at = 0; at < from->out.size; at++) {
				piece.out = (struct tls_buffer){from->out.data + at, 1, 1};
				link_step(to, &piece);
			}
			from->out.size = 0;
		}
	}
	EXPECT_TEXT(link_outcome(&link), "");
	link_free(&link);
}

/* Flips one bit somewhere in what either end says; true if there was a byte at that place. */
static bool shake_hands_with_damage(struct tls_link *link, size_t place)
{
	struct tls_end *ends[] = {&link->client, &link->server};
	bool damaged = false;

	for (int turn = 0; turn < 2 * LINK_ROUNDS; turn++) {
		struct tls_end *to = ends[turn % 2], *from = ends[1 - turn % 2];

		if (!damaged && place < from->out.size) {
			from->out.data[place] ^= (uint8_t)(1 << place % 8);
			damaged = true;
		}
		place -= damaged ? 0 : from->out.size;
		link_step(to, from);
	}
	return damaged;
}

/* Every 7th byte of the whole handshake. Nothing may pass for sound but the version fields of the
 * records, which nobody looks at. */
static void damage_in_a_handshake_is_noticed(const struct tls_kind *client,
					     const struct tls_kind *server)
{
	struct tls_client_config config = by_pin(&identities[0]);
	int passed = 0, total = 0;
	bool damaged = true;

	for (size_t place = 0; damaged; place += 7) {
		struct tls_link link;

		link_new(&link, client, link_client(client, &config), server,
			 link_server(server, identities[0].cert_file, identities[0].key_file));
		damaged = shake_hands_with_damage(&link, place);
		passed += damaged && link.client.result == 1 && link.server.result == 1;
		total++;
		link_free(&link);
	}
	EXPECT(total > 100);
	EXPECT(passed <= 4);
}

static void an_end_is_an_end(const struct tls_kind *client, const struct tls_kind *server)
{
	struct tls_link link;
	uint8_t got[100];

	connect_pinned(&link, client, server);
	EXPECT_EQUAL(server->push(link.server.tls, (const uint8_t *)"bye", 3, &link.server.out), 0);
	server->finish(link.server.tls, &link.server.out);
	tls_feed(link.client.tls, link.server.out.data, link.server.out.size);
	EXPECT_EQUAL(client->pull(link.client.tls, got, sizeof(got), &link.client.out), 3);
	EXPECT_EQUAL(client->pull(link.client.tls, got, sizeof(got), &link.client.out), -EPIPE);
	/* The other direction is open until it is closed as well. */
	EXPECT_EQUAL(client->push(link.client.tls, (const uint8_t *)"yes", 3, &link.client.out), 0);
	EXPECT_EQUAL(receive(&link.server, &link.client, 100, got, sizeof(got)), 3);
	client->finish(link.client.tls, &link.client.out);
	EXPECT_EQUAL(receive(&link.server, &link.client, 100, got, sizeof(got)), -EPIPE);
	link_free(&link);
}

/* A stream that stops in the middle of a record is no end, and no data. */
static void half_a_record_is_nothing(const struct tls_kind *client, const struct tls_kind *server)
{
	struct tls_link link;
	uint8_t got[200], plain[100] = {0};

	connect_pinned(&link, client, server);
	EXPECT_EQUAL(client->push(link.client.tls, plain, sizeof(plain), &link.client.out), 0);
	tls_feed(link.server.tls, link.client.out.data, link.client.out.size - 1);
	EXPECT_EQUAL(server->pull(link.server.tls, got, sizeof(got), &link.server.out), 0);
	tls_feed(link.server.tls, link.client.out.data + link.client.out.size - 1, 1);
	EXPECT_EQUAL(server->pull(link.server.tls, got, sizeof(got), &link.server.out),
		     (int)sizeof(plain));
	link_free(&link);
}

static void damage_ends_it_at_both_ends(const struct tls_kind *client,
					const struct tls_kind *server)
{
	struct tls_link link;
	uint8_t got[200], plain[100] = {0};

	connect_pinned(&link, client, server);
	EXPECT_EQUAL(client->push(link.client.tls, plain, sizeof(plain), &link.client.out), 0);
	link.client.out.data[60] ^= 1;
	EXPECT_EQUAL(receive(&link.server, &link.client, 4000, got, sizeof(got)), -EPROTO);
	EXPECT_TEXT(tls_failure_word(tls_failure(link.server.tls)), "tls");
	/* Its alert. */
	EXPECT_EQUAL(receive(&link.client, &link.server, 4000, got, sizeof(got)), -EPROTO);
	EXPECT_TEXT(tls_failure_word(tls_failure(link.client.tls)), "tls");
	link_free(&link);
}

/* -- what OpenSSL can do and we never ask of it -- */

struct plain_end {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

static void plain_new(struct plain_end *plain, bool server)
{
	static const uint8_t alpn[] = "\6adit/1";

	plain->context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (server) {
		CHECK(SSL_CTX_use_certificate_chain_file(plain->context,
							 identities[0].cert_file) == 1);
		CHECK(SSL_CTX_use_PrivateKey_file(plain->context, identities[0].key_file,
						  SSL_FILETYPE_PEM) == 1);
	}
	SSL_CTX_set_alpn_protos(plain->context, alpn, sizeof(alpn) - 1);
	plain->ssl = SSL_new(plain->context);
	plain->in = BIO_new(BIO_s_mem());
	plain->out = BIO_new(BIO_s_mem());
	SSL_set_bio(plain->ssl, plain->in, plain->out);
	if (server)
		SSL_set_accept_state(plain->ssl);
	else
		SSL_set_connect_state(plain->ssl);
}

static int choose_first(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
			const unsigned char *offered, unsigned size, void *arg)
{
	(void)ssl;
	(void)size;
	(void)arg;
	*ret = offered + 1;
	*ret_size = offered[0];
	return SSL_TLSEXT_ERR_OK;
}

static void plain_free(struct plain_end *plain)
{
	SSL_free(plain->ssl);
	SSL_CTX_free(plain->context);
}

/* Carries bytes between our end and the plain one, and drives the handshake of both. */
static void meet(struct tls_end *ours, struct plain_end *plain)
{
	for (int round = 0; round < LINK_ROUNDS && ours->result == 0; round++) {
		int size = BIO_read(plain->out, link_to_server, sizeof(link_to_server));

		tls_feed(ours->tls, link_to_server, size > 0 ? (size_t)size : 0);
		ours->result = ours->kind->handshake(ours->tls, &ours->out);
		if (ours->out.size > 0)
			CHECK(BIO_write(plain->in, ours->out.data, (int)ours->out.size) > 0);
		ours->out.size = 0;
		(void)SSL_do_handshake(plain->ssl);
	}
}

static int pull_from_plain(struct tls_end *ours, struct plain_end *plain, uint8_t *got, size_t size)
{
	int sent = BIO_read(plain->out, link_to_server, sizeof(link_to_server));

	tls_feed(ours->tls, link_to_server, sent > 0 ? (size_t)sent : 0);
	return ours->kind->pull(ours->tls, got, size, &ours->out);
}

/* A server that gives tickets finds that nobody takes them, and nothing else happens. */
static void tickets_are_not_taken(const struct tls_kind *kind)
{
	struct tls_client_config config = by_pin(&identities[0]);
	struct tls_end client = {kind, link_client(kind, &config),
				 {link_to_client, 0, sizeof(link_to_client)}, 0};
	struct plain_end server;
	uint8_t got[16];

	plain_new(&server, true);
	SSL_CTX_set_alpn_select_cb(server.context, choose_first, NULL);
	SSL_set_num_tickets(server.ssl, 2);
	meet(&client, &server);
	EXPECT_EQUAL(client.result, 1);
	EXPECT_EQUAL(SSL_new_session_ticket(server.ssl), 1);
	EXPECT_EQUAL(SSL_write(server.ssl, "hello", 5), 5);
	EXPECT_EQUAL(pull_from_plain(&client, &server, got, sizeof(got)), 5);
	EXPECT_EQUAL(client.out.size, 0);
	plain_free(&server);
	kind->free(client.tls);
}

/* Where keys cannot be updated in a connection, it ends, and both ends know. */
static void a_key_update_is_followed_or_refused(const struct tls_kind *kind)
{
	struct tls_end server = {
		kind, link_server(kind, identities[0].cert_file, identities[0].key_file),
		{link_to_client, 0, sizeof(link_to_client)}, 0};
	struct plain_end client;
	uint8_t got[16];
	int size;

	plain_new(&client, false);
	meet(&server, &client);
	EXPECT_EQUAL(server.result, 1);
	EXPECT_EQUAL(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	EXPECT_EQUAL(SSL_write(client.ssl, "hello", 5), 5);
	size = pull_from_plain(&server, &client, got, sizeof(got));
	EXPECT_EQUAL(size, kind->updates_keys ? 5 : -EPROTO);
	EXPECT_EQUAL(kind->push(server.tls, (const uint8_t *)"after", 5, &server.out),
		     kind->updates_keys ? 0 : -EPROTO);
	CHECK(BIO_write(client.in, server.out.data, (int)server.out.size) > 0);
	size = SSL_read(client.ssl, got, sizeof(got));
	if (kind->updates_keys)
		EXPECT_EQUAL(size, 5);
	else
		EXPECT_EQUAL(SSL_get_error(client.ssl, size), SSL_ERROR_SSL);
	plain_free(&client);
	kind->free(server.tls);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tls_kinds); i++)
		identity_new(&tls_kinds[i], "gateway.test", &identities[i]);
	for_each_pair(each_reads_what_the_other_made);
	for_each_pair(strangers_are_refused_by_name);
	for_each_pair(certificates_are_replaced);
	for_each_pair(the_weaker_side_chooses_the_suite);
	for_each_pair(bulk_goes_both_ways);
	for_each_pair(keys_wear_out);
	for_each_pair(odd_sizes_arrive);
	for_each_pair(a_handshake_may_trickle);
	for_each_pair(damage_in_a_handshake_is_noticed);
	for_each_pair(an_end_is_an_end);
	for_each_pair(half_a_record_is_nothing);
	for_each_pair(damage_ends_it_at_both_ends);
	for (size_t i = 0; i < ARRAY_SIZE(tls_kinds); i++) {
		tickets_are_not_taken(&tls_kinds[i]);
		a_key_update_is_followed_or_refused(&tls_kinds[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(tls_kinds); i++)
		identity_free(&identities[i]);
	return test_summary();
}
