/* Our ChaCha20 and Poly1305 in place of the library's, which takes more than twice the instructions
 * on MIPS: bytes one by one, and sums of products through memory. A library of the system keeps its
 * own, and leaves this file empty. */
#include <mbedtls/chacha20.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/poly1305.h>

#ifdef MBEDTLS_CHACHA20_ALT

void mbedtls_chacha20_init(mbedtls_chacha20_context *context)
{
	*context = (struct chacha20){0};
}

void mbedtls_chacha20_free(mbedtls_chacha20_context *context)
{
	if (context != NULL)
		mbedtls_platform_zeroize(context, sizeof(*context));
}

int mbedtls_chacha20_setkey(mbedtls_chacha20_context *context, const unsigned char key[32])
{
	chacha20_set_key(context, key);
	return 0;
}

int mbedtls_chacha20_starts(mbedtls_chacha20_context *context, const unsigned char nonce[12],
			    uint32_t counter)
{
	chacha20_start(context, nonce, counter);
	return 0;
}

int mbedtls_chacha20_update(mbedtls_chacha20_context *context, size_t size,
			    const unsigned char *data, unsigned char *ret_data)
{
	chacha20_update(context, data, size, ret_data);
	return 0;
}

void mbedtls_poly1305_init(mbedtls_poly1305_context *context)
{
	*context = (struct poly1305){0};
}

void mbedtls_poly1305_free(mbedtls_poly1305_context *context)
{
	if (context != NULL)
		mbedtls_platform_zeroize(context, sizeof(*context));
}

int mbedtls_poly1305_starts(mbedtls_poly1305_context *context, const unsigned char key[32])
{
	poly1305_start(context, key);
	return 0;
}

int mbedtls_poly1305_update(mbedtls_poly1305_context *context, const unsigned char *data,
			    size_t size)
{
	poly1305_update(context, data, size);
	return 0;
}

int mbedtls_poly1305_finish(mbedtls_poly1305_context *context, unsigned char ret_tag[16])
{
	poly1305_finish(context, ret_tag);
	return 0;
}

#endif
