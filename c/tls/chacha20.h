/* ChaCha20 (RFC 8439 section 2.4), for processors whose instructions no library knows: the state
 * stays in registers, and data is taken a word at a time. */
#ifndef ADIT_TLS_CHACHA20_H
#define ADIT_TLS_CHACHA20_H

#include <stddef.h>
#include <stdint.h>

#define CHACHA20_KEY_SIZE 32
#define CHACHA20_NONCE_SIZE 12
#define CHACHA20_BLOCK_SIZE 64

struct chacha20 {
	uint32_t state[16];
	uint8_t stream[CHACHA20_BLOCK_SIZE]; /* of the last block; its end is still to be used */
	size_t unused;
};

void chacha20_set_key(struct chacha20 *chacha, const uint8_t key[static CHACHA20_KEY_SIZE]);
/* Starts a text at block `counter`; after the key. */
void chacha20_start(struct chacha20 *chacha, const uint8_t nonce[static CHACHA20_NONCE_SIZE],
		    uint32_t counter);
/* Goes on with the text: encrypts and decrypts. `ret_data` may be `data`. */
void chacha20_update(struct chacha20 *chacha, const uint8_t *data, size_t size, uint8_t *ret_data);

#endif
