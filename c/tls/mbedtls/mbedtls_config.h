/* Mbed TLS 3.6 as far as a tunnel needs it: TLS 1.3, client and server, with certificates.
 *
 * Everything that is not named here is off: TLS 1.2, DTLS, tickets, pre-shared keys, finite
 * fields, files, sockets, threads, self tests. Each option costs a router's flash and has to have
 * a reason. */
#ifndef ADIT_MBEDTLS_CONFIG_H
#define ADIT_MBEDTLS_CONFIG_H

#include "build_features.h"

/* -- the platform -- */

/* Inline assembly for big numbers and for the AES and hash instructions of larger processors. */
#define MBEDTLS_HAVE_ASM
/* Of two issuers with one name and key, the one that has not expired is taken. What dates mean for
 * a router whose clock was never set is decided by the back end. */
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_PLATFORM_C
/* Random numbers are the kernel's: getrandom(2), through mbedtls_psa_external_get_random. That
 * saves the library's generator and its collection of entropy. */
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
/* What the library says in words is not linked; the back end names the failures that matter. */
#define MBEDTLS_X509_REMOVE_INFO

/* -- TLS 1.3 -- */

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#if ADIT_HAS_GATEWAY
#define MBEDTLS_SSL_SRV_C
#endif
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
/* Middleboxes on the way take the connection for one of TLS 1.2 (RFC 8446 appendix D.4). */
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
/* No padding: the length of packets is no secret that a tunnel could keep cheaply. */
#define MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY 1
/* A peer may send records of 16 KiB, and what is sent is cut into as few records as possible. */
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384

/* -- certificates -- */

#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_OID_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_BASE64_C
/* `adit keygen` makes a key and a self-signed certificate on the router. */
#if ADIT_HAS_GATEWAY
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_WRITE_C
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_PEM_WRITE_C
#endif

/* -- ciphers and digests -- */

/* AES-128-GCM where the processor has AES instructions, ChaCha20-Poly1305 everywhere else. */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AESNI_C
#define MBEDTLS_AESCE_C
#define MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT
/* One table of 1 KiB, in read-only memory: four tables would fight for the 32 KiB cache of a 24Kc,
 * and tables made at run time would be memory of every process instead of shared file pages. */
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_GCM_C
/* The ciphers' insides are c/tls/chacha20.c and c/tls/poly1305.c. */
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_CHACHA20_ALT
#define MBEDTLS_POLY1305_C
#define MBEDTLS_POLY1305_ALT
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
/* For certificates signed with it, and for Ed25519; small, as neither is on packets' path. */
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_SHA512_SMALLER

/* -- public keys -- */

#define MBEDTLS_BIGNUM_C
/* RSA keys up to 4096 bits. */
#define MBEDTLS_MPI_MAX_SIZE 512
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_ECP_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
/* Reduction by the special form of the primes costs 1.5 KB and makes a handshake several times
 * faster. Tables for the base points would save a quarter of it for 4 KB of flash: they do not pay
 * where a handshake happens once in a tunnel's life. */
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_WINDOW_SIZE 4
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0

/* -- the PSA interface, which TLS 1.3 uses for its key schedule and key exchange -- */

#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_CONFIG
#define MBEDTLS_PSA_CRYPTO_CONFIG_FILE "tls/mbedtls/psa_config.h"
/* No other process shares the buffers that are handed to the library. */
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS
/* Each handshake that waits for an answer holds one key, and a router may dial all its locations
 * at once. */
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC

#endif
