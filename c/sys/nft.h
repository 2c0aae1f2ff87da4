/* Our nftables table, written and read with the nft program: one child at a time. */
#ifndef ADIT_SYS_NFT_H
#define ADIT_SYS_NFT_H

#include <stddef.h>
#include <stdint.h>

#include "../loop.h"
#include "nft_check.h"

struct nft;

#define NFT_SCRIPT_BYTES_MAX (4 << 20)
#define NFT_WAITING_MAX 64
/* Scripts that wait, together. */
#define NFT_WAITING_BYTES_MAX (2 * NFT_SCRIPT_BYTES_MAX)
/* What all sets of the table hold together: 2,000 rules by interface, under eight former names
 * each, in two maps, and what else there is. */
#define NFT_ELEMENTS_MAX 49152
#define NFT_DEADLINE_US (10 * 1000000)

/* `error` is 0, -ENOENT if something named does not exist, -ETIMEDOUT, or another negative errno
 * with nft's own words in `text`. Both are borrowed for the call. */
struct nft_result {
	int error;
	const char *text;
	const uint8_t *output;
	size_t output_size;
};

/* Who asked; `tag` is handed back. */
struct nft_asker {
	void (*done)(void *arg, uint32_t tag, const struct nft_result *result);
	void *arg;
	uint32_t tag;
};

/* 0 or -errno. Owned by the caller. */
int nft_new(struct loop *loop, struct nft **ret_nft);
void nft_free(struct nft *nft);

/* Commits the script as one transaction. Takes `script`, from malloc, in every case; what it may
 * say is checked before (nft_check), which tells the `amounts`. 0 if `done` will be called; -EBUSY
 * if NFT_WAITING_MAX operations or NFT_WAITING_BYTES_MAX wait, -EDQUOT beyond NFT_ELEMENTS_MAX. */
int nft_apply(struct nft *nft, uint8_t *script, size_t size, const struct nft_amounts *amounts,
	      const struct nft_asker *asker);
/* Lists the table as JSON text. 0 or -EBUSY. */
int nft_list(struct nft *nft, const struct nft_asker *asker);
/* How long nft processes ran in all. */
uint64_t nft_busy_us(const struct nft *nft);
/* Calls no `done` any more for operations that were asked for: their asker is gone. They run. */
void nft_forget(struct nft *nft);

#endif
