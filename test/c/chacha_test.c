/* ChaCha20 and Poly1305 against what RFC 8439 publishes, and against plain versions of both that
 * share nothing with the product's: bytes, and a number of seventeen of them. */
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "hex.h"
#include "test.h"
#include "tls/chacha20.h"
#include "tls/poly1305.h"

#define TEXT_MAX 700
#define ROUNDS 400
#define LIMBS 17

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Many bytes at the edges, where carries run far. */
static void fill(uint8_t *ret_data, size_t size)
{
	unsigned kind = chance(4);

	for (size_t i = 0; i < size; i++)
		ret_data[i] = kind == 0	  ? 0xff
			      : kind == 1 ? (uint8_t)(chance(8) == 0 ? chance(256) : 0xff)
			      : kind == 2 ? (uint8_t)(chance(8) == 0 ? 0xff : 0)
					  : (uint8_t)chance(256);
}

/* -- plain versions -- */

static uint32_t plain_word(const uint8_t *data)
{
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
	       (uint32_t)data[3] << 24;
}

static void plain_quarter(uint32_t *x, int a, int b, int c, int d)
{
	static const int turns[4] = {16, 12, 8, 7};

	for (int i = 0; i < 4; i++) {
		int to = i % 2 == 0 ? a : c, by = i % 2 == 0 ? b : d, turn = i % 2 == 0 ? d : b;

		x[to] += x[by];
		x[turn] ^= x[to];
		x[turn] = x[turn] << turns[i] | x[turn] >> (32 - turns[i]);
	}
}

static void plain_chacha(const uint8_t *key, const uint8_t *nonce, uint32_t counter,
			 const uint8_t *data, size_t size, uint8_t *ret_data)
{
	for (size_t at = 0; at < size; at += 64, counter++) {
		uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,
				      [12] = counter};
		uint32_t x[16];

		for (int i = 0; i < 8; i++)
			start[4 + i] = plain_word(key + 4 * i);
		for (int i = 0; i < 3; i++)
			start[13 + i] = plain_word(nonce + 4 * i);
		memcpy(x, start, sizeof(x));
		for (int i = 0; i < 80; i++) {
			int column = i % 4, turn = i / 4 % 2;

			plain_quarter(x, column, 4 + (column + turn) % 4,
				      8 + (column + 2 * turn) % 4, 12 + (column + 3 * turn) % 4);
		}
		for (size_t i = 0; i < 64 && at + i < size; i++)
			ret_data[at + i] = data[at + i] ^ (uint8_t)((x[i / 4] + start[i / 4]) >>
								    (8 * (i % 4)));
	}
}

static void plain_add(uint32_t *sum, const uint32_t *more)
{
	uint32_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += sum[i] + more[i];
		sum[i] = carry & 255;
		carry >>= 8;
	}
}

static void plain_squeeze(uint32_t *sum)
{
	uint32_t carry = 0;

	for (int i = 0; i < LIMBS - 1; i++) {
		carry += sum[i];
		sum[i] = carry & 255;
		carry >>= 8;
	}
	carry += sum[LIMBS - 1];
	sum[LIMBS - 1] = carry & 3;
	carry = 5 * (carry >> 2);
	for (int i = 0; i < LIMBS - 1; i++) {
		carry += sum[i];
		sum[i] = carry & 255;
		carry >>= 8;
	}
	sum[LIMBS - 1] += carry;
}

static void plain_multiply(uint32_t *sum, const uint32_t *r)
{
	uint32_t product[LIMBS] = {0};

	for (int i = 0; i < LIMBS; i++) {
		for (int j = 0; j <= i; j++)
			product[i] += sum[j] * r[i - j];
		for (int j = i + 1; j < LIMBS; j++)
			product[i] += 320 * sum[j] * r[LIMBS + i - j];
	}
	memcpy(sum, product, sizeof(product));
	plain_squeeze(sum);
}

static void plain_poly(const uint8_t *key, const uint8_t *data, size_t size, uint8_t *ret_tag)
{
	static const uint32_t less[LIMBS] = {5, [LIMBS - 1] = 252};
	uint32_t r[LIMBS] = {0}, sum[LIMBS] = {0}, pad[LIMBS] = {0}, before[LIMBS];
	uint32_t mask;

	for (int i = 0; i < 16; i++) {
		r[i] = key[i] & (i % 4 == 3 ? 15 : i % 4 == 0 && i > 0 ? 252 : 255);
		pad[i] = key[16 + i];
	}
	for (size_t at = 0; at < size; at += 16) {
		uint32_t block[LIMBS] = {0};
		size_t take = size - at < 16 ? size - at : 16;

		for (size_t i = 0; i < take; i++)
			block[i] = data[at + i];
		block[take] = 1;
		plain_add(sum, block);
		plain_multiply(sum, r);
	}
	memcpy(before, sum, sizeof(before));
	plain_add(sum, less);
	mask = 0u - (sum[LIMBS - 1] >> 7);
	for (int i = 0; i < LIMBS; i++)
		sum[i] ^= mask & (before[i] ^ sum[i]);
	plain_add(sum, pad);
	for (int i = 0; i < 16; i++)
		ret_tag[i] = (uint8_t)sum[i];
}

/* -- what is tested -- */

static void poly_of(const uint8_t *key, const uint8_t *data, size_t size, uint8_t *ret_tag)
{
	struct poly1305 poly;

	poly1305_start(&poly, key);
	poly1305_update(&poly, data, size);
	poly1305_finish(&poly, ret_tag);
}

/* Sections 2.5.2 and A.3: key, text, tag. */
static void tags_are_as_published(void)
{
	static const char *const rows[][3] = {
		{"85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
		 "43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
		 "a8061dc1305136c6c22b8baf0c0127a9"},
		{"0200000000000000000000000000000000000000000000000000000000000000",
		 "ffffffffffffffffffffffffffffffff", "03000000000000000000000000000000"},
		{"02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
		 "02000000000000000000000000000000", "03000000000000000000000000000000"},
		{"0100000000000000000000000000000000000000000000000000000000000000",
		 "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
		 "11000000000000000000000000000000",
		 "05000000000000000000000000000000"},
		{"0100000000000000000000000000000000000000000000000000000000000000",
		 "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
		 "01010101010101010101010101010101",
		 "00000000000000000000000000000000"},
		{"0200000000000000000000000000000000000000000000000000000000000000",
		 "fdffffffffffffffffffffffffffffff", "faffffffffffffffffffffffffffffff"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t key[POLY1305_KEY_SIZE], text[64], want[POLY1305_TAG_SIZE];
		uint8_t got[POLY1305_TAG_SIZE];
		size_t size = from_hex(rows[i][1], text);

		EXPECT_EQUAL(from_hex(rows[i][0], key), sizeof(key));
		EXPECT_EQUAL(from_hex(rows[i][2], want), sizeof(want));
		poly_of(key, text, size, got);
		EXPECT(memcmp(got, want, sizeof(got)) == 0);
	}
}

/* Section 2.4.2. */
static void text_is_sealed_as_published(void)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	static const char hex[] =
		"6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
		"f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
		"07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
		"5af90bbf74a35be6b40b8eedf2785e42874d";
	static const uint8_t nonce[CHACHA20_NONCE_SIZE] = {[7] = 0x4a};
	uint8_t key[CHACHA20_KEY_SIZE], want[sizeof(text)], got[sizeof(text)];
	struct chacha20 chacha;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	EXPECT_EQUAL(from_hex(hex, want), sizeof(text) - 1);
	chacha20_set_key(&chacha, key);
	chacha20_start(&chacha, nonce, 1);
	chacha20_update(&chacha, (const uint8_t *)text, sizeof(text) - 1, got);
	EXPECT(memcmp(got, want, sizeof(text) - 1) == 0);
}

/* Any size, in any pieces, at any address, in place or not. */
static void streams_equal_the_plain_version(void)
{
	static uint8_t text[TEXT_MAX + 4], got[TEXT_MAX + 4], want[TEXT_MAX];
	uint8_t key[CHACHA20_KEY_SIZE], nonce[CHACHA20_NONCE_SIZE];

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t size = chance(TEXT_MAX), at = 0;
		uint8_t *from = text + chance(4);
		uint8_t *to = chance(2) == 0 ? from : got + chance(4);
		uint32_t counter = chance(2) == 0 ? 0 : 0xfffffffe;
		struct chacha20 chacha;

		fill(key, sizeof(key));
		fill(nonce, sizeof(nonce));
		fill(from, size);
		plain_chacha(key, nonce, counter, from, size, want);
		chacha20_set_key(&chacha, key);
		chacha20_start(&chacha, nonce, counter);
		while (at < size) {
			size_t take = 1 + chance((uint32_t)(size - at));

			chacha20_update(&chacha, from + at, take, to + at);
			at += take;
		}
		EXPECT(memcmp(to, want, size) == 0);
	}
}

static void tags_equal_the_plain_version(void)
{
	static uint8_t text[TEXT_MAX + 4];
	uint8_t key[POLY1305_KEY_SIZE], got[POLY1305_TAG_SIZE], want[POLY1305_TAG_SIZE];

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t size = chance(TEXT_MAX), at = 0;
		uint8_t *from = text + chance(4);
		struct poly1305 poly;

		fill(key, sizeof(key));
		fill(from, size);
		plain_poly(key, from, size, want);
		poly1305_start(&poly, key);
		while (at < size) {
			size_t take = 1 + chance((uint32_t)(size - at));

			poly1305_update(&poly, from + at, take);
			at += take;
		}
		poly1305_finish(&poly, got);
		EXPECT(memcmp(got, want, sizeof(got)) == 0);
	}
}

int main(void)
{
	tags_are_as_published();
	text_is_sealed_as_published();
	streams_equal_the_plain_version();
	tags_equal_the_plain_version();
	return test_summary();
}
