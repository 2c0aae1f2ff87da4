/* tls.h on OpenSSL 3. */
#include "../tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "../../check.h"
#include "../tls_common.h"

/* A chain larger than this is not worth a router's memory. */
#define TLS_CERT_CHAIN_MAX 32768

/* The first one that both have is taken. */
static const uint8_t alpn_wire[] = "\7" TLS_ALPN_UPDATES "\6" TLS_ALPN;
#define ALPN_WIRE_SIZE (sizeof(alpn_wire) - 1)

#define SUITE_AES "TLS_AES_128_GCM_SHA256"
#define SUITE_AES_ID 0x1301
#define SUITE_CHACHA "TLS_CHACHA20_POLY1305_SHA256"

struct tls_context {
	unsigned references;
	bool server;
	bool clock_unset; /* the system's clock is older than this program */
	SSL_CTX *ssl_context;
	char *server_name;
	size_t pin_count;
	uint8_t pins[TLS_PINS_MAX][TLS_DIGEST_SIZE];
};

struct tls {
	struct tls_pipe pipe; /* first */
	struct tls_context *context;
	SSL *ssl;
	bool is_gcm;
	bool updates_keys; /* both ends can */
	uint64_t sealed;   /* records, under the present key */
};

TLS_PIPE_IS_FIRST;

/* -- the memory BIO -- */

static int bio_read(BIO *bio, char *data, int size)
{
	struct tls *tls = BIO_get_data(bio);
	size_t taken = tls_pipe_take(&tls->pipe, data, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (taken > 0)
		return (int)taken;
	BIO_set_retry_read(bio);
	return -1;
}

static int bio_write(BIO *bio, const char *data, int size)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (tls_pipe_add(&tls->pipe, data, (size_t)size))
		return size;
	BIO_set_retry_write(bio);
	return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "adit memory");
		CHECK(method != NULL);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	return method;
}

/* -- contexts -- */

/* The library's configuration file is not read: what is negotiated must not depend on the host. */
static void init_once(void)
{
	static bool done;

	if (!done)
		CHECK(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
				       NULL) == 1);
	done = true;
}

static const char *error_reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);

	if (reason != NULL)
		return reason;
	/* Of an error number of the system the library has no text. */
	return ERR_GET_LIB(error) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(error)) : "no reason";
}

/* Why a file cannot be used. The library's own reasons ("unsupported", "no start line") are about
 * its decoders. */
static const char *file_reason(void)
{
	unsigned long error = ERR_peek_error();

	return ERR_GET_LIB(error) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(error)) :
						   "not PEM of the right kind";
}

static int context_new(bool server, struct tls_context **ret_context)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	const char *suites =
		tls_has_aes() ? SUITE_AES ":" SUITE_CHACHA : SUITE_CHACHA ":" SUITE_AES;
	SSL_CTX *ctx;

	init_once();
	if (context == NULL)
		return -ENOMEM;
	ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (ctx == NULL) {
		free(context);
		return -ENOMEM;
	}
	context->references = 1;
	context->server = server;
	context->ssl_context = ctx;
	CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
	CHECK(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1);
	CHECK(SSL_CTX_set_ciphersuites(ctx, suites) == 1);
	CHECK(SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, TLS_CERT_CHAIN_MAX);
	SSL_CTX_set_quiet_shutdown(ctx, 0);
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
	SSL_CTX_free(context->ssl_context);
	free(context->server_name);
	free(context);
}

static void digest_key(X509 *cert, uint8_t ret_digest[static TLS_DIGEST_SIZE])
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	memset(ret_digest, 0, TLS_DIGEST_SIZE);
	if (size > 0)
		tls_sha256(der, (size_t)size, ret_digest);
	OPENSSL_free(der);
}

/* Stands in for the chain's verification: the handshake itself proves that the peer holds the key,
 * so a known key needs no name, no issuer and no date. */
static int verify_pins(X509_STORE_CTX *store, void *arg)
{
	const struct tls_context *context = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	uint8_t digest[TLS_DIGEST_SIZE];

	if (cert != NULL) {
		digest_key(cert, digest);
		for (size_t i = 0; i < context->pin_count; i++) {
			if (CRYPTO_memcmp(digest, context->pins[i], TLS_DIGEST_SIZE) == 0)
				return 1;
		}
	}
	tls->pipe.failure = TLS_FAILURE_PIN;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static int context_trust_pins(struct tls_context *context, const struct tls_client_config *config)
{
	memcpy(context->pins, config->pins, config->pin_count * TLS_DIGEST_SIZE);
	context->pin_count = config->pin_count;
	SSL_CTX_set_cert_verify_callback(context->ssl_context, verify_pins, context);
	return 0;
}

/* A clock that was never set cannot tell that a certificate is not valid yet; a chain issued after
 * this program was built must not lock its router out. */
static int verify_date(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct tls *tls = SSL_get_app_data(ssl);

	if (!ok && tls->context->clock_unset &&
	    X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_NOT_YET_VALID) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	return ok;
}

static bool is_address(const char *name)
{
	uint8_t bytes[16];

	return tls_parse_address(name, bytes) != 0;
}

static int context_trust_ca(struct tls_context *context, const struct tls_client_config *config,
			    char *ret_text)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context->ssl_context);
	int ok;

	context->clock_unset = tls_clock_is_unset(config->now_s);
	SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER, verify_date);
	ERR_clear_error();
	if (SSL_CTX_load_verify_file(context->ssl_context, config->ca_file) != 1) {
		snprintf(ret_text, TLS_TEXT_MAX, "cannot use CA file \"%.80s\": %.80s",
			 config->ca_file, file_reason());
		return -EBADMSG;
	}
	X509_VERIFY_PARAM_set_time(param, (time_t)tls_judging_time(config->now_s));
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	ok = is_address(config->server_name)
		     ? X509_VERIFY_PARAM_set1_ip_asc(param, config->server_name)
		     : X509_VERIFY_PARAM_set1_host(param, config->server_name, 0);
	if (ok != 1) {
		snprintf(ret_text, TLS_TEXT_MAX, "server_name \"%.80s\" is no host name",
			 config->server_name);
		return -EINVAL;
	}
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
	SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER, NULL);
	CHECK(SSL_CTX_set_alpn_protos(context->ssl_context, alpn_wire, ALPN_WIRE_SIZE) == 0);
	if (config->server_name != NULL && config->server_name[0] != '\0') {
		context->server_name = strdup(config->server_name);
		CHECK(context->server_name != NULL);
	}
	error = config->pin_count > 0 ? context_trust_pins(context, config)
				      : context_trust_ca(context, config, ret_text);
	if (error != 0) {
		tls_context_free(context);
		ERR_clear_error();
		return error;
	}
	*ret_context = context;
	return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
		       const unsigned char *offered, unsigned int offered_size, void *arg)
{
	unsigned char *selected = NULL;
	struct tls *tls = SSL_get_app_data(ssl);

	(void)arg;
	if (SSL_select_next_proto(&selected, ret_size, alpn_wire, ALPN_WIRE_SIZE, offered,
				  offered_size) != OPENSSL_NPN_NEGOTIATED) {
		tls->pipe.failure = TLS_FAILURE_ALPN;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*ret = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* A client without any ALPN never reaches select_alpn; it is turned away before it costs a
 * signature. */
static int check_hello(SSL *ssl, int *ret_alert, void *arg)
{
	const unsigned char *data;
	size_t size;
	struct tls *tls = SSL_get_app_data(ssl);

	(void)arg;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
				      &data, &size) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	tls->pipe.failure = TLS_FAILURE_ALPN;
	*ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

static int load_identity(SSL_CTX *ctx, const char *cert_file, const char *key_file, char *ret_text)
{
	bool ok;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1) {
		snprintf(ret_text, TLS_TEXT_MAX, "cannot use certificate \"%.80s\": %.80s",
			 cert_file, file_reason());
		return -EBADMSG;
	}
	ok = SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1;
	if (!ok || SSL_CTX_check_private_key(ctx) != 1) {
		/* A key of the same kind as the certificate's is compared while it is loaded. */
		bool is_other = ok || ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;

		snprintf(ret_text, TLS_TEXT_MAX, "cannot use key \"%.80s\": %.80s", key_file,
			 is_other ? "not the certificate's" : file_reason());
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
	error = load_identity(context->ssl_context, cert_file, key_file, ret_text);
	if (error != 0) {
		tls_context_free(context);
		ERR_clear_error();
		return error;
	}
	SSL_CTX_set_alpn_select_cb(context->ssl_context, select_alpn, NULL);
	SSL_CTX_set_client_hello_cb(context->ssl_context, check_hello, NULL);
	*ret_context = context;
	return 0;
}

/* -- connections -- */

static bool attach_bio(struct tls *tls)
{
	BIO *bio = BIO_new(bio_method());

	if (bio == NULL)
		return false;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	return true;
}

int tls_new(struct tls_context *context, struct tls **ret_tls)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return -ENOMEM;
	tls->ssl = SSL_new(context->ssl_context);
	if (tls->ssl == NULL || !attach_bio(tls)) {
		SSL_free(tls->ssl);
		free(tls);
		return -ENOMEM;
	}
	tls->context = tls_context_share(context);
	CHECK(SSL_set_app_data(tls->ssl, tls) == 1);
	if (context->server) {
		SSL_set_accept_state(tls->ssl);
	} else {
		SSL_set_connect_state(tls->ssl);
		if (context->server_name != NULL && !is_address(context->server_name))
			SSL_set_tlsext_host_name(tls->ssl, context->server_name);
	}
	*ret_tls = tls;
	return 0;
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	tls_context_free(tls->context);
	free(tls);
}

/* Turns what the library left behind into one of our words. A failure that a callback recorded
 * already is the more exact one. */
static int explain(struct tls *tls, int ssl_error)
{
	unsigned long error = ERR_peek_error();
	long verified = SSL_get_verify_result(tls->ssl);

	if (ssl_error == SSL_ERROR_WANT_WRITE)
		tls_fail(tls, TLS_FAILURE_FLOOD, "peer asks for more than is answered at once");
	else if (tls->pipe.failure == TLS_FAILURE_PIN)
		tls_fail(tls, TLS_FAILURE_PIN, "the server's key is none of the pinned ones");
	else if (tls->pipe.failure == TLS_FAILURE_ALPN)
		tls_fail(tls, TLS_FAILURE_ALPN, "peer does not offer " TLS_ALPN);
	else if (!tls->context->server && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		tls_fail(tls, TLS_FAILURE_CERTIFICATE, X509_verify_cert_error_string(verified));
	else if (ERR_GET_REASON(error) == SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL)
		tls_fail(tls, TLS_FAILURE_ALPN, "peer does not speak " TLS_ALPN);
	else
		tls_fail(tls, TLS_FAILURE_TLS, error_reason());
	ERR_clear_error();
	return -EPROTO;
}

static bool is_protocol(const char *name, const unsigned char *selected, unsigned int size)
{
	return size == strlen(name) && memcmp(selected, name, size) == 0;
}

static int check_alpn(struct tls *tls)
{
	const unsigned char *selected = NULL;
	unsigned int size = 0;

	SSL_get0_alpn_selected(tls->ssl, &selected, &size);
	tls->is_gcm = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(tls->ssl)) == SUITE_AES_ID;
	tls->updates_keys = is_protocol(TLS_ALPN_UPDATES, selected, size);
	if (tls->updates_keys || is_protocol(TLS_ALPN, selected, size))
		return 1;
	return tls_fail(tls, TLS_FAILURE_ALPN, "peer did not agree to " TLS_ALPN);
}

int tls_handshake(struct tls *tls, struct tls_buffer *out)
{
	int result, ssl_error;

	ERR_clear_error();
	tls->pipe.out = out;
	result = SSL_do_handshake(tls->ssl);
	ssl_error = SSL_get_error(tls->ssl, result);
	tls->pipe.out = NULL;
	if (result == 1)
		return check_alpn(tls);
	return ssl_error == SSL_ERROR_WANT_READ ? 0 : explain(tls, ssl_error);
}

int tls_pull(struct tls *tls, uint8_t *ret_plain, size_t capacity, struct tls_buffer *out)
{
	int result, ssl_error;

	tls->pipe.out = out;
	result = SSL_read(tls->ssl, ret_plain, (int)capacity);
	if (result > 0) {
		tls->pipe.out = NULL;
		return result;
	}
	ssl_error = SSL_get_error(tls->ssl, result);
	tls->pipe.out = NULL;
	if (ssl_error == SSL_ERROR_WANT_READ)
		return 0;
	return ssl_error == SSL_ERROR_ZERO_RETURN ? -EPIPE : explain(tls, ssl_error);
}

/* Counts the records that `size` bytes take, and replaces the key before it wears out. False if
 * that cannot be done. */
static bool wear_key(struct tls *tls, size_t size)
{
	uint64_t records = size / TLS_RECORD_PLAIN_MAX + 1;

	if (!tls_key_lasts(tls->is_gcm, tls->sealed, records)) {
		if (!tls->updates_keys ||
		    SSL_key_update(tls->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
			return false;
		tls->sealed = 0;
	}
	tls->sealed += records;
	return true;
}

int tls_push(struct tls *tls, const uint8_t *plain, size_t size, struct tls_buffer *out)
{
	int result;

	if (size == 0)
		return 0;
	if (out->capacity - out->size < tls_sealed_size_max(size))
		return -ENOBUFS;
	if (!wear_key(tls, size))
		return tls_fail(tls, TLS_FAILURE_TLS, TLS_WORN_TEXT);
	tls->pipe.out = out;
	result = SSL_write(tls->ssl, plain, (int)size);
	if (result <= 0)
		explain(tls, SSL_get_error(tls->ssl, result));
	tls->pipe.out = NULL;
	return result > 0 ? 0 : -EPROTO;
}

void tls_finish(struct tls *tls, struct tls_buffer *out)
{
	if (!SSL_is_init_finished(tls->ssl))
		return;
	tls->pipe.out = out;
	(void)SSL_shutdown(tls->ssl);
	tls->pipe.out = NULL;
	ERR_clear_error();
}

const char *tls_cipher(const struct tls *tls)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);

	return cipher != NULL ? SSL_CIPHER_get_name(cipher) : "";
}

/* -- digests and certificates -- */

void tls_sha256(const void *data, size_t size, uint8_t ret_digest[static TLS_DIGEST_SIZE])
{
	init_once();
	CHECK(EVP_Digest(data, size, ret_digest, NULL, EVP_sha256(), NULL) == 1);
}

bool tls_ed25519(const uint8_t key[static 32], const uint8_t signature[static 64], const void *data,
		 size_t size)
{
	EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = public_key != NULL && digest != NULL &&
		    EVP_DigestVerifyInit(digest, NULL, NULL, NULL, public_key) == 1 &&
		    EVP_DigestVerify(digest, signature, 64, data, size) == 1;

	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(public_key);
	ERR_clear_error();
	return good;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *extension;
	int ok;

	X509V3_set_ctx_nodb(&v3);
	X509V3_set_ctx(&v3, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	if (extension == NULL)
		return false;
	ok = X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return ok == 1;
}

static bool fill_names(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);
	char alternative[80];

	snprintf(alternative, sizeof(alternative), "%s:%s", is_address(common_name) ? "IP" : "DNS",
		 common_name);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name,
					  -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 &&
	       add_extension(cert, NID_subject_alt_name, alternative) &&
	       add_extension(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
}

static X509 *make_certificate(EVP_PKEY *key, const char *common_name, unsigned days)
{
	X509 *cert = X509_new();
	uint64_t serial = 0;

	if (cert == NULL || RAND_bytes((uint8_t *)&serial, sizeof(serial)) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) != 1)
		goto failed;
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) == NULL ||
	    X509_set_pubkey(cert, key) != 1 || !fill_names(cert, common_name) ||
	    X509_sign(cert, key, EVP_sha256()) == 0)
		goto failed;
	return cert;
failed:
	X509_free(cert);
	return NULL;
}

static char *take_text(BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);

	return size > 0 ? strndup(data, (size_t)size) : NULL;
}

static int write_pem(X509 *cert, EVP_PKEY *key, char **ret_cert_pem, char **ret_key_pem)
{
	BIO *cert_bio = BIO_new(BIO_s_mem());
	BIO *key_bio = BIO_new(BIO_s_secmem());
	int error = -ENOMEM;

	if (cert_bio != NULL && key_bio != NULL && PEM_write_bio_X509(cert_bio, cert) == 1 &&
	    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		*ret_cert_pem = take_text(cert_bio);
		*ret_key_pem = take_text(key_bio);
		error = *ret_cert_pem != NULL && *ret_key_pem != NULL ? 0 : -ENOMEM;
	}
	BIO_free(cert_bio);
	BIO_free(key_bio);
	return error;
}

int tls_generate_certificate(const char *common_name, unsigned days, char **ret_cert_pem,
			     char **ret_key_pem, uint8_t ret_pin[static TLS_DIGEST_SIZE])
{
	EVP_PKEY *key;
	X509 *cert;
	int error = -ENOMEM;

	if (!tls_check_subject(common_name, days))
		return -EINVAL;
	init_once();
	key = EVP_EC_gen("P-256");
	cert = key != NULL ? make_certificate(key, common_name, days) : NULL;
	if (cert != NULL) {
		digest_key(cert, ret_pin);
		error = write_pem(cert, key, ret_cert_pem, ret_key_pem);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return error;
}
