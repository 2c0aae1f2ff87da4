/* UTF-8 as RFC 3629 defines it: no surrogates, no over-long forms, nothing above U+10FFFF. */
#ifndef ADIT_UTF8_H
#define ADIT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed sequence that `text` begins with, 1 to 4; 0 if there is none. */
size_t utf8_sequence(const uint8_t *text, size_t size);

/* True if all `size` bytes are well-formed. */
bool utf8_valid(const uint8_t *text, size_t size);

/* Puts U+FFFD in the place of lone surrogates, which the engine encodes as three bytes of their
 * own, and '?' in the place of anything else that is not well-formed. */
void utf8_repair(uint8_t *text, size_t size);

/* Puts '?' in the place of each byte of what a terminal would not show but obey: control
 * characters, marks that turn the direction, ends of lines, and what is not well-formed. */
void utf8_make_showable(uint8_t *text, size_t size);

#endif
