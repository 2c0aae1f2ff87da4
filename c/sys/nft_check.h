/* Says whether an nftables script can only touch `table inet adit`. Pure. */
#ifndef ADIT_SYS_NFT_CHECK_H
#define ADIT_SYS_NFT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define NFT_CHECK_TEXT_MAX 256

/* Accepts the statements `[add|create|delete|destroy|flush] table inet adit [{...}]` and
 * `add|create|insert|replace|delete|destroy|flush` of a chain, rule, set, map, element or counter
 * of `inet adit`. Anything else is refused, as is whatever could bring in text from elsewhere:
 * `include`, `define`, variables, backslashes. 0, or -EPERM with the line and the reason. */
int nft_check(const uint8_t *script, size_t size, char *ret_text);

#endif
