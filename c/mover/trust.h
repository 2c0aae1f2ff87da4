/* Whether a control module may run: with public keys in the configuration one of them must have
 * signed it. The decider checks more (target, version), but is not trusted with this. Pure. */
#ifndef ADIT_MOVER_TRUST_H
#define ADIT_MOVER_TRUST_H

#include <stddef.h>
#include <stdint.h>

/* A text of some bytes, borrowed. */
struct trust_text {
	const uint8_t *data;
	size_t size;
};

/* Every word of `config` (JSON or UCI) that has the form of a public key is one, wherever it
 * stands, except in lines that begin with "#". JSON's escapes of "/" and "+" are undone in place.
 * `signature` is the content of a signature file of usign or signify. 0 if there are no keys, or
 * one of them signed a module whose first line is that of a control module; else -EKEYREJECTED. */
int trust_check(uint8_t *config, size_t config_size, struct trust_text module,
		struct trust_text signature);

#endif
