#include "utf8.h"

#include <string.h>

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

/* C0, DEL and C1; marks and embeddings of direction (U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069); ends of lines (U+2028, U+2029). */
static bool is_unshowable(const uint8_t *text, size_t length)
{
	switch (length) {
	case 0:
		return true;
	case 1:
		return text[0] < 0x20 || text[0] == 0x7f;
	case 2:
		return (text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xd8 && text[1] == 0x9c);
	case 3:
		if (text[0] != 0xe2)
			return false;
		return text[1] == 0x80 ? text[2] == 0x8e || text[2] == 0x8f ||
						 (text[2] >= 0xa8 && text[2] <= 0xae)
				       : text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9;
	default:
		return false;
	}
}

void utf8_make_showable(uint8_t *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t length = utf8_sequence(text + at, size - at);
		size_t step = length == 0 ? 1 : length;

		if (is_unshowable(text + at, length))
			memset(text + at, '?', step);
		at += step;
	}
}
