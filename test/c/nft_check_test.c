#include "sys/nft_check.h"
#include "test.h"

static int check(const char *script)
{
	char text[NFT_CHECK_TEXT_MAX];
	int error = nft_check((const uint8_t *)script, strlen(script), text);

	EXPECT((error == 0) == (text[0] == '\0'));
	return error;
}

static void our_own_statements_pass(void)
{
	EXPECT_EQUAL(check(""), 0);
	EXPECT_EQUAL(check("\n\n# nothing; include \"x\"\n"), 0);
	EXPECT_EQUAL(check("add table inet adit"), 0);
	EXPECT_EQUAL(check("table inet adit\ndelete table inet adit\n"), 0);
	EXPECT_EQUAL(check("table inet adit {\n chain guard {\n type filter hook forward priority "
			   "filter; policy accept;\n oifname \"wrt0\" accept comment \"} table ip "
			   "x {\"\n }\n}\n"), 0);
	EXPECT_EQUAL(check("add element inet adit mac4 { 02:00:00:00:00:01 : 0x01000008,\n"
			   "02:00:00:00:00:02 : 0x02000008 }; flush set inet adit x"), 0);
	EXPECT_EQUAL(check("insert rule inet adit mark ip saddr @own return"), 0);
	EXPECT_EQUAL(check("flush chain inet adit mark; destroy table inet adit"), 0);
	EXPECT_EQUAL(check("add rule inet adit x comment \"include define $ \\\""), 0);
}

static void foreign_tables_are_refused(void)
{
	static const char *const scripts[] = {
		"flush ruleset",
		"delete table inet fw4",
		"delete table ip adit",
		"delete table adit",
		"table inet adit2 { }",
		"table inet adit-x { }",
		"table inet adit/x { }",
		"table inet \"adit\" { }",
		"table inet { }",
		"add rule ip adit x drop",
		"add rule inet fw4 forward accept",
		"add element inet fw4 x { 1.2.3.4 }",
		"rule inet adit x drop",
		"list ruleset",
		"reset counters",
		"delete table inet handle 3",
		"add add table inet adit",
		"tableinet adit",
		"add flowtable inet adit f { hook ingress priority 0; }",
		"{ }",
		"}",
		"add",
		"add table",
		"add table inet",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (check(scripts[i]) == 0)
			printf("accepted: %s\n", scripts[i]);
		EXPECT(check(scripts[i]) != 0);
	}
}

static void escapes_from_our_table_are_refused(void)
{
	static const char *const scripts[] = {
		"table inet adit { }; flush ruleset",
		"table inet adit { }\nflush ruleset",
		"table inet adit { } flush ruleset",
		"table inet adit { } } flush ruleset",
		"table inet adit { chain a { } ",
		"table inet adit }",
		"table inet adit { # }\n",
		"table inet adit { include \"/etc/shadow\"\n }",
		"include \"/tmp/x\"",
		"table inet adit { chain x { include \"/etc/shadow\"; } }",
		"table inet adit { define x = 1\n }",
		"define x = 1",
		"redefine x = 1",
		"undefine x",
		"table inet adit { 1include \"x\" }",
		"add rule inet adit x ip saddr $y drop",
		"table inet adit { \\\n } ",
		"table inet adit\\\n; flush ruleset",
		"add rule inet adit x comment \"open\nflush ruleset",
		"add rule inet adit x comment \"open",
		"add rule inet adit x comment 'a'",
		"add rule inet adit x drop\rflush ruleset",
		"# comment\rflush ruleset",
		"add rule inet adit x comment \"a\rb\"",
		"add rule inet adit x drop; add rule ip nat y masquerade",
		"table inet adit add chain ip x y",
		"table inet adit comment \"x\" { }",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (check(scripts[i]) == 0)
			printf("accepted: %s\n", scripts[i]);
		EXPECT(check(scripts[i]) != 0);
	}
}

static void the_refusal_names_the_line(void)
{
	static const char script[] = "table inet adit { }\n\nflush ruleset\n";
	static const char zero[] = "table inet adit { \0 }";
	char text[NFT_CHECK_TEXT_MAX];

	EXPECT(nft_check((const uint8_t *)script, strlen(script), text) != 0);
	EXPECT(strstr(text, "line 3") != NULL);
	EXPECT(strstr(text, "flush") != NULL);
	EXPECT(nft_check((const uint8_t *)zero, sizeof(zero) - 1, text) != 0);
}

int main(void)
{
	our_own_statements_pass();
	foreign_tables_are_refused();
	escapes_from_our_table_are_refused();
	the_refusal_names_the_line();
	return test_summary();
}
