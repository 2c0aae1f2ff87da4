/* Random numbers, digests and signatures beside TLS itself. */
#include <errno.h>
#include <sys/random.h>

#include <mbedtls/entropy.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

#include <monocypher.h>

#include <psa/crypto.h>

#include "../../check.h"
#include "internal.h"

/* At boot this waits until the kernel's generator is seeded; it never fails afterwards. */
int tls_random(void *unused, unsigned char *ret, size_t size)
{
	(void)unused;
	while (size > 0) {
		ssize_t got = getrandom(ret, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
		ret += got;
		size -= (size_t)got;
	}
	return 0;
}

#if defined(MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG)
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
					     uint8_t *output, size_t output_size,
					     size_t *output_length)
{
	(void)context;
	if (tls_random(NULL, output, output_size) != 0)
		return PSA_ERROR_INSUFFICIENT_ENTROPY;
	*output_length = output_size;
	return PSA_SUCCESS;
}
#endif

void tls_sha256(const void *data, size_t size, uint8_t ret_digest[static TLS_DIGEST_SIZE])
{
	CHECK(mbedtls_sha256(data, size, ret_digest, 0) == 0);
}

/* RFC 8032 section 5.1.7: 8 S B = 8 R + 8 k A with k = SHA-512(R, A, data). */
bool tls_ed25519(const uint8_t key[static 32], const uint8_t signature[static 64], const void *data,
		 size_t size)
{
	mbedtls_sha512_context sha;
	uint8_t digest[64], k[32];

	mbedtls_sha512_init(&sha);
	CHECK(mbedtls_sha512_starts(&sha, 0) == 0);
	CHECK(mbedtls_sha512_update(&sha, signature, 32) == 0);
	CHECK(mbedtls_sha512_update(&sha, key, 32) == 0);
	CHECK(mbedtls_sha512_update(&sha, data, size) == 0);
	CHECK(mbedtls_sha512_finish(&sha, digest) == 0);
	mbedtls_sha512_free(&sha);
	crypto_eddsa_reduce(k, digest);
	return crypto_eddsa_check_equation(signature, key, k) == 0;
}
