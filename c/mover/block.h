/* The block before the first decision: until a decider lives, nothing that the configuration may
 * mean to protect is forwarded. */
#ifndef ADIT_MOVER_BLOCK_H
#define ADIT_MOVER_BLOCK_H

#include <stddef.h>
#include <stdint.h>

struct mover;

/* The nft script that blocks whatever the configuration names: each word that reads as a MAC, an
 * address or a prefix, the interfaces of rules, and everything where that cannot be told. It needs
 * no understanding of the configuration, and makes nothing if the table exists, which then is what
 * an earlier life left, or the boot. `ret_script` is to be freed; NULL with 0 if there is nothing
 * to block. 0 or -ENOMEM. Pure. */
int block_script(const uint8_t *config, size_t size, char **ret_script);
/* Loads it for the mover's configuration, before any decider starts. A failure is a warning. */
void block_begin(struct mover *mover);

#endif
