/* Digests and signatures of published texts: what a processor of the other byte order must get
 * right as well, without any library of this machine beside it. */
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "hex.h"
#include "test.h"
#include "tls/ed25519.h"
#include "tls/tls.h"

/* RFC 8032 section 7.1: key, text, signature. */
static const char *const vectors[][3] = {
	{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	  "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	  "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

/* FIPS 180-2 appendix B. */
static const char *const digests[][2] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void signatures_verify_until_altered(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		uint8_t key[ED25519_KEY_SIZE], data[8], signature[ED25519_SIGNATURE_SIZE];
		size_t size = from_hex(vectors[i][1], data);

		EXPECT_EQUAL(from_hex(vectors[i][0], key), ED25519_KEY_SIZE);
		EXPECT_EQUAL(from_hex(vectors[i][2], signature), ED25519_SIGNATURE_SIZE);
		EXPECT(ed25519_verify(key, signature, data, size));
		for (size_t byte = 0; byte < sizeof(signature); byte++) {
			signature[byte] ^= 1;
			EXPECT(!ed25519_verify(key, signature, data, size));
			signature[byte] ^= 1;
		}
	}
}

static void digests_are_as_published(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		uint8_t want[TLS_DIGEST_SIZE], got[TLS_DIGEST_SIZE];

		EXPECT_EQUAL(from_hex(digests[i][1], want), TLS_DIGEST_SIZE);
		tls_sha256(digests[i][0], strlen(digests[i][0]), got);
		EXPECT(memcmp(got, want, sizeof(got)) == 0);
	}
}

int main(void)
{
	signatures_verify_until_altered();
	digests_are_as_published();
	return test_summary();
}
