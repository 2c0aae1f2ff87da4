/* tls.h on Mbed TLS 3.6. */
#define _GNU_SOURCE 1
#include "../tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psa/crypto.h>

#include "../../check.h"
#include "../../build_features.h"
#include "../tls_common.h"
#include "internal.h"

#define IDENTITY_SIZE_MAX (1U << 16)

/* Padding may not make a record longer than without (RFC 8446 section 5.4). */
#define CHUNK_MAX (TLS_RECORD_PLAIN_MAX - (MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY - 1))

#define SUITE_AES MBEDTLS_TLS1_3_AES_128_GCM_SHA256
#define SUITE_CHACHA MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256

static const char *protocols[] = {TLS_ALPN, NULL};
static const uint16_t groups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

TLS_PIPE_IS_FIRST;

/* -- contexts -- */

static void init_once(void)
{
	static bool done;

	if (!done)
		CHECK(psa_crypto_init() == PSA_SUCCESS);
	done = true;
}

/* Which suite is used: the client offers both, the better one for its processor first, and a server
 * of this library takes the client's first that it knows. A server without AES instructions knows
 * one only, so that the weaker side decides in any case. */
static void choose_suites(struct tls_context *context)
{
	bool has_aes = tls_has_aes();

	context->suites[0] = has_aes ? SUITE_AES : SUITE_CHACHA;
	context->suites[1] = has_aes ? SUITE_CHACHA : context->server ? 0 : SUITE_AES;
	mbedtls_ssl_conf_ciphersuites(&context->config, context->suites);
}

/* What a library that was built with more than we need must not do. */
static void refuse_extras(mbedtls_ssl_config *config)
{
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_tls13_key_exchange_modes(config,
						  MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
	mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
}

static int context_new(bool server, struct tls_context **ret_context)
{
	struct tls_context *context = calloc(1, sizeof(*context));

	init_once();
	if (context == NULL)
		return -ENOMEM;
	context->references = 1;
	context->server = server;
	mbedtls_x509_crt_init(&context->chain);
	mbedtls_pk_init(&context->key);
	mbedtls_ssl_config_init(&context->config);
	if (mbedtls_ssl_config_defaults(&context->config,
					server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
					MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
		tls_context_free(context);
		return -ENOMEM;
	}
	refuse_extras(&context->config);
	choose_suites(context);
	mbedtls_ssl_conf_rng(&context->config, tls_random, NULL);
	mbedtls_ssl_conf_groups(&context->config, groups);
	CHECK(mbedtls_ssl_conf_alpn_protocols(&context->config, protocols) == 0);
	*ret_context = context;
	return 0;
}

struct tls_context *tls_context_share(struct tls_context *context)
{
	context->references++;
	return context;
}

void tls_context_free(struct tls_context *context)
{
	if (context == NULL || --context->references > 0)
		return;
	mbedtls_ssl_config_free(&context->config);
	mbedtls_x509_crt_free(&context->chain);
	tls_authorities_free(context->authorities);
	mbedtls_pk_free(&context->key);
	free(context->server_name);
	free(context);
}

/* The connection's own check stands in for the chain's; without an authority the library lets a
 * chain pass only if it is told that verification is optional. */
static int context_trust_pins(struct tls_context *context, const struct tls_client_config *config)
{
	memcpy(context->pins, config->pins, config->pin_count * TLS_DIGEST_SIZE);
	context->pin_count = config->pin_count;
	mbedtls_ssl_conf_authmode(&context->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
	return 0;
}

static const char *file_reason(int error)
{
	return error == -EBADMSG ? "not PEM of the right kind" : strerror(-error);
}

static int context_trust_ca(struct tls_context *context, const struct tls_client_config *config,
			    char *ret_text)
{
	int error = tls_authorities_load(config->ca_file, &context->authorities);

	if (error != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "cannot use CA file \"%.80s\": %.80s",
			 config->ca_file, file_reason(error));
		return -EBADMSG;
	}
	if (strlen(config->server_name) > MBEDTLS_SSL_MAX_HOST_NAME_LEN) {
		snprintf(ret_text, TLS_TEXT_MAX, "server_name \"%.80s\" is no host name",
			 config->server_name);
		return -EINVAL;
	}
	context->clock_unset = tls_clock_is_unset(config->now_s);
	context->judging_time_s = tls_judging_time(config->now_s);
	context->address_size = tls_parse_address(config->server_name, context->address);
	mbedtls_ssl_conf_ca_chain(&context->config, &context->authorities->chain, NULL);
	mbedtls_ssl_conf_authmode(&context->config, MBEDTLS_SSL_VERIFY_REQUIRED);
	return 0;
}

int tls_client_context_new(const struct tls_client_config *config, struct tls_context **ret_context,
			   char ret_text[static TLS_TEXT_MAX])
{
	struct tls_context *context = NULL;
	int error = tls_check_client_config(config, ret_text);

	if (error != 0)
		return error;
	error = context_new(false, &context);
	if (error != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "no memory for a TLS context");
		return error;
	}
	if (config->server_name != NULL && config->server_name[0] != '\0') {
		context->server_name = strdup(config->server_name);
		CHECK(context->server_name != NULL);
	}
	error = config->pin_count > 0 ? context_trust_pins(context, config)
				      : context_trust_ca(context, config, ret_text);
	if (error != 0) {
		tls_context_free(context);
		return error;
	}
	*ret_context = context;
	return 0;
}

#if ADIT_HAS_GATEWAY
/* The library goes on without a protocol if the client offers none; such a client is turned away
 * here, before it costs a signature. */
static int check_hello(mbedtls_ssl_context *ssl)
{
	struct tls *tls = mbedtls_ssl_get_user_data_p(ssl);

	if (mbedtls_ssl_get_alpn_protocol(ssl) != NULL)
		return 0;
	tls->pipe.failure = TLS_FAILURE_ALPN;
	(void)mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
					     MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL);
	return MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL;
}

static int load_key(const char *path, mbedtls_pk_context *ret_key)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int error = tls_read_file(path, IDENTITY_SIZE_MAX, &data, &size);

	/* A key in another form than PEM would not be known for one by who keeps it from others. */
	if (error == 0 && memmem(data, size, "-----BEGIN ", 11) == NULL)
		error = -EBADMSG;
	if (error == 0 &&
	    mbedtls_pk_parse_key(ret_key, data, size, NULL, 0, tls_random, NULL) != 0)
		error = -EBADMSG;
	tls_forget(data, size);
	return error;
}

static int load_identity(struct tls_context *context, const char *cert_file, const char *key_file,
			 char *ret_text)
{
	int error = tls_load_certificates(cert_file, IDENTITY_SIZE_MAX, &context->chain);

	if (error != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "cannot use certificate \"%.80s\": %.80s",
			 cert_file, file_reason(error));
		return -EBADMSG;
	}
	error = load_key(key_file, &context->key);
	if (error != 0 || mbedtls_pk_check_pair(&context->chain.pk, &context->key, tls_random,
						NULL) != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "cannot use key \"%.80s\": %.80s", key_file,
			 error != 0 ? file_reason(error) : "not the certificate's");
		return -EBADMSG;
	}
	return 0;
}

int tls_server_context_new(const char *cert_file, const char *key_file,
			   struct tls_context **ret_context, char ret_text[static TLS_TEXT_MAX])
{
	struct tls_context *context = NULL;
	int error = context_new(true, &context);

	if (error != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "no memory for a TLS context");
		return error;
	}
	error = load_identity(context, cert_file, key_file, ret_text);
	if (error == 0 && mbedtls_ssl_conf_own_cert(&context->config, &context->chain,
						    &context->key) != 0) {
		snprintf(ret_text, TLS_TEXT_MAX, "no memory for a TLS context");
		error = -ENOMEM;
	}
	if (error != 0) {
		tls_context_free(context);
		return error;
	}
	mbedtls_ssl_conf_cert_cb(&context->config, check_hello);
	*ret_context = context;
	return 0;
}
#endif

/* -- connections -- */

static int take_input(void *arg, unsigned char *data, size_t size)
{
	struct tls *tls = arg;
	size_t taken = tls_pipe_take(&tls->pipe, data, size);

	return taken > 0 ? (int)taken : MBEDTLS_ERR_SSL_WANT_READ;
}

static int add_output(void *arg, const unsigned char *data, size_t size)
{
	struct tls *tls = arg;

	return tls_pipe_add(&tls->pipe, data, size) ? (int)size : MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* The name is for the server to choose a certificate by, and for the library to compare; addresses
 * are not sent (RFC 6066 section 3) and compared by tls_verify. */
static bool set_name(struct tls *tls)
{
	const char *name = tls->context->server_name;
	uint8_t address[16];

	if (name != NULL && tls_parse_address(name, address) != 0)
		name = NULL;
	return mbedtls_ssl_set_hostname(&tls->ssl, name) == 0;
}

int tls_new(struct tls_context *context, struct tls **ret_tls)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return -ENOMEM;
	mbedtls_ssl_init(&tls->ssl);
	tls->context = tls_context_share(context);
	if (mbedtls_ssl_setup(&tls->ssl, &context->config) != 0 ||
	    (!context->server && !set_name(tls))) {
		tls_free(tls);
		return -ENOMEM;
	}
	mbedtls_ssl_set_user_data_p(&tls->ssl, tls);
	mbedtls_ssl_set_bio(&tls->ssl, tls, add_output, take_input, NULL);
	if (!context->server)
		mbedtls_ssl_set_verify(&tls->ssl, tls_verify, tls);
	*ret_tls = tls;
	return 0;
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	mbedtls_ssl_free(&tls->ssl);
	tls_context_free(tls->context);
	free(tls);
}

/* The second byte of the peer's last message, which the library keeps to itself. */
static uint8_t peer_alert(const struct tls *tls)
{
	return tls->ssl.MBEDTLS_PRIVATE(in_msg)[1];
}

static int explain_alert(struct tls *tls)
{
	uint8_t alert = peer_alert(tls);
	char text[TLS_TEXT_MAX];

	if (alert == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL)
		return tls_fail(tls, TLS_FAILURE_ALPN, "peer does not speak " TLS_ALPN);
	/* RFC 8446 section 6.2 has the names. */
	snprintf(text, sizeof(text), "peer sent alert %u", alert);
	return tls_fail(tls, TLS_FAILURE_TLS, text);
}

static int explain_code(struct tls *tls, int error)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{MBEDTLS_ERR_SSL_INVALID_MAC, "record is damaged"},
		{MBEDTLS_ERR_SSL_INVALID_RECORD, "record is malformed"},
		{MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, "peer does not speak TLS 1.3"},
		{MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, "nothing in common with the peer"},
		{MBEDTLS_ERR_SSL_DECODE_ERROR, "message is malformed"},
		{MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, "message has an illegal parameter"},
		{MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, "unexpected message"},
		{MBEDTLS_ERR_SSL_ALLOC_FAILED, "no memory"},
	};
	char text[TLS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].error == error)
			return tls_fail(tls, TLS_FAILURE_TLS, rows[i].text);
	}
	snprintf(text, sizeof(text), "error -0x%04x of Mbed TLS", (unsigned)-error);
	return tls_fail(tls, TLS_FAILURE_TLS, text);
}

/* Turns what the library left behind into one of our words. A failure that a callback recorded
 * already is the more exact one. */
static int explain(struct tls *tls, int error)
{
	if (error == MBEDTLS_ERR_SSL_WANT_WRITE)
		return tls_fail(tls, TLS_FAILURE_FLOOD,
				"peer asks for more than is answered at once");
	if (tls->pipe.failure == TLS_FAILURE_PIN)
		return tls_fail(tls, TLS_FAILURE_PIN,
				"the server's key is none of the pinned ones");
	if (tls->pipe.failure == TLS_FAILURE_ALPN ||
	    error == MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL)
		return tls_fail(tls, TLS_FAILURE_ALPN, "peer does not offer " TLS_ALPN);
	if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ||
	    error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE)
		return tls_fail(tls, TLS_FAILURE_CERTIFICATE,
			    tls_verify_text(mbedtls_ssl_get_verify_result(&tls->ssl)));
	if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return explain_alert(tls);
	return explain_code(tls, error);
}

/* Whatever the library let pass: no connection is complete without our protocol, nor one with pins
 * without one of these keys. */
static int complete(struct tls *tls)
{
	const char *selected = mbedtls_ssl_get_alpn_protocol(&tls->ssl);

	if (selected == NULL || strcmp(selected, TLS_ALPN) != 0)
		return tls_fail(tls, TLS_FAILURE_ALPN, "peer did not agree to " TLS_ALPN);
	if (tls->context->pin_count > 0 && !tls->pinned)
		return tls_fail(tls, TLS_FAILURE_PIN, "the server has shown no key");
	tls->complete = true;
	return 1;
}

int tls_handshake(struct tls *tls, struct tls_buffer *out)
{
	int error;

	if (tls->complete)
		return 1;
	tls->pipe.out = out;
	error = mbedtls_ssl_handshake(&tls->ssl);
	tls->pipe.out = NULL;
	if (error == 0)
		return complete(tls);
	return error == MBEDTLS_ERR_SSL_WANT_READ ? 0 : explain(tls, error);
}

/* The library has no key update (RFC 8446 section 4.6.3): it takes one for an error, silently. The
 * peer is told, so that it does not wait. */
static int refuse_message(struct tls *tls)
{
	(void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
					     MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
	return tls_fail(tls, TLS_FAILURE_TLS, "peer sent a message other than data");
}

/* A record without data, such as a warning, makes the library return early although more records
 * may be there. */
static int read_data(struct tls *tls, uint8_t *ret_plain, size_t capacity)
{
	size_t before;
	int result;

	do {
		before = tls->pipe.in_size;
		result = mbedtls_ssl_read(&tls->ssl, ret_plain, capacity);
	} while (result == MBEDTLS_ERR_SSL_WANT_READ && tls->pipe.in_size > 0 &&
		 tls->pipe.in_size < before);
	return result;
}

int tls_pull(struct tls *tls, uint8_t *ret_plain, size_t capacity, struct tls_buffer *out)
{
	int result;

	tls->pipe.out = out;
	result = read_data(tls, ret_plain, capacity);
	if (result == MBEDTLS_ERR_SSL_WANT_READ)
		result = 0;
	else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		result = -EPIPE;
	else if (result == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE)
		result = refuse_message(tls);
	else if (result < 0)
		result = explain(tls, result);
	tls->pipe.out = NULL;
	return result;
}

static bool key_lasts(const struct tls *tls)
{
	return tls_key_lasts(mbedtls_ssl_get_ciphersuite_id_from_ssl(&tls->ssl) == SUITE_AES,
			     tls->sealed, 1);
}

int tls_push(struct tls *tls, const uint8_t *plain, size_t size, struct tls_buffer *out)
{
	size_t done = 0;
	int result = 0;

	if (tls->pipe.failure != TLS_FAILURE_NONE)
		return -EPROTO;
	if (out->capacity - out->size < tls_sealed_size_max(size))
		return -ENOBUFS;
	tls->pipe.out = out;
	while (done < size && result >= 0) {
		size_t chunk = size - done < CHUNK_MAX ? size - done : CHUNK_MAX;

		if (!key_lasts(tls)) {
			result = tls_fail(tls, TLS_FAILURE_TLS, TLS_WORN_TEXT);
			break;
		}
		result = mbedtls_ssl_write(&tls->ssl, plain + done, chunk);
		tls->sealed++;
		if (result > 0)
			done += (size_t)result;
		else
			result = explain(tls, result);
	}
	tls->pipe.out = NULL;
	return result >= 0 ? 0 : -EPROTO;
}

void tls_finish(struct tls *tls, struct tls_buffer *out)
{
	if (!tls->complete)
		return;
	tls->pipe.out = out;
	(void)mbedtls_ssl_close_notify(&tls->ssl);
	tls->pipe.out = NULL;
}

const char *tls_cipher(const struct tls *tls)
{
	switch (mbedtls_ssl_get_ciphersuite_id_from_ssl(&tls->ssl)) {
	case SUITE_AES:
		return "TLS_AES_128_GCM_SHA256";
	case SUITE_CHACHA:
		return "TLS_CHACHA20_POLY1305_SHA256";
	default:
		return "";
	}
}
