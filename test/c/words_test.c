#include <arpa/inet.h>

#include "mover/words.h"
#include "test.h"

static bool names_interface(const char *text, const char *name)
{
	return words_name_interface((const uint8_t *)text, strlen(text), name);
}

static struct inet_ip ip_of(const char *text)
{
	struct inet_ip ip = { .family = strchr(text, ':') ? 6 : 4 };

	EXPECT_EQUAL(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.bytes), 1);
	return ip;
}

static bool names_peer(const char *text, const char *address)
{
	struct inet_ip ip = ip_of(address);

	return words_name_peer((const uint8_t *)text, strlen(text), &ip);
}

static void interfaces_are_whole_words(void)
{
	EXPECT(!words_name_interface(NULL, 0, "eth0"));
	EXPECT(names_interface("{\"wan_ifname\":\"eth0.2\"}", "eth0.2"));
	EXPECT(!names_interface("{\"wan_ifname\":\"eth0.2\"}", "eth0"));
	EXPECT(!names_interface("{\"wan_ifname\":\"eth0\"}", "eth0.2"));
	EXPECT(names_interface("\toption wan_ifname br-wan\n", "br-wan"));
	EXPECT(names_interface("\tlist uplink 'wwan*'\n", "wwan0"));
	EXPECT(!names_interface("\tlist uplink 'wwan*'\n", "wan0"));
	EXPECT(!names_interface("\tlist uplink '*'\n", "wan0"));
	EXPECT(names_interface("[\"a\",\"lo\"]", "lo"));
}

static void peers_are_addresses_with_or_without_a_port(void)
{
	EXPECT(!words_name_peer(NULL, 0, &(struct inet_ip){ .family = 4 }));
	EXPECT(names_peer("\"endpoint\":\"10.0.0.1:443\"", "10.0.0.1"));
	EXPECT(names_peer("option endpoint 10.0.0.1", "10.0.0.1"));
	EXPECT(!names_peer("\"endpoint\":\"10.0.0.1:443\"", "10.0.0.2"));
	EXPECT(!names_peer("\"endpoint\":\"10.0.0.11:443\"", "10.0.0.1"));
	EXPECT(!names_peer("\"protected\":\"10.0.0.0/24\"", "10.0.0.0"));
	EXPECT(names_peer("[\"[fd00:0::0:1]:443\"]", "fd00::1"));
	EXPECT(names_peer("'FD00::1'", "fd00::1"));
	EXPECT(!names_peer("'fd00::1'", "fd00::2"));
	EXPECT(!names_peer("\"[fd00::1:443\"", "fd00::1"));
}

static void the_internet_needs_no_naming(void)
{
	static const char *const outside[] = {
		"1.1.1.1",     "100.64.0.1",  "172.15.0.1",  "172.32.0.1",   "192.167.0.1",
		"203.0.113.9", "223.255.1.1", "2001:db8::1", "64:ff9b::a:1",
	};
	static const char *const inside[] = {
		"0.0.0.1",    "10.255.0.1",  "127.0.0.1", "169.254.9.9",     "172.16.0.1",
		"172.31.1.1", "192.168.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"::",	      "::1",	     "fe80::1",	  "::ffff:10.0.0.1", "fc00::1",
		"fd00::1",    "ff02::1",
	};

	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		struct inet_ip ip = ip_of(outside[i]);

		EXPECT(words_none_needed(&ip));
	}
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct inet_ip ip = ip_of(inside[i]);

		EXPECT(!words_none_needed(&ip));
	}
}

int main(void)
{
	interfaces_are_whole_words();
	peers_are_addresses_with_or_without_a_port();
	the_internet_needs_no_naming();
	return test_summary();
}
