/* Published vectors come as hexadecimal text. */
#ifndef ADIT_TEST_HEX_H
#define ADIT_TEST_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The number of bytes, each from two digits; a text of half a byte more loses that. */
static inline size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
	size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		ret_bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return size;
}

#endif
