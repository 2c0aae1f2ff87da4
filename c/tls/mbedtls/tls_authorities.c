/* Certificates from files. Authorities are kept: to parse a bundle of all public ones takes many
 * times as long as its digest does, no packet moves meanwhile, and each tunnel would hold a copy of
 * its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A bundle of all public authorities is 220 KB. */
#define AUTHORITIES_SIZE_MAX (1U << 20)

/* Those that were read last. */
static struct tls_authorities *kept;

/* A bundle may hold certificates of kinds that are unknown here; one that is known will do. */
static int parse(const uint8_t *data, size_t size, mbedtls_x509_crt *ret_chain)
{
	return mbedtls_x509_crt_parse(ret_chain, data, size) < 0 || ret_chain->raw.p == NULL ?
		       -EBADMSG :
		       0;
}

int tls_load_certificates(const char *path, size_t size_max, mbedtls_x509_crt *ret_chain)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int error = tls_read_file(path, size_max, &data, &size);

	if (error == 0)
		error = parse(data, size, ret_chain);
	tls_forget(data, size);
	return error;
}

static int keep(const uint8_t *data, size_t size, const uint8_t digest[static TLS_DIGEST_SIZE])
{
	struct tls_authorities *authorities = calloc(1, sizeof(*authorities));
	int error;

	if (authorities == NULL)
		return -ENOMEM;
	authorities->references = 1;
	memcpy(authorities->digest, digest, TLS_DIGEST_SIZE);
	mbedtls_x509_crt_init(&authorities->chain);
	error = parse(data, size, &authorities->chain);
	if (error != 0) {
		tls_authorities_free(authorities);
		return error;
	}
	tls_authorities_free(kept);
	kept = authorities;
	return 0;
}

int tls_authorities_load(const char *path, struct tls_authorities **ret_authorities)
{
	uint8_t digest[TLS_DIGEST_SIZE];
	uint8_t *data = NULL;
	size_t size = 0;
	int error = tls_read_file(path, AUTHORITIES_SIZE_MAX, &data, &size);

	if (error != 0)
		return error;
	tls_sha256(data, size, digest);
	if (kept == NULL || memcmp(kept->digest, digest, sizeof(digest)) != 0)
		error = keep(data, size, digest);
	tls_forget(data, size);
	if (error != 0)
		return error;
	kept->references++;
	*ret_authorities = kept;
	return 0;
}

void tls_authorities_free(struct tls_authorities *authorities)
{
	if (authorities == NULL || --authorities->references > 0)
		return;
	mbedtls_x509_crt_free(&authorities->chain);
	free(authorities);
}
