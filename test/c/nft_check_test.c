#include <dirent.h>
#include <stdlib.h>

#include "sys/nft_check.h"
#include "test.h"

#define STORIES "test/golden/stories"
#define ANEW "table inet adit {}\ndelete table inet adit\n"
#define IN_CHAIN(head, rule)                                                                       \
	ANEW "table inet adit {\n  chain " head " {\n" rule "\n  }\n}\n"
#define MARKING "marking {\n    type filter hook prerouting priority -150; policy accept;"
#define COMMENT " comment \"adit: why #1\""

static struct nft_amounts amounts;

static int check(const char *script)
{
	char text[NFT_CHECK_TEXT_MAX];
	int error = nft_check((const uint8_t *)script, strlen(script), &amounts, text);

	EXPECT((error == 0) == (text[0] == '\0'));
	return error;
}

static void expect_refused(const char *const *scripts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (check(scripts[i]) == 0)
			printf("accepted: %s\n", scripts[i]);
		EXPECT(check(scripts[i]) != 0);
	}
}

static void our_own_scripts_pass(void)
{
	EXPECT_EQUAL(check(""), 0);
	EXPECT_EQUAL(check("\n\n"), 0);
	EXPECT_EQUAL(check(ANEW), 0);
	EXPECT(amounts.anew);
	EXPECT_EQUAL(check(ANEW "table inet adit {\n}\n"), 0);
	EXPECT_EQUAL(check(IN_CHAIN("marking", "    type filter hook prerouting priority -150; "
				    "policy accept;\n    goto direct" COMMENT)), 0);
	EXPECT_EQUAL(check("delete element inet adit mac_mark { 02:00:00:00:00:01, "
			   "02:00:00:00:00:02 }\nadd element inet adit mac_mark { "
			   "02:00:00:00:00:01 : goto loc_7 }\n"), 0);
	EXPECT(!amounts.anew);
	EXPECT_EQUAL(amounts.added, 1);
	EXPECT_EQUAL(amounts.removed, 2);
	EXPECT_EQUAL(check("add element inet adit snat6 { 0x01000000 : fd00:64::5 }"), 0);
	EXPECT_EQUAL(check("add element inet adit answer { 0x77000000 : goto answer_1 }"), 0);
	EXPECT_EQUAL(check("add element inet adit free { \"eth0.2\", \"br-lan\", \"goto\" }"), 0);
	EXPECT_EQUAL(check("add element inet adit bypass6_48 { 2001:db8:: }\n"), 0);
}

/* Every table that a story of the renderer has. */
static int check_story(const char *name)
{
	static char text[1 << 20];
	static char script[(1 << 20) + sizeof(ANEW)];
	char path[300];
	int scripts = 0;
	FILE *file;

	snprintf(path, sizeof(path), STORIES "/%s", name);
	file = fopen(path, "r");
	memset(text, 0, sizeof(text));
	EXPECT(file && fread(text, 1, sizeof(text) - 1, file) > 0);
	for (char *at = text; (at = strstr(at, "\ntable inet adit {\n")); scripts++) {
		char *end = strstr(at + 1, "\n-- ");
		size_t length = end ? (size_t)(end - at) : strlen(at);

		snprintf(script, sizeof(script), ANEW "%.*s", (int)length, at + 1);
		if (check(script) != 0)
			printf("%s: refused:\n%s\n", name, script);
		EXPECT_EQUAL(check(script), 0);
		at += length;
	}
	if (file)
		fclose(file);
	return scripts;
}

static void what_the_renderer_writes_passes(void)
{
	DIR *dir = opendir(STORIES);
	struct dirent *entry;
	int scripts = 0;

	EXPECT(dir != NULL);
	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, ".txt"))
			scripts += check_story(entry->d_name);
	EXPECT(scripts >= 4);
	if (dir)
		closedir(dir);
}

static void other_tables_are_refused(void)
{
	static const char *const scripts[] = {
		"flush ruleset",
		"delete table inet fw4",
		"delete table ip adit",
		"delete table adit",
		"destroy table inet adit",
		"flush table inet adit",
		"add table inet adit",
		"table inet adit2 {}",
		"table inet adit { }",
		"table inet adit {",
		"delete table inet adit\ntable inet fw4 {",
		"add element inet fw4 own4 { 10.0.0.1 }",
		"add rule inet adit guard drop",
		"insert rule inet adit guard accept",
		"add chain inet adit x",
		"delete chain inet adit guard",
		"flush set inet adit own4",
		"list ruleset",
		"reset counters",
		"include \"/etc/shadow\"",
		"define x = 1",
		"# comment",
		ANEW "table inet adit {\n}\nflush ruleset\n",
		ANEW "table inet adit {\n} ; flush ruleset\n",
		ANEW "table inet adit {\n",
		ANEW "table inet adit {\n}\ntable inet adit {\n}\n",
		ANEW "table inet adit {\n}\n" ANEW "table inet adit {\n}\n",
		ANEW "table inet adit {\n  flags dormant;\n}\n",
		ANEW "table inet adit {\n  include \"/etc/shadow\"\n}\n",
		ANEW "table inet adit {\n  counter x { }\n}\n",
		ANEW "table inet adit {\n  flowtable f { hook ingress priority 0; }\n}\n",
		ANEW "table inet adit {\n  ct helper x { type \"ftp\" protocol tcp; }\n}\n",
		"table inet adit {\n  chain guard {\n  }\n}\n",
		"delete table inet adit\r",
	};

	expect_refused(scripts, sizeof(scripts) / sizeof(scripts[0]));
}

/* A hook's line, and nothing but it; a name stands for one of them. */
static void other_chains_and_sets_are_refused(void)
{
#define FORWARD "type filter hook forward priority "
#define CHAIN(text) ANEW "table inet adit {\n" text "}\n"
	static const char *const scripts[] = {
		CHAIN("  chain evil {\n  }\n"),
		CHAIN("  chain guard {\n  }\n"),
		CHAIN("  chain guard {\n    type filter hook input priority -5; policy accept;\n"
		      "  }\n"),
		CHAIN("  chain guard {\n    " FORWARD "-5; policy drop;\n  }\n"),
		CHAIN("  chain guard {\n    " FORWARD "-6; policy accept;\n  }\n"),
		CHAIN("  chain guard {\n    " FORWARD "-5; policy accept;\n"
		      "    type filter hook input priority 0; policy drop;\n  }\n"),
		CHAIN("  chain nat {\n    type nat hook prerouting priority 100; policy accept;\n"
		      "  }\n"),
		CHAIN("  chain nat {\n    type nat hook output priority -100; policy accept;\n"
		      "  }\n"),
		CHAIN("  chain passed {\n    type filter hook input priority 0; policy drop;\n"
		      "  }\n"),
		CHAIN("  chain shield {\n    type filter hook ingress device \"eth0\" priority 0; "
		      "policy accept;\n  }\n"),
		CHAIN("  chain loc_1 {\n"),
		CHAIN("  chain loc_123456 {\n  }\n"),
		CHAIN("  chain loc_ {\n  }\n"),
		CHAIN("  set own4 { type ipv4_addr; flags dynamic; }\n"),
		CHAIN("  set own4 { type ipv4_addr; size 99999999; }\n"),
		CHAIN("  set own4 { type ipv6_addr; }\n"),
		CHAIN("  map own4 { type ipv4_addr : verdict; }\n"),
		CHAIN("  set mac_mark { type ether_addr; }\n"),
		CHAIN("  map snat4 { type mark : verdict; }\n"),
		CHAIN("  set more { type ipv4_addr; }\n"),
		CHAIN("  set own4 { type ipv4_addr; elements = { 10.0.0.1 }; }\n"),
	};

	expect_refused(scripts, sizeof(scripts) / sizeof(scripts[0]));
}

static void other_statements_are_refused(void)
{
	static const char *const rules[] = {
		"dnat to 127.0.0.1",
		"tcp dport 80 dnat ip to 127.0.0.1:8080",
		"redirect to :80",
		"tproxy to :1080",
		"notrack",
		"log prefix \"x\"",
		"queue num 1",
		"synproxy mss 1460",
		"meta mark set 0x8",
		"drop",
		"counter drop",
		"accept",
		"goto direct; flush ruleset",
		"goto direct\tdrop",
		"goto nowhere",
		"goto loc_1 drop",
		"ip daddr localhost goto direct",
		"ip daddr & example.org @bypass4_24 goto direct",
		"ip daddr & 255.255.0.0/33 @bypass4_24 goto direct",
		"ip daddr & 255.255.0 @bypass4_24 goto direct",
		"add @own4 { ip saddr } goto direct",
		"update @own4 { ip saddr timeout 1s }",
		"limit rate 1/second goto direct",
		"iifname \"eth*\" return",
		"iifname \"a b\" return",
		"iifname \"abcdefghijklmnop\" return",
		"iifname \"\" return",
		"iifname \"a\\\" return",
		"iifname $x return",
		"fib saddr type local return",
		" goto direct",
		"goto direct ",
	};
	static const char *const wholes[] = {
		IN_CHAIN(MARKING, "    goto direct"),
		IN_CHAIN(MARKING, "    goto direct comment \"a\" comment \"b\""),
		IN_CHAIN(MARKING, "    goto direct comment \"a\\\""),
		IN_CHAIN(MARKING, "    goto direct comment \"a\rb\""),
		IN_CHAIN(MARKING, "    goto direct comment \"open"),
		IN_CHAIN(MARKING, "   goto direct" COMMENT),
		IN_CHAIN(MARKING, "    goto direct" COMMENT "\n  }\n  chain guard {\n  }"),
	};
	char script[1024];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *const one[] = { script };

		snprintf(script, sizeof(script), IN_CHAIN(MARKING, "    %s" COMMENT), rules[i]);
		expect_refused(one, 1);
	}
	expect_refused(wholes, sizeof(wholes) / sizeof(wholes[0]));
}

static void other_elements_are_refused(void)
{
	static const char *const scripts[] = {
		"add element inet adit own4 { localhost }",
		"add element inet adit own4 { example.org }",
		"add element inet adit own4 { }",
		"add element inet adit own4 {  }",
		"add element inet adit own4 { 10.0.0.1 , 10.0.0.2 }",
		"add element inet adit own4 { 10.0.0.1-10.0.0.9 }",
		"add element inet adit own4 { 10.0.0.1 timeout 1s }",
		"add element inet adit own4 { 10.0.0.1 : drop }",
		"add element inet adit own4 { fd00::1 }",
		"add element inet adit own6 { 10.0.0.1 }",
		"add element inet adit own4 { 10.0.0.1 }; flush ruleset",
		"add element inet adit own4 { 10.0.0.1 } }",
		"add element inet adit mac_mark { 02:00:00:00:00:01 }",
		"add element inet adit mac_mark { 02:00:00:00:00:01 : drop }",
		"add element inet adit mac_mark { 02:00:00:00:00:01 : goto guarded }",
		"add element inet adit mac_guard { 02:00:00:00:00:01 : accept }",
		"add element inet adit mac_mark { 02:00:00:00:00:0 : goto direct }",
		"add element inet adit mac_mark { 02:00:00:00:00:001 : goto direct }",
		"add element inet adit snat4 { 0x01000000 : 10.0.0.1:80 }",
		"add element inet adit snat4 { 0x0100000000 : 10.0.0.1 }",
		"add element inet adit snat4 { http : 10.0.0.1 }",
		"add element inet adit free { eth0 }",
		"add element inet adit free { \"eth*\" }",
		"add element inet adit nothing { 10.0.0.1 }",
		"create element inet adit own4 { 10.0.0.1 }",
		"get element inet adit own4 { 10.0.0.1 }",
	};

	expect_refused(scripts, sizeof(scripts) / sizeof(scripts[0]));
}

static void tables_have_so_many_lines(void)
{
	static const char line[] = "    goto direct" COMMENT "\n";
	char *script = malloc(NFT_LINES_MAX * sizeof(line) + 1024);
	char *at;

	EXPECT(script != NULL);
	at = script + sprintf(script, "%stable inet adit {\n  chain %s\n", ANEW, MARKING);
	for (int i = 0; i < NFT_LINES_MAX - 4; i++)
		at += sprintf(at, "%s", line);
	strcpy(at, "  }\n}\n");
	EXPECT_EQUAL(check(script), 0);
	strcpy(at, "    goto direct" COMMENT "\n  }\n}\n");
	EXPECT(check(script) != 0);
	free(script);
}

static void the_refusal_names_the_line(void)
{
	static const char script[] = ANEW "\nflush ruleset\x01\n";
	static const char zero[] = "delete table inet adit\0";
	static const char name[] = "add element inet adit free { \"eth0\0\" }";
	char text[NFT_CHECK_TEXT_MAX];

	EXPECT(nft_check((const uint8_t *)script, strlen(script), &amounts, text) != 0);
	EXPECT(strstr(text, "line 4: \"flush ruleset\": expected") != NULL);
	EXPECT(nft_check((const uint8_t *)zero, sizeof(zero) - 1, &amounts, text) != 0);
	EXPECT(nft_check((const uint8_t *)name, sizeof(name) - 1, &amounts, text) != 0);
}

int main(void)
{
	our_own_scripts_pass();
	what_the_renderer_writes_passes();
	other_tables_are_refused();
	other_chains_and_sets_are_refused();
	other_statements_are_refused();
	other_elements_are_refused();
	tables_have_so_many_lines();
	the_refusal_names_the_line();
	return test_summary();
}
