#include "nft_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"
#include "ifname.h"
#include "nft_grammar.h"

#define COMMENT_MAX 128
#define WORD_MAX 64
#define LINE_SHOWN_MAX 64
/* Where in a script a line stands that is in no table and in no chain. */
#define NONE ((size_t)-1)

struct span {
	const char *at, *end;
};

struct checker {
	struct nft_amounts *amounts;
	bool in_table, made;
	bool headed; /* the chain has its hook, or needs none */
	size_t chain; /* or NONE */
	unsigned int lines;
};

/* ------------------------------------------------------------------------ what varies */

static size_t count(struct span text, const char *characters)
{
	size_t length = 0;

	while (text.at + length < text.end && text.at[length] &&
	       strchr(characters, text.at[length]))
		length++;
	return length;
}

static size_t name_length(struct span text)
{
	char name[IFNAME_BYTES_MAX + 1];
	size_t length = 0;

	while (text.at + length < text.end && text.at[length] && text.at[length] != '"')
		length++;
	if (length > IFNAME_BYTES_MAX)
		return 0;
	memcpy(name, text.at, length);
	name[length] = '\0';
	/* A star at its end would stand for others too. */
	return ifname_is_valid(name) && !strchr(name, '*') ? length : 0;
}

static size_t address_length(struct span text, int family)
{
	size_t length = count(text, family == AF_INET ? "0123456789./" : "0123456789abcdef:./");
	char word[WORD_MAX + 1];
	uint8_t bytes[16];
	char *slash, *end;

	if (length == 0 || length > WORD_MAX)
		return 0;
	memcpy(word, text.at, length);
	word[length] = '\0';
	slash = strchr(word, '/');
	if (slash) {
		*slash++ = '\0';
		if (slash[0] < '0' || slash[0] > '9' ||
		    strtoul(slash, &end, 10) > (family == AF_INET ? 32 : 128) || *end)
			return 0;
	}
	return inet_pton(family, word, bytes) == 1 ? length : 0;
}

static size_t mac_length(struct span text)
{
	for (size_t i = 0; i < 17; i++)
		if (text.at + i >= text.end || !text.at[i] ||
		    !strchr(i % 3 == 2 ? ":" : "0123456789abcdef", text.at[i]))
			return 0;
	return 17;
}

/* The length of what stands for `kind`, 0 if nothing does. */
static size_t length_of(char kind, struct span text)
{
	size_t length;

	switch (kind) {
	case 'i':
		return name_length(text);
	case 'm':
		return mac_length(text);
	case '4':
		return address_length(text, AF_INET);
	case '6':
		return address_length(text, AF_INET6);
	case 'x':
		if (text.end - text.at < 3 || memcmp(text.at, "0x", 2) != 0)
			return 0;
		text.at += 2;
		length = count(text, "0123456789abcdef");
		return length > 0 && length <= 8 ? 2 + length : 0;
	default:
		length = count(text, "0123456789");
		return length <= 5 ? length : 0;
	}
}

/* ------------------------------------------------------------------------- alternatives */

/* True if the whole text is the one alternative that begins at `pattern`. */
static bool is_alternative(const char *pattern, struct span text)
{
	for (; *pattern && *pattern != '\n'; pattern++) {
		size_t length = 1;

		if (*pattern == '%')
			length = length_of(*++pattern, text);
		else if (text.at >= text.end || *text.at != *pattern)
			return false;
		if (length == 0)
			return false;
		text.at += length;
	}
	return text.at == text.end;
}

static bool is_one_of(const char *patterns, struct span text)
{
	for (const char *at = patterns; at; at = strchr(at, '\n')) {
		at += at != patterns;
		if (*at && is_alternative(at, text))
			return true;
	}
	return false;
}

static bool is(const char *word, struct span text)
{
	size_t length = strlen(word);

	return (size_t)(text.end - text.at) == length && memcmp(text.at, word, length) == 0;
}

static bool take(const char *word, struct span *text)
{
	size_t length = strlen(word);

	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

static bool take_back(const char *word, struct span *text)
{
	size_t length = strlen(word);

	if ((size_t)(text->end - text->at) < length ||
	    memcmp(text->end - length, word, length) != 0)
		return false;
	text->end -= length;
	return true;
}

/* What stands before `mark`, which is passed over; all of it without. */
static struct span take_until(const char *mark, struct span *text)
{
	size_t length = strlen(mark);
	struct span head = *text;

	for (const char *at = text->at; (size_t)(text->end - at) >= length; at++)
		if (memcmp(at, mark, length) == 0) {
			head.end = at;
			text->at = at + length;
			return head;
		}
	text->at = text->end;
	return head;
}

/* -------------------------------------------------------------------------------- lines */

static size_t find_set(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(nft_sets); i++)
		if (is_one_of(nft_sets[i].name, name))
			return i;
	return NONE;
}

static size_t find_chain(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(nft_chains); i++)
		if (is_one_of(nft_chains[i].name, name))
			return i;
	return NONE;
}

static bool is_set(struct span line)
{
	bool map = take("map ", &line);
	size_t set;

	if (!map && !take("set ", &line))
		return false;
	set = find_set(take_until(" { type ", &line));
	if (set == NONE || map != (nft_sets[set].value != NULL) || !take_back("; }", &line))
		return false;
	return take(nft_sets[set].type, &line) &&
	       (!map || (take(" : ", &line) && take(nft_sets[set].value_type, &line))) &&
	       line.at == line.end;
}

/* `comment "…"`, which is text for people. */
static bool take_comment(struct span *rule)
{
	struct span text = *rule;

	if (!take_back("\"", &text))
		return false;
	*rule = take_until(" comment \"", &text);
	if (text.end - text.at > COMMENT_MAX)
		return false;
	for (; text.at < text.end; text.at++)
		if ((unsigned char)*text.at < ' ' || strchr("\"\\\x7f", *text.at))
			return false;
	return true;
}

static bool is_head(const char *hook, struct span line)
{
	return hook && take("type ", &line) && take(hook, &line) &&
	       is("; policy accept;", line);
}

static bool is_in_chain(struct checker *checker, struct span line)
{
	size_t chain = checker->chain;

	if (is("  }", line)) {
		checker->chain = NONE;
		return checker->headed;
	}
	if (!take("    ", &line))
		return false;
	if (!checker->headed)
		return checker->headed = is_head(nft_chains[chain].hook, line);
	return take_comment(&line) && is_one_of(nft_chains[chain].rules, line);
}

static bool is_in_table(struct checker *checker, struct span line)
{
	if (is("}", line)) {
		checker->in_table = false;
		return true;
	}
	if (!take("  ", &line))
		return false;
	if (!take("chain ", &line))
		return is_set(line);
	checker->chain = take_back(" {", &line) ? find_chain(line) : NONE;
	if (checker->chain == NONE)
		return false;
	checker->headed = nft_chains[checker->chain].hook == NULL;
	return true;
}

static bool are_elements(struct checker *checker, bool added, struct span line)
{
	size_t set = find_set(take_until(" { ", &line));
	const char *value = set != NONE && added ? nft_sets[set].value : NULL;

	if (set == NONE || !take_back(" }", &line) || line.at == line.end)
		return false;
	while (line.at < line.end) {
		struct span element = take_until(", ", &line);
		struct span key = value ? take_until(" : ", &element) : element;

		if (!is_one_of(nft_sets[set].key, key) || (value && !is_one_of(value, element)))
			return false;
		*(added ? &checker->amounts->added : &checker->amounts->removed) += 1;
	}
	return true;
}

/* Chains cannot grow: there is a body only in a table that is made in the same transaction. */
static bool is_statement(struct checker *checker, struct span line)
{
	if (line.at == line.end)
		return true;
	if (is("table inet adit {}", line))
		return true;
	if (is("delete table inet adit", line)) {
		*checker->amounts = (struct nft_amounts){ .anew = true };
		return !checker->made;
	}
	if (is("table inet adit {", line) && checker->amounts->anew && !checker->made)
		return checker->in_table = checker->made = true;
	if (take("add element inet adit ", &line))
		return are_elements(checker, true, line);
	return take("delete element inet adit ", &line) && are_elements(checker, false, line);
}

static bool is_line(struct checker *checker, struct span line)
{
	if (checker->in_table && ++checker->lines > NFT_LINES_MAX)
		return false;
	if (checker->chain != NONE)
		return is_in_chain(checker, line);
	return checker->in_table ? is_in_table(checker, line) : is_statement(checker, line);
}

static int refuse(struct span line, unsigned int number, char *ret_text)
{
	int shown = 0;

	while (shown < LINE_SHOWN_MAX && line.at + shown < line.end && line.at[shown] >= ' ' &&
	       line.at[shown] <= '~')
		shown++;
	snprintf(ret_text, NFT_CHECK_TEXT_MAX,
		 "script: line %u: \"%.*s\": expected a line as our own renderer writes it", number,
		 shown, line.at);
	return -EPERM;
}

int nft_check(const uint8_t *script, size_t size, struct nft_amounts *ret_amounts,
	      char ret_text[static NFT_CHECK_TEXT_MAX])
{
	struct checker checker = { .amounts = ret_amounts, .chain = NONE };
	struct span text = { (const char *)script, (const char *)script + size };
	unsigned int number = 0;

	ret_text[0] = '\0';
	*ret_amounts = (struct nft_amounts){ 0 };
	while (text.at < text.end) {
		struct span line = take_until("\n", &text);

		number++;
		if (!is_line(&checker, line))
			return refuse(line, number, ret_text);
	}
	return checker.in_table ? refuse(text, number, ret_text) : 0;
}
