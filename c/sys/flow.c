#include "flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A law, and the room of its lists. Rows of single addresses come first, in order; then prefixes,
 * the longest first. */
struct owned {
	struct flow_law law;
	size_t single_count;
	struct flow_tunnel *tunnels;
	struct flow_aside *aside;
	struct inet_prefix *past;
	struct flow_row *rows;
};

static bool is_single(const struct inet_prefix *prefix)
{
	return prefix->length == (prefix->ip.family == 4 ? 32 : 128);
}

static int compare_ip(const struct inet_ip *a, const struct inet_ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_rows(const void *left, const void *right)
{
	const struct flow_row *a = left;
	const struct flow_row *b = right;

	if (is_single(&a->source) != is_single(&b->source))
		return is_single(&a->source) ? -1 : 1;
	if (a->source.length != b->source.length && !is_single(&a->source))
		return a->source.length > b->source.length ? -1 : 1;
	return compare_ip(&a->source.ip, &b->source.ip);
}

static bool is_valid(const struct flow_law *law)
{
	for (size_t i = 0; i < law->aside_count; i++)
		if (!inet_prefix_valid(&law->aside[i].source) ||
		    !inet_prefix_valid(&law->aside[i].destination))
			return false;
	for (size_t i = 0; i < law->past_count; i++)
		if (!inet_prefix_valid(&law->past[i]))
			return false;
	for (size_t i = 0; i < law->row_count; i++)
		if (!inet_prefix_is_network(&law->rows[i].source))
			return false;
	return law->row_count <= FLOW_ROWS_MAX;
}

/* A list may be empty, its copy is not NULL. */
static void *copy_of(const void *list, size_t count, size_t size)
{
	void *copy = calloc(count + 1, size);

	if (copy && count)
		memcpy(copy, list, count * size);
	return copy;
}

int flow_law_new(const struct flow_law *given, struct flow_law **ret_law)
{
	struct owned *owned;

	if (!is_valid(given))
		return -EINVAL;
	owned = calloc(1, sizeof(*owned));
	if (!owned)
		return -ENOMEM;
	owned->tunnels = copy_of(given->tunnels, given->tunnel_count, sizeof(*given->tunnels));
	owned->aside = copy_of(given->aside, given->aside_count, sizeof(*given->aside));
	owned->past = copy_of(given->past, given->past_count, sizeof(*given->past));
	owned->rows = copy_of(given->rows, given->row_count, sizeof(*given->rows));
	if (!owned->tunnels || !owned->aside || !owned->past || !owned->rows) {
		flow_law_free(&owned->law);
		return -ENOMEM;
	}
	qsort(owned->rows, given->row_count, sizeof(*given->rows), compare_rows);
	while (owned->single_count < given->row_count &&
	       is_single(&owned->rows[owned->single_count].source))
		owned->single_count++;
	owned->law = *given;
	owned->law.tunnels = owned->tunnels;
	owned->law.aside = owned->aside;
	owned->law.past = owned->past;
	owned->law.rows = owned->rows;
	*ret_law = &owned->law;
	return 0;
}

void flow_law_free(struct flow_law *law)
{
	struct owned *owned = (struct owned *)law;

	if (!owned)
		return;
	free(owned->tunnels);
	free(owned->aside);
	free(owned->past);
	free(owned->rows);
	free(owned);
}

static uint16_t place_of(const struct flow_law *law, const struct inet_ip *answered)
{
	if (answered->family != 4 && answered->family != 6)
		return 0;
	for (uint16_t i = 0; i < law->tunnel_count; i++)
		if (inet_ip_equal(&law->tunnels[i].addr4, answered) ||
		    inet_ip_equal(&law->tunnels[i].addr6, answered))
			return (uint16_t)(i + 1);
	return 0;
}

static bool is_aside(const struct flow_law *law, const struct flow *flow)
{
	for (size_t i = 0; i < law->aside_count; i++)
		if (inet_prefix_has(&law->aside[i].source, &flow->source) &&
		    inet_prefix_has(&law->aside[i].destination, &flow->answerer))
			return true;
	return false;
}

static bool is_past(const struct flow_law *law, const struct flow *flow)
{
	for (size_t i = 0; i < law->past_count; i++)
		if (inet_prefix_has(&law->past[i], &flow->destination))
			return true;
	return false;
}

/* The first row of a single address, or where it would stand. */
static size_t first_single(const struct owned *owned, const struct inet_ip *ip)
{
	size_t low = 0;
	size_t high = owned->single_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_ip(&owned->rows[middle].source.ip, ip) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first row with the longest prefix that has the source; row_count if there is none. */
static size_t first_row(const struct owned *owned, const struct inet_ip *source)
{
	size_t i = first_single(owned, source);

	if (i < owned->single_count && compare_ip(&owned->rows[i].source.ip, source) == 0)
		return i;
	for (i = owned->single_count; i < owned->law.row_count; i++)
		if (inet_prefix_has(&owned->rows[i].source, source))
			break;
	return i;
}

bool flow_law_keeps(const struct flow_law *law, const struct flow *flow)
{
	const struct owned *owned = (const struct owned *)law;
	uint16_t place = place_of(law, &flow->answered);
	size_t first;

	if (place == 0 && is_aside(law, flow))
		return true;
	if (is_past(law, flow))
		return place == 0;
	first = first_row(owned, &flow->source);
	if (first == law->row_count)
		return true;
	for (size_t i = first;
	     i < law->row_count && compare_rows(&owned->rows[i], &owned->rows[first]) == 0; i++)
		if (owned->rows[i].place == place)
			return true;
	return false;
}
