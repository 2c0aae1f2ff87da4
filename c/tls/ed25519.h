/* Signatures of scripts (RFC 8032). */
#ifndef ADIT_ED25519_H
#define ADIT_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ED25519_KEY_SIZE 32
#define ED25519_SIGNATURE_SIZE 64

/* True if the signature is that of `data` by the public key. Whatever the library below accepts,
 * each signature has one form only (S below the group's order) and keys that sign anything (of
 * small order), or that are not written in their one form, verify nothing. */
bool ed25519_verify(const uint8_t key[static ED25519_KEY_SIZE],
		    const uint8_t signature[static ED25519_SIGNATURE_SIZE], const void *data,
		    size_t size);

#endif
