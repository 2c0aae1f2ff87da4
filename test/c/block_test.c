/* The block before the first decision: what it names of a configuration in either form, and when
 * it gives up telling and blocks everything. */
#include <stdbool.h>
#include <stdlib.h>

#include "mover/block.h"
#include "test.h"

static char *script_of(const char *config)
{
	size_t size = strlen(config);
	uint8_t *copy = malloc(size + 1);
	char *script = NULL;

	memcpy(copy + 1, config, size);
	EXPECT_EQUAL(block_script(copy + 1, size, &script), 0);
	free(copy);
	return script;
}

static bool blocks(const char *config, const char *what)
{
	char *script = script_of(config);
	bool found = script && strstr(script, what);

	free(script);
	return found;
}

static bool blocks_all(const char *config)
{
	return blocks(config, "\t\tcounter drop\n\t}");
}

#define LOCATION "\"locations\":[{\"name\":\"us\"}],"

static void json_names_macs_addresses_and_interfaces(void)
{
	const char *config =
		"{" LOCATION "\"protected_mac_addrs\":[{\"mac_addr\":\"02-00-00-00-00-0A\"}],"
		"\"protected_ip_addrs\" : [ {\"ip_addr\":\"192.168.1.9/24\"}, "
		"{\"ip_addr\":\"fd00::5\"}],\"protected_ifaces\":[{\"iface\":\"br-guest\"}]}";

	EXPECT(blocks(config, "elements = { 02:00:00:00:00:0A }"));
	EXPECT(blocks(config, "elements = { 192.168.1.0/24 }"));
	EXPECT(blocks(config, "elements = { fd00::5/128 }"));
	EXPECT(blocks(config, "elements = { \"br-guest\" }"));
	EXPECT(blocks(config, "create table inet adit\n"));
	EXPECT(!blocks_all(config));
}

static void who_has_an_address_is_blocked_whole(void)
{
	const char *four = "{" LOCATION "\"protected_ip_addrs\":[{\"ip_addr\":\"192.168.1.9\"}]}";
	const char *six = "{" LOCATION "\"protected_ip_addrs\":[{\"ip_addr\":\"fd00::5\"}]}";
	const char *mac = "{" LOCATION "\"protected_mac_addrs\":"
			  "[{\"mac_addr\":\"02:00:00:00:00:0a\"}]}";

	EXPECT(blocks(four, "ip saddr @boot1 update @whole { ether saddr }\n"));
	EXPECT(!blocks(four, "ip6 saddr"));
	EXPECT(blocks(six, "ip6 saddr @boot2 update @whole { ether saddr }\n"));
	EXPECT(blocks(six, "ether saddr @whole counter drop\n"));
	EXPECT(!blocks(mac, "update"));
}

static void uci_names_them_too_and_has_to_be_enabled(void)
{
	const char *config = "config adit 'main'\n\toption enabled '1'\n"
			     "config protected_iface\n\toption iface 'br-guest'\n"
			     "config protected_mac_addr\n\toption mac_addr '02:00:00:00:00:0a'\n";

	EXPECT(blocks(config, "elements = { \"br-guest\" }"));
	EXPECT(blocks(config, "elements = { 02:00:00:00:00:0a }"));
	EXPECT(script_of("config adit 'main'\n\toption enabled '0'\n"
			 "config protected_iface\n\toption iface 'br-guest'\n") == NULL);
	EXPECT(script_of("config protected_iface\n\toption iface 'br-guest'\n") == NULL);
}

static void what_cannot_be_told_blocks_everything(void)
{
	EXPECT(blocks_all("{" LOCATION "\"default_gateway\":1}"));
	EXPECT(blocks_all("{" LOCATION "\"default_gateway\":true}"));
	EXPECT(!blocks_all("{" LOCATION "\"default_gateway\":0}"));
	EXPECT(blocks_all("{" LOCATION "\"protected_mac_addrs\":[{\"mac_addr\":\"\\u0030\"}]}"));
	EXPECT(blocks_all("{" LOCATION "\"policy\":{\"file\":\"/etc/adit/p.mjs\"}}"));
	EXPECT(blocks_all("config adit main\n option enabled 1\n option policy_file /etc/p.mjs\n"));
	EXPECT(blocks_all("{\"protected_ip_addrs\":[{\"ip_addr\":\"0.0.0.0/0\"}]}"));
	EXPECT(blocks_all("{\"protected_ifaces\":[{\"iface\":\"a$b\"}]}"));
}

static void a_gateway_and_an_empty_file_block_nothing(void)
{
	EXPECT(script_of("{\"role\":\"gateway\",\"pool4\":\"10.64.0.0/16\"}") == NULL);
	EXPECT(script_of("") == NULL);
	EXPECT(script_of("{}") == NULL);
	EXPECT(script_of("{" LOCATION "\"role\":\"router\"}") == NULL);
	/* A word of a script's variables makes no gateway of a router. */
	EXPECT(blocks("{" LOCATION "\"vars\":{\"role\":\"gateway\"},\"x\":\"10.0.0.1\"}",
		      "10.0.0.1"));
}

int main(void)
{
	json_names_macs_addresses_and_interfaces();
	who_has_an_address_is_blocked_whole();
	uci_names_them_too_and_has_to_be_enabled();
	what_cannot_be_told_blocks_everything();
	a_gateway_and_an_empty_file_block_nothing();
	return test_summary();
}
