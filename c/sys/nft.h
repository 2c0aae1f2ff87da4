/* Our nftables table, written and read with the nft program: one child at a time. */
#ifndef ADIT_SYS_NFT_H
#define ADIT_SYS_NFT_H

#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct nft;

#define NFT_SCRIPT_BYTES_MAX (4 << 20)
#define NFT_WAITING_MAX 64
/* Scripts that wait, together. */
#define NFT_WAITING_BYTES_MAX (2 * NFT_SCRIPT_BYTES_MAX)
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

/* Checks the script (nft_check) and commits it as one transaction. Takes `script`, from malloc, in
 * every case. 0 if `done` will be called; -EPERM with a text of NFT_CHECK_TEXT_MAX bytes,
 * -EBUSY if NFT_WAITING_MAX operations or NFT_WAITING_BYTES_MAX wait. */
int nft_apply(struct nft *nft, uint8_t *script, size_t size, const struct nft_asker *asker,
	      char *ret_text);
/* Lists the table as JSON text. 0 or -EBUSY. */
int nft_list(struct nft *nft, const struct nft_asker *asker);
/* How long nft processes ran in all. */
uint64_t nft_busy_us(const struct nft *nft);
/* Calls no `done` any more for operations that were asked for: their asker is gone. They run. */
void nft_forget(struct nft *nft);

#endif
