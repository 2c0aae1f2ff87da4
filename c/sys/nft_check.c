#define _GNU_SOURCE 1
#include "nft_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../check.h"

/* The language has no deeper nesting than table, chain, set, element. */
#define DEPTH_MAX 16
#define WORD_SHOWN_MAX 32

enum token_kind { TOKEN_END, TOKEN_STOP, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD, TOKEN_OTHER };

struct token {
	enum token_kind kind;
	const char *text;
	size_t length;
};

struct scanner {
	const char *at;
	const char *end;
	unsigned int line;
	const char *refusal; /* NULL while all is well */
	struct token token;
};

/* The characters of which nft's own scanner makes names and keywords. */
static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '/' || c == '-';
}

static bool contains(const struct token *token, const char *text)
{
	return memmem(token->text, token->length, text, strlen(text)) != NULL;
}

static void refuse(struct scanner *scanner, const char *why)
{
	if (!scanner->refusal)
		scanner->refusal = why;
	scanner->token.kind = TOKEN_END;
}

/* Words are looked into, not compared: nft cuts its tokens in other places. */
static void scan_word(struct scanner *scanner)
{
	struct token *token = &scanner->token;

	while (scanner->at < scanner->end && is_word_char(*scanner->at))
		scanner->at++;
	token->kind = TOKEN_WORD;
	token->length = (size_t)(scanner->at - token->text);
	if (contains(token, "include") || contains(token, "define"))
		refuse(scanner, "\"include\" and \"define\" are not allowed");
}

static void scan_quoted(struct scanner *scanner)
{
	scanner->token.kind = TOKEN_OTHER;
	for (scanner->at++; scanner->at < scanner->end; scanner->at++) {
		if (*scanner->at == '\n')
			break;
		if (*scanner->at == '"') {
			scanner->at++;
			return;
		}
	}
	refuse(scanner, "a quoted text does not end on its line");
}

static void skip_blanks(struct scanner *scanner)
{
	while (scanner->at < scanner->end) {
		if (*scanner->at == '#')
			while (scanner->at < scanner->end && *scanner->at != '\n')
				scanner->at++;
		else if (*scanner->at == ' ' || *scanner->at == '\t')
			scanner->at++;
		else
			return;
	}
}

static void scan_sign(struct scanner *scanner)
{
	unsigned char c = (unsigned char)*scanner->at++;

	if (c == '\n' || c == ';')
		scanner->token.kind = TOKEN_STOP;
	else if (c == '{')
		scanner->token.kind = TOKEN_OPEN;
	else if (c == '}')
		scanner->token.kind = TOKEN_CLOSE;
	else if (c < 0x20 || c >= 0x7f || strchr("\\$'`", c))
		refuse(scanner, "a character that no script of ours needs");
	else
		scanner->token.kind = TOKEN_OTHER;
	if (c == '\n')
		scanner->line++;
}

static enum token_kind next(struct scanner *scanner)
{
	if (scanner->refusal)
		return scanner->token.kind = TOKEN_END;
	skip_blanks(scanner);
	scanner->token = (struct token){ TOKEN_END, scanner->at, 1 };
	if (scanner->at == scanner->end)
		return TOKEN_END;
	if (is_word_char(*scanner->at))
		scan_word(scanner);
	else if (*scanner->at == '"')
		scan_quoted(scanner);
	else
		scan_sign(scanner);
	return scanner->token.kind;
}

static bool token_is_one_of(const struct token *token, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (token->kind == TOKEN_WORD && token->length == strlen(words[i]) &&
		    memcmp(token->text, words[i], token->length) == 0)
			return true;
	return false;
}

static bool token_is(const struct token *token, const char *word)
{
	return token_is_one_of(token, &word, 1);
}

/* Reads to the end of the statement: the first newline or semicolon outside braces. */
static void skip_statement(struct scanner *scanner, bool after_block)
{
	int depth = 0;

	while (next(scanner) != TOKEN_END) {
		enum token_kind kind = scanner->token.kind;

		if (kind == TOKEN_STOP && depth == 0)
			return;
		if (kind == TOKEN_OPEN && ++depth > DEPTH_MAX)
			refuse(scanner, "braces are nested too deeply");
		if (kind == TOKEN_CLOSE && --depth < 0)
			refuse(scanner, "a brace closes what was not opened");
		if (after_block && depth == 0 && kind != TOKEN_CLOSE)
			refuse(scanner, "a table is followed by neither its block nor an end");
	}
	if (depth > 0)
		refuse(scanner, "a brace is not closed");
}

static void check_statement(struct scanner *scanner)
{
	static const char *const verbs[] = { "add",	"create",  "insert", "replace",
					     "delete", "destroy", "flush" };
	static const char *const objects[] = { "chain", "rule",	   "set",
					       "map",	"element", "counter" };
	bool verb = token_is_one_of(&scanner->token, verbs, ARRAY_SIZE(verbs));
	bool table;

	if (verb)
		next(scanner);
	table = token_is(&scanner->token, "table");
	if (!table && !(verb && token_is_one_of(&scanner->token, objects, ARRAY_SIZE(objects)))) {
		refuse(scanner, "a statement begins with something that is not allowed");
		return;
	}
	next(scanner);
	if (!token_is(&scanner->token, "inet")) {
		refuse(scanner, "the family is not \"inet\"");
		return;
	}
	next(scanner);
	if (!token_is(&scanner->token, "adit")) {
		refuse(scanner, "the table is not \"adit\"");
		return;
	}
	skip_statement(scanner, table);
}

/* Also within comments and quotes: programs disagree about what a NUL or a carriage return ends. */
static bool has_control(const uint8_t *script, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((script[i] < 0x20 && script[i] != '\t' && script[i] != '\n') ||
		    script[i] == 0x7f)
			return true;
	return false;
}

int nft_check(const uint8_t *script, size_t size, char *ret_text)
{
	struct scanner scanner = { .at = (const char *)script, .line = 1 };
	struct token last = { 0 };

	ret_text[0] = '\0';
	if (size == 0)
		return 0;
	if (has_control(script, size)) {
		snprintf(ret_text, NFT_CHECK_TEXT_MAX,
			 "script: a control character: expected text");
		return -EPERM;
	}
	scanner.end = scanner.at + size;
	while (next(&scanner) != TOKEN_END) {
		last = scanner.token;
		if (scanner.token.kind != TOKEN_STOP)
			check_statement(&scanner);
	}
	if (!scanner.refusal)
		return 0;
	snprintf(ret_text, NFT_CHECK_TEXT_MAX,
		 "script: line %u: %s (statement \"%.*s\"); expected statements about table inet "
		 "adit only",
		 scanner.line, scanner.refusal,
		 (int)(last.length < WORD_SHOWN_MAX ? last.length : WORD_SHOWN_MAX),
		 last.text ? last.text : "");
	return -EPERM;
}
