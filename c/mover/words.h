/* Which interfaces and peers the configuration names. Its grammar is the decider's; who checks the
 * decider looks for words, in JSON and UCI alike. Pure. */
#ifndef ADIT_MOVER_WORDS_H
#define ADIT_MOVER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../inet.h"

/* As a whole word, or by a pattern such as "wwan*". `text` may be NULL. */
bool words_name_interface(const uint8_t *text, size_t size, const char *name);
/* Literally: the address alone or with a port behind it. `text` may be NULL. */
bool words_name_peer(const uint8_t *text, size_t size, const struct inet_ip *ip);
/* An address of the internet, which is nobody's on this router or beside it: a peer that needs no
 * naming, such as one that the resolver told. */
bool words_none_needed(const struct inet_ip *ip);

#endif
