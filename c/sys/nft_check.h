/* Says whether an nftables script is one that the decider's renderer (ts/render/nft.ts) writes.
 * Pure. */
#ifndef ADIT_SYS_NFT_CHECK_H
#define ADIT_SYS_NFT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_CHECK_TEXT_MAX 256
/* Rules and sets of one table: 118 locations and 162 lengths of prefixes with some each. */
#define NFT_LINES_MAX 8192

/* What a script does to the amount of elements. */
struct nft_amounts {
	bool anew; /* it deletes the table first */
	uint32_t added, removed;
};

/* Line by line, each by a list of what there is: the table is made anew or removed, with sets and
 * chains of known names, hooks, priorities and statements; or elements of known sets are added or
 * removed. Names of hosts are no addresses. 0, or -EPERM with the line in `ret_text`. */
int nft_check(const uint8_t *script, size_t size, struct nft_amounts *ret_amounts,
	      char ret_text[static NFT_CHECK_TEXT_MAX]);

#endif
