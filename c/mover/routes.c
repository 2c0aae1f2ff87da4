#include "routes.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "../check.h"
#include "../log.h"
#include "../sys/nl_route.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static const struct {
	uint16_t max;
	const char *name;
} classes[] = {
	[ROUTES_DEFAULTS] = { ROUTES_DEFAULTS_MAX, "default routes" },
	[ROUTES_CONNECTED] = { ROUTES_CONNECTED_MAX, "routes of main without a gateway" },
	[ROUTES_MAIN] = { ROUTES_MAIN_MAX, "routes of main with a gateway" },
	[ROUTES_ELSEWHERE] = { ROUTES_ELSEWHERE_MAX, "routes in other tables than main" },
};

static enum routes_class class_of(const struct msg_route *route)
{
	if (route->dst.length <= 1)
		return ROUTES_DEFAULTS;
	if (route->table != RT_TABLE_MAIN)
		return ROUTES_ELSEWHERE;
	return route->gateway.family ? ROUTES_MAIN : ROUTES_CONNECTED;
}

static uint64_t hash(uint64_t sum, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * FNV_PRIME;
	return sum;
}

/* What tells two routes apart, also where news of an end says less than news of a beginning. */
static uint64_t key_of(const struct msg_route *route)
{
	uint32_t numbers[] = { route->table, route->oif,	 route->metric,
			       route->kind,  route->dst.length, route->protocol };
	uint64_t sum = hash(FNV_OFFSET, numbers, sizeof(numbers));

	sum = hash(sum, &route->dst.ip.family, sizeof(route->dst.ip.family));
	sum = hash(sum, route->dst.ip.bytes, sizeof(route->dst.ip.bytes));
	return hash(sum, route->gateway.bytes, sizeof(route->gateway.bytes));
}

/* Where the number of the entry stands, or the 0 behind the bucket's last one. */
static uint16_t *find(struct routes *routes, uint64_t key)
{
	uint16_t *at = &routes->buckets[(key ^ key >> 32) % ROUTES_BUCKETS];

	while (*at && routes->entries[*at - 1].key != key)
		at = &routes->entries[*at - 1].next;
	return at;
}

/* There is room: the limits of all classes together are that of the entries. */
static void add(struct routes *routes, uint16_t *at, uint64_t key)
{
	uint16_t number = routes->free;

	if (number)
		routes->free = routes->entries[number - 1].next;
	else
		number = ++routes->used;
	CHECK(number <= ROUTES_TOLD_MAX);
	routes->entries[number - 1] = (struct routes_entry){ .key = key };
	*at = number;
}

static void drop(struct routes *routes, uint16_t *at)
{
	uint16_t number = *at;
	struct routes_entry *entry = &routes->entries[number - 1];

	*at = entry->next;
	entry->next = routes->free;
	routes->free = number;
}

static void miss(struct routes *routes, enum routes_class class)
{
	routes->missed[class] = true;
	if (routes->warned[class])
		return;
	routes->warned[class] = true;
	log_warning("more than %u %s: the rest is not looked at", classes[class].max,
		    classes[class].name);
}

void routes_clear(struct routes *routes)
{
	bool warned[ROUTES_CLASSES];

	memcpy(warned, routes->warned, sizeof(warned));
	memset(routes, 0, sizeof(*routes));
	memcpy(routes->warned, warned, sizeof(warned));
}

bool routes_pass(struct routes *routes, const struct msg_route *route)
{
	enum routes_class class = class_of(route);
	uint64_t key = key_of(route);
	uint16_t *at;

	if (route->protocol == NL_ROUTE_PROTOCOL)
		return true;
	at = find(routes, key);
	if (route->deleted) {
		if (!*at)
			return false;
		drop(routes, at);
		routes->counts[class]--;
		return true;
	}
	if (*at)
		return true;
	if (routes->counts[class] >= classes[class].max) {
		miss(routes, class);
		return false;
	}
	add(routes, at, key);
	routes->counts[class]++;
	return true;
}

/* Half of the room, so that a table around the limit is not read for each of its changes. */
bool routes_are_thin(const struct routes *routes)
{
	for (int i = 0; i < ROUTES_CLASSES; i++)
		if (routes->missed[i] && routes->counts[i] < classes[i].max / 2)
			return true;
	return false;
}
