/* Says whether the mover would take an nftables script from the decider.
 *
 *   nft-check < SCRIPT
 *
 * Ends with status 0, or with 1 and the mover's words. */
#include <stdio.h>

#include "../../../c/sys/ifname.c"
#include "../../../c/sys/nft_check.c"

int main(void)
{
	static uint8_t script[4 << 20];
	char text[NFT_CHECK_TEXT_MAX];
	struct nft_amounts amounts;
	size_t size = fread(script, 1, sizeof(script), stdin);

	if (nft_check(script, size, &amounts, text) == 0)
		return 0;
	fprintf(stderr, "%s\n", text);
	return 1;
}
