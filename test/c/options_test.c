#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "mover/commands.h"
#include "sys/ifname.h"
#include "test.h"

static struct options options;
static char text[OPTIONS_TEXT_MAX];

static int parse(int argc, const char *const *argv)
{
	return options_parse(argc, (char *const *)argv, &options, text);
}

static void the_command_line_is_read(void)
{
	const char *const all[] = { "aditd", "-c", "/etc/a.json", "--module", "/x.mjs", "--run-dir",
				    "/run/x", "--log-level", "debug", "--test-hooks",
				    "--state-dir", "/s", "--prelude", "/p.mjs",
				    "--hold-while", "/h" };
	const char *const version[] = { "aditd", "--version" };

	EXPECT_EQUAL(parse(16, all), 0);
	EXPECT_TEXT(options.config_path, "/etc/a.json");
	EXPECT_TEXT(options.module_path, "/x.mjs");
	EXPECT_TEXT(options.run_dir, "/run/x");
	EXPECT_TEXT(options.state_dir, "/s");
	EXPECT_TEXT(options.prelude_path, "/p.mjs");
	EXPECT_TEXT(options.hold_path, "/h");
	EXPECT_EQUAL(options.log_level, LOG_LEVEL_DEBUG);
	EXPECT(options.test_hooks);
	EXPECT_EQUAL(parse(2, version), 0);
	EXPECT(options.version);
	EXPECT_TEXT(options.run_dir, OPTIONS_RUN_DIR);
}

static void a_wrong_word_is_named(void)
{
	const char *const unknown[] = { "aditd", "--confg", "x" };
	const char *const level[] = { "aditd", "-c", "x", "--log-level", "loud" };
	const char *const cut[] = { "aditd", "-c" };
	const char *const none[] = { "aditd" };

	EXPECT_EQUAL(parse(3, unknown), -EINVAL);
	EXPECT(strstr(text, "--confg") != NULL);
	EXPECT_EQUAL(parse(5, level), -EINVAL);
	EXPECT(strstr(text, "loud") != NULL && strstr(text, "debug") != NULL);
	EXPECT_EQUAL(parse(2, cut), -EINVAL);
	EXPECT(strstr(text, "nothing") != NULL);
	EXPECT_EQUAL(parse(1, none), -EINVAL);
	EXPECT(strstr(text, "--config") != NULL);
}

static void paths_become_absolute(void)
{
	const char *const relative[] = { "aditd", "-c", "/dev/null", "--run-dir", "some/dir//" };
	const char *const missing[] = { "aditd", "-c", "/no/such/file" };
	const char *const state[] = { "aditd", "-c", "/dev/null", "--state-dir", "../x" };
	const char *const up[] = { "aditd", "-c", "/dev/null", "--run-dir", "/run/../x" };

	EXPECT_EQUAL(parse(5, relative), 0);
	EXPECT_EQUAL(options_resolve(&options, text), 0);
	EXPECT(options.run_dir[0] == '/' && strstr(options.run_dir, "/some/dir") != NULL);
	EXPECT(options.run_dir[strlen(options.run_dir) - 1] == 'r');
	EXPECT_TEXT(options.state_dir, "/dev/state");
	EXPECT_EQUAL(parse(5, state), 0);
	EXPECT_EQUAL(options_resolve(&options, text), -EINVAL);
	EXPECT(strstr(text, "--state-dir: ") != NULL);
	EXPECT_EQUAL(parse(3, missing), 0);
	EXPECT_EQUAL(options_resolve(&options, text), -EINVAL);
	EXPECT(strstr(text, "/no/such/file: No such file") != NULL);
	EXPECT_EQUAL(parse(5, up), 0);
	EXPECT_EQUAL(options_resolve(&options, text), -EINVAL);
}

static struct inet_prefix prefix4(uint8_t first, uint8_t last, uint8_t length)
{
	return (struct inet_prefix){ { 4, { first, 0, 0, last } }, length };
}

static void interface_names_are_checked(void)
{
	EXPECT(ifname_is_valid("br-lan.7"));
	EXPECT(ifname_is_valid("eth0"));
	EXPECT(!ifname_is_valid(""));
	EXPECT(!ifname_is_valid("."));
	EXPECT(!ifname_is_valid(".."));
	EXPECT(!ifname_is_valid("a/b"));
	EXPECT(!ifname_is_valid("a b"));
	EXPECT(!ifname_is_valid("a\"b"));
	EXPECT(!ifname_is_valid("sixteen-bytes-xx"));
}

static void only_the_own_tun_is_touched(void)
{
	struct msg_link_set link = { .name = "wrt0", .up = true };
	struct msg_address_set address = { .name = "eth0", .prefix = prefix4(10, 1, 16) };

	EXPECT_EQUAL(check_link_set(&link, "wrt0", text), 0);
	EXPECT_EQUAL(check_link_set(&link, "", text), -EPERM);
	link.mtu = 100;
	EXPECT_EQUAL(check_link_set(&link, "wrt0", text), -EINVAL);
	EXPECT(strstr(text, "mtu: 100") != NULL);
	EXPECT_EQUAL(check_address_set(&address, "wrt0", text), -EPERM);
	EXPECT(strstr(text, "eth0") != NULL);
	EXPECT_EQUAL(check_address_set(&address, "eth0", text), 0);
	address.prefix.length = 40;
	EXPECT_EQUAL(check_address_set(&address, "eth0", text), -EINVAL);
}

static void routes_stay_in_our_tables(void)
{
	struct msg_route_set route = { .table = 47, .dst = prefix4(10, 0, 8), .oif = "wrt0",
				       .metric = 1000, .kind = RTN_UNICAST,
				       .scope = RT_SCOPE_LINK };
	struct msg_route_set bad = route;

	EXPECT_EQUAL(check_route_set(&route, text), 0);
	bad.table = 255;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	EXPECT_TEXT(text, "table: 255: expected any but 0, 253 and 255");
	bad = route;
	bad.dst = prefix4(10, 1, 8);
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	bad = route;
	bad.kind = RTN_LOCAL;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	bad = route;
	bad.kind = RTN_UNREACHABLE;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	bad.oif[0] = '\0';
	EXPECT_EQUAL(check_route_set(&bad, text), 0);
	bad.kind = RTN_UNICAST;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	bad = route;
	bad.gateway.family = 6;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
	bad = route;
	bad.scope = RT_SCOPE_HOST;
	EXPECT_EQUAL(check_route_set(&bad, text), -EINVAL);
}

static void rules_stay_in_our_range(void)
{
	struct msg_rule_set rule = { .family = 4, .priority = 20, .src = prefix4(10, 3, 32),
				     .table = 47, .action = FR_ACT_TO_TBL };
	struct msg_rule_set bad = rule;

	EXPECT_EQUAL(check_rule_set(&rule, text), 0);
	bad.priority = 7;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad.priority = 256;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad = rule;
	bad.family = 6;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad = rule;
	bad.table = 100;
	EXPECT_EQUAL(check_rule_set(&bad, text), 0);
	bad.table = 253;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad = rule;
	bad.action = FR_ACT_GOTO;
	bad.table = 209;
	EXPECT_EQUAL(check_rule_set(&bad, text), 0);
	bad.table = 20;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad.table = 32766;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad.action = FR_ACT_NOP;
	EXPECT_EQUAL(check_rule_set(&bad, text), 0);
	bad = rule;
	bad.action = FR_ACT_BLACKHOLE;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad = rule;
	bad.fwmark = 3;
	bad.fwmask = 1;
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
	bad = rule;
	snprintf(bad.iif, sizeof(bad.iif), "a/b");
	EXPECT_EQUAL(check_rule_set(&bad, text), -EINVAL);
}

int main(void)
{
	the_command_line_is_read();
	a_wrong_word_is_named();
	paths_become_absolute();
	interface_names_are_checked();
	only_the_own_tun_is_touched();
	routes_stay_in_our_tables();
	rules_stay_in_our_range();
	return test_summary();
}
