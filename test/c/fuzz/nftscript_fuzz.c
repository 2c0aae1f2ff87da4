/* A script that the check lets pass: what it must have refused is not in it, and what it counts is.
 * So that inputs get anywhere, single bytes stand for lines that the grammar begins with. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sys/nft_check.h"

#define TEXT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const lines[] = {
	"table inet adit {}\n",
	"delete table inet adit\n",
	"table inet adit {\n",
	"  chain guard {\n    type filter hook forward priority -5; policy accept;\n",
	"  chain marking {\n    type filter hook prerouting priority -150; policy accept;\n",
	"  chain nat {\n    type nat hook postrouting priority 100; policy accept;\n",
	"  chain loc_1 {\n",
	" comment \"adit: why #1\"\n",
	"  }\n",
	"}\n",
	"add element inet adit own4 { ",
	"delete element inet adit mac_mark { ",
	" }\n",
	"  set own6 { type ipv6_addr; }\n",
	"  map snat4 { type mark : ipv4_addr; }\n",
};

static size_t unfold(const uint8_t *data, size_t size, char *ret_text)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		size_t line = (size_t)data[i] - 0x80;
		const char *part = line < ARRAY_SIZE(lines) ? lines[line] : (const char *)data + i;
		size_t length = line < ARRAY_SIZE(lines) ? strlen(part) : 1;

		if (used + length > TEXT_MAX)
			break;
		memcpy(ret_text + used, part, length);
		used += length;
	}
	ret_text[used] = '\0';
	return used;
}

static size_t count(const char *text, const char *word)
{
	size_t found = 0;

	for (; (text = strstr(text, word)); text++)
		found++;
	return found;
}

/* Without comments and names of interfaces, which nobody reads as language. */
static void strip_quoted(char *text)
{
	char *end;

	while ((text = strchr(text, '"')) && (end = strchr(text + 1, '"')))
		for (; text <= end; text++)
			*text = ' ';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const absent[] = {
		"include",  "define",  "dnat to",     "dnat ip",    "redirect",	     "tproxy",
		"synproxy", "dynamic", "policy drop", "hook input", "ip daddr local", "notrack",
	};
	char *text = malloc(TEXT_MAX + 1);
	char refusal[NFT_CHECK_TEXT_MAX];
	struct nft_amounts amounts;
	size_t length;

	CHECK(text);
	length = unfold(data, size, text);
	if (nft_check((const uint8_t *)text, length, &amounts, refusal) == 0) {
		CHECK(strlen(text) == length);
		strip_quoted(text);
		CHECK(!strpbrk(text, "\\$\r#'`\t"));
		for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
			CHECK(!strstr(text, absent[i]));
		CHECK(count(text, "table inet adit {\n") <= 1);
		CHECK(amounts.anew ||
		      amounts.added + amounts.removed >= count(text, "element inet adit"));
	}
	free(text);
	return 0;
}
