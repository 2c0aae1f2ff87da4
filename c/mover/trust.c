#include "trust.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../tls/ed25519.h"

/* "Ed" and the number of the key stand before keys and signatures. */
#define HEAD_BYTES 10
#define KEY_BYTES (HEAD_BYTES + ED25519_KEY_SIZE)
#define KEY_DIGITS 56
#define SIGNATURE_BYTES (HEAD_BYTES + ED25519_SIGNATURE_SIZE)
#define SIGNATURE_DIGITS 99

static int digit_value(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* How many digits of base64 begin here. */
static size_t count_digits(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *first = at;

	while (at < end && digit_value(*at) >= 0)
		at++;
	return (size_t)(at - first);
}

/* Only whole bytes; bits that are left over belong to none. */
static void decode(const uint8_t *digits, size_t count, uint8_t *ret_bytes)
{
	uint32_t bits = 0;
	unsigned int held = 0;

	for (size_t i = 0; i < count; i++) {
		bits = bits << 6 | (uint32_t)digit_value(digits[i]);
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		*ret_bytes++ = (uint8_t)(bits >> held);
	}
}

/* The digit of base64 that a JSON escape stands for, 0 for any other; its length is returned. */
static uint8_t escaped_digit(const uint8_t *at, size_t left, size_t *ret_length)
{
	*ret_length = 2;
	if (left >= 2 && at[1] == '/')
		return '/';
	*ret_length = 6;
	if (left < 6 || memcmp(at, "\\u002", 5) != 0)
		return 0;
	return (at[5] | 0x20) == 'f' ? '/' : (at[5] | 0x20) == 'b' ? '+' : 0;
}

/* The size of the text that is left. */
static size_t undo_escapes(uint8_t *text, size_t size)
{
	size_t used = 0;

	for (size_t at = 0, length; at < size; at += length) {
		uint8_t digit = text[at] == '\\' ? escaped_digit(text + at, size - at, &length) : 0;

		if (!digit) {
			length = 1;
			digit = text[at];
		}
		text[used++] = digit;
	}
	return used;
}

/* A comment of UCI; no line of JSON begins like that. */
static const uint8_t *skip_comment(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *first = at;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == end || *at != '#')
		return first;
	while (at < end && *at != '\n')
		at++;
	return at;
}

/* The next word that is a key, or NULL; `at` begins a line. */
static const uint8_t *next_key(const uint8_t *at, const uint8_t *end, uint8_t *ret_key)
{
	while (at < end) {
		size_t digits = count_digits(at, end);

		if (digits == KEY_DIGITS) {
			decode(at, digits, ret_key);
			if (memcmp(ret_key, "Ed", 2) == 0)
				return at + digits;
		}
		at += digits;
		if (at < end && *at++ == '\n')
			at = skip_comment(at, end);
	}
	return NULL;
}

/* Behind the line of the comment. */
static bool read_signature(struct trust_text file, uint8_t ret_signature[static SIGNATURE_BYTES])
{
	const uint8_t *end = file.data + file.size;
	const uint8_t *line = file.size > 0 ? memchr(file.data, '\n', file.size) : NULL;

	if (!line || count_digits(line + 1, end) != SIGNATURE_DIGITS)
		return false;
	decode(line + 1, SIGNATURE_DIGITS, ret_signature);
	return true;
}

/* A policy script that was signed is no control module. */
static bool is_control(struct trust_text module)
{
	static const char first[] = "// adit-control ";
	size_t size = sizeof(first) - 1;

	return module.size >= size && memcmp(module.data, first, size) == 0;
}

int trust_check(uint8_t *config, size_t config_size, struct trust_text module,
		struct trust_text signature)
{
	const uint8_t *end = config + undo_escapes(config, config_size);
	uint8_t key[KEY_BYTES], found[SIGNATURE_BYTES];
	bool sound = read_signature(signature, found) && is_control(module);
	const uint8_t *at = skip_comment(config, end);
	bool any = false;

	while ((at = next_key(at, end, key)) != NULL) {
		any = true;
		if (sound && memcmp(key, found, HEAD_BYTES) == 0 &&
		    ed25519_verify(key + HEAD_BYTES, found + HEAD_BYTES, module.data, module.size))
			return 0;
	}
	return any ? -EKEYREJECTED : 0;
}
