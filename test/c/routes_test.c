/* Which routes of others pass: every one while there is room, ours always, and news of an end only
 * where the beginning was told. */
#include <linux/rtnetlink.h>

#include "mover/routes.h"
#include "sys/nl_route.h"
#include "test.h"

static struct routes routes;

static struct msg_route route_of(uint32_t number, uint32_t table, uint8_t length, bool far)
{
	struct msg_route route = { .table = table, .kind = RTN_UNICAST, .oif = 3 };

	route.dst.ip = (struct inet_ip){ 4, { 11, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
					      (uint8_t)number } };
	route.dst.length = length;
	if (far)
		route.gateway = (struct inet_ip){ 4, { 192, 0, 2, 1 } };
	return route;
}

static int count_passes(uint32_t count, uint32_t table, uint8_t length, bool far)
{
	int passed = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct msg_route route = route_of(i, table, length, far);

		passed += routes_pass(&routes, &route);
	}
	return passed;
}

static bool ends(uint32_t number, uint32_t table, uint8_t length, bool far)
{
	struct msg_route route = route_of(number, table, length, far);

	route.deleted = true;
	return routes_pass(&routes, &route);
}

static void each_class_has_room_of_its_own(void)
{
	routes = (struct routes){ 0 };
	EXPECT_EQUAL(count_passes(60000, RT_TABLE_MAIN, 32, true), ROUTES_MAIN_MAX);
	EXPECT_EQUAL(count_passes(60000, RT_TABLE_MAIN, 32, false), ROUTES_CONNECTED_MAX);
	EXPECT_EQUAL(count_passes(60000, 200, 32, true), ROUTES_ELSEWHERE_MAX);
	EXPECT_EQUAL(count_passes(60000, 201, 0, true), ROUTES_DEFAULTS_MAX);
	/* What was told may be told again. */
	EXPECT_EQUAL(count_passes(ROUTES_MAIN_MAX, RT_TABLE_MAIN, 32, true), ROUTES_MAIN_MAX);
}

static void ours_always_pass(void)
{
	struct msg_route route = route_of(70000, RT_TABLE_MAIN, 32, false);

	route.protocol = NL_ROUTE_PROTOCOL;
	EXPECT(routes_pass(&routes, &route));
	route.deleted = true;
	EXPECT(routes_pass(&routes, &route));
}

static void an_end_passes_where_the_beginning_did(void)
{
	EXPECT(!ends(59999, RT_TABLE_MAIN, 32, true));
	EXPECT(!routes_are_thin(&routes));
	for (uint32_t i = 0; i < ROUTES_MAIN_MAX; i++)
		EXPECT(ends(i, RT_TABLE_MAIN, 32, true));
	EXPECT(!ends(0, RT_TABLE_MAIN, 32, true));
	EXPECT(routes_are_thin(&routes));
	EXPECT_EQUAL(count_passes(60000, RT_TABLE_MAIN, 32, true), ROUTES_MAIN_MAX);
}

static void a_dump_begins_from_nothing(void)
{
	routes_clear(&routes);
	EXPECT(!routes_are_thin(&routes));
	EXPECT(!ends(1, RT_TABLE_MAIN, 32, true));
	EXPECT_EQUAL(count_passes(60000, RT_TABLE_MAIN, 32, false), ROUTES_CONNECTED_MAX);
}

int main(void)
{
	each_class_has_room_of_its_own();
	ours_always_pass();
	an_end_passes_where_the_beginning_did();
	a_dump_begins_from_nothing();
	return test_summary();
}
