#include <errno.h>
#include <stdlib.h>

#include "mover/forward.h"
#include "test.h"

#define LOOKUPS 100000

struct reference_row {
	struct inet_prefix prefix;
	uint32_t slot;
};

/* The obvious implementation: every row is looked at, the longest that fits wins. */
static uint32_t find_linearly(const struct reference_row *rows, size_t count,
			      const struct inet_ip *ip)
{
	int longest = -1;
	uint32_t slot = 0;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].prefix.length > longest && inet_prefix_has(&rows[i].prefix, ip)) {
			longest = rows[i].prefix.length;
			slot = rows[i].slot;
		}
	}
	return slot;
}

/* Few different bytes, so that prefixes overlap and look-ups hit. */
static struct inet_ip random_ip(unsigned *seed)
{
	struct inet_ip ip = {.family = rand_r(seed) % 2 == 0 ? 4 : 6};
	size_t size = ip.family == 4 ? 4 : 16;

	for (size_t i = 0; i < size; i++)
		ip.bytes[i] = (uint8_t)(rand_r(seed) % 3 * 85);
	ip.bytes[0] = 10;
	return ip;
}

static uint8_t random_length(unsigned *seed, uint8_t family)
{
	int bits = family == 4 ? 32 : 128;

	return (uint8_t)(rand_r(seed) % 2 == 0 ? bits : rand_r(seed) % (bits + 1));
}

static size_t fill(struct forward *forward, struct reference_row *rows, size_t count,
		   unsigned *seed)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct reference_row row = {.prefix.ip = random_ip(seed),
					    .slot = 1 + (uint32_t)rand_r(seed) % FORWARD_SLOT_MAX};

		row.prefix.length = random_length(seed, row.prefix.ip.family);
		if (forward_add(forward, &row.prefix, row.slot) == 0)
			rows[kept++] = row;
	}
	return kept;
}

static void look_ups_agree_with_a_linear_scan(void)
{
	static struct reference_row rows[FORWARD_ROWS_MAX];
	static const size_t counts[] = {0, 1, 10, 200, 1500};
	unsigned seed = 1;
	long different = 0, hits = 0;

	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		struct forward *forward = NULL;
		size_t kept;

		EXPECT_EQUAL(forward_new(&forward), 0);
		kept = fill(forward, rows, counts[c], &seed);
		for (int i = 0; i < LOOKUPS / 5; i++) {
			struct inet_ip ip = random_ip(&seed);
			uint32_t slot = forward_find(forward, ip.family, ip.bytes);

			different += slot != find_linearly(rows, kept, &ip);
			hits += slot != 0;
		}
		forward_free(forward);
	}
	EXPECT_EQUAL(different, 0);
	EXPECT(hits > LOOKUPS / 20 && hits < LOOKUPS);
}

static void bad_rows_are_refused(void)
{
	struct inet_prefix prefix = {{4, {10, 0, 0, 1}}, 32};
	struct forward *forward = NULL;

	EXPECT_EQUAL(forward_new(&forward), 0);
	EXPECT_EQUAL(forward_add(forward, &prefix, 0), -EINVAL);
	EXPECT_EQUAL(forward_add(forward, &prefix, FORWARD_SLOT_MAX + 1), -EINVAL);
	EXPECT_EQUAL(forward_add(forward, &prefix, 3), 0);
	EXPECT_EQUAL(forward_add(forward, &prefix, 3), 0);
	EXPECT_EQUAL(forward_add(forward, &prefix, 4), -EEXIST);
	prefix.length = 33;
	EXPECT_EQUAL(forward_add(forward, &prefix, 4), -EINVAL);
	prefix.ip.family = 5;
	EXPECT_EQUAL(forward_add(forward, &prefix, 4), -EINVAL);
	EXPECT_EQUAL(forward_find(forward, 4, prefix.ip.bytes), 3);
	forward_free(forward);
}

static void the_table_is_bounded(void)
{
	struct forward *forward = NULL;
	struct inet_prefix prefix = {{4, {10, 1, 0, 0}}, 32};
	int error = 0;
	unsigned added = 0;

	EXPECT_EQUAL(forward_new(&forward), 0);
	while (error == 0 && added < 10000) {
		prefix.ip.bytes[2] = (uint8_t)(added >> 8);
		prefix.ip.bytes[3] = (uint8_t)added;
		error = forward_add(forward, &prefix, 1);
		added += error == 0;
	}
	EXPECT_EQUAL(error, -ENOSPC);
	EXPECT_EQUAL(added, FORWARD_ROWS_MAX);
	forward_free(forward);
}

int main(void)
{
	look_ups_agree_with_a_linear_scan();
	bad_rows_are_refused();
	the_table_is_bounded();
	return test_summary();
}
