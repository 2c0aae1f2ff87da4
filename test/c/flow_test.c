/* Which flows a law keeps. */
#include "sys/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "test.h"

#define NOWHERE 9

static struct inet_ip ip_of(const char *text)
{
	struct inet_ip ip = { .family = strchr(text, ':') ? 6 : 4 };

	EXPECT_EQUAL(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.bytes), 1);
	return ip;
}

static struct inet_prefix prefix_of(const char *text, uint8_t length)
{
	return (struct inet_prefix){ ip_of(text), length };
}

/* Two tunnels; a device in the first, a network in the second, everybody else past them. */
static struct flow_law *household(void)
{
	struct flow_tunnel tunnels[] = { { ip_of("10.64.0.5"), ip_of("fd00:64::5") },
					 { ip_of("10.65.0.5"), { 0 } } };
	struct flow_aside aside[] = {
		{ prefix_of("0.0.0.0", 0), prefix_of("192.168.1.0", 24) },
		{ prefix_of("203.0.113.2", 32), prefix_of("198.51.100.10", 32) }
	};
	struct inet_prefix past[] = { prefix_of("9.9.9.0", 24) };
	struct flow_row rows[] = {
		{ prefix_of("0.0.0.0", 0), 0 },
		{ prefix_of("::", 0), 0 },
		{ prefix_of("192.168.1.10", 32), 1 },
		{ prefix_of("192.168.1.0", 24), 2 },
		{ prefix_of("fd00:1::10", 128), 1 },
		{ prefix_of("203.0.113.2", 32), 1 },
		{ prefix_of("192.168.1.11", 32), 2 },
		{ prefix_of("192.168.1.11", 32), 1 },
		{ prefix_of("192.168.1.12", 32), NOWHERE },
	};
	struct flow_law given = { tunnels, aside, past, rows, 2, 2, 1, 9 };
	struct flow_law *law = NULL;

	EXPECT_EQUAL(flow_law_new(&given, &law), 0);
	return law;
}

struct row {
	const char *source, *destination, *answered;
	bool keeps;
};

static void expect_rows(const struct row *rows, size_t count)
{
	struct flow_law *law = household();

	for (size_t i = 0; i < count; i++) {
		struct inet_ip destination = ip_of(rows[i].destination);
		struct flow flow = { ip_of(rows[i].source), destination, destination,
				     ip_of(rows[i].answered) };

		if (flow_law_keeps(law, &flow) != rows[i].keeps)
			printf("%s -> %s as %s\n", rows[i].source, rows[i].destination,
			       rows[i].answered);
		EXPECT_EQUAL(flow_law_keeps(law, &flow), rows[i].keeps);
	}
	flow_law_free(law);
}

static void the_longest_prefix_says_where(void)
{
	static const struct row rows[] = {
		{ "192.168.1.10", "192.0.2.7", "10.64.0.5", true },
		{ "192.168.1.10", "192.0.2.7", "10.65.0.5", false },
		{ "192.168.1.10", "192.0.2.7", "203.0.113.2", false },
		{ "192.168.1.10", "192.0.2.7", "192.168.1.10", false }, /* untranslated */
		{ "192.168.1.20", "192.0.2.7", "10.65.0.5", true },
		{ "192.168.1.20", "192.0.2.7", "10.64.0.5", false },
		{ "192.168.1.20", "192.0.2.7", "192.168.1.20", false },
		{ "192.168.2.20", "192.0.2.7", "203.0.113.2", true },
		{ "192.168.2.20", "192.0.2.7", "10.64.0.5", false },
		{ "fd00:1::10", "2001:db8::1", "fd00:64::5", true },
		{ "fd00:1::10", "2001:db8::1", "fd00:1::10", false },
		{ "fd00:1::20", "2001:db8::1", "fd00:1::20", true },
		{ "fd00:1::20", "2001:db8::1", "fd00:64::5", false },
	};

	expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void several_rows_are_all_right(void)
{
	static const struct row rows[] = {
		{ "192.168.1.11", "192.0.2.7", "10.64.0.5", true },
		{ "192.168.1.11", "192.0.2.7", "10.65.0.5", true },
		{ "192.168.1.11", "192.0.2.7", "203.0.113.2", false },
		{ "192.168.1.12", "192.0.2.7", "10.64.0.5", false },
		{ "192.168.1.12", "192.0.2.7", "203.0.113.2", false },
		{ "192.168.1.12", "192.168.1.1", "192.168.1.12", true }, /* on our side */
	};

	expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void what_no_tunnel_is_for_stays(void)
{
	static const struct row rows[] = {
		{ "192.168.1.10", "192.168.1.1", "192.168.1.10", true },
		{ "192.168.1.10", "192.168.1.1", "10.65.0.5", false }, /* in a tunnel */
		{ "203.0.113.2", "198.51.100.10", "203.0.113.2", true },
		{ "203.0.113.2", "198.51.100.11", "203.0.113.2", false },
		{ "192.168.1.10", "198.51.100.10", "203.0.113.2", false },
		{ "192.168.1.10", "9.9.9.9", "203.0.113.2", true },
		{ "192.168.1.10", "9.9.9.9", "10.64.0.5", false },
	};

	expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* A connection from outside to a forwarded port is answered by a device of ours. */
static void who_answers_counts_after_a_translation(void)
{
	struct flow_law *law = household();
	struct flow inbound = { ip_of("198.51.100.77"), ip_of("203.0.113.2"), ip_of("192.168.1.10"),
				ip_of("198.51.100.77") };
	struct flow redirected = { ip_of("192.168.1.10"), ip_of("8.8.8.8"), ip_of("192.168.1.1"),
				   ip_of("192.168.1.10") };
	struct flow past = { ip_of("192.168.1.10"), ip_of("9.9.9.9"), ip_of("8.8.8.8"),
			     ip_of("10.64.0.5") };

	EXPECT(flow_law_keeps(law, &inbound));
	EXPECT(flow_law_keeps(law, &redirected));
	EXPECT(!flow_law_keeps(law, &past));
	flow_law_free(law);
}

static void nothing_said_is_kept(void)
{
	struct flow_law given = { 0 };
	struct flow_law *law = NULL;
	struct flow flow = { ip_of("192.168.1.10"), ip_of("192.0.2.7"), ip_of("192.0.2.7"),
			     ip_of("192.168.1.10") };

	EXPECT_EQUAL(flow_law_new(&given, &law), 0);
	EXPECT(flow_law_keeps(law, &flow));
	EXPECT(flow_law_keeps(law, &(struct flow){ 0 }));
	flow_law_free(law);
	flow_law_free(NULL);
}

static void prefixes_are_checked(void)
{
	struct flow_row row = { prefix_of("192.168.1.10", 24), 0 };
	struct flow_aside aside = { prefix_of("0.0.0.0", 33), prefix_of("0.0.0.0", 0) };
	struct inet_prefix past = { 0 };
	struct flow_law *law = NULL;

	EXPECT_EQUAL(flow_law_new(&(struct flow_law){ .rows = &row, .row_count = 1 }, &law),
		     -EINVAL);
	EXPECT_EQUAL(flow_law_new(&(struct flow_law){ .aside = &aside, .aside_count = 1 }, &law),
		     -EINVAL);
	EXPECT_EQUAL(flow_law_new(&(struct flow_law){ .past = &past, .past_count = 1 }, &law),
		     -EINVAL);
	EXPECT(law == NULL);
}

int main(void)
{
	the_longest_prefix_says_where();
	several_rows_are_all_right();
	what_no_tunnel_is_for_stays();
	who_answers_counts_after_a_translation();
	nothing_said_is_kept();
	prefixes_are_checked();
	return test_summary();
}
