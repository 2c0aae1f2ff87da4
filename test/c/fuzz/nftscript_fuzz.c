/* A script that the check lets pass: words that it must have refused are not in it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sys/nft_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Blanks out what nft does not read as language: comments and quoted text. */
static void strip(char *text, size_t size)
{
	bool quoted = false;
	bool comment = false;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (comment && c == '\n')
			comment = false;
		if (!quoted && c == '#')
			comment = true;
		if (!comment && c == '"')
			quoted = !quoted;
		if (comment || quoted)
			text[i] = ' ';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	char refusal[NFT_CHECK_TEXT_MAX];

	CHECK(text);
	if (size)
		memcpy(text, data, size);
	if (nft_check((const uint8_t *)text, size, refusal) == 0) {
		CHECK(strlen(text) == size);
		strip(text, size);
		CHECK(!strstr(text, "include") && !strstr(text, "define"));
		CHECK(!strpbrk(text, "\\$\r"));
		CHECK(strspn(text, " \t\n;") == size || strstr(text, "adit"));
	}
	free(text);
	return 0;
}
