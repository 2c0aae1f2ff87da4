#include "words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../check.h"

/* Longer than any interface, address or port. */
#define WORD_MAX 63

static bool ends_word(uint8_t c)
{
	return c <= ' ' || strchr("\"'{}(),;=", c) != NULL;
}

/* The next word, "" for one that is too long; NULL behind the last one. */
static const uint8_t *next_word(const uint8_t *at, const uint8_t *end, char *ret_word)
{
	const uint8_t *begin;

	while (at < end && ends_word(*at))
		at++;
	for (begin = at; at < end && !ends_word(*at); at++)
		;
	snprintf(ret_word, WORD_MAX + 1, "%.*s",
		 at - begin > WORD_MAX ? 0 : (int)(at - begin), (const char *)begin);
	return begin < end ? at : NULL;
}

static bool is_interface(const char *word, const char *name)
{
	size_t length = strlen(word);

	if (length > 1 && word[length - 1] == '*')
		return strncmp(word, name, length - 1) == 0;
	return strcmp(word, name) == 0;
}

bool words_name_interface(const uint8_t *text, size_t size, const char *name)
{
	char word[WORD_MAX + 1];

	for (const uint8_t *at = text; at && (at = next_word(at, text + size, word));)
		if (is_interface(word, name))
			return true;
	return false;
}

/* "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443". */
static bool is_address(char *word, const struct inet_ip *ip)
{
	char *colon = strchr(word, ':');
	char *begin = word + (word[0] == '[');
	uint8_t bytes[16];

	if (word[0] == '[')
		begin[strcspn(begin, "]")] = '\0';
	else if (colon && !strchr(colon + 1, ':'))
		*colon = '\0';
	return inet_pton(ip->family == 4 ? AF_INET : AF_INET6, begin, bytes) == 1 &&
	       memcmp(bytes, ip->bytes, ip->family == 4 ? 4 : 16) == 0;
}

bool words_name_peer(const uint8_t *text, size_t size, const struct inet_ip *ip)
{
	char word[WORD_MAX + 1];

	for (const uint8_t *at = text; at && (at = next_word(at, text + size, word));)
		if (is_address(word, ip))
			return true;
	return false;
}

bool words_none_needed(const struct inet_ip *ip)
{
	/* This network, private ones, loopback, link-local, and from multicast on. */
	static const struct {
		uint32_t first, mask;
	} inside[] = {
		{ 0x00000000, 0xff000000 }, { 0x0a000000, 0xff000000 }, { 0x7f000000, 0xff000000 },
		{ 0xa9fe0000, 0xffff0000 }, { 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 },
		{ 0xe0000000, 0xe0000000 },
	};
	static const uint8_t translated[] = { 0x00, 0x64, 0xff, 0x9b }; /* RFC 6052, RFC 8215 */
	uint32_t address = (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 |
			   (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];

	if (ip->family == 6)
		return (ip->bytes[0] & 0xe0) == 0x20 || memcmp(ip->bytes, translated, 4) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		if ((address & inside[i].mask) == inside[i].first)
			return false;
	return true;
}
