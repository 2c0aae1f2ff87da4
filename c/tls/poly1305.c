#include "poly1305.h"

#include <string.h>

#include "words.h"

#if defined(__mips__) && !defined(__mips64) && !defined(__mips16) && __mips_isa_rev < 6
#define HAS_MADDU
#endif

/* a[0] * b0 + ... + a[3] * b3. MIPS32 has one register for sums of products, which GCC 12 empties
 * after each product. */
static inline uint64_t sum4(const uint32_t a[static 5], uint32_t b0, uint32_t b1, uint32_t b2,
			    uint32_t b3)
{
#ifdef HAS_MADDU
	uint64_t sum;

	__asm__("multu %1, %5; maddu %2, %6; maddu %3, %7; maddu %4, %8"
		: "=x"(sum)
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "r"(b2), "r"(b3));
	return sum;
#else
	return (uint64_t)a[0] * b0 + (uint64_t)a[1] * b1 + (uint64_t)a[2] * b2 +
	       (uint64_t)a[3] * b3;
#endif
}

/* carry + a[4] * b4 more than that. */
static inline uint64_t sum5(const uint32_t a[static 5], uint32_t b0, uint32_t b1, uint32_t b2,
			    uint32_t b3, uint32_t b4, uint32_t carry)
{
#ifdef HAS_MADDU
	uint64_t sum;

	__asm__("multu %1, %6; maddu %2, %7; maddu %3, %8; maddu %4, %9; maddu %5, %10; "
		"maddu %11, %12"
		: "=x"(sum)
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(b0), "r"(b1), "r"(b2),
		  "r"(b3), "r"(b4), "r"(carry), "r"(1));
	return sum;
#else
	return sum4(a, b0, b1, b2, b3) + (uint64_t)a[4] * b4 + carry;
#endif
}

static inline uint32_t high(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

void poly1305_start(struct poly1305 *poly, const uint8_t key[static POLY1305_KEY_SIZE])
{
	memset(poly, 0, sizeof(*poly));
	for (size_t i = 0; i < 4; i++) {
		poly->r[i] = word_get(key + 4 * i) & (i == 0 ? 0x0fffffff : 0x0ffffffc);
		poly->pad[i] = word_get(key + 16 + 4 * i);
	}
}

/* sum = (sum + block) * r modulo 2^130 - 5, partly reduced. `top` is the bit above the block. Since
 * the low two bits of r[1] to r[3] are clear, 2^128 times them is 5/4 of them. */
static void add_blocks(struct poly1305 *poly, const uint8_t *data, size_t count, uint32_t top)
{
	const uint32_t r0 = poly->r[0], r1 = poly->r[1], r2 = poly->r[2], r3 = poly->r[3];
	const uint32_t s1 = r1 + (r1 >> 2), s2 = r2 + (r2 >> 2), s3 = r3 + (r3 >> 2);
	uint32_t h0 = poly->sum[0], h1 = poly->sum[1], h2 = poly->sum[2], h3 = poly->sum[3];
	uint32_t h4 = poly->sum[4];

	for (; count > 0; count--, data += POLY1305_BLOCK_SIZE) {
		uint64_t d0 = (uint64_t)h0 + word_get(data);
		uint64_t d1 = (uint64_t)h1 + word_get(data + 4) + high(d0);
		uint64_t d2 = (uint64_t)h2 + word_get(data + 8) + high(d1);
		uint64_t d3 = (uint64_t)h3 + word_get(data + 12) + high(d2);
		uint32_t a[5] = {(uint32_t)d0, (uint32_t)d1, (uint32_t)d2, (uint32_t)d3,
				 h4 + high(d3) + top};

		d0 = sum4(a, r0, s3, s2, s1);
		d1 = sum5(a, r1, r0, s3, s2, s1, high(d0));
		d2 = sum5(a, r2, r1, r0, s3, s2, high(d1));
		d3 = sum5(a, r3, r2, r1, r0, s3, high(d2));
		h4 = a[4] * r0 + high(d3);

		d0 = (uint64_t)(uint32_t)d0 + (h4 >> 2) + (h4 & ~3u);
		d1 = (uint64_t)(uint32_t)d1 + high(d0);
		d2 = (uint64_t)(uint32_t)d2 + high(d1);
		d3 = (uint64_t)(uint32_t)d3 + high(d2);
		h0 = (uint32_t)d0, h1 = (uint32_t)d1, h2 = (uint32_t)d2, h3 = (uint32_t)d3;
		h4 = (h4 & 3) + high(d3);
	}
	poly->sum[0] = h0, poly->sum[1] = h1, poly->sum[2] = h2, poly->sum[3] = h3;
	poly->sum[4] = h4;
}

void poly1305_update(struct poly1305 *poly, const uint8_t *data, size_t size)
{
	size_t blocks;

	if (poly->waiting_size > 0) {
		size_t room = POLY1305_BLOCK_SIZE - poly->waiting_size;
		size_t take = size < room ? size : room;

		memcpy(poly->waiting + poly->waiting_size, data, take);
		poly->waiting_size += take;
		data += take;
		size -= take;
		if (poly->waiting_size < POLY1305_BLOCK_SIZE)
			return;
		add_blocks(poly, poly->waiting, 1, 1);
		poly->waiting_size = 0;
	}
	blocks = size / POLY1305_BLOCK_SIZE;
	add_blocks(poly, data, blocks, 1);
	poly->waiting_size = size - blocks * POLY1305_BLOCK_SIZE;
	if (poly->waiting_size > 0)
		memcpy(poly->waiting, data + blocks * POLY1305_BLOCK_SIZE, poly->waiting_size);
}

/* The sum less 2^130 - 5 if it is not smaller than that, chosen without a branch. */
static void reduce(uint32_t sum[static 5])
{
	uint32_t less[4];
	uint64_t carry = 5;
	uint32_t mask;

	for (size_t i = 0; i < 4; i++) {
		carry += sum[i];
		less[i] = (uint32_t)carry;
		carry >>= 32;
	}
	mask = 0u - ((sum[4] + (uint32_t)carry) >> 2);
	for (size_t i = 0; i < 4; i++)
		sum[i] = (sum[i] & ~mask) | (less[i] & mask);
}

void poly1305_finish(struct poly1305 *poly, uint8_t ret_tag[static POLY1305_TAG_SIZE])
{
	uint64_t carry = 0;

	if (poly->waiting_size > 0) {
		memset(poly->waiting + poly->waiting_size, 0,
		       POLY1305_BLOCK_SIZE - poly->waiting_size);
		poly->waiting[poly->waiting_size] = 1;
		add_blocks(poly, poly->waiting, 1, 0);
	}
	reduce(poly->sum);
	for (size_t i = 0; i < 4; i++) {
		carry += (uint64_t)poly->sum[i] + poly->pad[i];
		word_put((uint32_t)carry, ret_tag + 4 * i);
		carry >>= 32;
	}
}
