/* Signatures as Wycheproof taught to doubt them: altered, malleable, misshapen. */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "hex.h"
#include "test.h"
#include "tls/ed25519.h"

struct sample {
	uint8_t key[ED25519_KEY_SIZE];
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	uint8_t data[200];
	size_t size;
};

static bool verify(const struct sample *sample)
{
	return ed25519_verify(sample->key, sample->signature, sample->data, sample->size);
}

/* A signature that the library itself made over `size` bytes. */
static void make(struct sample *ret_sample, size_t size)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	size_t key_size = ED25519_KEY_SIZE, signature_size = ED25519_SIGNATURE_SIZE;

	for (size_t i = 0; i < size; i++)
		ret_sample->data[i] = (uint8_t)(i * 7);
	ret_sample->size = size;
	if (EVP_PKEY_get_raw_public_key(key, ret_sample->key, &key_size) != 1 ||
	    EVP_DigestSignInit(digest, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(digest, ret_sample->signature, &signature_size, ret_sample->data,
			   size) != 1)
		abort();
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static int accepted_flips(struct sample *sample, uint8_t *bytes, size_t size)
{
	int accepted = 0;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		accepted += verify(sample);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return accepted;
}

static void every_flipped_bit_is_refused(void)
{
	struct sample sample;

	make(&sample, sizeof(sample.data));
	EXPECT(verify(&sample));
	EXPECT_EQUAL(accepted_flips(&sample, sample.signature, sizeof(sample.signature)), 0);
	EXPECT_EQUAL(accepted_flips(&sample, sample.key, sizeof(sample.key)), 0);
	EXPECT_EQUAL(accepted_flips(&sample, sample.data, sizeof(sample.data)), 0);
	EXPECT(verify(&sample));
}

static void other_sizes_are_refused(void)
{
	struct sample sample;
	int accepted = 0;

	make(&sample, 100);
	EXPECT(verify(&sample));
	for (size_t size = 0; size < sizeof(sample.data); size++) {
		sample.size = size;
		accepted += size != 100 && verify(&sample);
	}
	EXPECT_EQUAL(accepted, 0);
}

/* S and S plus the group's order satisfy the same equation: only the smaller one counts. */
static void malleable_signatures_are_refused(void)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
					   0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	struct sample sample;

	make(&sample, 32);
	for (int times = 0; times < 15; times++) {
		unsigned int carry = 0;

		for (int i = 0; i < 32; i++) {
			carry += sample.signature[32 + i] + (unsigned int)order[i];
			sample.signature[32 + i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry == 0)
			EXPECT(!verify(&sample));
	}
	memset(sample.signature + 32, 0xff, 32);
	EXPECT(!verify(&sample));
	memcpy(sample.signature + 32, order, 32);
	EXPECT(!verify(&sample));
}

/* With a key of small order, R = the neutral element and S = 0 would "sign" any text. */
static void weak_keys_are_refused(void)
{
	static const char *const keys[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct sample sample = { .size = 10 };

		from_hex(keys[i], sample.key);
		for (int sign = 0; sign < 2; sign++) {
			memset(sample.signature, 0, sizeof(sample.signature));
			EXPECT(!verify(&sample));
			sample.signature[0] = 1;
			EXPECT(!verify(&sample));
			memcpy(sample.signature, sample.key, sizeof(sample.key));
			EXPECT(!verify(&sample));
			sample.key[31] ^= 0x80;
		}
	}
}

static void misshapen_signatures_are_refused(void)
{
	struct sample sample, other;

	make(&sample, 20);
	make(&other, 20);
	memcpy(other.key, sample.key, sizeof(sample.key));
	EXPECT(!verify(&other));
	memset(sample.signature, 0, sizeof(sample.signature));
	EXPECT(!verify(&sample));
	memset(sample.signature, 0xff, sizeof(sample.signature));
	EXPECT(!verify(&sample));
	make(&sample, 20);
	memset(sample.signature, 0, 32);
	EXPECT(!verify(&sample));
	make(&sample, 20);
	memset(sample.signature + 32, 0, 32);
	EXPECT(!verify(&sample));
}

int main(void)
{
	every_flipped_bit_is_refused();
	other_sizes_are_refused();
	malleable_signatures_are_refused();
	weak_keys_are_refused();
	misshapen_signatures_are_refused();
	return test_summary();
}
