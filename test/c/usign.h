/* Keys and signatures in the file format of usign, made by OpenSSL. */
#ifndef ADIT_TEST_USIGN_H
#define ADIT_TEST_USIGN_H

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USIGN_COMMENT "untrusted comment: made by a test\n"
#define USIGN_TEXT_MAX 256

struct usign {
	EVP_PKEY *key;
	uint8_t number; /* each of the eight bytes of the key's number */
	char text[57]; /* the public key as the configuration has it */
};

static inline void usign_head(uint8_t number, uint8_t *ret_bytes)
{
	memcpy(ret_bytes, "Ed", 2);
	memset(ret_bytes + 2, number, 8);
}

static inline void usign_make(struct usign *ret_key, uint8_t number)
{
	uint8_t bytes[10 + 32];
	size_t size = 32;

	ret_key->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	ret_key->number = number;
	usign_head(number, bytes);
	if (EVP_PKEY_get_raw_public_key(ret_key->key, bytes + 10, &size) != 1)
		abort();
	EVP_EncodeBlock((unsigned char *)ret_key->text, bytes, sizeof(bytes));
}

static inline void usign_free(struct usign *key)
{
	EVP_PKEY_free(key->key);
}

/* The content of a signature file. */
static inline void usign_sign(const struct usign *key, const void *data, size_t size,
			      char ret_text[static USIGN_TEXT_MAX])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t bytes[10 + 64];
	size_t signature_size = 64;
	char line[128];

	usign_head(key->number, bytes);
	if (EVP_DigestSignInit(digest, NULL, NULL, NULL, key->key) != 1 ||
	    EVP_DigestSign(digest, bytes + 10, &signature_size, data, size) != 1)
		abort();
	EVP_MD_CTX_free(digest);
	EVP_EncodeBlock((unsigned char *)line, bytes, sizeof(bytes));
	snprintf(ret_text, USIGN_TEXT_MAX, USIGN_COMMENT "%s\n", line);
}

#endif
