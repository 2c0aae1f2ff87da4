#include <arpa/inet.h>
#include <netinet/in.h>

#include "inet.h"
#include "test.h"

static struct inet_prefix prefix_of(const char *text, uint8_t length)
{
	struct inet_prefix prefix = { .length = length };

	prefix.ip.family = strchr(text, ':') ? 6 : 4;
	inet_pton(prefix.ip.family == 4 ? AF_INET : AF_INET6, text, prefix.ip.bytes);
	return prefix;
}

static bool has(const char *network, uint8_t length, const char *address)
{
	struct inet_prefix prefix = prefix_of(network, length);
	struct inet_prefix host = prefix_of(address, 0);

	return inet_prefix_has(&prefix, &host.ip);
}

static void addresses_are_printed(void)
{
	char text[INET_TEXT_MAX];
	struct inet_prefix v4 = prefix_of("192.0.2.1", 24);
	struct inet_prefix v6 = prefix_of("2001:db8::1", 64);
	struct inet_prefix none = { .length = 3 };

	inet_ip_text(&v4.ip, text);
	EXPECT_TEXT(text, "192.0.2.1");
	inet_prefix_text(&v4, text);
	EXPECT_TEXT(text, "192.0.2.1/24");
	inet_prefix_text(&v6, text);
	EXPECT_TEXT(text, "2001:db8::1/64");
	inet_prefix_text(&none, text);
	EXPECT_TEXT(text, "none");
}

static void prefixes_contain_their_addresses(void)
{
	EXPECT(has("10.0.0.0", 8, "10.255.0.1"));
	EXPECT(!has("10.0.0.0", 8, "11.0.0.1"));
	EXPECT(has("10.64.0.0", 10, "10.127.255.255"));
	EXPECT(!has("10.64.0.0", 10, "10.128.0.0"));
	EXPECT(has("0.0.0.0", 0, "255.1.2.3"));
	EXPECT(!has("0.0.0.0", 0, "::1"));
	EXPECT(has("192.0.2.1", 32, "192.0.2.1"));
	EXPECT(!has("192.0.2.1", 32, "192.0.2.0"));
	EXPECT(!has("192.0.2.1", 33, "192.0.2.1"));
	EXPECT(has("fd00:64::", 63, "fd00:64:0:1::9"));
	EXPECT(!has("fd00:64::", 64, "fd00:64:0:1::9"));
	EXPECT(has("::1", 128, "::1"));
}

static void networks_have_no_host_bits(void)
{
	struct inet_prefix prefix = prefix_of("10.64.0.0", 10);

	EXPECT(inet_prefix_is_network(&prefix));
	prefix.length = 9;
	EXPECT(!inet_prefix_is_network(&prefix));
	prefix.length = 32;
	EXPECT(inet_prefix_is_network(&prefix));
	prefix.length = 33;
	EXPECT(!inet_prefix_is_network(&prefix));
	prefix.ip.family = 0;
	EXPECT(!inet_prefix_valid(&prefix));
}

static void socket_addresses_go_there_and_back(void)
{
	struct inet_prefix v6 = prefix_of("2001:db8::1", 0);
	struct inet_prefix mapped = prefix_of("::ffff:192.0.2.1", 0);
	struct inet_prefix v4 = prefix_of("192.0.2.1", 0);
	struct sockaddr_storage addr;
	struct inet_ip ip;
	uint16_t port = 0;

	EXPECT_EQUAL(inet_sockaddr(&v6.ip, 443, &addr), sizeof(struct sockaddr_in6));
	EXPECT(inet_from_sockaddr(&addr, &ip, &port));
	EXPECT(inet_ip_equal(&ip, &v6.ip));
	EXPECT_EQUAL(port, 443);
	EXPECT_EQUAL(inet_sockaddr(&v4.ip, 53, &addr), sizeof(struct sockaddr_in));
	EXPECT(inet_from_sockaddr(&addr, &ip, &port));
	EXPECT(inet_ip_equal(&ip, &v4.ip));
	EXPECT(inet_sockaddr(&mapped.ip, 53, &addr) > 0);
	EXPECT(inet_from_sockaddr(&addr, &ip, &port));
	EXPECT(inet_ip_equal(&ip, &v4.ip));
	memset(&ip, 0, sizeof(ip));
	EXPECT_EQUAL(inet_sockaddr(&ip, 53, &addr), 0);
	EXPECT(!inet_from_sockaddr(&addr, &ip, &port));
}

int main(void)
{
	addresses_are_printed();
	prefixes_contain_their_addresses();
	networks_have_no_host_bits();
	socket_addresses_go_there_and_back();
	return test_summary();
}
