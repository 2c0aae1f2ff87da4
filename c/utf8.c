#include "utf8.h"

/* The second byte carries all restrictions beyond "is a continuation" (RFC 3629 section 4). */
static bool second_fits(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return (second & 0xc0) == 0x80;
	}
}

static size_t length_by_first(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t utf8_sequence(const uint8_t *text, size_t size)
{
	size_t length = size > 0 ? length_by_first(text[0]) : 0;

	if (length <= 1)
		return length;
	if (length > size || !second_fits(text[0], text[1]))
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

bool utf8_valid(const uint8_t *text, size_t size)
{
	while (size > 0) {
		size_t length = utf8_sequence(text, size);

		if (length == 0)
			return false;
		text += length;
		size -= length;
	}
	return true;
}

static bool is_surrogate(const uint8_t *text, size_t size)
{
	return size >= 3 && text[0] == 0xed && (text[1] & 0xe0) == 0xa0 && (text[2] & 0xc0) == 0x80;
}

void utf8_repair(uint8_t *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t length = utf8_sequence(text + at, size - at);

		if (length == 0 && is_surrogate(text + at, size - at)) {
			text[at] = 0xef;
			text[at + 1] = 0xbf;
			text[at + 2] = 0xbd;
			length = 3;
		} else if (length == 0) {
			text[at] = '?';
			length = 1;
		}
		at += length;
	}
}
