/* What mbedtls/chacha20.h includes where MBEDTLS_CHACHA20_ALT is set. */
#ifndef ADIT_CHACHA20_ALT_H
#define ADIT_CHACHA20_ALT_H

#include "tls/chacha20.h"

typedef struct chacha20 mbedtls_chacha20_context;

#endif
