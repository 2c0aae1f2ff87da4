#include "chacha20.h"

#include <string.h>

#include "words.h"

#define COUNTER_AT 12
#define DOUBLE_ROUNDS 10

#define TURN(word, bits) ((word) << (bits) | (word) >> (32 - (bits)))

/* RFC 8439 section 2.1. Variables and not an array: a compiler keeps those in registers. */
#define QUARTER_ROUND(a, b, c, d)                                   \
	do {                                                        \
		a += b, d ^= a, d = TURN(d, 16);                    \
		c += d, b ^= c, b = TURN(b, 12);                    \
		a += b, d ^= a, d = TURN(d, 8);                     \
		c += d, b ^= c, b = TURN(b, 7);                     \
	} while (0)

void chacha20_set_key(struct chacha20 *chacha, const uint8_t key[static CHACHA20_KEY_SIZE])
{
	static const uint8_t constant[16] = "expand 32-byte k";

	for (size_t i = 0; i < 4; i++)
		chacha->state[i] = word_get(constant + 4 * i);
	for (size_t i = 0; i < 8; i++)
		chacha->state[4 + i] = word_get(key + 4 * i);
}

void chacha20_start(struct chacha20 *chacha, const uint8_t nonce[static CHACHA20_NONCE_SIZE],
		    uint32_t counter)
{
	chacha->state[COUNTER_AT] = counter;
	for (size_t i = 0; i < 3; i++)
		chacha->state[COUNTER_AT + 1 + i] = word_get(nonce + 4 * i);
	chacha->unused = 0;
}

/* One block of the stream over 64 bytes of the text. */
static void mix_block(uint32_t state[static 16], const uint8_t *data, uint8_t *ret_data)
{
	uint32_t x0 = state[0], x1 = state[1], x2 = state[2], x3 = state[3];
	uint32_t x4 = state[4], x5 = state[5], x6 = state[6], x7 = state[7];
	uint32_t x8 = state[8], x9 = state[9], x10 = state[10], x11 = state[11];
	uint32_t x12 = state[12], x13 = state[13], x14 = state[14], x15 = state[15];

	for (unsigned i = 0; i < DOUBLE_ROUNDS; i++) {
		QUARTER_ROUND(x0, x4, x8, x12);
		QUARTER_ROUND(x1, x5, x9, x13);
		QUARTER_ROUND(x2, x6, x10, x14);
		QUARTER_ROUND(x3, x7, x11, x15);
		QUARTER_ROUND(x0, x5, x10, x15);
		QUARTER_ROUND(x1, x6, x11, x12);
		QUARTER_ROUND(x2, x7, x8, x13);
		QUARTER_ROUND(x3, x4, x9, x14);
	}
	word_xor(data, x0 + state[0], ret_data);
	word_xor(data + 4, x1 + state[1], ret_data + 4);
	word_xor(data + 8, x2 + state[2], ret_data + 8);
	word_xor(data + 12, x3 + state[3], ret_data + 12);
	word_xor(data + 16, x4 + state[4], ret_data + 16);
	word_xor(data + 20, x5 + state[5], ret_data + 20);
	word_xor(data + 24, x6 + state[6], ret_data + 24);
	word_xor(data + 28, x7 + state[7], ret_data + 28);
	word_xor(data + 32, x8 + state[8], ret_data + 32);
	word_xor(data + 36, x9 + state[9], ret_data + 36);
	word_xor(data + 40, x10 + state[10], ret_data + 40);
	word_xor(data + 44, x11 + state[11], ret_data + 44);
	word_xor(data + 48, x12 + state[12], ret_data + 48);
	word_xor(data + 52, x13 + state[13], ret_data + 52);
	word_xor(data + 56, x14 + state[14], ret_data + 56);
	word_xor(data + 60, x15 + state[15], ret_data + 60);
	state[COUNTER_AT]++;
}

static void mix_bytes(const uint8_t *stream, const uint8_t *data, size_t size, uint8_t *ret_data)
{
	for (size_t i = 0; i < size; i++)
		ret_data[i] = data[i] ^ stream[i];
}

static size_t use_rest(struct chacha20 *chacha, const uint8_t *data, size_t size, uint8_t *ret_data)
{
	size_t take = size < chacha->unused ? size : chacha->unused;

	mix_bytes(chacha->stream + CHACHA20_BLOCK_SIZE - chacha->unused, data, take, ret_data);
	chacha->unused -= take;
	return take;
}

void chacha20_update(struct chacha20 *chacha, const uint8_t *data, size_t size, uint8_t *ret_data)
{
	static const uint8_t zero[CHACHA20_BLOCK_SIZE];
	size_t done = use_rest(chacha, data, size, ret_data);

	for (; size - done >= CHACHA20_BLOCK_SIZE; done += CHACHA20_BLOCK_SIZE)
		mix_block(chacha->state, data + done, ret_data + done);
	if (done == size)
		return;
	mix_block(chacha->state, zero, chacha->stream);
	chacha->unused = CHACHA20_BLOCK_SIZE;
	(void)use_rest(chacha, data + done, size - done, ret_data + done);
}
