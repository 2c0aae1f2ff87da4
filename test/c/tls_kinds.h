/* Both TLS back ends in one program: Mbed TLS under the names of tls.h, OpenSSL under the same with
 * a prefix. With TLS_KINDS_RENAME this header only renames, for the compilation of OpenSSL's
 * back end. */
#ifndef ADIT_TEST_TLS_KINDS_H
#define ADIT_TEST_TLS_KINDS_H

#ifdef TLS_KINDS_RENAME

#define tls_client_context_new openssl_tls_client_context_new
#define tls_server_context_new openssl_tls_server_context_new
#define tls_context_share openssl_tls_context_share
#define tls_context_free openssl_tls_context_free
#define tls_new openssl_tls_new
#define tls_free openssl_tls_free
#define tls_handshake openssl_tls_handshake
#define tls_pull openssl_tls_pull
#define tls_push openssl_tls_push
#define tls_finish openssl_tls_finish
#define tls_cipher openssl_tls_cipher
#define tls_sha256 openssl_tls_sha256
#define tls_ed25519 openssl_tls_ed25519
#define tls_generate_certificate openssl_tls_generate_certificate

#else

#include "tls/tls.h"

#define TLS_KINDS_EACH(X)     \
	X(client_context_new) \
	X(server_context_new) \
	X(context_free)       \
	X(new)                \
	X(free)               \
	X(handshake)          \
	X(pull)               \
	X(push)               \
	X(finish)             \
	X(cipher)             \
	X(generate_certificate)

#define TLS_KINDS_DECLARE(f) extern __typeof__(tls_##f) openssl_tls_##f;
#define TLS_KINDS_FIELD(f) __typeof__(tls_##f) *f;
#define TLS_KINDS_OPENSSL(f) .f = openssl_tls_##f,
#define TLS_KINDS_MBEDTLS(f) .f = tls_##f,

TLS_KINDS_EACH(TLS_KINDS_DECLARE)

struct tls_kind {
	const char *name;
	bool updates_keys;
	TLS_KINDS_EACH(TLS_KINDS_FIELD)
};

static const struct tls_kind tls_kinds[] = {
	{.name = "openssl", .updates_keys = true, TLS_KINDS_EACH(TLS_KINDS_OPENSSL)},
	{.name = "mbedtls", .updates_keys = false, TLS_KINDS_EACH(TLS_KINDS_MBEDTLS)},
};

#endif
#endif
