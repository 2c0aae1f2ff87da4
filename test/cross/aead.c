/* Seals records of one size, so that a counter of instructions can tell what one costs:
 *   aead chacha20-poly1305|aes-128-gcm BYTES TIMES */
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SIZE_MAX 16384

static unsigned char record[RECORD_SIZE_MAX];
static unsigned char sealed[RECORD_SIZE_MAX];
static const unsigned char key[32];
static const unsigned char nonce[12];
static const unsigned char header[5];
static unsigned char tag[16];

static int seal_chacha(size_t size, long times)
{
	mbedtls_chachapoly_context context;
	int error = 0;

	mbedtls_chachapoly_init(&context);
	mbedtls_chachapoly_setkey(&context, key);
	while (times-- > 0)
		error |= mbedtls_chachapoly_encrypt_and_tag(&context, size, nonce, header,
							    sizeof(header), record, sealed, tag);
	return error;
}

static int seal_gcm(size_t size, long times)
{
	mbedtls_gcm_context context;
	int error;

	mbedtls_gcm_init(&context);
	error = mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key, 128);
	while (times-- > 0)
		error |= mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, size, nonce,
						   sizeof(nonce), header, sizeof(header), record,
						   sealed, sizeof(tag), tag);
	return error;
}

int main(int argc, char **argv)
{
	size_t size = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	long times = argc == 4 ? strtol(argv[3], NULL, 10) : -1;

	if (size > RECORD_SIZE_MAX || times < 0)
		return 2;
	if (strcmp(argv[1], "chacha20-poly1305") == 0)
		return seal_chacha(size, times) != 0;
	return seal_gcm(size, times) != 0;
}
