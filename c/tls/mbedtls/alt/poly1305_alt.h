/* What mbedtls/poly1305.h includes where MBEDTLS_POLY1305_ALT is set. */
#ifndef ADIT_POLY1305_ALT_H
#define ADIT_POLY1305_ALT_H

#include "tls/poly1305.h"

typedef struct poly1305 mbedtls_poly1305_context;

#endif
