/* Poly1305 (RFC 8439 section 2.5), for processors of 32 bits with a multiplier that sums up. */
#ifndef ADIT_TLS_POLY1305_H
#define ADIT_TLS_POLY1305_H

#include <stddef.h>
#include <stdint.h>

#define POLY1305_KEY_SIZE 32
#define POLY1305_BLOCK_SIZE 16
#define POLY1305_TAG_SIZE 16

struct poly1305 {
	uint32_t r[4], pad[4];
	uint32_t sum[5]; /* below 5 * 2^128 between blocks */
	uint8_t waiting[POLY1305_BLOCK_SIZE];
	size_t waiting_size;
};

/* The key is for one text only. */
void poly1305_start(struct poly1305 *poly, const uint8_t key[static POLY1305_KEY_SIZE]);
void poly1305_update(struct poly1305 *poly, const uint8_t *data, size_t size);
void poly1305_finish(struct poly1305 *poly, uint8_t ret_tag[static POLY1305_TAG_SIZE]);

#endif
