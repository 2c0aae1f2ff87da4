/* Two ends of a TLS connection, each of either library, and what is on its way between them. */
#ifndef ADIT_TEST_TLS_LINK_H
#define ADIT_TEST_TLS_LINK_H

#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "test.h"
#include "tls_kinds.h"

#define LINK_ROUNDS 6

struct tls_end {
	const struct tls_kind *kind;
	struct tls *tls;
	struct tls_buffer out; /* sent, and not read by the other end yet */
	int result;	       /* of the handshake */
};

struct tls_link {
	struct tls_end client, server;
};

static uint8_t link_to_server[9 << 20], link_to_client[9 << 20];

static inline void link_write_file(const char *text, char ret_name[static 128])
{
	int fd;

	snprintf(ret_name, 128, "%s/tls-XXXXXX", P_tmpdir);
	fd = mkstemp(ret_name);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static inline struct tls *link_client(const struct tls_kind *kind,
				      const struct tls_client_config *config)
{
	struct tls_context *context = NULL;
	struct tls *tls = NULL;
	char text[TLS_TEXT_MAX] = "";

	EXPECT_EQUAL(kind->client_context_new(config, &context, text), 0);
	CHECK(context != NULL);
	EXPECT_EQUAL(kind->new(context, &tls), 0);
	kind->context_free(context);
	return tls;
}

static inline struct tls *link_server(const struct tls_kind *kind, const char *cert_file,
				      const char *key_file)
{
	struct tls_context *context = NULL;
	struct tls *tls = NULL;
	char text[TLS_TEXT_MAX] = "";

	EXPECT_EQUAL(kind->server_context_new(cert_file, key_file, &context, text), 0);
	CHECK(context != NULL);
	EXPECT_EQUAL(kind->new(context, &tls), 0);
	kind->context_free(context);
	return tls;
}

static inline void link_new(struct tls_link *link, const struct tls_kind *client_kind,
			    struct tls *client, const struct tls_kind *server_kind,
			    struct tls *server)
{
	*link = (struct tls_link){
		.client = {client_kind, client, {link_to_server, 0, sizeof(link_to_server)}, 0},
		.server = {server_kind, server, {link_to_client, 0, sizeof(link_to_client)}, 0},
	};
}

static inline void link_free(struct tls_link *link)
{
	link->client.kind->free(link->client.tls);
	link->server.kind->free(link->server.tls);
}

static inline void link_step(struct tls_end *to, struct tls_end *from)
{
	tls_feed(to->tls, from->out.data, from->out.size);
	if (to->result == 0)
		to->result = to->kind->handshake(to->tls, &to->out);
	from->out.size = 0;
}

static inline void link_shake_hands(struct tls_link *link)
{
	for (int round = 0; round < LINK_ROUNDS; round++) {
		link_step(&link->client, &link->server);
		link_step(&link->server, &link->client);
	}
}

/* The word for how the client ended; "" if both ends agreed. */
static inline const char *link_outcome(const struct tls_link *link)
{
	const struct tls_end *client = &link->client;

	if (client->result < 0) {
		EXPECT(tls_failure_text(client->tls)[0] != '\0');
		return tls_failure_word(tls_failure(client->tls));
	}
	return client->result == 1 && link->server.result == 1 ? "" : "unfinished";
}

#endif
