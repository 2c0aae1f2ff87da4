/* What the files of the Mbed TLS back end share. */
#ifndef ADIT_TLS_MBEDTLS_INTERNAL_H
#define ADIT_TLS_MBEDTLS_INTERNAL_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "../tls_common.h"

struct tls_authorities {
	unsigned references;
	uint8_t digest[TLS_DIGEST_SIZE]; /* of the file */
	mbedtls_x509_crt chain;
};

struct tls_context {
	unsigned references;
	bool server;
	bool clock_unset; /* the system's clock is older than this program */
	int suites[3];
	mbedtls_ssl_config config;
	mbedtls_x509_crt chain; /* a server's own */
	mbedtls_pk_context key;
	struct tls_authorities *authorities; /* whom a client trusts, NULL with pins */
	int64_t judging_time_s;
	char *server_name;
	size_t address_size; /* 4 or 16 if the name is an address, else 0 */
	uint8_t address[16];
	size_t pin_count;
	uint8_t pins[TLS_PINS_MAX][TLS_DIGEST_SIZE];
};

struct tls {
	struct tls_pipe pipe; /* first */
	struct tls_context *context;
	mbedtls_ssl_context ssl;
	bool complete;		/* the handshake */
	bool pinned;		/* the peer's key is one of the pins */
	bool chain_begun;	/* verification has seen the top of the chain */
	uint64_t sealed;	/* records */
};

/* The kernel's random numbers, in the form that the library asks for. */
int tls_random(void *unused, unsigned char *ret, size_t size);

/* Judges one certificate of a chain, the top one first; `arg` is the connection. The signature of
 * mbedtls_ssl_set_verify. */
int tls_verify(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags);
/* What is wrong with a certificate, for flags of mbedtls_ssl_get_verify_result. */
const char *tls_verify_text(uint32_t flags);

/* A file of at most `size_max` bytes with a NUL behind it, which PEM parsing needs. 0 or -errno; to
 * be released with tls_forget. */
int tls_read_file(const char *path, size_t size_max, uint8_t **ret_data, size_t *ret_size);
/* Overwrites and frees. */
void tls_forget(uint8_t *data, size_t size);

/* All certificates of a file that make sense here, at least one. 0 or -errno; -EBADMSG if there is
 * none. `ret_chain` was initialised. */
int tls_load_certificates(const char *path, size_t size_max, mbedtls_x509_crt *ret_chain);
/* The same of a file with authorities, which is parsed only if its content is another one than that
 * of the last call. To be given back with tls_authorities_free. */
int tls_authorities_load(const char *path, struct tls_authorities **ret_authorities);
void tls_authorities_free(struct tls_authorities *authorities);

#endif
