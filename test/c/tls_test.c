#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "check.h"
#include "tls/tls.h"
#include "test.h"

#define DAY_S 86400

struct identity {
	char *cert, *key;
	char cert_file[128], key_file[128];
	uint8_t pin[TLS_DIGEST_SIZE];
};

/* Two ends and what each has sent but the other has not read. */
struct link {
	struct tls *client, *server;
	struct tls_buffer to_server, to_client;
	int client_result, server_result;
};

static struct identity good, other;
static uint8_t to_server[1 << 20], to_client[1 << 20];

static void write_file(char *name, const char *text)
{
	int fd;

	snprintf(name, 128, "%s/tls-XXXXXX", P_tmpdir);
	fd = mkstemp(name);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void identity_new(struct identity *identity, const char *name)
{
	CHECK(tls_generate_certificate(name, 30, &identity->cert, &identity->key, identity->pin) ==
	      0);
	write_file(identity->cert_file, identity->cert);
	write_file(identity->key_file, identity->key);
}

static void identity_free(struct identity *identity)
{
	unlink(identity->cert_file);
	unlink(identity->key_file);
	free(identity->cert);
	free(identity->key);
}

static struct tls *server_new(const struct identity *identity)
{
	struct tls_context *context = NULL;
	struct tls *tls = NULL;
	char text[TLS_TEXT_MAX] = "";

	EXPECT_EQUAL(
		tls_server_context_new(identity->cert_file, identity->key_file, &context, text), 0);
	EXPECT_EQUAL(tls_new(context, &tls), 0);
	tls_context_free(context);
	return tls;
}

static struct tls *client_new(const struct tls_client_config *config)
{
	struct tls_context *context = NULL;
	struct tls *tls = NULL;
	char text[TLS_TEXT_MAX] = "";

	EXPECT_EQUAL(tls_client_context_new(config, &context, text), 0);
	EXPECT_EQUAL(tls_new(context, &tls), 0);
	tls_context_free(context);
	return tls;
}

static void link_new(struct link *link, struct tls *client, struct tls *server)
{
	*link = (struct link){.client = client,
			      .server = server,
			      .to_server = {to_server, 0, sizeof(to_server)},
			      .to_client = {to_client, 0, sizeof(to_client)}};
}

static void link_free(struct link *link)
{
	tls_free(link->client);
	tls_free(link->server);
}

static void step(struct tls *tls, struct tls_buffer *in, struct tls_buffer *out, int *result)
{
	tls_feed(tls, in->data, in->size);
	in->size = 0;
	if (*result == 0)
		*result = tls_handshake(tls, out);
}

static void shake_hands(struct link *link)
{
	for (int round = 0; round < 6; round++) {
		step(link->client, &link->to_client, &link->to_server, &link->client_result);
		step(link->server, &link->to_server, &link->to_client, &link->server_result);
	}
}

static struct tls_client_config by_pin(const struct identity *identity)
{
	return (struct tls_client_config){.pins = &identity->pin, .pin_count = 1};
}

static struct tls_client_config by_ca(const struct identity *identity, const char *name)
{
	return (struct tls_client_config){
		.ca_file = identity->cert_file, .server_name = name, .now_s = time(NULL)};
}

/* The word for how the client ended; "" if both ends agreed. */
static const char *outcome(const struct tls_client_config *config)
{
	struct link link;
	const char *word = "";

	link_new(&link, client_new(config), server_new(&good));
	shake_hands(&link);
	if (link.client_result < 0)
		word = tls_failure_word(tls_failure(link.client));
	else if (link.client_result != 1 || link.server_result != 1)
		word = "unfinished";
	if (link.client_result < 0)
		EXPECT(tls_failure_text(link.client)[0] != '\0');
	EXPECT(link.client_result == 1 || link.server_result != 1);
	link_free(&link);
	return word;
}

static void the_right_server_is_accepted(void)
{
	struct tls_client_config config = by_pin(&good);
	uint8_t pins[3][TLS_DIGEST_SIZE] = {{1}, {2}, {0}};

	EXPECT_TEXT(outcome(&config), "");
	memcpy(pins[2], good.pin, TLS_DIGEST_SIZE);
	config.pins = pins;
	config.pin_count = 3;
	EXPECT_TEXT(outcome(&config), "");
	config = by_ca(&good, "gateway.test");
	EXPECT_TEXT(outcome(&config), "");
}

static void each_wrong_server_is_refused_by_name(void)
{
	struct tls_client_config config = by_pin(&other);

	EXPECT_TEXT(outcome(&config), "pin");
	config = by_ca(&other, "gateway.test");
	EXPECT_TEXT(outcome(&config), "certificate");
	config = by_ca(&good, "elsewhere.test");
	EXPECT_TEXT(outcome(&config), "certificate");
	config = by_ca(&good, "192.0.2.1");
	EXPECT_TEXT(outcome(&config), "certificate");
	config = by_ca(&good, "gateway.test");
	config.now_s += 31 * DAY_S;
	EXPECT_TEXT(outcome(&config), "certificate");
}

/* With a pin dates do not matter; with a CA a clock of 1970 neither expires nor postpones. */
static void a_router_without_a_clock_gets_in(void)
{
	struct tls_client_config config = by_pin(&good);

	config.now_s = 0;
	EXPECT_TEXT(outcome(&config), "");
	config = by_ca(&good, "gateway.test");
	config.now_s = 0;
	EXPECT_TEXT(outcome(&config), "");
}

static void contradictory_configurations_are_refused(void)
{
	struct tls_context *context = NULL;
	struct tls_client_config config = {0};
	char text[TLS_TEXT_MAX] = "";

	EXPECT_EQUAL(tls_client_context_new(&config, &context, text), -EINVAL);
	EXPECT(text[0] != '\0');
	config = by_ca(&good, "");
	EXPECT_EQUAL(tls_client_context_new(&config, &context, text), -EINVAL);
	config = by_pin(&good);
	config.pin_count = TLS_PINS_MAX + 1;
	EXPECT_EQUAL(tls_client_context_new(&config, &context, text), -EINVAL);
	config = by_ca(&good, "gateway.test");
	config.ca_file = good.key_file;
	EXPECT_EQUAL(tls_client_context_new(&config, &context, text), -EBADMSG);
	EXPECT_EQUAL(tls_server_context_new(good.cert_file, other.key_file, &context, text),
		     -EBADMSG);
	EXPECT_EQUAL(tls_server_context_new("/nowhere", good.key_file, &context, text), -EBADMSG);
	EXPECT(context == NULL);
}

/* Whoever keeps keys from the decider knows them by their form, so there is one form. */
static void a_binary_key_is_refused(void)
{
	struct tls_context *context = NULL;
	BIO *memory = BIO_new_mem_buf(good.key, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL);
	char name[] = "/tmp/adit-tls-test-XXXXXX";
	char text[TLS_TEXT_MAX];
	FILE *file = fdopen(mkstemp(name), "w");

	EXPECT(file != NULL && i2d_PrivateKey_fp(file, key) == 1);
	fclose(file);
	EXPECT_EQUAL(tls_server_context_new(good.cert_file, good.key_file, &context, text), 0);
	tls_context_free(context);
	context = NULL;
	EXPECT_EQUAL(tls_server_context_new(good.cert_file, name, &context, text), -EBADMSG);
	EXPECT(context == NULL);
	unlink(name);
	EVP_PKEY_free(key);
	BIO_free(memory);
}

/* -- a foreign peer, made with the library directly -- */

struct foreign {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

static void foreign_new(struct foreign *foreign, const char *alpn, int version)
{
	foreign->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(foreign->context, version);
	if (alpn != NULL)
		SSL_CTX_set_alpn_protos(foreign->context, (const uint8_t *)alpn,
					(unsigned)strlen(alpn));
	foreign->ssl = SSL_new(foreign->context);
	foreign->in = BIO_new(BIO_s_mem());
	foreign->out = BIO_new(BIO_s_mem());
	SSL_set_bio(foreign->ssl, foreign->in, foreign->out);
	SSL_set_connect_state(foreign->ssl);
}

static void foreign_free(struct foreign *foreign)
{
	SSL_free(foreign->ssl);
	SSL_CTX_free(foreign->context);
}

/* Lets the foreign client talk to our server; the server's failure word. */
static const char *meet_server(struct foreign *foreign, int *ret_result)
{
	struct tls *server = server_new(&good);
	struct tls_buffer out = {to_client, 0, sizeof(to_client)};
	const char *word;
	int result = 0;

	for (int round = 0; round < 4 && result == 0; round++) {
		int size;

		(void)SSL_do_handshake(foreign->ssl);
		size = BIO_read(foreign->out, to_server, sizeof(to_server));
		tls_feed(server, to_server, size > 0 ? (size_t)size : 0);
		result = tls_handshake(server, &out);
		(void)BIO_write(foreign->in, out.data, (int)out.size);
		out.size = 0;
	}
	word = result < 0 ? tls_failure_word(tls_failure(server)) : "";
	tls_free(server);
	*ret_result = result;
	return word;
}

static void only_adit_is_spoken(void)
{
	static const struct {
		const char *alpn;
		int version;
		const char *word;
	} rows[] = {
		{"\6adit/1", TLS1_3_VERSION, ""},     {"\2h2\6adit/1", TLS1_3_VERSION, ""},
		{NULL, TLS1_3_VERSION, "alpn"},	      {"\2h2", TLS1_3_VERSION, "alpn"},
		{"\6adit/2", TLS1_3_VERSION, "alpn"}, {"\6adit/1", TLS1_2_VERSION, "tls"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct foreign foreign;
		int result;

		foreign_new(&foreign, rows[i].alpn, rows[i].version);
		EXPECT_TEXT(meet_server(&foreign, &result), rows[i].word);
		EXPECT_EQUAL(result < 0, rows[i].word[0] != '\0');
		foreign_free(&foreign);
	}
}

/* A server that agrees to another protocol, or to none, is not ours. */
static void a_server_must_select_our_protocol(void)
{
	struct tls_client_config config = by_pin(&good);
	struct tls *client = client_new(&config);
	struct tls_buffer out = {to_server, 0, sizeof(to_server)};
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
	SSL *ssl;
	int result = 0;

	EXPECT_EQUAL(SSL_CTX_use_certificate_chain_file(context, good.cert_file), 1);
	EXPECT_EQUAL(SSL_CTX_use_PrivateKey_file(context, good.key_file, SSL_FILETYPE_PEM), 1);
	ssl = SSL_new(context);
	SSL_set_bio(ssl, in, sent);
	SSL_set_accept_state(ssl);
	for (int round = 0; round < 4 && result == 0; round++) {
		int size = BIO_read(sent, to_client, sizeof(to_client));

		tls_feed(client, to_client, size > 0 ? (size_t)size : 0);
		result = tls_handshake(client, &out);
		(void)BIO_write(in, out.data, (int)out.size);
		out.size = 0;
		(void)SSL_do_handshake(ssl);
	}
	EXPECT_EQUAL(result, -EPROTO);
	EXPECT_TEXT(tls_failure_word(tls_failure(client)), "alpn");
	SSL_free(ssl);
	SSL_CTX_free(context);
	tls_free(client);
}

/* A router dials all its locations at once, and none of them answers for a while. */
static void many_dials_wait_at_once(void)
{
	static struct link links[200];
	static uint8_t hellos[200][TLS_OUTPUT_ROOM];
	struct tls_client_config config = by_pin(&good);

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		link_new(&links[i], client_new(&config), server_new(&good));
		links[i].to_server = (struct tls_buffer){hellos[i], 0, sizeof(hellos[i])};
		EXPECT_EQUAL(tls_handshake(links[i].client, &links[i].to_server), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		shake_hands(&links[i]);
		EXPECT_EQUAL(links[i].client_result, 1);
		EXPECT_EQUAL(links[i].server_result, 1);
		link_free(&links[i]);
	}
}

/* -- data -- */

static void connect_link(struct link *link)
{
	struct tls_client_config config = by_pin(&good);

	link_new(link, client_new(&config), server_new(&good));
	shake_hands(link);
	EXPECT_EQUAL(link->client_result, 1);
	EXPECT_EQUAL(link->server_result, 1);
}

static void data_arrives_whole_however_it_is_cut(void)
{
	static uint8_t plain[200000], got[200000];
	struct link link;
	unsigned seed = 1;
	size_t received = 0, fed = 0;

	connect_link(&link);
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)rand_r(&seed);
	EXPECT_EQUAL(tls_push(link.client, plain, sizeof(plain), &link.to_server), 0);
	EXPECT(link.to_server.size <= tls_sealed_size_max(sizeof(plain)));
	while (fed < link.to_server.size) {
		size_t piece = 1 + (size_t)rand_r(&seed) % 9000;
		int size;

		piece = piece < link.to_server.size - fed ? piece : link.to_server.size - fed;
		tls_feed(link.server, link.to_server.data + fed, piece);
		while ((size = tls_pull(link.server, got + received, sizeof(got) - received,
					&link.to_client)) > 0)
			received += (size_t)size;
		EXPECT_EQUAL(size, 0);
		EXPECT_EQUAL(tls_unread(link.server), 0);
		fed += piece;
	}
	EXPECT_EQUAL(received, sizeof(plain));
	EXPECT(memcmp(plain, got, sizeof(plain)) == 0);
	link_free(&link);
}

static void a_small_output_buffer_is_refused(void)
{
	struct link link;
	uint8_t plain[1000] = {0};

	connect_link(&link);
	link.to_server.size = 0;
	link.to_server.capacity = 1000;
	EXPECT_EQUAL(tls_push(link.client, plain, sizeof(plain), &link.to_server), -ENOBUFS);
	EXPECT_EQUAL(link.to_server.size, 0);
	link.to_server.capacity = 1000 + TLS_RECORD_OVERHEAD;
	EXPECT_EQUAL(tls_push(link.client, plain, sizeof(plain), &link.to_server), 0);
	link_free(&link);
}

/* A certificate that cannot be read is an error of its own, not of the connections that live. */
static void a_failed_context_leaves_connections_alone(void)
{
	struct tls_client_config config = {.ca_file = "/nonexistent", .server_name = "a.test"};
	struct tls_context *context = NULL;
	char text[TLS_TEXT_MAX];
	uint8_t plain[16];
	struct link link;

	connect_link(&link);
	EXPECT(tls_server_context_new("/nonexistent", "/nonexistent", &context, text) < 0);
	EXPECT_EQUAL(tls_pull(link.client, plain, sizeof(plain), &link.to_server), 0);
	EXPECT(tls_client_context_new(&config, &context, text) < 0);
	EXPECT_EQUAL(tls_pull(link.server, plain, sizeof(plain), &link.to_client), 0);
	link_free(&link);
}

static void damage_is_noticed(void)
{
	struct link link;
	uint8_t plain[100] = {0}, got[200];

	connect_link(&link);
	EXPECT_EQUAL(tls_push(link.client, plain, sizeof(plain), &link.to_server), 0);
	link.to_server.data[60] ^= 1;
	tls_feed(link.server, link.to_server.data, link.to_server.size);
	EXPECT_EQUAL(tls_pull(link.server, got, sizeof(got), &link.to_client), -EPROTO);
	EXPECT_TEXT(tls_failure_word(tls_failure(link.server)), "tls");
	link_free(&link);
}

static void an_orderly_end_is_told(void)
{
	struct link link;
	uint8_t got[10];

	connect_link(&link);
	tls_finish(link.client, &link.to_server);
	EXPECT(link.to_server.size > 0);
	tls_feed(link.server, link.to_server.data, link.to_server.size);
	EXPECT_EQUAL(tls_pull(link.server, got, sizeof(got), &link.to_client), -EPIPE);
	link_free(&link);
}

/* No ticket follows the handshake: the client finds nothing to read. */
static void no_tickets_are_given(void)
{
	struct link link;
	uint8_t got[10];

	connect_link(&link);
	EXPECT_EQUAL(link.to_client.size, 0);
	EXPECT_EQUAL(tls_pull(link.client, got, sizeof(got), &link.to_server), 0);
	EXPECT(strstr(tls_cipher(link.client), "TLS_") == tls_cipher(link.client));
	link_free(&link);
}

/* Whatever a server is sent instead of a handshake, it fails or waits, and says little. */
static void garbage_is_survived(void)
{
	unsigned seed = 7;

	for (int i = 0; i < 500; i++) {
		struct tls *server = server_new(&good);
		struct tls_buffer out = {to_client, 0, TLS_OUTPUT_ROOM};
		size_t size = 1 + (size_t)rand_r(&seed) % 2000;

		for (size_t at = 0; at < size; at++)
			to_server[at] = (uint8_t)rand_r(&seed);
		memcpy(to_server, (uint8_t[]){0x16, 3, 1, 0, 200, 1, 0, 0, 196}, 9);
		tls_feed(server, to_server, size);
		EXPECT(tls_handshake(server, &out) <= 0);
		EXPECT(out.size < 100);
		tls_free(server);
	}
}

static void generated_keys_are_checked(void)
{
	char *cert = NULL, *key = NULL;
	uint8_t pin[TLS_DIGEST_SIZE], digest[TLS_DIGEST_SIZE];
	static const uint8_t empty[4] = {0xe3, 0xb0, 0xc4, 0x42};

	EXPECT_EQUAL(tls_generate_certificate("", 30, &cert, &key, pin), -EINVAL);
	EXPECT_EQUAL(tls_generate_certificate("x", 0, &cert, &key, pin), -EINVAL);
	EXPECT_EQUAL(tls_generate_certificate("x", 40000, &cert, &key, pin), -EINVAL);
	EXPECT(cert == NULL && key == NULL);
	EXPECT(strstr(good.cert, "-----BEGIN CERTIFICATE-----") == good.cert);
	EXPECT(strstr(good.key, "-----BEGIN PRIVATE KEY-----") == good.key);
	EXPECT(memcmp(good.pin, other.pin, sizeof(good.pin)) != 0);
	tls_sha256("", 0, digest);
	EXPECT(memcmp(digest, empty, sizeof(empty)) == 0);
}

int main(void)
{
	identity_new(&good, "gateway.test");
	identity_new(&other, "gateway.test");
	the_right_server_is_accepted();
	each_wrong_server_is_refused_by_name();
	a_router_without_a_clock_gets_in();
	contradictory_configurations_are_refused();
	only_adit_is_spoken();
	a_server_must_select_our_protocol();
	many_dials_wait_at_once();
	data_arrives_whole_however_it_is_cut();
	a_small_output_buffer_is_refused();
	a_failed_context_leaves_connections_alone();
	damage_is_noticed();
	an_orderly_end_is_told();
	no_tickets_are_given();
	garbage_is_survived();
	a_binary_key_is_refused();
	generated_keys_are_checked();
	identity_free(&good);
	identity_free(&other);
	return test_summary();
}
