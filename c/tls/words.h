/* Little-endian words of 32 bits at any address, as ciphers take them. */
#ifndef ADIT_TLS_WORDS_H
#define ADIT_TLS_WORDS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t word_get(const uint8_t *data)
{
	uint32_t word;

	memcpy(&word, data, sizeof(word));
	return le32toh(word);
}

static inline void word_put(uint32_t word, uint8_t *ret_data)
{
	word = htole32(word);
	memcpy(ret_data, &word, sizeof(word));
}

/* Swaps the word and neither what it is mixed with nor what becomes of it. */
static inline void word_xor(const uint8_t *data, uint32_t word, uint8_t *ret_data)
{
	uint32_t mixed;

	memcpy(&mixed, data, sizeof(mixed));
	mixed ^= htole32(word);
	memcpy(ret_data, &mixed, sizeof(mixed));
}

#endif
